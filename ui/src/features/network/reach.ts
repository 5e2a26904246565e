// Words and the dot for how well the node reaches others.

import { m } from '../../lib/paraglide/messages.js';
import type { Reach } from './store.svelte';

const WORDS: Record<Reach, () => string> = {
  unknown: m.network_unknown,
  connected: m.network_connected,
  connecting: m.network_connecting,
  offline: m.network_offline,
  alone: m.network_alone,
};

const DOTS: Record<Reach, string> = { unknown: 'is-none', connected: '', connecting: 'is-warn', offline: 'is-off', alone: 'is-none' };

/** Words for the dot. */
export function reachWord(reach: Reach): string {
  return WORDS[reach]();
}

/** Class of the dot. */
export function reachDot(reach: Reach): string {
  return DOTS[reach];
}

/**
 * Whether a text has the form of a relay's address: parts, then `/p2p/` and the id of the relay in base 58. The node
 * looks closer; this is what a person gets wrong.
 */
export function isRelayAddress(text: string): boolean {
  return /^(?:\/[^/\s]+)+\/p2p\/[1-9A-HJ-NP-Za-km-z]+$/u.test(text);
}

/** Host of a relay's address, which is all of it that people can read. */
export function relayName(addr: string): string {
  const part = /\/(?:dns|dns4|dns6|dnsaddr|ip4|ip6)\/([^/]+)(?:\/(?:tcp|udp)\/(\d+))?/u.exec(addr);
  if (part === null) return addr;
  const [, host = addr, port] = part;
  return /^[\d.:]+$/u.test(host) && port !== undefined ? `${host}:${port}` : host;
}
