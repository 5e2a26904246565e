import { describe, expect, it } from 'vitest';
import { parseRoute, routeHash } from './route.svelte';

describe('route', () => {
  it('reads back what it writes', () => {
    for (const chosen of [null, 'abc', 'a/b c', '한글']) {
      expect(parseRoute(routeHash('rooms', chosen))).toEqual({ screen: 'rooms', chosen });
    }
    expect(parseRoute(routeHash('settings', 'about'))).toEqual({ screen: 'settings', chosen: 'about' });
  });

  it('leads to the rooms when it means nothing', () => {
    for (const hash of ['', '#', '#/nowhere/1', '#rooms']) {
      expect(parseRoute(hash)).toEqual({ screen: 'rooms', chosen: null });
    }
    expect(parseRoute('#/friends/%E0%A4%A')).toEqual({ screen: 'friends', chosen: null });
  });
});
