// The day that floats over the messages while they are scrolled.
// Invariant: it is gone a moment after the scrolling, and never stands over the line of the same day.

/** How long it stays after the last scrolling, in ms. */
export const STAY_MS = 2_500;

/** The day of the topmost message on screen; null when its line is on screen as well. */
export function dayOnTop(scroller: HTMLElement): number | null {
  const top = scroller.getBoundingClientRect().top;
  for (const row of scroller.querySelectorAll<HTMLElement>('[data-message], [data-day]')) {
    if (row.getBoundingClientRect().bottom <= top) continue;
    if (row.dataset['day'] !== undefined) return null;
    return Number(row.dataset['at']);
  }
  return null;
}

/** State of the floating day. */
export class StickyDay {
  at = $state<number | null>(null);
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Call when the messages were scrolled; looks at them once per frame. */
  scrolled(scroller: HTMLElement): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.at = dayOnTop(scroller);
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => (this.at = null), STAY_MS);
    });
  }

  /** Takes it away for good. */
  stop(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    clearTimeout(this.#timer);
    this.at = null;
  }
}
