// Lays the messages of a window out as rows: day lines, groups, the unread line and gaps. Pure.
// Invariant: every message is exactly one row, in the order in which the node gave it.

import type { Gap, Message } from '../../lib/api/bindings';
import { dayKey, minuteKey } from '../../lib/time';

/** One row of the timeline. */
export type Row =
  | { kind: 'day'; key: string; at: number }
  | { kind: 'unread'; key: string; count: number }
  | { kind: 'gap'; key: string; gap: Gap }
  | { kind: 'message'; key: string; message: Message; self: boolean; close: boolean; showTime: boolean };

/** What the layout needs besides the messages. */
export interface Layout {
  me: string;
  gaps: readonly Gap[];
  unreadFrom: string | null;
  unreadCount: number;
  /** The window begins at the oldest message, so older gaps belong at its start. */
  atOldest: boolean;
  /** The window ends at the newest message, so newer gaps belong at its end. */
  atNewest: boolean;
}

/** Whether two neighbours belong to one group: one sender, one minute, nothing between them. */
function together(a: Message | undefined, b: Message | undefined): boolean {
  if (a === undefined || b === undefined || a.sender !== b.sender) return false;
  return minuteKey(a.at) === minuteKey(b.at) && a.late === b.late;
}

/** Gaps in the order of time, each with the row before which it stands. */
function gapsBefore(layout: Layout, message: Message, previous: Message | undefined): Gap[] {
  return layout.gaps.filter((gap) => gap.since < message.at && (previous === undefined ? layout.atOldest : gap.since >= previous.at));
}

function gapRow(gap: Gap): Row {
  return { kind: 'gap', key: `gap-${gap.account}-${gap.device}-${gap.since}-${gap.reason ?? ''}`, gap };
}

/** The rows of a window. */
export function layOut(messages: readonly Message[], layout: Layout): Row[] {
  const rows: Row[] = [];
  messages.forEach((message, i) => {
    const previous = messages[i - 1];
    const next = messages[i + 1];
    const newDay = previous === undefined || dayKey(previous.at) !== dayKey(message.at);
    const gaps = gapsBefore(layout, message, previous);
    const unread = layout.unreadFrom === message.message;
    if (newDay) rows.push({ kind: 'day', key: `day-${dayKey(message.at)}-${message.message}`, at: message.at });
    for (const gap of gaps) rows.push(gapRow(gap));
    if (unread) rows.push({ kind: 'unread', key: 'unread', count: layout.unreadCount });
    rows.push({
      kind: 'message',
      key: message.message,
      message,
      self: message.sender === layout.me,
      close: !newDay && !unread && gaps.length === 0 && together(previous, message),
      showTime: !together(message, next) || next?.message === layout.unreadFrom,
    });
  });
  const last = messages.at(-1);
  if (layout.atNewest) {
    for (const gap of layout.gaps) if (last === undefined || gap.since >= last.at) rows.push(gapRow(gap));
  }
  return rows;
}
