// What the page needs from the program around it. The only folder that may know Tauri.
// Invariant: a failed call rejects with an `Error` of the contract, whatever the transport did.

import type { Error as ApiError, Event } from '../api/bindings';

/** The program around the page. */
export interface Host {
  /** One call of the contract; rejects with an error of the contract. */
  call(method: string, params: unknown): Promise<unknown>;
  /** Hears every event from now on. */
  subscribe(hear: (event: Event) => void): Promise<void>;
  /** Opens a web or mail link outside of the page. The person has agreed to it before. */
  openLink(url: string): Promise<void>;
  /** Shows the number of unread rooms on the icon and in the title. */
  badge(count: number, title: string): Promise<void>;
  /** Puts a text on the clipboard. */
  copy(text: string): Promise<void>;
}

/** Whether a rejected call carried an error of the contract. */
function isApiError(value: unknown): value is ApiError {
  return typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string' && 'message' in value;
}

/** Whatever a transport threw, as an error of the contract. */
export function toApiError(thrown: unknown): ApiError {
  if (isApiError(thrown)) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'internal', message, retry: false };
}

/** Puts a text on the clipboard of the page, also where the asynchronous interface is refused. */
export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'vh';
    const holder = document.querySelector('dialog[open]') ?? document.body;
    holder.append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    if (!copied) throw { code: 'denied', message: 'the clipboard is not available', retry: false } satisfies ApiError;
  }
}
