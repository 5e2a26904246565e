// Short notes about things that pass by. Owns what is shown and for how long.
// Invariant: an error that belongs to one item is shown at that item and never here.

import type { Error as ApiError } from '../api/bindings';
import { errorText } from '../errors';

/** Notes on screen at the same time; an older one makes room. */
const TOASTS_MAX = 3;
/** How long a note stays, in ms. */
const SHOWN_MS = 5_000;

/** One note. */
export interface Toast {
  id: number;
  kind: 'ok' | 'error';
  text: string;
}

class Toasts {
  shown = $state<Toast[]>([]);
  #last = 0;

  #show(kind: Toast['kind'], text: string): void {
    this.#last += 1;
    const id = this.#last;
    this.shown = [...this.shown, { id, kind, text }].slice(-TOASTS_MAX);
    setTimeout(() => this.dismiss(id), SHOWN_MS);
  }

  /** Says that something was done. */
  done(text: string): void {
    this.#show('ok', text);
  }

  /** Says that something failed that stands nowhere on screen. */
  failed(error: ApiError): void {
    const { text, action } = errorText(error.code, error.reason);
    this.#show('error', `${text} ${action}`);
  }

  /** Takes a note away. */
  dismiss(id: number): void {
    this.shown = this.shown.filter((toast) => toast.id !== id);
  }
}

/** The notes of this page. */
export const toasts = new Toasts();
