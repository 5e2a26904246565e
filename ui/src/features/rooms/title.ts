// What a room is called. The room with oneself has no title of its own.

import type { Room } from '../../lib/api/bindings';
import { m } from '../../lib/paraglide/messages.js';

/** Title to show. */
export function titleOf(room: Room): string {
  return room.kind === 'self' || room.title === '' ? m.rooms_self() : room.title;
}
