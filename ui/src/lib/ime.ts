// Input methods and the Enter key. Owns the answer to "does this key send?"; knows no element.
// Invariant: a key that belongs to a composition never sends.

/** Key code that browsers give to a key which the input method took. */
const KEY_OF_INPUT_METHOD = 229;

/** Whether the input method took this key. WebKit ends the composition before it reports the key. */
export function isImeKey(event: Pick<KeyboardEvent, 'isComposing' | 'keyCode'>): boolean {
  return event.isComposing || event.keyCode === KEY_OF_INPUT_METHOD;
}

/** What the composer does with a key. */
export type EnterAction = 'send' | 'swallow' | 'leave';

/** Remembers, until the task is over, that a composition has just ended. */
export class Composition {
  #justEnded = false;

  /** Whether an Enter now only finishes a syllable. */
  get justEnded(): boolean {
    return this.#justEnded;
  }

  /** Call on `compositionend`. */
  ended(): void {
    this.#justEnded = true;
    setTimeout(() => {
      this.#justEnded = false;
    }, 0);
  }

  /**
   * What to do with a key: `send` the text, `swallow` an Enter that only finished a syllable, or
   * `leave` the key to the text field (a new line, a key of the input method, every other key).
   * Ctrl+Enter sends always, Enter alone if `enterSends`.
   */
  onKey(event: Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'altKey' | 'metaKey' | 'isComposing' | 'keyCode'>, enterSends = true): EnterAction {
    if (event.key !== 'Enter' || isImeKey(event) || event.shiftKey || event.altKey) return 'leave';
    const wanted = enterSends || event.ctrlKey || event.metaKey;
    if (!wanted) return 'leave';
    return this.#justEnded ? 'swallow' : 'send';
  }
}
