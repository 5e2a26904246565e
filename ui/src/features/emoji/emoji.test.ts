import { beforeAll, describe, expect, it } from 'vitest';
import { GROUPS, load, search, type Emoji } from './data';
import { readKept, RECENT_MAX } from './store.svelte';

let ko: Emoji[];

beforeAll(async () => {
  ko = await load('ko');
});

describe('emoji', () => {
  it('are all there, once, in their groups', () => {
    expect(ko.length).toBeGreaterThan(1_800);
    expect(new Set(ko.map((emoji) => emoji.unicode)).size).toBe(ko.length);
    for (const { id, sign } of GROUPS) expect(ko.find((emoji) => emoji.unicode.startsWith(sign))?.group, sign).toBe(id);
  });

  it('are called in the language of the page', async () => {
    const label = (all: Emoji[]) => all.find((emoji) => emoji.unicode === '🍊')?.label;
    expect([label(ko), label(await load('en'))]).toEqual(['귤', 'tangerine']);
  });

  it('answer a whole word before a part of one, initial consonants and several words', () => {
    expect(search(ko, '귤')[0]?.unicode).toBe('🍊');
    expect(search(ko, 'cat')[0]?.unicode).toMatch(/^🐈|^🐱/u);
    expect(search(ko, 'ㅎㄹㅇ').map((emoji) => emoji.unicode)).toContain('🐯');
    expect(search(ko, 'red heart').map((emoji) => emoji.unicode.replace(/\uFE0F/gu, ''))).toContain('❤');
    expect(search(ko, '🍊').map((emoji) => emoji.unicode)).toEqual(['🍊']);
    expect(search(ko, 'qqqq')).toEqual([]);
  });
});

describe('what was kept', () => {
  it.each([null, '', '{', 'null', '[]', '{"recent":3,"skin":9}', '{"skin":1.5}', '{"skin":-1}'])('%s reads as nothing', (value) => {
    expect(readKept(value)).toEqual({ recent: [], skin: 0 });
  });

  it('is bounded', () => {
    const recent = Array.from({ length: 99 }, (_, i) => `${i}`);
    expect(readKept(JSON.stringify({ recent, skin: 5 }))).toEqual({ recent: recent.slice(0, RECENT_MAX), skin: 5 });
  });
});
