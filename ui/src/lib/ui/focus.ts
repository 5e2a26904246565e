// Where the focus goes when one thing takes the place of another: a keyboard must never be left nowhere.

/** Attachment for what takes the place of the element that had the focus; it needs `tabindex="-1"`. */
export function takeFocus(element: HTMLElement): void {
  element.focus({ preventScroll: true });
}
