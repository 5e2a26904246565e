// Re-typing the recovery phrase. Pure; which words are asked for is decided by a given random source.
// Invariant: three different words are asked for, in their order.

/** Words that are typed again. */
export const ASKED = 3;

/** Places of the words to ask for, from 0, in order. */
export function askWords(count: number, random: () => number): number[] {
  const places = Array.from({ length: count }, (_, i) => i);
  const asked: number[] = [];
  while (asked.length < Math.min(ASKED, count)) {
    const [place] = places.splice(Math.floor(random() * places.length), 1);
    if (place !== undefined) asked.push(place);
  }
  return asked.sort((a, b) => a - b);
}

/** Whether what was typed is the word, apart from case and spaces. */
export function isWord(typed: string, word: string): boolean {
  return typed.trim().toLowerCase() === word;
}
