import { expect, it, vi } from 'vitest';

it('the document is in the language of the machine before anybody has chosen', async () => {
  document.documentElement.lang = 'en';
  vi.spyOn(navigator, 'languages', 'get').mockReturnValue(['ko-KR', 'en']);
  vi.resetModules();
  const { language } = await import('./locale.svelte');
  expect(language.choice).toBe('system');
  expect(document.documentElement.lang).toBe('ko');
  expect(document.title).toBe('마당');
});
