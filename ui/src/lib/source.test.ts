// Rules about the source that the compiler does not know.

import { describe, expect, it } from 'vitest';
import en from '../../messages/en.json';

const sources = import.meta.glob<string>(['../**/*.{ts,svelte}', '!../lib/paraglide/**'], { query: '?raw', import: 'default', eager: true });
const files = Object.entries(sources).map(([path, text]) => ({ path: path.replace(/^\.\.\//, '').replace(/^\.\//, 'lib/'), text }));
const written = files.filter(({ path }) => !path.endsWith('.test.ts') && !path.endsWith('bindings.ts'));

describe('source', () => {
  it('finds the source', () => {
    expect(written.length).toBeGreaterThan(60);
  });

  it('knows Tauri only in lib/host', () => {
    const users = written.filter(({ text }) => text.includes(['@tauri', 'apps'].join('-'))).map(({ path }) => path);
    expect(users).toEqual(['lib/host/tauri.ts']);
  });

  it('never inserts markup and never styles inline, which the content policy refuses', () => {
    for (const { path, text } of written) {
      expect(text, path).not.toMatch(/\{@html|innerHTML|insertAdjacentHTML|\beval\(/);
      if (path.endsWith('.svelte')) expect(text, path).not.toMatch(/\sstyle="|\sstyle:|<style/);
    }
  });

  it('imports of another feature only what a screen may: nothing', () => {
    for (const { path, text } of written) {
      const feature = /features\/(\w+)\//.exec(path)?.[1];
      if (feature === undefined) continue;
      for (const [, from] of text.matchAll(/from '([^']+)'/g)) {
        if (from?.startsWith('.')) expect(from, path).toMatch(/^(?:\.\/|\.\.\/\.\.\/lib\/)/);
      }
    }
  });

  it('keeps components short', () => {
    for (const { path, text } of written) {
      const limit = path.endsWith('.svelte') ? 250 : 300;
      if (!path.endsWith('Sprite.svelte')) expect(text.split('\n').length, path).toBeLessThanOrEqual(limit);
    }
  });

  it('has no words in markup outside of the catalogues', () => {
    for (const { path, text } of written) {
      if (!path.endsWith('.svelte')) continue;
      const markup = text.replace(/<script[\s\S]*?<\/script>/g, '').replace(/<!--[\s\S]*?-->/g, '');
      expect(markup, path).not.toMatch(/[가-힣]/u);
      const words = [...markup.matchAll(/>([^<>{}]*[A-Za-z]{3,}[^<>{}]*)</g)].map((match) => match[1]?.trim());
      expect(words, path).toEqual([]);
    }
  });

  it('uses every message of the catalogue', () => {
    const used = new Set(written.flatMap(({ text }) => [...text.matchAll(/\bm\.(\w+)/g)].map((match) => match[1])));
    expect(Object.keys(en).filter((key) => key !== '$schema' && !used.has(key))).toEqual([]);
  });
});
