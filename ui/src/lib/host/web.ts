// A browser against the WebSocket of a command-line node; only in builds for tests and development.
// Invariant: every call is answered once, also when the connection ends.

import type { Error as ApiError, Event } from '../api/bindings';
import { copyText, toApiError, type Host } from './host';

/** Calls that may wait for an answer at the same time. */
const WAITING_MAX = 256;

interface Waiting {
  resolve: (answer: unknown) => void;
  reject: (error: ApiError) => void;
}

interface Incoming {
  id?: number;
  method?: string;
  params?: unknown;
  result?: unknown;
  error?: { message: string; data?: unknown };
}

function offline(message: string): ApiError {
  return { code: 'not_running', message, retry: true };
}

/** JSON-RPC 2.0 over one WebSocket. */
class Connection {
  readonly #socket: WebSocket;
  readonly #opened: Promise<void>;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #hear: (event: Event) => void = () => {};

  constructor(url: string) {
    this.#socket = new WebSocket(url);
    this.#opened = new Promise((resolve, reject) => {
      this.#socket.addEventListener('open', () => resolve(), { once: true });
      this.#socket.addEventListener('close', () => reject(offline('the node cannot be reached')), { once: true });
    });
    this.#opened.catch(() => {});
    this.#socket.addEventListener('close', () => this.#fail());
    this.#socket.addEventListener('message', (message) => this.#onMessage(JSON.parse(String(message.data)) as Incoming));
  }

  #fail(): void {
    for (const waiting of this.#waiting.values()) waiting.reject(offline('the connection to the node ended'));
    this.#waiting.clear();
  }

  #onMessage(message: Incoming): void {
    if (message.id === undefined) {
      if (message.method === 'event') this.#hear(message.params as Event);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error === undefined) waiting?.resolve(message.result);
    else waiting?.reject(toApiError(message.error.data ?? new Error(message.error.message)));
  }

  /** Sends one call and waits for its answer. */
  async call(method: string, params: unknown): Promise<unknown> {
    await this.#opened;
    if (this.#waiting.size >= WAITING_MAX) throw { ...offline('too many calls wait'), code: 'internal' } satisfies ApiError;
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    });
  }

  /** Asks for events and hears them. */
  async subscribe(hear: (event: Event) => void): Promise<void> {
    this.#hear = hear;
    await this.call('subscribe', {});
  }
}

/** The program around the page is a browser; the node listens at `url`. */
export function webHost(url: string): Host {
  const connection = new Connection(url);
  return {
    call: (method, params) => connection.call(method, params),
    subscribe: (hear) => connection.subscribe(hear),
    openLink: async (link) => {
      window.open(link, '_blank', 'noopener,noreferrer');
    },
    badge: async (count, title) => {
      document.title = count === 0 ? title : `(${count}) ${title}`;
    },
    copy: copyText,
  };
}
