import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { dayOnTop, StickyDay, STAY_MS } from './sticky.svelte';

/** A pane of 100 pixels with rows, each from its upper to its lower edge. */
function pane(...rows: [kind: 'day' | number, top: number, bottom: number][]): HTMLElement {
  const scroller = document.createElement('div');
  const at = (top: number, bottom: number) => () => ({ top, bottom }) as DOMRect;
  scroller.getBoundingClientRect = at(0, 100);
  for (const [kind, top, bottom] of rows) {
    const row = document.createElement('div');
    if (kind === 'day') row.dataset['day'] = '';
    else Object.assign(row.dataset, { message: 'm', at: `${kind}` });
    row.getBoundingClientRect = at(top, bottom);
    scroller.append(row);
  }
  return scroller;
}

describe('the floating day', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'requestAnimationFrame', 'cancelAnimationFrame'] }));
  afterEach(() => vi.useRealTimers());

  it('is that of the topmost message, and none below its own line', () => {
    expect(dayOnTop(pane([5, -60, -20], [7, -20, 20], [9, 20, 60]))).toBe(7);
    expect(dayOnTop(pane([5, -60, 0], ['day', 0, 20], [9, 20, 60]))).toBeNull();
    expect(dayOnTop(pane())).toBeNull();
  });

  it('goes a moment after the scrolling', () => {
    const sticky = new StickyDay();
    const scroller = pane([7, -20, 20]);
    sticky.scrolled(scroller);
    sticky.scrolled(scroller);
    vi.advanceTimersByTime(20);
    expect(sticky.at).toBe(7);
    vi.advanceTimersByTime(STAY_MS);
    expect(sticky.at).toBeNull();
    sticky.scrolled(scroller);
    sticky.stop();
    vi.advanceTimersByTime(STAY_MS);
    expect(sticky.at).toBeNull();
  });
});
