// The window on one room's messages. Owns which rows are loaded; knows no element.
// Invariant: `rows` is one unbroken stretch of the room's timeline, never longer than `ROWS_MAX`.

import type { Event, Gap, Message, Room } from '../../lib/api/bindings';
import type { Client } from '../../lib/api/client';
import { Refresh } from '../../lib/refresh';

/** Messages of one page. */
export const PAGE = 50;
/** Rows kept at most; the far end is dropped. WebKitGTK mounts so many in under 70 ms. */
export const ROWS_MAX = 300;

/** The message with which the unread ones begin: the `unread`-th message of others from the end. */
export function firstUnread(rows: readonly Message[], unread: number, me: string): string | null {
  let left = unread;
  for (let i = rows.length - 1; i >= 0 && left > 0; i -= 1) {
    const row = rows[i];
    if (row !== undefined && row.sender !== me) {
      left -= 1;
      if (left === 0) return row.message;
    }
  }
  return null;
}

/** State of the open room's timeline. */
export class Timeline {
  room = $state<string | null>(null);
  rows = $state.raw<Message[]>([]);
  gaps = $state.raw<Gap[]>([]);
  loaded = $state(false);
  atOldest = $state(false);
  atNewest = $state(false);
  /** Where the unread line stands, until the room is left. */
  unreadFrom = $state<string | null>(null);
  unreadCount = $state(0);
  /** New messages of others since the newest row was last on screen; the component takes them back there. */
  below = $state(0);
  /** The newest late message that was not looked at. */
  late = $state.raw<Message | null>(null);
  /** The message to bring on screen; taken by the component. */
  target = $state<string | null>(null);
  /** The newest message of somebody else, for those who hear the page. */
  heard = $state.raw<Message | null>(null);

  readonly #client: Client;
  readonly #me: () => string;
  readonly #refresh: Refresh;
  #visit = 0;
  #queue: Promise<void> = Promise.resolve();

  constructor(client: Client, me: () => string) {
    this.#client = client;
    this.#me = me;
    this.#refresh = new Refresh(() => this.#enqueue((room) => this.#reread(room)));
  }

  /** Changes of the window happen one after the other; those of a room that was left do not happen. */
  #enqueue(change: (room: string) => Promise<(() => void) | void>): Promise<void> {
    const visit = this.#visit;
    const run = async (): Promise<void> => {
      if (visit !== this.#visit || this.room === null) return;
      const apply = await change(this.room);
      if (visit === this.#visit) apply?.();
    };
    const done = this.#queue.then(run);
    // Whoever asked hears of a failure; those behind it go on.
    this.#queue = done.catch(() => {});
    return done;
  }

  #list(room: string, page: { limit: number; before?: string | undefined; after?: string | undefined }): Promise<Message[]> {
    return this.#client.call('message_list', { room, limit: page.limit, before: page.before ?? null, after: page.after ?? null });
  }

  /** Leaves the open room. */
  close(): void {
    this.#visit += 1;
    this.room = null;
    this.rows = [];
    this.gaps = [];
    this.loaded = false;
    this.atOldest = false;
    this.atNewest = false;
    this.unreadFrom = null;
    this.unreadCount = 0;
    this.below = 0;
    this.late = null;
    this.target = null;
    this.heard = null;
  }

  /** Opens a room at its first unread message, or at its newest one, or at `message`. */
  async open(room: Room, message: string | null): Promise<void> {
    this.close();
    this.room = room.room;
    const visit = this.#visit;
    await this.#load(room);
    if (message !== null && visit === this.#visit) await this.show(message);
  }

  #load(room: Room): Promise<void> {
    return this.#enqueue(async (id) => {
      const gaps = await this.#client.call('room_gaps', { room: id });
      let rows = await this.#list(id, { limit: PAGE });
      let more = rows.length === PAGE;
      while (more && room.unread > 0 && rows.length + PAGE <= ROWS_MAX && firstUnread(rows, room.unread, this.#me()) === null) {
        const older = await this.#list(id, { limit: PAGE, before: rows[0]?.message });
        rows = [...older, ...rows];
        more = older.length === PAGE;
      }
      return () => {
        this.gaps = gaps;
        this.rows = rows;
        this.atOldest = !more;
        this.atNewest = true;
        this.loaded = true;
        this.unreadCount = room.unread;
        this.unreadFrom = room.unread > 0 ? (firstUnread(rows, room.unread, this.#me()) ?? rows[0]?.message ?? null) : null;
      };
    });
  }

  /** Loads the page before the window. */
  older(): Promise<void> {
    return this.#enqueue(async (id) => {
      const first = this.rows[0];
      if (this.atOldest || first === undefined) return;
      const page = await this.#list(id, { limit: PAGE, before: first.message });
      return () => {
        const rows = [...page, ...this.rows];
        if (rows.length > ROWS_MAX) this.atNewest = false;
        this.rows = rows.slice(0, ROWS_MAX);
        this.atOldest = page.length < PAGE;
      };
    });
  }

  /** Loads the page behind the window. */
  newer(): Promise<void> {
    return this.#enqueue(async (id) => {
      const last = this.rows.at(-1);
      if (this.atNewest || last === undefined) return;
      const page = await this.#list(id, { limit: PAGE, after: last.message });
      return () => {
        const rows = [...this.rows, ...page];
        if (rows.length > ROWS_MAX) this.atOldest = false;
        this.rows = rows.slice(-ROWS_MAX);
        this.atNewest = page.length < PAGE;
      };
    });
  }

  /** Goes to the newest message. */
  newest(): Promise<void> {
    return this.#enqueue(async (id) => {
      const rows = this.atNewest ? null : await this.#list(id, { limit: PAGE });
      return () => {
        if (rows !== null) {
          this.rows = rows;
          this.atOldest = rows.length < PAGE;
          this.atNewest = true;
        }
        this.below = 0;
        this.target = this.rows.at(-1)?.message ?? null;
      };
    });
  }

  /** Brings a message on screen, loading the window around it if it is far away. */
  show(message: string): Promise<void> {
    return this.#enqueue(async (id) => {
      if (this.rows.some((row) => row.message === message)) return () => void (this.target = message);
      const after = await this.#list(id, { limit: PAGE, after: message });
      // The page that ends with it; without a message behind it, that is the newest page.
      const before = await this.#list(id, { limit: PAGE, before: after[0]?.message });
      return () => {
        this.rows = [...before, ...after];
        this.atOldest = before.length < PAGE;
        this.atNewest = after.length < PAGE;
        this.target = message;
      };
    });
  }

  /** Reads the window again, in the same place. */
  async #reread(id: string): Promise<() => void> {
    const gaps = await this.#client.call('room_gaps', { room: id });
    if (this.atNewest) {
      const limit = Math.min(Math.max(this.rows.length, PAGE), ROWS_MAX);
      const rows = await this.#list(id, { limit });
      return () => {
        this.gaps = gaps;
        this.rows = rows;
        this.atOldest = this.atOldest && rows.length < limit;
      };
    }
    const last = this.rows.at(-1);
    const head = last === undefined ? [] : await this.#list(id, { limit: Math.max(this.rows.length - 1, 1), before: last.message });
    const tail = head.length === 0 ? [] : await this.#list(id, { limit: 1, after: head.at(-1)?.message });
    return () => {
      this.gaps = gaps;
      if (head.length > 0) this.rows = [...head, ...tail];
    };
  }

  /** Reads the window again; many events at once cost one reading. */
  reload(): Promise<void> {
    return this.#refresh.ask();
  }

  #onMessage(message: Message): Promise<void> | void {
    if (message.sender !== this.#me()) {
      this.heard = message;
      this.below += 1;
    }
    if (message.late) this.late = message;
    const last = this.rows.at(-1);
    const known = this.rows.some((row) => row.message === message.message);
    const next = last === undefined || message.at >= last.at;
    if (this.loaded && this.atNewest && next && !known && !message.late && this.rows.length < ROWS_MAX) {
      this.rows = [...this.rows, message];
      return;
    }
    return this.reload();
  }

  /** Patches the window after an event. */
  hear(event: Event): Promise<void> | void {
    if (event.event === 'resync') return this.room === null ? undefined : this.reload();
    if (!('room' in event) || event.room !== this.room) return;
    switch (event.event) {
      case 'message':
        return this.#onMessage(event);
      case 'receipt':
      case 'gap':
        return this.reload();
      default:
        return;
    }
  }
}
