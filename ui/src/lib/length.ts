// The length of a text as the contract counts it. Pure.
// Invariant: a text that `fits` says is too long would be refused by the node as well.

/** Longest text of a message, in grapheme clusters. */
export const GRAPHEMES_MAX = 10_000;
/** Longest text of a message, in bytes of UTF-8. */
export const BYTES_MAX = 60 * 1024;
/** From here on the composer shows how much is left. */
export const GRAPHEMES_WARN = 9_500;

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const encoder = new TextEncoder();

/** Grapheme clusters of `text`. */
export function graphemes(text: string): number {
  let count = 0;
  for (const _ of segmenter.segment(text)) count += 1;
  return count;
}

/** The first `limit` grapheme clusters of `text`. */
export function firstGraphemes(text: string, limit: number): string {
  let count = 0;
  for (const { index } of segmenter.segment(text)) {
    if (count === limit) return text.slice(0, index);
    count += 1;
  }
  return text;
}

/** How long a text is and whether it may be sent. */
export interface Measure {
  graphemes: number;
  fits: boolean;
  /** Close to the limit or above it: worth showing. */
  near: boolean;
}

/** Measures `text`; a short one is counted by its code units, which is never less than the truth. */
export function measure(text: string): Measure {
  if (text.length < GRAPHEMES_WARN) return { graphemes: text.length, fits: true, near: false };
  const count = graphemes(text);
  const fits = count <= GRAPHEMES_MAX && encoder.encode(text).length <= BYTES_MAX;
  return { graphemes: count, fits, near: !fits || count >= GRAPHEMES_WARN };
}
