import { describe, expect, it } from 'vitest';
import { initialOf, tintOf, TINTS } from './initial';

describe('initial', () => {
  it.each([
    ['김철수', '철'],
    ['이서연', '서'],
    ['할머니', '할'],
    ['김철', '철'],
    ['제주 가을 여행', '제'],
    ['daniel', 'D'],
    ['👩‍🚀 Mina', '👩‍🚀'],
    ['🇰🇷 서울', '🇰🇷'],
    ['', '?'],
  ])('%s → %s', (name, wanted) => {
    expect(initialOf(name)).toBe(wanted);
  });

  it('gives every id a steady tint', () => {
    const tints = Array.from({ length: 64 }, (_, i) => tintOf(`account-${i}`));
    expect(tints.every((t) => t >= 0 && t < TINTS)).toBe(true);
    expect(new Set(tints).size).toBe(TINTS);
    expect(tintOf('account-1')).toBe(tints[1]);
  });
});
