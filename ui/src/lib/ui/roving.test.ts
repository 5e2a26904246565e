import { afterEach, expect, it, vi } from 'vitest';
import { roving } from './roving';

let list: HTMLElement;
let leave = () => {};

function make(count: number, fromEnd: boolean): HTMLElement[] {
  list = document.createElement('div');
  if (fromEnd) list.dataset['rovingEnd'] = '';
  document.body.append(list);
  add(count);
  leave = roving(list);
  return [...list.children] as HTMLElement[];
}

function add(count: number): void {
  for (let i = 0; i < count; i += 1) {
    const item = document.createElement('article');
    item.tabIndex = -1;
    item.dataset['roving'] = '';
    list.append(item);
  }
}

const places = () => [...list.children].flatMap((item, i) => ((item as HTMLElement).tabIndex === 0 ? [i] : []));

afterEach(() => {
  leave();
  list.remove();
});

it('a list is entered at its chosen item, else at its first', () => {
  make(3, false);
  expect(places()).toEqual([0]);
});

it('a timeline is entered at its newest item, and a reader inside keeps his place', async () => {
  const items = make(3, true);
  expect(places()).toEqual([2]);
  add(1);
  await vi.waitFor(() => expect(places()).toEqual([3]));
  items[1]?.focus();
  await new Promise<void>((resolve) => {
    // Observers are told in the order in which they were made, so the list has heard when this one does.
    new MutationObserver(() => resolve()).observe(list, { childList: true });
    add(1);
  });
  expect(places()).toEqual([1]);
});
