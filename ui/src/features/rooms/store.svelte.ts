// The room list. It must not know what a message looks like on screen.
// Invariant: order, unread numbers and last lines are those of the node.

import type { Member, Room } from '../../lib/api/bindings';
import type { Client } from '../../lib/api/client';
import { findName } from '../../lib/jamo';
import { Refresh } from '../../lib/refresh';

/** Rooms that a typed text finds, in the order of the node. */
export function filterRooms(rooms: readonly Room[], query: string): Room[] {
  return query.trim() === '' ? [...rooms] : rooms.filter((room) => findName(query, room.title) !== null);
}

/** The room `step` places further in `rooms`, of the unread ones only if `unread`. */
export function neighbour(rooms: readonly Room[], current: string | null, step: 1 | -1, unread: boolean): Room | undefined {
  const at = rooms.findIndex((room) => room.room === current);
  const start = at < 0 ? (step === 1 ? -1 : rooms.length) : at;
  for (let i = start + step; i >= 0 && i < rooms.length; i += step) {
    const room = rooms[i];
    if (room !== undefined && (!unread || room.unread > 0)) return room;
  }
  return undefined;
}

/** State of the rooms. */
export class RoomsStore {
  all = $state.raw<Room[]>([]);
  loaded = $state(false);
  /** What counts on the icon: muted rooms do not. */
  readonly #counted = $derived(this.all.filter((room) => !this.#muted(room.room)));
  readonly unreadMessages = $derived(this.#counted.reduce((sum, room) => sum + room.unread, 0));
  readonly unreadRooms = $derived(this.#counted.filter((room) => room.unread > 0).length);
  readonly #client: Client;
  readonly #refresh: Refresh;
  readonly #muted: (room: string) => boolean;

  constructor(client: Client, muted: (room: string) => boolean = () => false) {
    this.#client = client;
    this.#muted = muted;
    this.#refresh = new Refresh(async () => {
      this.all = await client.call('room_list', {});
      this.loaded = true;
    });
  }

  /** Takes a fresh snapshot. */
  reload(): Promise<void> {
    return this.#refresh.ask();
  }

  /** The room with this id, if there is one. */
  byId(room: string | null): Room | undefined {
    return this.all.find((each) => each.room === room);
  }

  /** The people in a room. */
  members(room: string): Promise<Member[]> {
    return this.#client.call('room_members', { room });
  }

  /** Id of the 1:1 room with an account. */
  async direct(account: string): Promise<string> {
    const { room } = await this.#client.call('room_direct', { account });
    await this.reload();
    return room;
  }
}
