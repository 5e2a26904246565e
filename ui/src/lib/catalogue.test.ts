import { describe, expect, it } from 'vitest';
import en from '../../messages/en.json';
import ko from '../../messages/ko.json';
import bindings from './api/bindings.ts?raw';
import { CODES, errorText } from './errors';
import { language } from './locale.svelte';

type Entry = string | { match: Record<string, string> }[];
const entries = (catalogue: object) => Object.entries(catalogue).filter(([key]) => key !== '$schema') as [string, Entry][];
const texts = (entry: Entry) => (typeof entry === 'string' ? [entry] : entry.flatMap((variant) => Object.values(variant.match)));
const placeholders = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

describe('catalogues', () => {
  it('have the same keys', () => {
    expect(Object.keys(ko)).toEqual(Object.keys(en));
    expect(entries(en).length).toBeGreaterThan(300);
  });

  it('have no empty text', () => {
    for (const [key, entry] of [...entries(en), ...entries(ko)]) {
      for (const text of texts(entry)) expect(text.trim(), key).not.toBe('');
    }
  });

  it('use the same values in both languages', () => {
    const korean = new Map(entries(ko));
    for (const [key, entry] of entries(en)) {
      const wanted = placeholders(texts(entry)[0] ?? '');
      for (const text of [...texts(entry), ...texts(korean.get(key) ?? '')]) expect(placeholders(text), key).toEqual(wanted);
    }
  });

  it('write Korean in Korean, without a particle that depends on a value', () => {
    const latinOnly = new Set(['settings_language_en', 'onboarding_step', 'network_ms', 'settings_scale_value', 'rooms_last', 'messages_heard', 'messages_label', 'messages_label_state', 'reason_with_code']);
    for (const [key, entry] of entries(ko)) {
      for (const text of texts(entry)) {
        if (!latinOnly.has(key)) expect(text, key).toMatch(/[가-힣]/u);
        expect(text, key).not.toMatch(/[이가을를은는와과]\([이가을를은는와과]\)/u);
        expect(text, key).not.toMatch(/\{name\}(?:이|가|을|를|은|는|와|과)(?:\s|$)/u);
      }
    }
  });
});

describe('errors', () => {
  const codes = [...(/export type Code = ([^;]+);/.exec(bindings)?.[1] ?? '').matchAll(/"(\w+)"/g)].map((match) => match[1]);

  it('have words and an action for every code of the contract, in both languages', () => {
    expect(codes.length).toBeGreaterThan(15);
    expect([...CODES].sort()).toEqual([...codes].sort());
    for (const locale of ['en', 'ko'] as const) {
      language.choose(locale);
      for (const code of CODES) {
        const { text, action } = errorText(code);
        expect(text.length, code).toBeGreaterThan(3);
        expect(action.length, code).toBeGreaterThan(3);
        if (locale === 'ko') expect(text, code).toMatch(/[가-힣]/u);
      }
    }
  });

  it('tell a closed 1:1 from a group that one has left', () => {
    language.choose('en');
    expect(errorText('not_member', 'not_friend').text).toContain('not friends');
    expect(errorText('not_member', 'blocked').action).toContain('Lift the block');
    expect(errorText('not_member', 'toString')).toEqual(errorText('not_member'));
    expect(errorText('not_member', 'not_friend').action).not.toContain('member');
  });

  it('follow the language', () => {
    language.choose('ko');
    expect(errorText('offline').text).toBe('상대나 릴레이에 닿지 않아요.');
    expect(document.documentElement.lang).toBe('ko');
    language.choose('en');
    expect(errorText('offline').text).toBe('The other side or the relay cannot be reached.');
  });
});
