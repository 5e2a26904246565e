// The one table of keyboard shortcuts. Owns keys and how they are matched; knows no action.
// Invariant: the sheet, `aria-keyshortcuts` and the matching all come from `SHORTCUTS`.

/** What a shortcut asks for. */
export type Action =
  | 'room-next'
  | 'room-previous'
  | 'unread-next'
  | 'unread-previous'
  | 'room-nth'
  | 'find'
  | 'find-here'
  | 'emoji'
  | 'friend-add'
  | 'settings'
  | 'sheet'
  | 'region-next'
  | 'region-previous'
  | 'newest'
  | 'scale-up'
  | 'scale-down'
  | 'scale-reset'
  | 'close';

/** One combination. `code` names the key on the board, for layouts whose `key` is no Latin letter. */
export interface Shortcut {
  action: Action;
  key: string;
  code: string;
  ctrl?: true;
  alt?: true;
  shift?: true;
}

/** Every shortcut; several lines of one action are alternatives, the first one is shown first. */
export const SHORTCUTS: readonly Shortcut[] = [
  { action: 'room-next', key: 'ArrowDown', code: 'ArrowDown', alt: true },
  { action: 'room-next', key: 'Tab', code: 'Tab', ctrl: true },
  { action: 'room-next', key: 'PageDown', code: 'PageDown', ctrl: true },
  { action: 'room-previous', key: 'ArrowUp', code: 'ArrowUp', alt: true },
  { action: 'room-previous', key: 'Tab', code: 'Tab', ctrl: true, shift: true },
  { action: 'room-previous', key: 'PageUp', code: 'PageUp', ctrl: true },
  { action: 'unread-next', key: 'ArrowDown', code: 'ArrowDown', alt: true, shift: true },
  { action: 'unread-previous', key: 'ArrowUp', code: 'ArrowUp', alt: true, shift: true },
  ...Array.from({ length: 9 }, (_, i): Shortcut => ({ action: 'room-nth', key: `${i + 1}`, code: `Digit${i + 1}`, ctrl: true })),
  { action: 'find', key: 'k', code: 'KeyK', ctrl: true },
  { action: 'find', key: 'f', code: 'KeyF', ctrl: true },
  { action: 'find-here', key: 'f', code: 'KeyF', ctrl: true, shift: true },
  { action: 'emoji', key: 'j', code: 'KeyJ', ctrl: true, shift: true },
  { action: 'friend-add', key: 'n', code: 'KeyN', ctrl: true },
  { action: 'settings', key: ',', code: 'Comma', ctrl: true },
  { action: 'sheet', key: '/', code: 'Slash', ctrl: true },
  { action: 'region-next', key: 'F6', code: 'F6' },
  { action: 'region-previous', key: 'F6', code: 'F6', shift: true },
  { action: 'newest', key: 'j', code: 'KeyJ', ctrl: true },
  { action: 'scale-up', key: '=', code: 'Equal', ctrl: true },
  { action: 'scale-up', key: '+', code: 'NumpadAdd', ctrl: true },
  { action: 'scale-up', key: '+', code: 'Equal', ctrl: true, shift: true },
  { action: 'scale-down', key: '-', code: 'Minus', ctrl: true },
  { action: 'scale-reset', key: '0', code: 'Digit0', ctrl: true },
  { action: 'close', key: 'Escape', code: 'Escape' },
];

/** What of a keyboard event counts. */
export type KeyPress = Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>;

/** Whether the key is one that a Latin layout would name; in Hangul mode F yields ㄹ. */
function isLatin(key: string): boolean {
  return key.length > 1 || /^[\x20-\x7e]$/.test(key);
}

function matches(shortcut: Shortcut, press: KeyPress): boolean {
  const ctrl = press.ctrlKey || press.metaKey;
  if (ctrl !== (shortcut.ctrl ?? false) || press.altKey !== (shortcut.alt ?? false)) return false;
  if (press.shiftKey !== (shortcut.shift ?? false)) return false;
  if (isLatin(press.key)) return press.key.toLowerCase() === shortcut.key.toLowerCase();
  return press.code === shortcut.code;
}

/** The shortcut that a key press means, or null. */
export function shortcutOf(press: KeyPress): Shortcut | null {
  return SHORTCUTS.find((shortcut) => matches(shortcut, press)) ?? null;
}

const SHOWN: Record<string, string> = { ArrowDown: '↓', ArrowUp: '↑', PageDown: 'PgDn', PageUp: 'PgUp', Escape: 'Esc' };

/** A key as it is printed on the board. */
export function keyName(key: string): string {
  return SHOWN[key] ?? (key.length === 1 ? key.toUpperCase() : key);
}

/** The keys of a shortcut as they are printed on the board. */
export function keysOf(shortcut: Shortcut): string[] {
  const key = keyName(shortcut.key);
  return [...(shortcut.ctrl ? ['Ctrl'] : []), ...(shortcut.alt ? ['Alt'] : []), ...(shortcut.shift ? ['Shift'] : []), key];
}

/** Value of `aria-keyshortcuts` for an action. */
export function ariaKeys(action: Action): string {
  const first = SHORTCUTS.find((shortcut) => shortcut.action === action);
  if (first === undefined) return '';
  const modifiers = [...(first.ctrl ? ['Control'] : []), ...(first.alt ? ['Alt'] : []), ...(first.shift ? ['Shift'] : [])];
  return [...modifiers, first.key.length === 1 ? first.key.toUpperCase() : first.key].join('+');
}
