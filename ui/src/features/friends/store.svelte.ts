// Friends and contact requests. It must not know rooms or messages.
// Invariant: what is shown is the last snapshot of the node; nothing is changed here by guess.

import type { Answered, Friend, Request, Set as Change } from '../../lib/api/bindings';
import type { Client } from '../../lib/api/client';
import { findName } from '../../lib/jamo';
import { Refresh } from '../../lib/refresh';

/** Name to show for a friend: the own name for him, else the one on his card. */
export function shownName(friend: Friend): string {
  return friend.alias ?? friend.name;
}

const collator = new Intl.Collator('ko');

/** Friends that a typed text finds, in Korean order. */
export function filterFriends(friends: readonly Friend[], query: string): Friend[] {
  return friends
    .filter((friend) => findName(query, shownName(friend)) !== null || findName(query, friend.name) !== null)
    .sort((a, b) => collator.compare(shownName(a), shownName(b)));
}

/** State of the friends. */
export class FriendsStore {
  all = $state.raw<Friend[]>([]);
  requests = $state.raw<Request[]>([]);
  readonly shown = $derived(this.all.filter((friend) => !friend.hidden && !friend.blocked));
  readonly #client: Client;
  readonly #refresh: Refresh;

  constructor(client: Client) {
    this.#client = client;
    this.#refresh = new Refresh(async () => {
      const [all, requests] = await Promise.all([client.call('friend_list', {}), client.call('friend_requests', {})]);
      this.all = all;
      this.requests = requests;
    });
  }

  /** Takes a fresh snapshot. */
  reload(): Promise<void> {
    return this.#refresh.ask();
  }

  /** The friend with this account, if there is one. */
  byAccount(account: string | null): Friend | undefined {
    return this.all.find((friend) => friend.account === account);
  }

  /** Accepts a contact request. */
  async accept(request: string): Promise<Answered> {
    const answered = await this.#client.call('friend_accept', { request });
    await this.reload();
    return answered;
  }

  /** Declines a contact request. */
  async decline(request: string): Promise<void> {
    await this.#client.call('friend_decline', { request });
    await this.reload();
  }

  /** Changes what is kept about a friend. */
  async change(account: string, change: Partial<Omit<Change, 'account'>>): Promise<void> {
    const nothing = { favourite: null, hidden: null, blocked: null, alias: null };
    await this.#client.call('friend_set', { account, ...nothing, ...change });
    await this.reload();
  }

  /** Ends a friendship on this side. */
  async remove(account: string): Promise<void> {
    await this.#client.call('friend_remove', { account });
    await this.reload();
  }
}
