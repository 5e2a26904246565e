import { describe, expect, it } from 'vitest';
import { findName, markName } from './jamo';

describe('names by initial consonants', () => {
  it.each([
    ['ㄱㅊ', '김철수'],
    ['ㅊㅅ', '김철수'],
    ['김ㅊ', '김철수'],
    ['기', '김철수'],
    ['김처', '김철수'],
    ['dan', 'Daniel Reyes'],
    ['lr', 'Daniel Reyes'],
    ['ㅈㅇ', '제주 여행'],
    ['', '누구나'],
  ])('%s finds %s', (query, name) => {
    expect(findName(query, name)).not.toBeNull();
  });

  it.each([
    ['ㄱㅎ', '김철수'],
    ['깁', '김철수'],
    ['철김', '김철수'],
    ['ㄱㅊㅅㅅ', '김철수'],
    ['x', '김철수'],
  ])('%s does not find %s', (query, name) => {
    expect(findName(query, name)).toBeNull();
  });

  it('marks what was found', () => {
    expect(markName('ㅊㅅ', '김철수')).toEqual([
      { text: '김', marked: false },
      { text: '철수', marked: true },
    ]);
    expect(markName('', '김철수')).toEqual([{ text: '김철수', marked: false }]);
  });
});
