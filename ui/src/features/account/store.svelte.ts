// The own account and the state of the home. Owns which big screen is shown.
// It must not know friends, rooms or messages. Invariant: words of a phrase live here only until they were shown.

import type { Account, Create, Created, Error as ApiError, Home } from '../../lib/api/bindings';
import { outcome, type Client, type Outcome } from '../../lib/api/client';

/** Which big screen is shown. */
export type Phase = 'loading' | 'empty' | 'phrase' | 'invite' | 'locked' | 'running' | 'fatal';

/** Key of the setting that says whether the phrase was written down: `confirmed`, `later:MS` or `without`. */
export const PHRASE_SETTING = 'ui.phrase';
/** How long after skipping the reminder comes, in ms. */
const REMIND_AFTER_MS = 3 * 86_400_000;

/** State of the account. */
export class AccountStore {
  phase = $state<Phase>('loading');
  me = $state.raw<Account | null>(null);
  version = $state('');
  error = $state.raw<ApiError | null>(null);
  created = $state.raw<Created | null>(null);
  remind = $state(false);
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Asks for the state of the home and chooses the screen. */
  async start(): Promise<void> {
    this.phase = 'loading';
    this.error = null;
    const home = await outcome(this.#client.call('home_state', {}));
    if (home.ok) await this.#enter(home.value);
    else this.fail(home.error);
  }

  /** Shows the screen of an error that stops everything. */
  fail(error: ApiError): void {
    if (error.code === 'locked') {
      this.phase = 'locked';
      return;
    }
    this.error = error;
    this.phase = 'fatal';
  }

  async #enter(home: Home): Promise<void> {
    this.version = home.version;
    if (home.state === 'running') await this.#run();
    else this.phase = home.state;
  }

  async #run(): Promise<void> {
    const me = await outcome(this.#client.call('account_show', {}));
    if (!me.ok) {
      this.fail(me.error);
      return;
    }
    this.me = me.value;
    if (this.phase !== 'phrase' && this.phase !== 'invite') this.phase = 'running';
  }

  /** Opens a locked home. */
  async unlock(passphrase: string): Promise<Outcome<Home>> {
    const home = await outcome(this.#client.call('home_unlock', { passphrase }));
    if (home.ok) await this.#enter(home.value);
    return home;
  }

  /** Makes the account; the phrase is shown next. */
  async create(params: Create): Promise<Outcome<Created>> {
    const created = await outcome(this.#client.call('account_create', params));
    if (created.ok) {
      this.created = created.value;
      this.phase = 'phrase';
      await this.#run();
    }
    return created;
  }

  /** Goes on behind the phrase; `confirmed` when the words were typed again. */
  async phraseDone(confirmed: boolean, now: number): Promise<Outcome<unknown>> {
    this.created = null;
    this.phase = 'invite';
    const value = confirmed ? 'confirmed' : `later:${now + REMIND_AFTER_MS}`;
    return outcome(this.#client.call('setting_set', { key: PHRASE_SETTING, value }));
  }

  /** Ends the first steps. */
  enter(): void {
    this.phase = 'running';
  }

  /** Looks whether it is time to ask about the phrase again. */
  async checkReminder(now: number): Promise<void> {
    const setting = await this.#client.call('setting_get', { key: PHRASE_SETTING });
    const due = /^later:(\d+)$/.exec(setting.value ?? '')?.[1];
    this.remind = due !== undefined && Number(due) <= now;
  }

  /** Answers the reminder, for good: the words were shown once, and asking again brings them no nearer. */
  async answerReminder(written: boolean): Promise<void> {
    this.remind = false;
    const value = written ? 'confirmed' : 'without';
    await this.#client.call('setting_set', { key: PHRASE_SETTING, value });
  }
}
