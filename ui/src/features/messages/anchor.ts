// Keeps the reader's place while rows come and go above and below it. WebKitGTK has no scroll anchoring.
// Invariant: a message that is on screen before and after a change stays where it was.

/** How close to the end counts as the end, in CSS pixels. */
const END_PX = 48;

/** A message and where its upper edge stood. */
export interface Anchor {
  message: string;
  top: number;
}

/** Whether the newest row is on screen. */
export function isAtEnd(scroller: Pick<HTMLElement, 'scrollHeight' | 'scrollTop' | 'clientHeight'>): boolean {
  return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight <= END_PX;
}

/** The first message on screen that is still there after the change. */
export function takeAnchor(scroller: HTMLElement, kept: ReadonlySet<string>): Anchor | null {
  const top = scroller.getBoundingClientRect().top;
  for (const row of scroller.querySelectorAll<HTMLElement>('[data-message]')) {
    const box = row.getBoundingClientRect();
    const message = row.dataset['message'] ?? '';
    if (box.bottom > top && kept.has(message)) return { message, top: box.top };
  }
  return null;
}

/** Puts the anchor back where it stood. */
export function restoreAnchor(scroller: HTMLElement, anchor: Anchor | null): void {
  if (anchor === null) return;
  const row = scroller.querySelector(`[data-message="${CSS.escape(anchor.message)}"]`);
  if (row !== null) scroller.scrollTop += row.getBoundingClientRect().top - anchor.top;
}
