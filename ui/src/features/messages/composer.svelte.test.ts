import { createRawSnippet, flushSync, mount, unmount } from 'svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GRAPHEMES_MAX } from '../../lib/length';
import Composer from './Composer.svelte';

describe('composer', () => {
  const sent: string[] = [];
  const props = $state({
    title: 'Bob',
    draft: '',
    enterSends: true,
    ondraft: (text: string) => void (props.draft = text),
    onsend: async (text: string) => {
      sent.push(text);
      await Promise.resolve();
      props.draft = '';
    },
    onescape: vi.fn(),
    choosing: false,
    onchoosing: vi.fn(),
    picker: createRawSnippet<[pick: (text: string) => void, close: () => void]>(() => ({ render: () => '<i></i>' })),
  });
  let component: Record<string, never>;
  let area: HTMLTextAreaElement;
  let button: HTMLButtonElement;

  beforeEach(() => {
    sent.length = 0;
    props.draft = '';
    component = mount(Composer, { target: document.body, props });
    flushSync();
    area = document.querySelector<HTMLTextAreaElement>('[data-testid="composer-input"]')!;
    button = document.querySelector<HTMLButtonElement>('[data-testid="composer-send"]')!;
  });

  afterEach(() => unmount(component));

  function type(text: string): void {
    area.value = text;
    area.dispatchEvent(new Event('input', { bubbles: true }));
    flushSync();
  }

  function press(init: KeyboardEventInit & { keyCode?: number }): KeyboardEvent {
    const event = new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...init });
    area.dispatchEvent(event);
    return event;
  }

  it('sends on Enter, once, and empties itself', async () => {
    type('안녕하세요');
    const event = press({ key: 'Enter', keyCode: 13 });
    press({ key: 'Enter', keyCode: 13 });
    await vi.waitFor(() => expect(props.draft).toBe(''));
    expect(event.defaultPrevented).toBe(true);
    expect(sent).toEqual(['안녕하세요']);
  });

  it('does not send the Enter of an input method, nor one in the task that ends a composition', async () => {
    type('안녕하세');
    expect(press({ key: 'Enter', keyCode: 229 }).defaultPrevented).toBe(false);
    area.dispatchEvent(new Event('compositionend', { bubbles: true }));
    expect(press({ key: 'Enter', keyCode: 13 }).defaultPrevented).toBe(true);
    expect(sent).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    press({ key: 'Enter', keyCode: 13 });
    await vi.waitFor(() => expect(sent).toEqual(['안녕하세']));
  });

  it('leaves Shift+Enter to the text and sends nothing blank', () => {
    expect(press({ key: 'Enter', keyCode: 13, shiftKey: true }).defaultPrevented).toBe(false);
    type('  \n ');
    press({ key: 'Enter', keyCode: 13 });
    expect(sent).toEqual([]);
    expect(button.disabled).toBe(true);
  });

  it('leaves the Escape that gives a syllable up to the input method', () => {
    press({ key: 'Escape', keyCode: 229 });
    expect(props.onescape).not.toHaveBeenCalled();
    press({ key: 'Escape', keyCode: 27 });
    expect(props.onescape).toHaveBeenCalledOnce();
  });

  it('says the limit and sends nothing longer', () => {
    type('가'.repeat(GRAPHEMES_MAX + 1));
    press({ key: 'Enter', keyCode: 13 });
    expect(sent).toEqual([]);
    expect(document.querySelector('[data-testid="composer-size"]')?.textContent).toContain('10001');
    expect(document.querySelector('[data-testid="composer-size"]')?.textContent).toContain('10000');
  });

  it('mirrors the text, so that the field grows with it', () => {
    type('one\ntwo');
    expect(document.querySelector<HTMLElement>('.grow-text')?.dataset['value']).toBe('one\ntwo');
  });
});
