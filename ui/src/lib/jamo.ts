// Finding Korean names by initial consonants and half-typed syllables. Pure.
// Invariant: an empty query matches every name.

const INITIALS = [...'ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ'];
const HANGUL_FIRST = 0xac00;
const HANGUL_LAST = 0xd7a3;
const FINALS = 28;
const PER_INITIAL = 588;

function isSyllable(code: number): boolean {
  return code >= HANGUL_FIRST && code <= HANGUL_LAST;
}

/** Whether what was typed can still grow into this syllable: ㄱ and 기 into 김. */
export function grows(typed: string, letter: string): boolean {
  const t = typed.codePointAt(0) ?? 0;
  const l = letter.codePointAt(0) ?? 0;
  if (!isSyllable(l)) return false;
  const initial = INITIALS.indexOf(typed);
  if (initial >= 0) return Math.floor((l - HANGUL_FIRST) / PER_INITIAL) === initial;
  return isSyllable(t) && (t - HANGUL_FIRST) % FINALS === 0 && l >= t && l < t + FINALS;
}

/** Whether one typed character stands for one character of a name. */
function same(typed: string, letter: string): boolean {
  return typed.toLowerCase() === letter.toLowerCase() || grows(typed, letter);
}

/** A stretch of a name, in characters: `start` is in it and `end` is not. */
export interface Stretch {
  start: number;
  end: number;
}

/** Where `query` stands in `name`, or null. Spaces of the query do not count. */
export function findName(query: string, name: string): Stretch | null {
  const typed = [...query.normalize('NFC')].filter((c) => c.trim() !== '');
  const letters = [...name.normalize('NFC')];
  if (typed.length === 0) return { start: 0, end: 0 };
  for (let start = 0; start < letters.length; start += 1) {
    let at = start;
    let found = 0;
    while (at < letters.length && found < typed.length) {
      const letter = letters[at] ?? '';
      if (same(typed[found] ?? '', letter)) found += 1;
      else if (letter.trim() !== '' || found === 0) break;
      at += 1;
    }
    if (found === typed.length) return { start, end: at };
  }
  return null;
}

/** A piece of a name, marked when the query found it. */
export interface Piece {
  text: string;
  marked: boolean;
}

/** `name` in pieces, with the stretch that `query` found marked; one plain piece when it found none. */
export function markName(query: string, name: string): Piece[] {
  const stretch = findName(query, name);
  if (stretch === null || stretch.end === stretch.start) return [{ text: name, marked: false }];
  const letters = [...name.normalize('NFC')];
  const pieces = [
    { text: letters.slice(0, stretch.start).join(''), marked: false },
    { text: letters.slice(stretch.start, stretch.end).join(''), marked: true },
    { text: letters.slice(stretch.end).join(''), marked: false },
  ];
  return pieces.filter((piece) => piece.text !== '');
}
