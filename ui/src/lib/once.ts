// Asks for many settings of the same kind, each once. Knows no feature.
// Invariant: what could not be read is asked for again.

import type { Client } from './api/client';

/** The settings that begin with a prefix and end with an id, for example of a room. */
export class Once {
  readonly #client: Client;
  readonly #prefix: string;
  readonly #asked = new Set<string>();

  constructor(client: Client, prefix: string) {
    this.#client = client;
    this.#prefix = prefix;
  }

  /** Reads the settings of those ids that were not asked for yet. */
  async read(ids: readonly string[]): Promise<[id: string, value: string | null][]> {
    const fresh = ids.filter((id) => !this.#asked.has(id));
    for (const id of fresh) this.#asked.add(id);
    try {
      return await Promise.all(fresh.map(async (id): Promise<[string, string | null]> => [id, (await this.#client.call('setting_get', { key: `${this.#prefix}${id}` })).value]));
    } catch (thrown) {
      for (const id of fresh) this.#asked.delete(id);
      throw thrown;
    }
  }
}
