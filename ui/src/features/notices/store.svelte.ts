// What the system may tell, and what is muted. The shell reads the same settings, `src-tauri/src/notice/rules.rs`.
// Invariant: what is shown is what the node has kept, as far as we understand it.

import { SvelteMap } from 'svelte/reactivity';
import type { Client } from '../../lib/api/client';
import { Once } from '../../lib/once';

/** How much a notification says: who and what, who, or nothing of both. */
export type Privacy = 'full' | 'name' | 'none';
/** Until when something is quiet: ms since 1970, for good, or not at all. */
export type Until = number | 'always' | null;
/** For how long: an hour, eight, a day, or until it is switched on again. */
export type Span = 'hour' | 'hours' | 'day' | 'always';

/** Every span in the order of a menu. */
export const SPANS: readonly Span[] = ['hour', 'hours', 'day', 'always'];
const HOUR_MS = 3_600_000;
const LENGTHS: Record<Exclude<Span, 'always'>, number> = { hour: HOUR_MS, hours: 8 * HOUR_MS, day: 24 * HOUR_MS };
const PRIVACY = 'notify.privacy';
const QUIET = 'notify.quiet_until';
const MUTE = 'notify.mute.';

/** Reads a level. */
export function readPrivacy(value: string | null): Privacy {
  return value === 'name' || value === 'none' ? value : 'full';
}

/** Reads an end; one that has passed is none. */
export function readUntil(value: string | null, now: number): Until {
  if (value === 'always') return 'always';
  const until = /^\d{1,16}$/u.test(value ?? '') ? Number(value) : 0;
  return until > now ? until : null;
}

/** The end of a span that begins now. */
export function endOf(span: Span, now: number): Until {
  return span === 'always' ? 'always' : now + LENGTHS[span];
}

/** State of the notifications. */
export class NoticesStore {
  privacy = $state<Privacy>('full');
  quiet = $state<Until>(null);
  /** Muted rooms, each with its end. */
  readonly muted = new SvelteMap<string, Exclude<Until, null>>();
  readonly #client: Client;
  readonly #clock: () => number;
  readonly #muting: Once;

  constructor(client: Client, clock: () => number) {
    this.#client = client;
    this.#clock = clock;
    this.#muting = new Once(client, MUTE);
  }

  async #stored(key: string): Promise<string | null> {
    return (await this.#client.call('setting_get', { key })).value;
  }

  async #keep(key: string, until: Until): Promise<void> {
    await this.#client.call('setting_set', { key, value: until === null ? null : String(until) });
  }

  /** Reads what was chosen before. */
  async load(): Promise<void> {
    const [privacy, quiet] = await Promise.all([this.#stored(PRIVACY), this.#stored(QUIET)]);
    this.privacy = readPrivacy(privacy);
    this.quiet = readUntil(quiet, this.#clock());
  }

  /** Learns which of these rooms are muted; each is asked for once. */
  async learn(rooms: readonly string[]): Promise<void> {
    for (const [room, value] of await this.#muting.read(rooms)) this.#show(room, readUntil(value, this.#clock()));
  }

  #show(room: string, until: Until): void {
    if (until === null) this.muted.delete(room);
    else this.muted.set(room, until);
  }

  /** Forgets what has ended meanwhile. */
  tick(): void {
    const now = this.#clock();
    if (typeof this.quiet === 'number' && this.quiet <= now) this.quiet = null;
    for (const [room, until] of this.muted) if (typeof until === 'number' && until <= now) this.muted.delete(room);
  }

  /** Chooses how much a notification says. */
  async choosePrivacy(privacy: Privacy): Promise<void> {
    await this.#client.call('setting_set', { key: PRIVACY, value: privacy });
    this.privacy = privacy;
  }

  /** Shows no notification for a while; null ends that. */
  async beQuiet(span: Span | null): Promise<void> {
    const until = span === null ? null : endOf(span, this.#clock());
    await this.#keep(QUIET, until);
    this.quiet = until;
  }

  /** Mutes a room for a while; null ends that. */
  async mute(room: string, span: Span | null): Promise<void> {
    const until = span === null ? null : endOf(span, this.#clock());
    await this.#keep(`${MUTE}${room}`, until);
    this.#show(room, until);
  }
}
