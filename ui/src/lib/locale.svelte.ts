// The language of the page. Owns the choice, the `lang` of the document and what Paraglide answers.
// It must not know where the choice is kept. Invariant: `<html lang>` is the language that is shown.

import { josa, type Particle } from './josa';
import { m } from './paraglide/messages.js';
import { overwriteGetLocale } from './paraglide/runtime.js';
import type { Locale } from './time';

/** What a person can choose; `system` follows the machine. */
export type LanguageChoice = 'system' | Locale;

/** The language of the machine, as far as we speak it. */
export function systemLocale(languages: readonly string[]): Locale {
  for (const language of languages) {
    const code = language.toLowerCase().split('-')[0];
    if (code === 'ko' || code === 'en') return code;
  }
  return 'en';
}

/**
 * The languages of the machine, the wanted one first. The program around the page names one in the address where the
 * environment asks for it: a web engine does not hear of a locale that is not installed.
 */
export function systemLanguages(address: string, known: readonly string[]): readonly string[] {
  const asked = new URLSearchParams(address).get('system');
  return asked === null ? known : [asked, ...known];
}

class Language {
  choice = $state<LanguageChoice>('system');
  readonly shown = $derived<Locale>(this.choice === 'system' ? systemLocale(systemLanguages(location.search, navigator.languages)) : this.choice);

  /** Shows the page in another language at once. */
  choose(choice: LanguageChoice): void {
    this.choice = choice;
    document.documentElement.lang = this.shown;
    document.title = m.product();
  }
}

/** The language of this page. Reading `shown` in a component follows every change. */
export const language = new Language();

// Every message asks for the locale when it is rendered, so a change redraws all words and nothing else.
overwriteGetLocale(() => language.shown);
// The first screens are shown before anybody has chosen.
language.choose('system');

/** A name with its particle where Korean needs one, and the bare name elsewhere. */
export function named(name: string, particle: Particle): string {
  return language.shown === 'ko' ? josa(name, particle) : name;
}
