// Rules about the source that the compiler does not know.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import en from '../../messages/en.json';
import ko from '../../messages/ko.json';
import lock from '../../package-lock.json?raw';

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
    // The words of notifications are read by the shell, `src-tauri/src/words.rs`.
    expect(Object.keys(en).filter((key) => key !== '$schema' && !key.startsWith('notice_') && !used.has(key))).toEqual([]);
  });

  it('is built from packages whose content is known', () => {
    const { packages } = JSON.parse(lock) as { packages: Record<string, { integrity?: string; optional?: boolean }> };
    const bare = Object.entries(packages).filter(([path, each]) => path !== '' && each.integrity === undefined);
    // Named by @lix-js/sdk for other systems and never published; npm ci refuses a file that leaves them out.
    expect(bare.map(([path]) => path)).toEqual(['darwin-arm64', 'linux-arm64', 'win32-x64'].map((system) => `node_modules/@lix-js/sdk-${system}`));
    expect(bare.every(([, each]) => each.optional)).toBe(true);
  });

  it('calls the sections of the settings by their names, in the README as well', () => {
    const readme = readFileSync('../README.md', 'utf8');
    expect(readme).toContain('Settings →');
    const places = (text: string, settings: string) => [...text.matchAll(new RegExp(`${settings} → ([\\p{L}]+)`, 'gu'))].map((match) => match[1]);
    const sections = (catalogue: typeof en) => [catalogue.settings_look, catalogue.settings_connection, catalogue.settings_relays, catalogue.settings_shortcuts, catalogue.settings_about];
    for (const place of places(readme + JSON.stringify(en), en.frame_settings)) expect(sections(en)).toContain(place);
    for (const place of places(JSON.stringify(ko), ko.frame_settings)) expect(place).toMatch(new RegExp(`^(?:${[ko.settings_look, ko.settings_connection, ko.settings_relays].join('|')})`, 'u'));
  });
});
