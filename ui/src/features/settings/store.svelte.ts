// What a person chose for this page: language, theme and size. It must not know the features.
// Invariant: a value that the node has and we do not understand is the default.

import type { Client } from '../../lib/api/client';
import { language, type LanguageChoice } from '../../lib/locale.svelte';

/** Light, dark, or what the system says. */
export type Theme = 'system' | 'light' | 'dark';

/** Smallest, largest and usual size, in percent, and one step of it. */
export const SCALE = { min: 80, max: 200, usual: 100, step: 10 } as const;

const KEYS = { language: 'ui.language', theme: 'ui.theme', scale: 'ui.scale', enter: 'ui.enter' } as const;

/** A stored language, or the default. */
export function readLanguage(value: string | null): LanguageChoice {
  return value === 'ko' || value === 'en' ? value : 'system';
}

/** A stored theme, or the default. */
export function readTheme(value: string | null): Theme {
  return value === 'light' || value === 'dark' ? value : 'system';
}

/** A stored size, or the default; always within bounds. */
export function readScale(value: string | null): number {
  const scale = Number.parseInt(value ?? '', 10);
  return Number.isNaN(scale) ? SCALE.usual : Math.min(SCALE.max, Math.max(SCALE.min, scale));
}

/** State of the settings. */
export class SettingsStore {
  theme = $state<Theme>('system');
  scale = $state<number>(SCALE.usual);
  /** Whether Enter sends, or Ctrl+Enter alone. */
  enterSends = $state(true);
  readonly #client: Client;
  /** What was chosen before there was a home to keep it. */
  #chosenEarly: LanguageChoice | null = null;

  constructor(client: Client) {
    this.#client = client;
  }

  async #keep(key: string, value: string): Promise<void> {
    await this.#client.call('setting_set', { key, value });
  }

  async #stored(key: string): Promise<string | null> {
    return (await this.#client.call('setting_get', { key })).value;
  }

  /** Reads what was chosen before and shows it. */
  async load(): Promise<void> {
    const [stored, theme, scale, enter] = await Promise.all([KEYS.language, KEYS.theme, KEYS.scale, KEYS.enter].map((key) => this.#stored(key)));
    if (this.#chosenEarly === null) language.choose(readLanguage(stored ?? null));
    else await this.#keep(KEYS.language, this.#chosenEarly);
    this.#chosenEarly = null;
    this.#showTheme(readTheme(theme ?? null));
    this.#showScale(readScale(scale ?? null));
    this.enterSends = enter !== 'newline';
  }

  /** Shows a language before there is a home. */
  chooseLanguageEarly(choice: LanguageChoice): void {
    this.#chosenEarly = choice;
    language.choose(choice);
  }

  /** Shows and keeps a language. */
  async chooseLanguage(choice: LanguageChoice): Promise<void> {
    language.choose(choice);
    await this.#keep(KEYS.language, choice);
  }

  #showTheme(theme: Theme): void {
    this.theme = theme;
    if (theme === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
  }

  /** Shows and keeps a theme. */
  async chooseTheme(theme: Theme): Promise<void> {
    this.#showTheme(theme);
    await this.#keep(KEYS.theme, theme);
  }

  /** Chooses whether Enter sends or makes a new line. */
  async chooseEnter(sends: boolean): Promise<void> {
    this.enterSends = sends;
    await this.#keep(KEYS.enter, sends ? 'send' : 'newline');
  }

  #showScale(scale: number): void {
    this.scale = scale;
    document.documentElement.style.setProperty('font-size', `${scale}%`);
  }

  /** Shows and keeps a size in percent. */
  async chooseScale(scale: number): Promise<void> {
    this.#showScale(readScale(String(scale)));
    await this.#keep(KEYS.scale, String(this.scale));
  }
}
