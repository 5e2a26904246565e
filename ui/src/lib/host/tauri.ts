// The desktop: calls and events go over the two commands of the shell.

import { Channel, invoke } from '@tauri-apps/api/core';
import type { Event } from '../api/bindings';
import { copyText, toApiError, type Host } from './host';

async function command<T>(name: string, parameters: Record<string, unknown>): Promise<T> {
  try {
    return await invoke<T>(name, parameters);
  } catch (thrown) {
    throw toApiError(thrown);
  }
}

/** The program around the page is the desktop shell. */
export function tauriHost(): Host {
  return {
    call: (method, params) => command('rpc', { method, params }),
    subscribe: (hear) => {
      const channel = new Channel<Event>();
      channel.onmessage = hear;
      return command('subscribe', { channel });
    },
    openLink: (url) => command('open_link', { url }),
    badge: (count, title) => command('badge', { count, title }),
    copy: copyText,
  };
}
