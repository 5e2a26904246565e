// Search in the open room: the hits, and which of them is looked at. Knows no element.
// Invariant: hits are in the order of the node, newest first, and belong to the text that is typed.

import type { Message } from '../../lib/api/bindings';
import { outcome, type Client } from '../../lib/api/client';
import { Refresh } from '../../lib/refresh';

/** Hits asked for; whoever has more types another word. */
export const HERE_MAX = 500;

/** State of the search in one room. */
export class Here {
  text = $state('');
  hits = $state.raw<Message[]>([]);
  /** Which hit is looked at; -1 before the first. */
  at = $state(-1);
  busy = $state(false);
  readonly #client: Client;
  readonly #room: string;
  readonly #search: Refresh;
  #wanted = 0;

  constructor(client: Client, room: string) {
    this.#client = client;
    this.#room = room;
    this.#search = new Refresh(() => this.#look());
  }

  /** Looks for a text; resolves with the newest hit, or null. */
  async find(text: string): Promise<string | null> {
    this.text = text;
    this.busy = true;
    this.#wanted += 1;
    const wanted = this.#wanted;
    await this.#search.ask();
    return wanted === this.#wanted ? this.step(1) : null;
  }

  async #look(): Promise<void> {
    const wanted = this.#wanted;
    const text = this.text.trim();
    const found = text === '' ? { ok: true as const, value: [] } : await outcome(this.#client.call('search', { text, room: this.#room, from: null, limit: HERE_MAX }));
    if (wanted !== this.#wanted) return;
    this.hits = found.ok ? found.value : [];
    this.at = -1;
    this.busy = false;
    if (!found.ok) throw found.error;
  }

  /** Goes to the next older (1) or newer (-1) hit and answers it; at an end it begins again at the other. */
  step(by: 1 | -1): string | null {
    const count = this.hits.length;
    // The hits of an earlier text are not gone through.
    if (count === 0 || this.busy) return null;
    this.at = this.at < 0 ? 0 : (this.at + by + count) % count;
    return this.hits[this.at]?.message ?? null;
  }
}
