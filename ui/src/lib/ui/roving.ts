// One place in the tab order for a whole list; arrows, Home, End and typed letters move inside it.
// Invariant: of all items marked `data-roving` exactly one can be reached with Tab.

/** How long typed letters belong to one word, in ms. */
const TYPED_MS = 700;

function itemsOf(list: HTMLElement): HTMLElement[] {
  return [...list.querySelectorAll<HTMLElement>('[data-roving]')];
}

function makeCurrent(items: HTMLElement[], current: HTMLElement | undefined): void {
  for (const item of items) item.tabIndex = item === current ? 0 : -1;
}

/** Where a key leads from item `at` of `count`; null when the key does not move. */
export function stepOf(key: string, at: number, count: number): number | null {
  switch (key) {
    case 'ArrowDown':
      return Math.min(at + 1, count - 1);
    case 'ArrowUp':
      return Math.max(at - 1, 0);
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}

/** Attachment that makes a list roving. */
export function roving(list: HTMLElement): () => void {
  let typed = '';
  let typedAt = 0;

  const keepOne = (): void => {
    const items = itemsOf(list);
    // A timeline is entered at its newest message, wherever it was left.
    const atEnd = list.dataset['rovingEnd'] !== undefined && !list.contains(document.activeElement);
    if (!atEnd && items.filter((item) => item.tabIndex === 0).length === 1) return;
    makeCurrent(items, atEnd ? items.at(-1) : (items.find((item) => item.ariaCurrent === 'true') ?? items[0]));
  };
  const onFocus = (event: FocusEvent): void => {
    const item = (event.target as HTMLElement).closest<HTMLElement>('[data-roving]');
    if (item !== null) makeCurrent(itemsOf(list), item);
  };
  const onKey = (event: KeyboardEvent): void => {
    const here = (event.target as HTMLElement).closest<HTMLElement>('[data-roving]');
    if (here === null || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const items = itemsOf(list);
    const step = stepOf(event.key, items.indexOf(here), items.length);
    if (step !== null) {
      event.preventDefault();
      items[step]?.focus();
      return;
    }
    if (event.key.length !== 1 || event.key === ' ' || list.dataset['typeahead'] === undefined) return;
    typed = event.timeStamp - typedAt > TYPED_MS ? event.key : typed + event.key;
    typedAt = event.timeStamp;
    items.find((item) => item.textContent.trim().toLowerCase().includes(typed.toLowerCase()))?.focus();
  };

  const observer = new MutationObserver(keepOne);
  observer.observe(list, { childList: true, subtree: true });
  list.addEventListener('focusin', onFocus);
  list.addEventListener('keydown', onKey);
  keepOne();
  return () => {
    observer.disconnect();
    list.removeEventListener('focusin', onFocus);
    list.removeEventListener('keydown', onKey);
  };
}
