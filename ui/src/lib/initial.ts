// What stands for a person without a photo: a syllable or a sign, and a tint. Pure.
// Invariant: the same id always has the same tint.

/** Number of tints in tokens.css. */
export const TINTS = 8;

/** Family names of one syllable that are common enough to be left out. */
const FAMILY_NAMES = '김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국';
const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const HANGUL = /^[\uac00-\ud7a3]+$/u;

/** The first syllable of the given name (김철수 → 철), else the first letter. */
export function initialOf(name: string): string {
  // An emoji can be many code points long; half of one is another sign, or none.
  const letters = Array.from(segmenter.segment(name.trim()), ({ segment }) => segment);
  const [first = '?', second] = letters;
  const korean = HANGUL.test(name.trim()) && (letters.length === 2 || letters.length === 3);
  if (korean && second !== undefined && FAMILY_NAMES.includes(first)) return second;
  return first.toUpperCase();
}

/** Which tint an account or room has, from 0 to `TINTS - 1`. */
export function tintOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i += 1) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % TINTS;
}
