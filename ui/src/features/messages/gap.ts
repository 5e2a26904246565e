// What the line of missing messages says. Pure; the node has decided why they are not shown.
// Invariant: a reason that this page does not know reads like a gap without one.

import type { Gap } from '../../lib/api/bindings';
import { m } from '../../lib/paraglide/messages.js';

/** The line in the room. */
export function gapLine(gap: Gap, name: string): string {
  const words = { device: gap.device_name || m.messages_gap_device({ name }), count: gap.count };
  if (gap.closed) return m.messages_gap_closed(words);
  return gap.reason === 'clock' ? m.messages_gap_clock(words) : m.messages_gap(words);
}

/** What happens next, for who asks why. */
export function gapLead(gap: Gap): string {
  if (gap.closed) return m.messages_gap_closed_lead();
  return gap.reason === 'clock' ? m.messages_gap_clock_lead() : m.messages_gap_lead();
}
