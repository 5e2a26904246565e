// Which host a build for tests and development uses: `?host=fake&scene=home-ko`, `?host=web&ws=ws://…`.

import { FakeNode } from '../api/fake';
import { scene } from '../api/fake_scenes';
import type { Host } from './host';
import { webHost } from './web';

/** Keeps what went wrong on the page, so that a test can ask for it. */
function keepErrors(): void {
  const errors: string[] = [];
  addEventListener('error', (event) => errors.push(event.message));
  addEventListener('unhandledrejection', (event) => errors.push(String(event.reason?.message ?? event.reason)));
  console.error = (...said: unknown[]) => void errors.push(said.map(String).join(' '));
  document.addEventListener('securitypolicyviolation', (event) => errors.push(`${event.violatedDirective} ${event.blockedURI}`));
  Object.assign(window, { pageErrors: errors });
}

/** The host that the address asks for; none for the desktop. */
export async function pickTestHost(query: URLSearchParams): Promise<Host | null> {
  keepErrors();
  switch (query.get('host')) {
    case 'fake': {
      const node = new FakeNode(scene(query.get('scene') ?? 'home-ko', Date.now()));
      const failure = query.get('fail')?.split(':');
      if (failure?.length === 2) node.failures.set(failure[0] ?? '', failure[1] as never);
      for (const key of ['language', 'theme', 'scale']) {
        const value = query.get(key);
        if (value !== null) await node.call('setting_set', { key: `ui.${key}`, value });
      }
      Object.assign(window, { fakeNode: node });
      return node;
    }
    case 'web':
      return webHost(query.get('ws') ?? '');
    default:
      return null;
  }
}
