import { describe, expect, it, vi } from 'vitest';
import { Composition, isImeKey } from './ime';

const enter = { key: 'Enter', shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, isComposing: false, keyCode: 13 };

describe('composition', () => {
  it('sends on a plain Enter', () => {
    expect(new Composition().onKey(enter)).toBe('send');
  });

  it('leaves every Enter of an input method alone', () => {
    expect(isImeKey({ isComposing: true, keyCode: 13 })).toBe(true);
    expect(isImeKey({ isComposing: false, keyCode: 229 })).toBe(true);
    expect(new Composition().onKey({ ...enter, isComposing: true })).toBe('leave');
    expect(new Composition().onKey({ ...enter, keyCode: 229 })).toBe('leave');
  });

  it('does not send in the task in which a syllable was finished, and sends in the next', () => {
    vi.useFakeTimers();
    const composition = new Composition();
    composition.ended();
    expect(composition.onKey(enter)).toBe('swallow');
    vi.runAllTimers();
    expect(composition.onKey(enter)).toBe('send');
    vi.useRealTimers();
  });

  it('sends on Ctrl+Enter alone when that was chosen', () => {
    const composition = new Composition();
    expect(composition.onKey(enter, false)).toBe('leave');
    expect(composition.onKey({ ...enter, ctrlKey: true }, false)).toBe('send');
    expect(composition.onKey({ ...enter, ctrlKey: true }, true)).toBe('send');
    expect(composition.onKey({ ...enter, ctrlKey: true, isComposing: true }, false)).toBe('leave');
    expect(composition.onKey({ ...enter, ctrlKey: true, shiftKey: true }, false)).toBe('leave');
  });

  it('keeps Shift+Enter and other keys for the text', () => {
    expect(new Composition().onKey({ ...enter, shiftKey: true })).toBe('leave');
    expect(new Composition().onKey({ ...enter, key: 'a', keyCode: 65 })).toBe('leave');
  });
});
