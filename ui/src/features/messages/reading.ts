// When a room counts as read. Owns the one-second wait; knows no element.
// Invariant: a room is marked only while the window has the focus and its newest message is on screen.

/** How long the newest message must have been on screen, in ms. */
export const READ_AFTER_MS = 1_000;

/** What is on screen right now. */
export interface Seen {
  room: string | null;
  /** The newest message, when it is on screen. */
  newest: string | null;
  /** The window has the focus. */
  focused: boolean;
  /** The node counts unread messages in the room. */
  unread: boolean;
}

/** Marks a room read after it was looked at for a second. */
export class Reading {
  readonly #mark: (room: string, message: string) => void;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #waiting = '';

  constructor(mark: (room: string, message: string) => void) {
    this.#mark = mark;
  }

  /** Says what is on screen; call it whenever that changes. */
  see(seen: Seen): void {
    const { room, newest } = seen;
    if (room === null || newest === null || !seen.focused || !seen.unread) {
      this.stop();
      return;
    }
    const waiting = `${room} ${newest}`;
    if (waiting === this.#waiting) return;
    this.stop();
    this.#waiting = waiting;
    this.#timer = setTimeout(() => {
      this.#waiting = '';
      this.#mark(room, newest);
    }, READ_AFTER_MS);
  }

  /** Forgets what was on screen. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#waiting = '';
  }
}
