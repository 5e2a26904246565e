import { describe, expect, it } from 'vitest';
import { BYTES_MAX, firstGraphemes, GRAPHEMES_MAX, graphemes, measure } from './length';

describe('length of a text', () => {
  it('counts what a reader counts', () => {
    expect(graphemes('한글👨‍👩‍👧e\u0301')).toBe(4);
    expect(firstGraphemes('한글👨‍👩‍👧끝', 3)).toBe('한글👨‍👩‍👧');
    expect(firstGraphemes('한글', 3)).toBe('한글');
  });

  it('allows exactly the limit', () => {
    expect(measure('가'.repeat(GRAPHEMES_MAX)).fits).toBe(true);
    expect(measure('가'.repeat(GRAPHEMES_MAX + 1)).fits).toBe(false);
  });

  it('refuses few but heavy characters', () => {
    const family = '👨‍👩‍👧‍👦';
    const heavy = family.repeat(Math.ceil(BYTES_MAX / new TextEncoder().encode(family).length) + 1);
    expect(graphemes(heavy)).toBeLessThan(GRAPHEMES_MAX);
    expect(measure(heavy)).toMatchObject({ fits: false, near: true });
  });

  it('warns only near the limit', () => {
    expect(measure('가'.repeat(9_000)).near).toBe(false);
    expect(measure('가'.repeat(9_600))).toMatchObject({ fits: true, near: true });
  });
});
