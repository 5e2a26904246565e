// State of the node's connections. It must not know messages.
// Invariant: "offline" is said only when neither a relay nor a friend is connected.

import type { DevicePath, Relay, Status } from '../../lib/api/bindings';
import type { Client } from '../../lib/api/client';
import { Refresh } from '../../lib/refresh';

/** What the dot on the rail says. `alone` means that there is no relay and nobody is near. */
export type Reach = 'unknown' | 'connected' | 'connecting' | 'offline' | 'alone';

/** How well the node reaches others. */
export function reachOf(status: Status | null): Reach {
  if (status === null) return 'unknown';
  if (status.peers.length > 0 || status.relays.some((relay) => relay.state === 'connected')) return 'connected';
  if (status.relays.length === 0) return 'alone';
  return status.relays.some((relay) => relay.state === 'connecting') ? 'connecting' : 'offline';
}

/** State of the network. */
export class NetworkStore {
  status = $state.raw<Status | null>(null);
  paths = $state.raw<DevicePath[]>([]);
  readonly reach = $derived(reachOf(this.status));
  /** Whether a relay keeps what friends send while this machine is away, and shows our invites to them. */
  readonly kept = $derived(this.status?.relays.some((relay) => relay.state === 'connected') ?? false);
  readonly #client: Client;
  readonly #refresh: Refresh;

  constructor(client: Client) {
    this.#client = client;
    this.#refresh = new Refresh(async () => {
      this.status = await client.call('status', {});
    });
  }

  /** Takes a fresh snapshot. */
  reload(): Promise<void> {
    return this.#refresh.ask();
  }

  /** Takes a fresh snapshot of everything that the connection doctor shows. */
  async examine(): Promise<void> {
    const [paths] = await Promise.all([this.#client.call('net_why', {}), this.reload()]);
    this.paths = paths;
  }

  #show(relays: Relay[]): void {
    if (this.status !== null) this.status = { ...this.status, relays };
  }

  /** Adds a relay to the account. */
  async addRelay(addr: string, code: string | null): Promise<void> {
    this.#show(await this.#client.call('relay_add', { addr, code }));
  }

  /** Removes a relay from the account. */
  async removeRelay(addr: string): Promise<void> {
    this.#show(await this.#client.call('relay_remove', { addr, code: null }));
  }
}
