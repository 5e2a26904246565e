// Words for why a message waits, why a path was taken and why a relay does not answer.
// Owns the maps from what the node says to text; knows no element. Invariant: a reason is a sentence that
// says what to do; what the node itself wrote is only ever added to one, when there are no words for it.

import { m } from './paraglide/messages.js';

/** A reason as people read it. */
export interface Reason {
  text: string;
  /** What the node said, when this version has no words for it; for the small print. */
  code: string | null;
}

/** Longest code that is shown, in UTF-16 units: a relay can answer whatever it likes. */
const CODE_MAX = 120;

type Words = Readonly<Record<string, () => string>>;

/** Why a message or one of its machines waits (`query/messages.rs` of the node), and why it failed. */
const MESSAGE: Words = {
  not_reached: m.reason_not_reached,
  at_other_relay: m.reason_at_other_relay,
  waits_at_relay: m.reason_waits_at_relay,
  relay_expired: m.reason_relay_expired,
  not_member: m.reason_not_member,
  too_large: m.reason_too_large,
  clock: m.reason_clock,
  refused: m.reason_refused,
};

/** Why the last message took its path (`outbox.rs` and `status.rs` of the node). */
const PATH: Words = {
  gossip: m.path_reason_gossip,
  stream: m.path_reason_stream,
  repair: m.path_reason_repair,
  log: m.path_reason_log,
  nothing_sent: m.path_reason_nothing_sent,
};

/** Why a relay refuses: the codes of protocol section 10.2. */
const RELAY: Words = {
  admission: m.relay_reason_admission,
  quota: m.relay_reason_quota,
  token: m.relay_reason_token,
  pow: m.relay_reason_pow,
  auth: m.relay_reason_auth,
  not_found: m.relay_reason_not_found,
  version: m.relay_reason_version,
  busy: m.relay_reason_busy,
  too_large: m.relay_reason_too_large,
  bad_frame: m.relay_reason_bad_frame,
};

/** Failures of the connection come as text of the network library; the first that fits counts. */
const CONNECTION: readonly (readonly [RegExp, () => string])[] = [
  [/unexpected peer id/iu, m.relay_reason_other_relay],
  [/protocol refused/iu, m.relay_reason_no_relay],
  [/no addresses/iu, m.relay_reason_no_address],
  [/timed out|timeout/iu, m.relay_reason_timed_out],
  [/cannot be reached|unreachable|connection refused|failed to negotiate|dial error/iu, m.relay_reason_unreachable],
  [/closed|stream failed|above the cap|owner has gone/iu, m.relay_reason_closed],
  [/too many pending streams|swarm has stopped/iu, m.relay_reason_busy_here],
];

function reasonOf(words: Words, said: string, other: () => string): Reason {
  // A map of words has a prototype; a relay may name a part of that.
  const known = Object.hasOwn(words, said) ? words[said] : undefined;
  if (known !== undefined) return { text: known(), code: null };
  return { text: other(), code: said.length > CODE_MAX ? `${said.slice(0, CODE_MAX)}…` : said };
}

/** Why a message or a machine waits or failed. */
export function messageReason(said: string): Reason {
  return reasonOf(MESSAGE, said, m.reason_other);
}

/** Why the last message took its path. */
export function pathReason(said: string): Reason {
  return reasonOf(PATH, said, m.path_reason_other);
}

/** Why a relay is not connected. */
export function relayReason(said: string): Reason {
  const connection = CONNECTION.find(([pattern]) => pattern.test(said))?.[1];
  if (connection !== undefined && !Object.hasOwn(RELAY, said)) return { text: connection(), code: null };
  return reasonOf(RELAY, said, m.relay_reason_other);
}

/** A reason where only text can stand: tooltips and what a screen reader says. */
export function reasonLine(reason: Reason): string {
  return reason.code === null ? reason.text : m.reason_with_code({ text: reason.text, code: reason.code });
}
