// What a menu is made of, and where it opens.

/** One line of a menu. */
export interface MenuItem {
  label: string;
  icon: string;
  /** The key that does the same without the menu. */
  keys?: string;
  danger?: boolean;
  testid?: string;
  run: () => void;
}

/** A place in the window, in CSS pixels. */
export interface Place {
  x: number;
  y: number;
}

/** Where a menu opens: at the pointer, or below the beginning of the element when a key asked for it. */
export function placeOf(event: MouseEvent, element: Element): Place {
  // A key that asks for a menu gives no place, or the corner of the window.
  if (event.clientX !== 0 || event.clientY !== 0) return { x: event.clientX, y: event.clientY };
  const box = element.getBoundingClientRect();
  return { x: box.left + 24, y: Math.min(box.bottom, innerHeight - 24) };
}
