// F6: from one part of the window to the next. Knows only elements marked `data-region`.
// Invariant: a region without anything to focus is passed over.

const FOCUSABLE = '[data-region-focus], [tabindex="0"], a[href]:not([tabindex="-1"]), button:not([disabled]):not([tabindex="-1"]), input, textarea';

function entryOf(region: Element): HTMLElement | null {
  return region.querySelector<HTMLElement>('[data-region-focus]') ?? region.querySelector<HTMLElement>('[aria-current][tabindex="0"], [data-roving][tabindex="0"]') ?? region.querySelector<HTMLElement>(FOCUSABLE);
}

/** Gives the focus to a region if nothing else has taken it. */
export function enterRegion(name: string): void {
  const region = document.querySelector(`[data-region="${CSS.escape(name)}"]`);
  if (document.activeElement === document.body && region !== null) entryOf(region)?.focus();
}

/** Moves the focus to the next region, or to the previous one. */
export function cycleRegion(step: 1 | -1): void {
  const regions = [...document.querySelectorAll('[data-region]')].filter((region) => region.getClientRects().length > 0);
  const here = regions.findIndex((region) => region.contains(document.activeElement));
  const start = here < 0 && step === -1 ? 0 : here;
  for (let i = 1; i <= regions.length; i += 1) {
    const region = regions[(start + step * i + regions.length * 2) % regions.length];
    const entry = region === undefined ? null : entryOf(region);
    if (entry !== null) {
      entry.focus();
      return;
    }
  }
}
