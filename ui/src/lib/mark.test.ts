import { describe, expect, it } from 'vitest';
import { markText, snippet, wordsOf } from './mark';

const marked = (query: string, text: string) => markText(query, text).map((piece) => (piece.marked ? `[${piece.text}]` : piece.text)).join('');
const line = (query: string, text: string) => snippet(query, text).map((piece) => (piece.marked ? `[${piece.text}]` : piece.text)).join('');

describe('marked text', () => {
  it.each([
    ['감귤', '일요일 오전에는 감귤 따기', '일요일 오전에는 [감귤] 따기'],
    ['회의', '주간회의는 회의실에서', '주간[회의]는 [회의]실에서'],
    ['회ㅇ', '주간회의는', '주간[회의]는'],
    ['주가', '주간회의는', '[주간]회의는'],
    ['가', '가을과 강', '[가]을과 강'],
    ['Ferry NOON', 'The ferry at noon', 'The [ferry] at [noon]'],
    ['moon,jar', 'a Moon and a jar', 'a [Moon] and a [jar]'],
    ['가', '가을'.normalize('NFD'), '[가]을'],
    ['', 'nothing', 'nothing'],
    ['!?', 'nothing!?', 'nothing!?'],
    ['persimmon', 'tea', 'tea'],
  ])('%s in %s', (query, text, expected) => expect(marked(query, text)).toBe(expected));

  it('is the text again', () => {
    const text = '가나 🍊 İstanbul\n감귤 감귤청';
    expect(markText('감귤', text).map((piece) => piece.text).join('')).toBe(text);
  });

  it('cuts a query into words', () => {
    expect(wordsOf('  Hello, 감귤-밭! ')).toEqual(['hello', '감귤', '밭']);
  });
});

describe('a snippet', () => {
  it('is one line that shows the first hit', () => {
    expect(line('감귤', '한 줄\n다음 줄에 감귤')).toBe('한 줄 다음 줄에 [감귤]');
    expect(line('jar', `${'a long way '.repeat(9)}to the jar of tea`)).toBe('…way to the [jar] of tea');
  });
});
