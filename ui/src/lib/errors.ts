// Words for every error of the contract. Owns the map from code to text; knows no feature.
// Invariant: every code has a sentence that says what happened and one that says what to do.

import type { Code } from './api/bindings';
import { m } from './paraglide/messages.js';

/** What happened, and what can be done. */
export interface ErrorText {
  text: string;
  action: string;
}

type Words = [text: () => string, action: () => string];

/** One line per code of the contract; the compiler misses none. */
const WORDS: Record<Code, Words> = {
  exists: [m.error_exists, m.error_exists_action],
  no_account: [m.error_no_account, m.error_no_account_action],
  locked: [m.error_locked, m.error_locked_action],
  in_use: [m.error_in_use, m.error_in_use_action],
  wrong_secret: [m.error_wrong_secret, m.error_wrong_secret_action],
  bad_link: [m.error_bad_link, m.error_bad_link_action],
  invite_used: [m.error_invite_used, m.error_invite_used_action],
  invite_expired: [m.error_invite_expired, m.error_invite_expired_action],
  invite_revoked: [m.error_invite_revoked, m.error_invite_revoked_action],
  not_found: [m.error_not_found, m.error_not_found_action],
  not_member: [m.error_not_member, m.error_not_member_action],
  too_large: [m.error_too_large, m.error_too_large_action],
  clock: [m.error_clock, m.error_clock_action],
  disk_full: [m.error_disk_full, m.error_disk_full_action],
  newer_home: [m.error_newer_home, m.error_newer_home_action],
  damaged: [m.error_damaged, m.error_damaged_action],
  offline: [m.error_offline, m.error_offline_action],
  denied: [m.error_denied, m.error_denied_action],
  usage: [m.error_usage, m.error_usage_action],
  not_running: [m.error_not_running, m.error_not_running_action],
  internal: [m.error_internal, m.error_internal_action],
};

/** Where one code has several causes, the words for each: a 1:1 is closed for other reasons than a group. */
const CAUSES: Readonly<Record<string, Words>> = {
  not_friend: [m.error_not_friend, m.error_not_friend_action],
  blocked: [m.error_blocked, m.error_blocked_action],
};

/** Every code that has words. */
export const CODES = Object.keys(WORDS) as Code[];

/** Whether a text is one of the codes. */
export function isCode(text: string | null): text is Code {
  return text !== null && Object.hasOwn(WORDS, text);
}

/** The words for a code and its cause; a code that a newer node invented reads as a defect, a cause as none. */
export function errorText(code: Code, reason = ''): ErrorText {
  const cause = Object.hasOwn(CAUSES, reason) ? CAUSES[reason] : undefined;
  const [text, action] = cause ?? WORDS[code] ?? WORDS.internal;
  return { text: text(), action: action() };
}
