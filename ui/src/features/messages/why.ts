// Sums up where a message is. Pure; the node has decided every state.
// Invariant: a machine is counted once, a person is read when one of his machines is.

import type { DeviceDelivery, DeviceState } from '../../lib/api/bindings';

const RANK: Record<DeviceState, number> = { queued: 0, relayed: 1, delivered: 2, read: 3 };

/** The machines of one person. */
export interface PersonDelivery {
  account: string;
  devices: DeviceDelivery[];
  reached: number;
  read: boolean;
}

/** Where a message is, for the picture above the machines. */
export interface Summary {
  people: PersonDelivery[];
  machines: number;
  relayed: number;
  reached: number;
  read: number;
  /** When the first machine or relay had it, ms; 0 when nobody has. */
  relayedAt: number;
  reachedAt: number;
}

function first(devices: readonly DeviceDelivery[], least: DeviceState): number {
  const times = devices.filter((device) => RANK[device.state] >= RANK[least] && device.at > 0).map((device) => device.at);
  return times.length === 0 ? 0 : Math.min(...times);
}

/** Sums up the machines of a message. */
export function summarize(devices: readonly DeviceDelivery[]): Summary {
  const byAccount = new Map<string, DeviceDelivery[]>();
  for (const device of devices) byAccount.set(device.account, [...(byAccount.get(device.account) ?? []), device]);
  const atLeast = (list: readonly DeviceDelivery[], least: DeviceState) => list.filter((device) => RANK[device.state] >= RANK[least]).length;
  const people = [...byAccount].map(([account, list]) => ({ account, devices: list, reached: atLeast(list, 'delivered'), read: atLeast(list, 'read') > 0 }));
  // Those who wait come first: they are what the reader came for.
  people.sort((a, b) => a.reached / a.devices.length - b.reached / b.devices.length);
  return {
    people,
    machines: devices.length,
    relayed: atLeast(devices, 'relayed'),
    reached: atLeast(devices, 'delivered'),
    read: people.filter((person) => person.read).length,
    relayedAt: first(devices, 'relayed'),
    reachedAt: first(devices, 'delivered'),
  };
}
