// What was typed and not sent, room by room. Owns when it is kept in the node; knows no element.
// Invariant: what is on screen is never replaced by what was kept before.

import { SvelteMap } from 'svelte/reactivity';
import type { Client } from '../../lib/api/client';
import { Once } from '../../lib/once';

/** How long after the last key a draft is kept, in ms. */
export const KEEP_AFTER_MS = 800;
const KEY = 'draft.';

/** State of the drafts. */
export class Drafts {
  readonly texts = new SvelteMap<string, string>();
  readonly #client: Client;
  readonly #fail: (thrown: unknown) => void;
  readonly #once: Once;
  readonly #waiting = new Map<string, ReturnType<typeof setTimeout>>();
  /** Rooms for which the node has a draft. */
  readonly #kept = new Set<string>();

  constructor(client: Client, fail: (thrown: unknown) => void) {
    this.#client = client;
    this.#fail = fail;
    this.#once = new Once(client, KEY);
  }

  /** What stands in the composer of a room. */
  of(room: string): string {
    return this.texts.get(room) ?? '';
  }

  /** Reads the drafts of these rooms; each is asked for once. */
  async learn(rooms: readonly string[]): Promise<void> {
    for (const [room, value] of await this.#once.read(rooms)) {
      const text = value ?? '';
      if (text !== '') this.#kept.add(room);
      if (text !== '' && !this.texts.has(room) && !this.#waiting.has(room)) this.texts.set(room, text);
    }
  }

  /** Takes over what stands in the composer of a room. */
  keep(room: string, text: string): void {
    clearTimeout(this.#waiting.get(room));
    this.#waiting.delete(room);
    if (text !== '') {
      this.texts.set(room, text);
      this.#waiting.set(room, setTimeout(() => this.#save(room), KEEP_AFTER_MS));
      return;
    }
    this.texts.delete(room);
    // What was sent must not come back as a draft, so that this does not wait.
    if (this.#kept.has(room)) this.#save(room);
  }

  /** Keeps at once what still waits: the window may be gone in a moment. */
  flush(): void {
    for (const room of [...this.#waiting.keys()]) this.#save(room);
  }

  #save(room: string): void {
    clearTimeout(this.#waiting.get(room));
    this.#waiting.delete(room);
    const value = this.texts.get(room) ?? null;
    if (value === null) this.#kept.delete(room);
    else this.#kept.add(room);
    this.#client.call('setting_set', { key: `${KEY}${room}`, value }).catch(this.#fail);
  }
}
