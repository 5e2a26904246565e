import { describe, expect, it } from 'vitest';
import { rangesIn } from './highlight';

const marked = (html: string, query: string) => {
  const element = document.createElement('p');
  element.replaceChildren(...new DOMParser().parseFromString(html, 'text/html').body.childNodes);
  return rangesIn(element, query).map((range) => range.toString());
};

describe('ranges', () => {
  it('are found in several text nodes and across them', () => {
    expect(marked('감귤 둘, <b>감귤</b> 셋', '감귤')).toEqual(['감귤', '감귤']);
    expect(marked('a per<b>sim</b>mon', 'persimmon')).toEqual(['persimmon']);
  });

  it('are none where nothing is found, and none in a text that is not in NFC', () => {
    expect(marked('tea', 'jar')).toEqual([]);
    expect(marked('가을'.normalize('NFD'), '가을')).toEqual([]);
  });
});
