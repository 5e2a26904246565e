// The emoji picker: what is shown, the ones used lately and the tone of skin. Knows no element.
// Invariant: what is kept in the node and cannot be read is as if nothing had been kept.

import type { Client } from '../../lib/api/client';
import type { Locale } from '../../lib/time';
import { load, search, type Emoji } from './data';

/** Emoji kept as used lately. */
export const RECENT_MAX = 24;
const KEY = 'ui.emoji';

/** What a person did in the picker before. */
export interface Kept {
  recent: string[];
  /** 0 for none, else the tone from 1, the lightest. */
  skin: number;
}

/** Reads what was kept. */
export function readKept(value: string | null): Kept {
  try {
    const { recent, skin } = JSON.parse(value ?? '{}') as Partial<Kept>;
    return {
      recent: Array.isArray(recent) ? recent.filter((each) => typeof each === 'string').slice(0, RECENT_MAX) : [],
      skin: typeof skin === 'number' && Number.isInteger(skin) && skin >= 0 && skin <= 5 ? skin : 0,
    };
  } catch {
    return { recent: [], skin: 0 };
  }
}

/** State of the picker. */
export class EmojiStore {
  all = $state.raw<Emoji[]>([]);
  recent = $state.raw<string[]>([]);
  skin = $state(0);
  readonly #client: Client;
  #locale: Locale | null = null;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Loads the emoji with labels in a language, and what was kept. */
  async open(locale: Locale): Promise<void> {
    if (this.#locale === locale) return;
    const [all, kept] = await Promise.all([load(locale), this.#client.call('setting_get', { key: KEY })]);
    this.#locale = locale;
    this.all = all;
    const { recent, skin } = readKept(kept.value);
    this.recent = recent;
    this.skin = skin;
  }

  /** What stands in a group, or answers a query; `recent` stands in none. */
  shown(group: number | null, query: string, recent: readonly string[]): Emoji[] {
    if (query.trim() !== '') return search(this.all, query);
    if (group !== null) return this.all.filter((emoji) => emoji.group === group);
    return recent.flatMap((unicode) => this.all.find((emoji) => emoji.unicode === unicode || emoji.skins.includes(unicode)) ?? []);
  }

  /** The emoji as it is written, in the chosen tone. */
  written(emoji: Emoji): string {
    return this.skin === 0 ? emoji.unicode : (emoji.skins[this.skin - 1] ?? emoji.unicode);
  }

  /** Remembers that an emoji was used. */
  async used(emoji: Emoji): Promise<void> {
    this.recent = [emoji.unicode, ...this.recent.filter((each) => each !== emoji.unicode)].slice(0, RECENT_MAX);
    await this.#keep();
  }

  /** Chooses a tone of skin. */
  async chooseSkin(skin: number): Promise<void> {
    this.skin = skin;
    await this.#keep();
  }

  async #keep(): Promise<void> {
    await this.#client.call('setting_set', { key: KEY, value: JSON.stringify({ recent: this.recent, skin: this.skin }) });
  }
}
