// The palette: finds people, rooms, messages and what can be done. Knows no element.
// Invariant: what is shown answers the text that is typed now, or says that it is still being looked for.

import type { Error as ApiError, Friend, Message, Room } from '../../lib/api/bindings';
import { outcome, type Client } from '../../lib/api/client';
import { findName } from '../../lib/jamo';
import { Refresh } from '../../lib/refresh';

/** Messages asked for; more than a person looks through. */
export const HITS_MAX = 100;
/** Rooms and people shown above the messages. */
export const PLACES_MAX = 6;
/** Messages around a hit that the preview shows, on each side. */
const AROUND = 3;

/** Something that can be done from the palette. */
export interface Deed {
  name: string;
  icon: string;
  keys: readonly string[];
  run: () => void;
}

/** A line of the palette. */
export type Entry =
  | { kind: 'room'; key: string; room: Room; title: string }
  | { kind: 'friend'; key: string; friend: Friend; title: string }
  | { kind: 'message'; key: string; message: Message }
  | { kind: 'deed'; key: string; deed: Deed };

/** What the palette looks through besides the messages. */
export interface Sources {
  rooms: readonly Room[];
  friends: readonly Friend[];
  titleOf: (room: Room) => string;
  nameOf: (friend: Friend) => string;
  deeds: readonly Deed[];
}

function finds(query: string, name: string): boolean {
  return findName(query, name) !== null;
}

/** Rooms and people that a text finds; a 1:1 stands for its friend. Without a text, the latest rooms. */
export function placesOf(query: string, { rooms, friends, titleOf, nameOf }: Sources): Entry[] {
  const found = rooms.filter((room) => finds(query, titleOf(room))).map((room): Entry => ({ kind: 'room', key: `room ${room.room}`, room, title: titleOf(room) }));
  if (query.trim() === '') return found.slice(0, PLACES_MAX);
  const shown = new Set(found.flatMap((entry) => (entry.kind === 'room' && entry.room.peer !== null ? [entry.room.peer] : [])));
  const people = friends
    .filter((friend) => !friend.blocked && !shown.has(friend.account) && (finds(query, nameOf(friend)) || finds(query, friend.name)))
    .map((friend): Entry => ({ kind: 'friend', key: `friend ${friend.account}`, friend, title: nameOf(friend) }));
  return [...found, ...people].slice(0, PLACES_MAX);
}

/** State of the palette while it is open. */
export class Finder {
  text = $state('');
  /** Only messages of this account. */
  sender = $state<string | null>(null);
  /** Only messages in this room. */
  room = $state<string | null>(null);
  hits = $state.raw<Message[]>([]);
  busy = $state(false);
  failed = $state.raw<ApiError | null>(null);
  /** How long the answer took, ms. */
  took = $state(0);
  /** Key of the chosen line; null while the first one is. */
  chosen = $state<string | null>(null);
  /** The chosen message with its neighbours, oldest first. */
  around = $state.raw<Message[]>([]);

  readonly #client: Client;
  readonly #clock: () => number;
  readonly #search: Refresh;
  #wanted = 0;

  constructor(client: Client, clock: () => number) {
    this.#client = client;
    this.#clock = clock;
    this.#search = new Refresh(() => this.#look());
  }

  /** Looks for a text. */
  async find(text: string): Promise<void> {
    this.text = text;
    this.chosen = null;
    this.busy = true;
    this.#wanted += 1;
    await this.#search.ask();
  }

  /** Narrows the messages to a sender, to a room, or to neither. */
  async narrow(sender: string | null, room: string | null): Promise<void> {
    this.sender = sender;
    this.room = room;
    await this.find(this.text);
  }

  async #look(): Promise<void> {
    const wanted = this.#wanted;
    const text = this.text.trim();
    const begun = this.#clock();
    const found = text === '' ? { ok: true as const, value: [] } : await outcome(this.#client.call('search', { text, room: this.room, from: this.sender, limit: HITS_MAX }));
    // Typed further meanwhile: the next look answers.
    if (wanted !== this.#wanted) return;
    this.took = this.#clock() - begun;
    this.hits = found.ok ? found.value : [];
    this.failed = found.ok ? null : found.error;
    this.busy = false;
  }

  /** Loads what stands around a hit. */
  async lookAround(hit: Message): Promise<void> {
    const { room, message } = hit;
    const list = (page: { before?: string; after?: string }) =>
      this.#client.call('message_list', { room, limit: AROUND, before: page.before ?? null, after: page.after ?? null });
    this.around = [hit];
    const [before, after] = await Promise.all([list({ before: message }), list({ after: message })]);
    if (this.around[0] === hit) this.around = [...before, hit, ...after];
  }
}
