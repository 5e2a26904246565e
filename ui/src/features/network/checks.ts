// What the connection doctor found, from the state of the node. Pure.
// Invariant: everything that is wrong comes before everything that is right.

import type { Status } from '../../lib/api/bindings';
import { m } from '../../lib/paraglide/messages.js';
import type { Locale } from '../../lib/time';

/** One thing that was looked at. */
export interface Check {
  id: 'clock' | 'relay' | 'direct' | 'outbox';
  kind: 'ok' | 'warn' | 'info';
  title: string;
  text: string;
}

/** A clock is worth a word when it is off by more than this, in ms. */
export const CLOCK_NOTICE_MS = 60_000;

/** `2분 10초`, `2 min, 10 sec`. */
export function duration(ms: number, locale: Locale): string {
  const seconds = Math.round(Math.abs(ms) / 1_000);
  const unit = (value: number, name: string) => new Intl.NumberFormat(locale, { style: 'unit', unit: name, unitDisplay: 'short' }).format(value);
  const parts: [number, string][] = [[Math.floor(seconds / 3_600), 'hour'], [Math.floor(seconds / 60) % 60, 'minute'], [seconds % 60, 'second']];
  return parts.filter(([value]) => value > 0).slice(0, 2).map(([value, name]) => unit(value, name)).join(' ') || unit(0, 'second');
}

function clock(offset: number | null, locale: Locale): Check {
  const title = m.network_check_clock();
  if (offset === null || Math.abs(offset) < CLOCK_NOTICE_MS) return { id: 'clock', kind: 'ok', title, text: m.network_check_clock_ok() };
  // The offset is what must be added to the own clock: a positive one means that it is slow.
  const words = { time: duration(offset, locale) };
  return { id: 'clock', kind: 'warn', title, text: offset > 0 ? m.network_check_clock_slow(words) : m.network_check_clock_fast(words) };
}

function relay(status: Status): Check {
  const total = status.relays.length;
  const connected = status.relays.filter((each) => each.state === 'connected').length;
  const check = (kind: Check['kind'], text: string): Check => ({ id: 'relay', kind, title: m.network_check_relay(), text });
  if (total === 0) return check('info', m.network_check_relay_missing());
  if (connected === 0) return check('warn', m.network_check_relay_none());
  return connected === total ? check('ok', m.network_check_relay_ok()) : check('warn', m.network_check_relay_some({ connected, total }));
}

function direct(status: Status): Check {
  const count = status.peers.filter((peer) => peer.path === 'direct').length;
  const title = m.network_check_direct();
  if (count === 0) return { id: 'direct', kind: 'info', title, text: m.network_check_direct_none() };
  return { id: 'direct', kind: 'ok', title, text: m.network_check_direct_some({ count }) };
}

function outbox(count: number): Check {
  const title = m.network_check_outbox();
  if (count === 0) return { id: 'outbox', kind: 'ok', title, text: m.network_check_outbox_none() };
  return { id: 'outbox', kind: 'info', title, text: m.network_check_outbox_some({ count }) };
}

const ORDER = { warn: 0, info: 1, ok: 2 };

/** Everything that was looked at, what is wrong first. */
export function checksOf(status: Status, locale: Locale): Check[] {
  const checks = [clock(status.clock_offset_ms, locale), relay(status), direct(status), outbox(status.outbox)];
  return checks.sort((a, b) => ORDER[a.kind] - ORDER[b.kind]);
}
