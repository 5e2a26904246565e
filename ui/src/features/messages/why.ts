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
  /** Machines that a relay keeps it for: one that has it need not have got it from there. */
  relayed: number;
  reached: number;
  read: number;
  /** When a relay took it, ms; 0 when none keeps it. */
  relayedAt: number;
  /** When the first machine had it, ms; 0 when none has or it is not known. */
  reachedAt: number;
}

function first(devices: readonly DeviceDelivery[]): number {
  const times = devices.filter((device) => device.at > 0).map((device) => device.at);
  return times.length === 0 ? 0 : Math.min(...times);
}

/** Sums up the machines of a message. */
export function summarize(devices: readonly DeviceDelivery[]): Summary {
  const byAccount = new Map<string, DeviceDelivery[]>();
  for (const device of devices) byAccount.set(device.account, [...(byAccount.get(device.account) ?? []), device]);
  const atLeast = (list: readonly DeviceDelivery[], least: DeviceState) => list.filter((device) => RANK[device.state] >= RANK[least]);
  const people = [...byAccount].map(([account, list]) => ({ account, devices: list, reached: atLeast(list, 'delivered').length, read: atLeast(list, 'read').length > 0 }));
  // Those who wait come first: they are what the reader came for.
  people.sort((a, b) => a.reached / a.devices.length - b.reached / b.devices.length);
  const waiting = devices.filter((device) => device.state === 'relayed');
  const arrived = atLeast(devices, 'delivered');
  return {
    people,
    machines: devices.length,
    relayed: waiting.length,
    reached: arrived.length,
    read: people.filter((person) => person.read).length,
    relayedAt: first(waiting),
    reachedAt: first(arrived),
  };
}
