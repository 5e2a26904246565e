// Words and icons of delivery. Never an icon without its word.

import type { DeviceState, Message, MessageState } from '../../lib/api/bindings';
import { m } from '../../lib/paraglide/messages.js';
import { messageReason, reasonLine } from '../../lib/reasons';
import { fullTime, type Locale } from '../../lib/time';

/** Icon of a state: clock, one check, two checks, "!". */
export const STATE_ICONS: Record<MessageState | DeviceState, string> = {
  queued: 'hourglass',
  sending: 'clock',
  relayed: 'check',
  delivered: 'check2',
  read: 'check2',
  failed: 'alert',
};

const STATE_WORDS: Record<MessageState | DeviceState, () => string> = {
  queued: m.messages_state_queued,
  sending: m.messages_state_sending,
  relayed: m.messages_state_relayed,
  delivered: m.messages_state_delivered,
  read: m.messages_state_read,
  failed: m.messages_state_failed,
};

/** Word of a state. */
export function stateWord(state: MessageState | DeviceState): string {
  return STATE_WORDS[state]();
}

/** Text of a message, or the neutral words for a deleted one. */
export function shownText(message: Message): string {
  return message.deleted ? m.messages_deleted() : (message.text ?? '');
}

/** What a screen reader says for a message: sender, text, time, state. */
export function labelOf(message: Message, me: string, locale: Locale): string {
  const sender = message.sender === me ? m.messages_of_you() : message.sender_name;
  const parts = [message.state === null ? '' : stateWord(message.state), message.reason === undefined ? '' : reasonLine(messageReason(message.reason))];
  if (message.late) parts.push(m.messages_late());
  if (message.unread) parts.push(m.messages_unread({ count: message.unread }));
  const label = m.messages_label({ sender, text: shownText(message), time: fullTime(message.at, locale) });
  const state = parts.filter((part) => part !== '').join(', ');
  return state === '' ? label : m.messages_label_state({ label, state });
}
