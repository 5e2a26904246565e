// Everything that lives as long as the page: the client, the stores, what was asked for from outside.
// Owns the order: subscribe first, then the snapshots. Invariant: a link from outside only ever opens a question.

import { createContext } from 'svelte';
import { AccountStore } from './features/account/store.svelte';
import { EmojiStore } from './features/emoji/store.svelte';
import { FriendsStore, shownName, type Answer } from './features/friends/store.svelte';
import { Timeline } from './features/messages/timeline.svelte';
import { NetworkStore } from './features/network/store.svelte';
import { NoticesStore } from './features/notices/store.svelte';
import { Drafts } from './features/rooms/drafts.svelte';
import { RoomsStore } from './features/rooms/store.svelte';
import { SettingsStore } from './features/settings/store.svelte';
import type { Event } from './lib/api/bindings';
import { Client, outcome } from './lib/api/client';
import { isCode } from './lib/errors';
import { toApiError, type Host } from './lib/host/host';
import { m } from './lib/paraglide/messages.js';
import { router } from './lib/route.svelte';
import { toasts } from './lib/ui/toasts.svelte';

/** Machines of somebody that came or went. */
type Machines = Extract<Event, { event: 'machines' }>;

/** What a page is made of. */
export class Session {
  readonly host: Host;
  readonly client: Client;
  readonly account: AccountStore;
  readonly friends: FriendsStore;
  readonly rooms: RoomsStore;
  readonly drafts: Drafts;
  readonly timeline: Timeline;
  readonly network: NetworkStore;
  readonly settings: SettingsStore;
  readonly emoji: EmojiStore;
  readonly notices: NoticesStore;
  /** A link that was handed to the program or clicked, waiting for the person's answer. */
  askedLink = $state<string | null>(null);
  /** A message to show once its room is open. */
  askedMessage = $state<string | null>(null);
  /** Whether an emoji is being chosen for the open room. */
  choosingEmoji = $state(false);
  /** Whether the open room is searched. */
  searching = $state(false);
  /** What the chosen list finds; one field per screen, emptied by Escape. */
  readonly query = $state({ friends: '', rooms: '' });

  constructor(host: Host) {
    this.host = host;
    this.client = new Client(host);
    this.account = new AccountStore(this.client);
    this.friends = new FriendsStore(this.client);
    this.notices = new NoticesStore(this.client, () => Date.now());
    this.rooms = new RoomsStore(this.client, (room) => this.notices.muted.has(room));
    this.drafts = new Drafts(this.client, (thrown) => toasts.failed(toApiError(thrown)));
    this.timeline = new Timeline(this.client, () => this.account.me?.account ?? '');
    this.network = new NetworkStore(this.client);
    this.settings = new SettingsStore(this.client);
    this.emoji = new EmojiStore(this.client);
    this.friends.onAnswer((answer) => this.#sayAnswer(answer));
    this.client.on((event) => this.attempt(this.#hear(event)));
  }

  /** Subscribes, then asks for the state of the home. */
  async start(): Promise<void> {
    const started = await outcome(this.client.start());
    if (!started.ok) this.account.fail(started.error);
    else await this.account.start();
  }

  /** Takes every snapshot; called when the node runs and when events were lost. */
  async load(): Promise<void> {
    await Promise.all([this.settings.load(), this.notices.load(), this.account.checkReminder(Date.now()), this.#reload()]);
  }

  async #reload(): Promise<void> {
    await Promise.all([this.friends.reload(), this.rooms.reload(), this.network.reload()]);
  }

  /** Waits for something that has no place on screen to fail in; a failure becomes a note. */
  attempt(work: Promise<unknown>): void {
    work.catch((thrown: unknown) => toasts.failed(toApiError(thrown)));
  }

  /** Opens a room, and a message in it. */
  openRoom(room: string, message: string | null = null): void {
    if (message !== null && this.timeline.room === room) this.attempt(this.timeline.show(message));
    else this.askedMessage = message;
    router.go('rooms', room);
  }

  /** Somebody who was asked earlier has answered. */
  #sayAnswer({ account, accepted, code }: Answer): void {
    const friend = this.friends.byAccount(account);
    if (accepted) toasts.done(m.add_answered({ name: friend === undefined ? m.network_unknown_person() : shownName(friend) }));
    else if (isCode(code)) toasts.failed({ code, message: '', retry: false });
    else toasts.done(m.add_refused());
  }

  /** Machines of a friend or of oneself came or went. */
  #sayMachines({ account, added, removed }: Machines): void {
    const friend = this.friends.byAccount(account);
    const own = account === this.account.me?.account;
    const name = own ? m.messages_of_you() : friend === undefined ? m.network_unknown_person() : shownName(friend);
    if (added.length > 0) toasts.done(m.network_machines_added({ name, machines: added.join(', ') }));
    if (removed.length > 0) toasts.done(m.network_machines_removed({ name, machines: removed.join(', ') }));
  }

  async #hear(event: Event): Promise<void> {
    switch (event.event) {
      case 'link':
        this.askedLink = event.link;
        return;
      case 'open':
        this.openRoom(event.room, event.message);
        return;
      case 'resync':
        await Promise.all([this.#reload(), this.timeline.hear(event)]);
        return;
      case 'friend':
      case 'request':
        await Promise.all([this.friends.reload(), this.rooms.reload()]);
        return;
      case 'answer':
        await Promise.all([this.friends.reload(), this.rooms.reload()]);
        this.friends.hearAnswer(event);
        return;
      case 'room':
      case 'incomplete_key':
        await this.rooms.reload();
        return;
      case 'machines':
        this.#sayMachines(event);
        await Promise.all([this.network.examine(), this.timeline.reload()]);
        return;
      case 'status':
        await this.network.reload();
        return;
      default:
        await this.timeline.hear(event);
    }
  }
}

/** The session of the page, for every component below App. */
export const [session, setSession] = createContext<Session>();
