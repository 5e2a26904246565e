import { describe, expect, it } from 'vitest';
import { ariaKeys, keysOf, SHORTCUTS, shortcutOf, type KeyPress } from './shortcuts';

const press = (key: string, code: string, held: Partial<KeyPress> = {}): KeyPress => ({
  key, code, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...held,
});

describe('shortcuts', () => {
  it('matches by the letter', () => {
    expect(shortcutOf(press('f', 'KeyF', { ctrlKey: true }))?.action).toBe('find');
    expect(shortcutOf(press('F', 'KeyF', { metaKey: true }))?.action).toBe('find');
    expect(shortcutOf(press('f', 'KeyF'))).toBeNull();
  });

  it('falls back to the key on the board in Hangul mode', () => {
    expect(shortcutOf(press('ㄹ', 'KeyF', { ctrlKey: true }))?.action).toBe('find');
    expect(shortcutOf(press('ㅜ', 'KeyN', { ctrlKey: true }))?.action).toBe('friend-add');
  });

  it('follows the letter and not the place on another Latin layout', () => {
    expect(shortcutOf(press('n', 'KeyL', { ctrlKey: true }))?.action).toBe('friend-add');
  });

  it('keeps shifted and plain keys apart', () => {
    expect(shortcutOf(press('F6', 'F6'))?.action).toBe('region-next');
    expect(shortcutOf(press('F6', 'F6', { shiftKey: true }))?.action).toBe('region-previous');
    expect(shortcutOf(press('ArrowDown', 'ArrowDown', { altKey: true, shiftKey: true }))?.action).toBe('unread-next');
    expect(shortcutOf(press('3', 'Digit3', { ctrlKey: true }))).toMatchObject({ action: 'room-nth', key: '3' });
  });

  it('has no combination twice', () => {
    const seen = SHORTCUTS.map((s) => keysOf(s).join('+'));
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('names the keys for screen readers', () => {
    expect(ariaKeys('settings')).toBe('Control+,');
    expect(ariaKeys('room-next')).toBe('Alt+ArrowDown');
  });
});
