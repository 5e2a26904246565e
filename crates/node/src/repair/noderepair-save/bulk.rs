//! Fetching history as a whole, newest first, when more than half of a room is missing (protocol section
//! 9.1, `BulkGet`).
//!
//! Invariants: one request is open at a time; the cursor only goes back in time, and outlives the
//! connection, so that the transfer goes on where it stopped.

use madang_model::OpId;
use madang_p2p::PeerId;
use madang_store::RoomRow;
use madang_wire::{BulkGet, StreamBody, limits};

use crate::{core::Core, error::Error, timer::Due, turn::Turn};

/// A request without any answer for so long is given up.
const WAIT_MS: u64 = 10_000;
/// Ops are opened beside the engine: those that were sent before the end may come this much after it.
const SETTLE_MS: u64 = 250;

/// Ops before this place in descending (hlc, op id).
pub(super) type Cursor = (u64, OpId);

/// A transfer.
#[derive(Debug)]
pub(super) struct Bulk {
    cursor: Cursor,
    /// The oldest op that came of the open request.
    lowest: Cursor,
    /// Ops that came of the open request.
    got: u32,
    /// How many of them had come when it was last looked at.
    seen: u32,
    /// The end of the answer came, and whether there is more.
    ended: Option<bool>,
    /// When to look at it again, monotonic ms.
    until: u64,
}

impl Bulk {
    fn new(cursor: Cursor, now: u64) -> Self {
        Self { cursor, lowest: cursor, got: 0, seen: 0, ended: None, until: now.saturating_add(WAIT_MS) }
    }

    /// Takes note of an op; answers whether it belongs to the open request.
    pub(super) fn came(&mut self, place: Cursor) -> bool {
        let belongs = place < self.cursor;
        if belongs {
            self.got = self.got.saturating_add(1);
            self.lowest = self.lowest.min(place);
        }
        belongs
    }

    /// Whether all that one answer may hold has come, and its end.
    pub(super) fn is_complete(&self) -> bool {
        self.ended == Some(true) && self.got >= limits::BULK_OPS
    }
}

impl Core {
    /// Begins a transfer, or goes on with one that another connection left unfinished.
    pub(super) fn bulk_begin(&mut self, turn: &mut Turn<'_>, peer: PeerId, room: RoomRow) {
        let newest = (u64::MAX, OpId::from_bytes([0xff; 32]));
        let cursor = self.repair.cursors.get(&room).copied().unwrap_or(newest);
        self.bulk_get(turn, peer, room, cursor);
    }

    fn bulk_get(&mut self, turn: &mut Turn<'_>, peer: PeerId, room: RoomRow, cursor: Cursor) {
        let Some(tag) = self.tag_with(peer, room) else { return };
        self.repair.cursors.insert(room, cursor);
        let bulk = Bulk::new(cursor, turn.now.mono);
        self.timers.set(Due::Reconcile(peer, room), bulk.until);
        self.repair.talk(peer, room).bulk = Some(bulk);
        let get = BulkGet {
            tag,
            before_hlc: cursor.0,
            before_id: cursor.1.as_bytes().to_vec(),
            max: limits::BULK_OPS,
        };
        self.frame(turn, peer, StreamBody::BulkGet(get));
    }

    /// The end of an answer.
    pub(super) fn bulk_end(&mut self, turn: &Turn<'_>, peer: PeerId, room: RoomRow, more: bool) {
        let Some(bulk) = self.repair.talk(peer, room).bulk.as_mut() else { return };
        bulk.ended = Some(more);
        bulk.seen = bulk.got;
        bulk.until = turn.now.mono.saturating_add(SETTLE_MS);
        let due = if bulk.is_complete() { turn.now.mono } else { bulk.until };
        self.timers.set(Due::Reconcile(peer, room), due);
    }

    /// Goes on with a transfer; answers whether one is under way.
    pub(super) fn bulk_due(&mut self, turn: &mut Turn<'_>, peer: PeerId, room: RoomRow) -> Result<bool, Error> {
        let now = turn.now.mono;
        let Some(bulk) = self.repair.talk(peer, room).bulk.as_mut() else { return Ok(false) };
        if now < bulk.until && !bulk.is_complete() {
            self.timers.set(Due::Reconcile(peer, room), bulk.until);
            return Ok(true);
        }
        if bulk.got > bulk.seen && !bulk.is_complete() {
            // Still coming.
            bulk.seen = bulk.got;
            bulk.until = now.saturating_add(if bulk.ended.is_some() { SETTLE_MS } else { WAIT_MS });
            self.timers.set(Due::Reconcile(peer, room), bulk.until);
            return Ok(true);
        }
        let (ended, got, lowest) = (bulk.ended, bulk.got, bulk.lowest);
        if ended == Some(false) {
            // That was all; a comparison finds what is newer than its beginning.
            self.repair.cursors.remove(&room);
            self.repair.talk(peer, room).bulk = None;
            return Ok(false);
        }
        if got > 0 {
            self.bulk_get(turn, peer, room, lowest);
            return Ok(true);
        }
        // The peer has nothing to give or does not answer: the cursor stays for another one.
        self.repair.talk(peer, room).bulk = None;
        self.timers.cancel(|due| *due == Due::Reconcile(peer, room));
        self.reconcile_later(turn, peer, room);
        Ok(true)
    }
}
