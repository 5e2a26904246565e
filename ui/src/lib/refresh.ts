// Repeats a snapshot when asked, never twice at the same time. Knows nothing of what is fetched.
// Invariant: after `ask` a fetch starts that began later than the call, however often it was asked.

/** One snapshot that many events can ask for. */
export class Refresh {
  readonly #fetch: () => Promise<void>;
  #running: Promise<void> | null = null;
  #again = false;

  constructor(fetch: () => Promise<void>) {
    this.#fetch = fetch;
  }

  /** Asks for a fresh snapshot; settles when the last one that was asked for is there. */
  ask(): Promise<void> {
    if (this.#running !== null) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#run();
    return this.#running;
  }

  async #run(): Promise<void> {
    try {
      do {
        this.#again = false;
        await this.#fetch();
      } while (this.#again);
    } finally {
      this.#running = null;
    }
  }
}
