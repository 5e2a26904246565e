// The address of what is shown: `#/rooms/ID`. Owns the hash; knows no screen.
// Invariant: an address that means nothing leads to the rooms.

/** A screen and what is chosen in it. */
export interface Route {
  screen: 'friends' | 'rooms' | 'settings';
  /** Account, room or section; none when only the list is shown. */
  chosen: string | null;
}

/** Reads an address. */
export function parseRoute(hash: string): Route {
  const [, screen = '', chosen = ''] = hash.replace(/^#/, '').split('/');
  if (screen !== 'friends' && screen !== 'rooms' && screen !== 'settings') return { screen: 'rooms', chosen: null };
  try {
    return { screen, chosen: chosen === '' ? null : decodeURIComponent(chosen) };
  } catch {
    return { screen, chosen: null };
  }
}

/** Writes an address. */
export function routeHash(screen: Route['screen'], chosen: string | null = null): string {
  return chosen === null ? `#/${screen}` : `#/${screen}/${encodeURIComponent(chosen)}`;
}

class Router {
  now = $state<Route>(parseRoute(location.hash));

  constructor() {
    addEventListener('hashchange', () => {
      this.now = parseRoute(location.hash);
    });
  }

  /** Goes to a screen, and optionally to something in it. */
  go(screen: Route['screen'], chosen: string | null = null): void {
    const hash = routeHash(screen, chosen);
    if (location.hash === hash) return;
    location.hash = hash;
    this.now = parseRoute(hash);
  }
}

/** The address of this page. */
export const router = new Router();
