// Picks the program around the page and mounts the page. Nothing else.

import { mount } from 'svelte';
import App from './App.svelte';
import type { Host } from './lib/host/host';
import { Session } from './session.svelte';
import './styles/tokens.css';
import './styles/reset.css';
import './styles/components.css';
import './styles/frame.css';
import './styles/finder.css';
import './styles/emoji.css';

/** A release knows the desktop only; builds for tests take the host from the address. */
async function pickHost(): Promise<Host> {
  if (import.meta.env.MODE !== 'production') {
    const query = new URLSearchParams(location.search);
    const { pickTestHost } = await import('./lib/host/choice');
    const host = await pickTestHost(query);
    if (host !== null) return host;
  }
  const { tauriHost } = await import('./lib/host/tauri');
  return tauriHost();
}

const session = new Session(await pickHost());
mount(App, { target: document.body, props: { session } });
await session.start();
