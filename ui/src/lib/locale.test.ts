import { expect, it, vi } from 'vitest';
import { systemLanguages, systemLocale } from './locale.svelte';

it('the document is in the language of the machine before anybody has chosen', async () => {
  document.documentElement.lang = 'en';
  vi.spyOn(navigator, 'languages', 'get').mockReturnValue(['ko-KR', 'en']);
  vi.resetModules();
  const { language } = await import('./locale.svelte');
  expect(language.choice).toBe('system');
  expect(document.documentElement.lang).toBe('ko');
  expect(document.title).toBe('마당');
});

it('the language that the program asks for counts before those of the web engine', () => {
  expect(systemLocale(systemLanguages('?system=ko', ['en-US']))).toBe('ko');
  expect(systemLocale(systemLanguages('', ['ko-KR', 'en']))).toBe('ko');
  expect(systemLocale(systemLanguages('?system=tlh', ['en-US']))).toBe('en');
});
