// A node in memory, for unit tests and for looking at the page without a network. Never in a release.
// Owns a small but consistent state; invariant: it answers every call of the contract as a node would.

import { copyText, type Host } from '../host/host';
import type { Calls, Code, DeviceDelivery, Error as ApiError, Event, Friend, Gap, Invite, Message, Relay, Request, Room, Status } from './bindings';
import { METHODS } from './bindings';

/** What a fake node starts with. */
export interface Seed {
  home: 'empty' | 'locked' | 'running';
  passphrase: string;
  account: string;
  name: string;
  friends: Friend[];
  requests: Request[];
  rooms: Omit<Room, 'last'>[];
  messages: Message[];
  gaps: Gap[];
  relays: Relay[];
  peers: Status['peers'];
  clockOffset: number | null;
}

/** An empty home. */
export function emptySeed(): Seed {
  return { home: 'empty', passphrase: '', account: 'me', name: '', friends: [], requests: [], rooms: [], messages: [], gaps: [], relays: [], peers: [], clockOffset: null };
}

const WORDS = 'courtyard lantern maple rice paper river candle stone autumn bridge cotton garden harvest island jacket kitchen ladder market neighbor orchard pepper silver teapot window'.split(' ');
const QR = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 21 21" shape-rendering="crispEdges"><path fill="#26211a" d="M0 0h7v7H0zm1 1v5h5V1zM14 0h7v7h-7zm1 1v5h5V1zM0 14h7v7H0zm1 1v5h5v-5zM2 2h3v3H2zm14 0h3v3h-3zM2 16h3v3H2zM9 1h1v2H9zm2 2h2v1h-2zM8 5h2v2H8zm3 3h4v2h-4zm6 1h3v2h-3zM9 12h3v2H9zm5 1h2v4h-2zm4 2h2v3h-2zM9 17h3v2H9z"/></svg>';

type Answers = { [M in keyof Calls]: (params: Calls[M]['params']) => Calls[M]['answer'] };

function fail(code: Code, message: string): never {
  throw { code, message, retry: code === 'offline' } satisfies ApiError;
}

/** A node in memory. */
export class FakeNode implements Host {
  readonly seed: Seed;
  /** Calls that were made, for tests. */
  readonly calls: { method: string; params: unknown }[] = [];
  /** Codes with which calls fail until they are taken out. */
  readonly failures = new Map<string, Code>();
  /** Links that were opened, for tests. */
  readonly opened: string[] = [];
  /** The unread rooms that the badge shows. */
  shownBadge = 0;
  /** Time of the next message, ms. */
  now: () => number;
  readonly #settings = new Map<string, string>();
  readonly #invites: Invite[] = [];
  #hear: (event: Event) => void = () => {};
  #lastId = 0;

  constructor(seed: Seed, now: () => number = () => Date.now()) {
    this.seed = seed;
    this.now = now;
  }

  async call(method: string, params: unknown): Promise<unknown> {
    this.calls.push({ method, params });
    await Promise.resolve();
    const failure = this.failures.get(method);
    if (failure !== undefined) fail(failure, `${method} was told to fail`);
    if (!METHODS.some((known) => known === method)) fail('usage', `no such call: ${method}`);
    const answer = this.#answers[method as keyof Calls] as (params: unknown) => unknown;
    return structuredClone(answer(params));
  }

  async subscribe(hear: (event: Event) => void): Promise<void> {
    this.#hear = hear;
  }

  async openLink(url: string): Promise<void> {
    this.opened.push(url);
  }

  async badge(count: number, title: string): Promise<void> {
    this.shownBadge = count;
    document.title = count === 0 ? title : `(${count}) ${title}`;
  }

  copy(text: string): Promise<void> {
    return copyText(text);
  }

  /** Tells the page something, as a node would after a commit. */
  emit(event: Event): void {
    this.#hear(structuredClone(event));
  }

  /** Somebody writes: the message is kept and told. */
  receive(room: string, sender: string, senderName: string, text: string, more: Partial<Message> = {}): Message {
    const message = this.#message(room, sender, senderName, text, more);
    if (message.late) this.seed.messages.sort((a, b) => a.at - b.at);
    const kept = this.seed.rooms.find((each) => each.room === room);
    if (kept !== undefined) kept.unread += 1;
    this.emit({ event: 'message', ...message });
    this.emit({ event: 'room', room });
    return message;
  }

  /** Changes a message as delivery does. */
  advance(message: string, change: Partial<Message>): void {
    const kept = this.seed.messages.find((each) => each.message === message);
    if (kept === undefined) return;
    Object.assign(kept, change);
    this.emit({ event: 'receipt', room: kept.room, messages: [message] });
  }

  #message(room: string, sender: string, senderName: string, text: string, more: Partial<Message> = {}): Message {
    this.#lastId += 1;
    const message: Message = {
      message: `new-${this.#lastId}`, room, sender, sender_name: senderName, text, at: this.now(), kind: 'text', state: null,
      unread: null, late: false, edited: false, deleted: false, reply: null, reactions: [], ...more,
    };
    this.seed.messages.push(message);
    return message;
  }

  #room(id: string): Omit<Room, 'last'> {
    return this.seed.rooms.find((each) => each.room === id) ?? fail('not_found', 'no such room');
  }

  #friend(account: string): Friend {
    return this.seed.friends.find((each) => each.account === account) ?? fail('not_found', 'no such friend');
  }

  #rooms(): Room[] {
    const last = (room: string) => this.seed.messages.filter((each) => each.room === room).at(-1) ?? null;
    return this.seed.rooms.map((room) => ({ ...room, last: last(room.room) })).sort((a, b) => (b.last?.at ?? 0) - (a.last?.at ?? 0));
  }

  #page({ room, limit, before, after }: Calls['message_list']['params']): Message[] {
    const all = this.seed.messages.filter((each) => each.room === this.#room(room).room);
    const end = before === null ? all.length : all.findIndex((each) => each.message === before);
    const start = after === null ? 0 : all.findIndex((each) => each.message === after) + 1;
    const part = all.slice(start, end);
    return after === null ? part.slice(-(limit ?? 50)) : part.slice(0, limit ?? 50);
  }

  #open(name: string): void {
    this.seed.home = 'running';
    if (name !== '') this.seed.name = name;
    if (this.seed.rooms.length === 0) this.seed.rooms.push({ room: 'self', kind: 'self', title: '', peer: null, unread: 0, members: 1, missing: 0, incomplete_keys: 0 });
  }

  #created(name: string): Calls['account_create']['answer'] {
    if (this.seed.home !== 'empty') fail('exists', 'the home has an account');
    this.#open(name);
    return { account: this.seed.account, device: 'this', name, phrase: WORDS, warning: null };
  }

  #befriend(account: string, name: string): string {
    const room = `room-${account}`;
    this.seed.friends.push({ account, name, alias: null, favourite: false, hidden: false, blocked: false, room });
    this.seed.rooms.push({ room, kind: 'direct', title: name, peer: account, unread: 0, members: 2, missing: 0, incomplete_keys: 0 });
    this.emit({ event: 'friend', account });
    this.emit({ event: 'room', room });
    return room;
  }

  #answered(request: string, accept: boolean): Calls['friend_accept']['answer'] {
    const at = this.seed.requests.findIndex((each) => each.request === request);
    const asked = this.seed.requests[at] ?? fail('not_found', 'no such request');
    this.seed.requests.splice(at, 1);
    return { friend: asked.account, room: accept ? this.#befriend(asked.account, asked.name) : null };
  }

  #why(id: string): Calls['message_why']['answer'] {
    const message = this.seed.messages.find((each) => each.message === id) ?? fail('not_found', 'no such message');
    const reached = message.state === 'read' || message.state === 'delivered' ? message.state : message.state === 'relayed' ? 'relayed' : 'queued';
    const reason = { queued: 'not_reached', relayed: 'waits_at_relay', delivered: null, read: null }[reached];
    const devices: DeviceDelivery[] = this.seed.friends.slice(0, Math.max(1, this.#room(message.room).members - 1)).flatMap((friend, i) => [
      { account: friend.account, device: `${friend.account}-1`, state: reached, at: message.at + 1_000 * (i + 1), reason },
      ...(i === 0 ? [{ account: friend.account, device: `${friend.account}-2`, state: 'relayed' as const, at: message.at + 900, reason: 'waits_at_relay' }] : []),
    ]);
    return { message: id, devices };
  }

  readonly #answers: Answers = {
    home_state: () => ({ state: this.seed.home, version: '0.1.0' }),
    home_unlock: ({ passphrase }) => {
      if (passphrase !== this.seed.passphrase) fail('wrong_secret', 'wrong passphrase');
      this.#open('');
      return { state: 'running', version: '0.1.0' };
    },
    account_create: ({ name }) => this.#created(name),
    account_restore: () => fail('offline', 'this version cannot ask a relay for the account'),
    account_show: () => ({ account: this.seed.account, device: 'this', name: this.seed.name, relays: this.seed.relays.map((relay) => relay.addr) }),
    setting_get: ({ key }) => ({ key, value: this.#settings.get(key) ?? null }),
    setting_set: ({ key, value }) => {
      if (value === null) this.#settings.delete(key);
      else this.#settings.set(key, value);
      return { key, value };
    },
    status: () => ({
      account: this.seed.account, device: 'this', addrs: ['/ip4/192.168.0.7/tcp/4100'], peers: this.seed.peers, relays: this.seed.relays,
      outbox: this.seed.messages.filter((each) => each.state === 'sending' || each.state === 'relayed').length, repaired: 0, clock_offset_ms: this.seed.clockOffset,
    }),
    net_why: () => this.seed.friends.slice(0, 4).map((friend, i) => ({ account: friend.account, device: `${friend.account}-1`, path: ['gossip', 'stream', 'relay', 'none'][i] ?? 'none', reason: ['gossip', 'stream', 'log', 'nothing_sent'][i] ?? 'nothing_sent', connection: i === 0 ? 'direct' : 'none', since: this.now(), waiting: 0, at_relay: 0 })),
    relay_add: ({ addr }) => {
      if (!addr.includes('/p2p/')) fail('usage', 'the address has no /p2p/ part');
      this.seed.relays.push({ addr, state: 'connecting', reason: null });
      return this.seed.relays;
    },
    relay_remove: ({ addr }) => {
      this.seed.relays = this.seed.relays.filter((relay) => relay.addr !== addr);
      return this.seed.relays;
    },
    relay_list: () => this.seed.relays,
    invite_create: ({ once, expires_hours }) => {
      const invite = { invite: `invite-${this.#invites.length + 1}`, once, expires: this.now() + (expires_hours ?? 168) * 3_600_000, used: 0, revoked: false };
      this.#invites.push(invite);
      return { link: `madang://i/${invite.invite}#k7Qm2vXc9pLw4RtZs8NbYd`, invite: invite.invite, qr: QR };
    },
    invite_list: () => this.#invites,
    invite_revoke: ({ invite }) => {
      const kept = this.#invites.find((each) => each.invite === invite) ?? fail('not_found', 'no such invite');
      kept.revoked = true;
      return kept;
    },
    invite_show: ({ link }) => (link.startsWith('madang://') ? { account: 'mina-new', name: '김미나', verified: true } : fail('bad_link', 'not one of our links')),
    friend_add: () => ({ friend: 'mina-new', state: 'requested' }),
    friend_requests: () => this.seed.requests,
    friend_accept: ({ request }) => this.#answered(request, true),
    friend_decline: ({ request }) => this.#answered(request, false),
    friend_remove: ({ account }) => {
      const friend = this.#friend(account);
      this.seed.friends = this.seed.friends.filter((each) => each.account !== account);
      return friend;
    },
    friend_list: () => this.seed.friends,
    friend_set: ({ account, favourite, hidden, blocked, alias }) => {
      const friend = this.#friend(account);
      if (favourite !== null) friend.favourite = favourite;
      if (hidden !== null) friend.hidden = hidden;
      if (blocked !== null) friend.blocked = blocked;
      if (alias !== null) friend.alias = alias === '' ? null : alias;
      return friend;
    },
    room_list: () => this.#rooms(),
    room_direct: ({ account }) => ({ room: this.#friend(account).room }),
    room_history: () => ({ history: 'all', since: null }),
    room_members: ({ room }) => {
      const me = { account: this.seed.account, name: this.seed.name, role: 'owner' };
      const others = this.seed.friends.slice(0, this.#room(room).members - 1).map((friend) => ({ account: friend.account, name: friend.name, role: 'member' }));
      return [me, ...others];
    },
    room_read: ({ room }) => {
      this.#room(room).unread = 0;
      this.emit({ event: 'room', room });
      return { room };
    },
    room_gaps: ({ room }) => this.seed.gaps.filter((gap) => gap.room === room),
    message_send: ({ room, text, reply }) => {
      const { members } = this.#room(room);
      const message = this.#message(room, this.seed.account, this.seed.name, text, { state: 'sending', unread: members - 1, reply });
      this.emit({ event: 'message', ...message });
      this.emit({ event: 'room', room });
      return { message: message.message, room, at: message.at };
    },
    message_list: (params) => this.#page(params),
    message_why: ({ message }) => this.#why(message),
    search: ({ text, room, from, limit }) =>
      this.seed.messages
        .filter((each) => each.text?.includes(text) === true && (room === null || each.room === room) && (from === null || each.sender === from))
        .reverse()
        .slice(0, limit ?? 50),
  };
}
