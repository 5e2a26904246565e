import { describe, expect, it } from 'vitest';
import { linkify } from './linkify';

const links = (text: string) => linkify(text).filter((s) => s.kind !== 'text').map((s) => s.text);

describe('linkify', () => {
  it.each([
    ['see https://madang.example/a?b=c#d.', ['https://madang.example/a?b=c#d']],
    ['(https://en.wikipedia.example/wiki/Persimmon_(fruit))', ['https://en.wikipedia.example/wiki/Persimmon_(fruit)']],
    ['https://madang.example을 열어 봐', ['https://madang.example']],
    ['https://ko.example/wiki/감나무', ['https://ko.example/wiki/감나무']],
    ['https://한국.example/', ['https://한국.example/']],
    ['링크:https://a.example, http://b.example!', ['https://a.example', 'http://b.example']],
    ['write to mailto:alice@example.org', ['mailto:alice@example.org']],
    ['초대 madang://i#k7Qm2v', ['madang://i#k7Qm2v']],
    ['javascript:alert(1) file:///etc/passwd data:text/html,x', []],
    ['https:// and nothing', []],
    ['', []],
  ])('%s', (text, wanted) => {
    expect(links(text)).toEqual(wanted);
  });

  it('loses nothing of the text', () => {
    for (const text of ['a https://x.example. b', 'https://x.example', 'no link\nat all', '끝 madang://i#x']) {
      expect(linkify(text).map((s) => s.text).join('')).toBe(text);
    }
  });

  it('names the invites', () => {
    expect(linkify('madang://i#x')[0]).toEqual({ kind: 'invite', text: 'madang://i#x' });
    expect(linkify('https://x.example')[0]?.kind).toBe('link');
  });

  it('stops at a wall of links', () => {
    expect(links('https://x.example '.repeat(150))).toHaveLength(100);
  });
});
