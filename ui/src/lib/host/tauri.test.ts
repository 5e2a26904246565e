import { clearMocks, mockIPC } from '@tauri-apps/api/mocks';
import { afterEach, describe, expect, it } from 'vitest';
import type { Event } from '../api/bindings';
import { tauriHost } from './tauri';

afterEach(clearMocks);

describe('the desktop as a host', () => {
  it('sends a call with its name and parameters and gives the answer', async () => {
    const seen: unknown[] = [];
    mockIPC((command, parameters) => {
      seen.push([command, parameters]);
      return { state: 'running', version: '1' };
    });
    expect(await tauriHost().call('home_state', {})).toEqual({ state: 'running', version: '1' });
    expect(seen).toEqual([['rpc', { method: 'home_state', params: {} }]]);
  });

  it('rejects with the error of the contract, and with a defect for anything else', async () => {
    mockIPC((_command, parameters) => {
      const { method } = parameters as { method: string };
      if (method === 'status') throw { code: 'locked', message: 'the home is locked', retry: false };
      throw new Error('no such command');
    });
    await expect(tauriHost().call('status', {})).rejects.toEqual({ code: 'locked', message: 'the home is locked', retry: false });
    await expect(tauriHost().call('other', {})).rejects.toMatchObject({ code: 'internal', message: 'no such command' });
  });

  it('hears events on the channel that it subscribed with', async () => {
    let channel: { onmessage: (event: Event) => void } | undefined;
    mockIPC((command, parameters) => {
      if (command === 'subscribe') channel = (parameters as { channel: typeof channel }).channel;
    });
    const heard: Event[] = [];
    await tauriHost().subscribe((event) => heard.push(event));
    channel?.onmessage({ event: 'resync', missed: 2 });
    expect(heard).toEqual([{ event: 'resync', missed: 2 }]);
  });

  it('hands links and the badge to the shell', async () => {
    const seen: unknown[] = [];
    mockIPC((command, parameters) => void seen.push([command, parameters]));
    await tauriHost().openLink('https://madang.example');
    await tauriHost().badge(3, 'Madang');
    expect(seen).toEqual([['open_link', { url: 'https://madang.example' }], ['badge', { count: 3, title: 'Madang' }]]);
  });
});
