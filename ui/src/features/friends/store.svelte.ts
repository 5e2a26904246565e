// Friends and contact requests. It must not know rooms or messages.
// Invariant: what is shown is the last snapshot of the node; nothing is changed here by guess.

import type { Added, Answered, Event, Friend, InviteInfo, Request, Set as Change } from '../../lib/api/bindings';
import { outcome, type Client } from '../../lib/api/client';
import { findName } from '../../lib/jamo';
import { Refresh } from '../../lib/refresh';

/** Name to show for a friend: the own name for him, else the one on his card. */
export function shownName(friend: Friend): string {
  return friend.alias ?? friend.name;
}

const collator = new Intl.Collator('ko');

function toldBy(answer: Answer): string {
  return answer.accepted ? 'accepted' : (answer.code ?? '');
}

/** Friends that a typed text finds, in Korean order. */
export function filterFriends(friends: readonly Friend[], query: string): Friend[] {
  return friends
    .filter((friend) => findName(query, shownName(friend)) !== null || findName(query, friend.name) !== null)
    .sort((a, b) => collator.compare(shownName(a), shownName(b)));
}

/** How somebody who was asked has answered. */
export type Answer = Extract<Event, { event: 'answer' }>;

/** State of the friends. */
export class FriendsStore {
  all = $state.raw<Friend[]>([]);
  requests = $state.raw<Request[]>([]);
  readonly shown = $derived(this.all.filter((friend) => !friend.hidden && !friend.blocked));
  readonly #client: Client;
  readonly #refresh: Refresh;
  /** Accounts that are being asked now, each with the answer that was heard meanwhile. */
  readonly #asking = new Map<string, Answer | null>();
  /** What was told where the person had asked, by account: `accepted`, or the code of the refusal. */
  readonly #told = new Map<string, string>();
  #tell: (answer: Answer) => void = () => {};

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

  /** Calls back with answers that nobody is waiting for. */
  onAnswer(tell: (answer: Answer) => void): void {
    this.#tell = tell;
  }

  /** Looks who a link is from, without sending anything. */
  look(link: string): Promise<InviteInfo> {
    return this.#client.call('invite_show', { link });
  }

  /**
   * Asks `account`, the inviter of a link. An answer that comes at once is the result of this call and is
   * told by the caller; the event about it, which comes before or after, is then no news.
   */
  async ask(account: string, link: string, greeting: string | null): Promise<Added> {
    this.#asking.set(account, null);
    this.#told.delete(account);
    const asked = await outcome(this.#client.call('friend_add', { link, greeting }));
    const heard = this.#asking.get(account) ?? null;
    this.#asking.delete(account);
    const result = !asked.ok ? asked.error.code : asked.value.state === 'friend' ? 'accepted' : null;
    if (heard !== null) {
      if (toldBy(heard) !== result) this.#tell(heard);
    } else if (result !== null) this.#told.set(account, result);
    if (!asked.ok) throw asked.error;
    return asked.value;
  }

  /** Hears how somebody has answered. */
  hearAnswer(answer: Answer): void {
    const { account } = answer;
    if (this.#asking.has(account)) {
      this.#asking.set(account, answer);
      return;
    }
    const told = this.#told.get(account);
    this.#told.delete(account);
    if (told !== toldBy(answer)) this.#tell(answer);
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
