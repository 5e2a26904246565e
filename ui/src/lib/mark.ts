// Finds the words of a query in a text, as the node's search does, to mark them. Pure.
// Invariant: the pieces joined are the text again, in NFC.

import { grows, type Piece } from './jamo';

/** Letters of a snippet in front of the first hit. */
const LEAD = 14;

/** The words of a query: runs of letters and digits, folded. */
export function wordsOf(query: string): string[] {
  return query.normalize('NFC').toLowerCase().match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
}

/** Where `word` stands in `letters`; with `growing`, its last letter may be a syllable that is still being typed. */
function standsAt(letters: readonly string[], at: number, word: readonly string[], growing: boolean): boolean {
  return word.every((typed, i) => {
    const letter = letters[at + i];
    if (letter === undefined) return false;
    return typed === letter || (growing && i === word.length - 1 && grows(typed, letter));
  });
}

function marksOf(letters: readonly string[], words: readonly string[], growing: boolean): boolean[] {
  const marks = letters.map(() => false);
  words.forEach((text, n) => {
    const word = [...text];
    for (let at = 0; at + word.length <= letters.length; at += 1) {
      if (standsAt(letters, at, word, growing && n === words.length - 1)) marks.fill(true, at, at + word.length);
    }
  });
  return marks;
}

function join(letters: readonly string[], marks: readonly boolean[]): Piece[] {
  const pieces: Piece[] = [];
  letters.forEach((letter, i) => {
    const marked = marks[i] === true;
    const last = pieces.at(-1);
    if (last?.marked === marked) last.text += letter;
    else pieces.push({ text: letter, marked });
  });
  return pieces;
}

/** The text letter by letter with what the query finds in it; a half-typed syllable counts where nothing else does. */
function look(query: string, text: string): { letters: string[]; marks: boolean[] } {
  const letters = [...text.normalize('NFC')];
  const folded = letters.map((letter) => letter.toLowerCase());
  const words = wordsOf(query);
  const exact = marksOf(folded, words, false);
  return { letters, marks: exact.includes(true) ? exact : marksOf(folded, words, true) };
}

/** `text` in pieces, with everything that `query` finds in it marked. */
export function markText(query: string, text: string): Piece[] {
  const { letters, marks } = look(query, text);
  return join(letters, marks);
}

/** One line of `text` that shows its first hit, however far behind it stands. */
export function snippet(query: string, text: string): Piece[] {
  const { letters, marks } = look(query, text.replace(/\s+/gu, ' ').trim());
  const first = marks.indexOf(true);
  const cut = first - LEAD;
  // Cut in front of a word if one begins there.
  const space = letters.indexOf(' ', cut);
  const from = first <= LEAD * 2 ? 0 : space >= 0 && space < first ? space + 1 : cut;
  const pieces = join(letters.slice(from), marks.slice(from));
  return from === 0 ? pieces : [{ text: '…', marked: false }, ...pieces];
}
