// Typed calls and events. Owns the only road from the page to the node; knows no transport.
// Invariant: a rejected call carries an error of the contract.

import type { Host } from '../host/host';
import { toApiError } from '../host/host';
import type { Calls, Error as ApiError, Event } from './bindings';

/** Name of a call. */
export type Method = keyof Calls;

/** Calls the node and hears its events. */
export class Client {
  readonly #host: Host;
  readonly #listeners = new Set<(event: Event) => void>();

  constructor(host: Host) {
    this.#host = host;
  }

  /** One call of the contract. */
  async call<M extends Method>(method: M, params: Calls[M]['params']): Promise<Calls[M]['answer']> {
    try {
      return (await this.#host.call(method, params)) as Calls[M]['answer'];
    } catch (thrown) {
      throw toApiError(thrown);
    }
  }

  /** Starts to hear events; call it once, before the first snapshot. */
  async start(): Promise<void> {
    await this.#host.subscribe((event) => {
      for (const hear of [...this.#listeners]) hear(event);
    });
  }

  /** Hears every event until the returned function is called. */
  on(hear: (event: Event) => void): () => void {
    this.#listeners.add(hear);
    return () => {
      this.#listeners.delete(hear);
    };
  }
}

/** A call either answers or fails with a code; for those who show both in place. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; error: ApiError };

/** Waits for a call without throwing. */
export async function outcome<T>(call: Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await call };
  } catch (thrown) {
    return { ok: false, error: toApiError(thrown) };
  }
}
