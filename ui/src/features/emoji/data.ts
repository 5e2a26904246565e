// The emoji themselves: Emojibase in Korean and English, loaded when first asked for. Pure behind the loading.
// Invariant: what is found in one language is found in the other, and every emoji is shown in one group only.

import type { CompactEmoji } from 'emojibase';
import { findName } from '../../lib/jamo';
import type { Locale } from '../../lib/time';

/** One emoji. */
export interface Emoji {
  unicode: string;
  /** What it is called in the language of the page. */
  label: string;
  group: number;
  /** The same in the five skin tones, lightest first; none where there is only one. */
  skins: readonly string[];
  /** Its names in both languages, and what else it is found by. */
  names: readonly string[];
  tags: readonly string[];
}

/** Groups in the order of the picker, each with the emoji that stands for it; 2 holds only components. */
export const GROUPS: readonly { id: number; sign: string }[] = [
  { id: 0, sign: '😀' },
  { id: 1, sign: '👋' },
  { id: 3, sign: '🐻' },
  { id: 4, sign: '🍊' },
  { id: 5, sign: '🚲' },
  { id: 6, sign: '⚽' },
  { id: 7, sign: '💡' },
  { id: 8, sign: '♻' },
  { id: 9, sign: '🏁' },
];

/** Emoji shown for one query. */
export const FOUND_MAX = 180;
/** Tones of skin. */
const TONES = 5;

/** One tone for everybody in the picture; pictures of two people have more, which the picker leaves out. */
function skinsOf(emoji: CompactEmoji): string[] {
  const skins = emoji.skins ?? [];
  return skins.length === TONES ? skins.map((skin) => skin.unicode) : [];
}

/** Joins the two languages; labels are those of `locale`. */
export function join(ko: readonly CompactEmoji[], en: readonly CompactEmoji[], locale: Locale): Emoji[] {
  const english = new Map(en.map((emoji) => [emoji.hexcode, emoji]));
  const shown = ko.filter((emoji) => GROUPS.some((group) => group.id === emoji.group));
  return shown
    .sort((a, b) => (a.order ?? 0) - (b.order ?? 0))
    .map((emoji) => {
      const other = english.get(emoji.hexcode);
      const label = locale === 'ko' ? emoji.label : (other?.label ?? emoji.label);
      return { unicode: emoji.unicode, label, group: emoji.group ?? 0, skins: skinsOf(emoji), names: [emoji.label, other?.label ?? ''], tags: [...(emoji.tags ?? []), ...(other?.tags ?? [])] };
    });
}

/** Every emoji; the data is a part of the program and comes over no network. */
export async function load(locale: Locale): Promise<Emoji[]> {
  const [ko, en] = await Promise.all([import('emojibase-data/ko/compact.json'), import('emojibase-data/en/compact.json')]);
  return join(ko.default, en.default, locale);
}

/** Rank of what is not found. */
const NOT = 6;

/** How well words answer a query, best 0: the whole word, its begin, somewhere inside. */
function rank(query: string, words: readonly string[]): number {
  const ranks = words.map((word) => {
    const found = findName(query, word);
    if (found === null) return NOT;
    return found.start > 0 ? 4 : found.end === [...word].length ? 0 : 2;
  });
  return Math.min(...ranks, NOT);
}

/** A name counts a little more than a tag. */
function rankOf(query: string, emoji: Emoji): number {
  return Math.min(rank(query, emoji.names), rank(query, emoji.tags) + 1, NOT);
}

/** Emoji that every word of a query finds, best first. */
export function search(all: readonly Emoji[], query: string): Emoji[] {
  const asked = query.trim().split(/\s+/u);
  const ranked = all.flatMap((emoji) => {
    if (query.trim() === emoji.unicode) return [{ emoji, rank: 0 }];
    const worst = Math.max(...asked.map((word) => rankOf(word, emoji)));
    return worst === NOT ? [] : [{ emoji, rank: worst }];
  });
  // The sort is stable: within one rank the usual order stays.
  return ranked.sort((a, b) => a.rank - b.rank).slice(0, FOUND_MAX).map(({ emoji }) => emoji);
}
