//! Requests for ops that wait for a turn of their own (protocol section 9.1, `Want` and `BulkGet`).
//!
//! An answer may have 4 MiB, and all of a turn lies in memory until its commit. Invariants: a peer gets one answer in a
//! turn; what it asks for beyond a bounded number of waiting requests is refused.

use std::collections::{BTreeMap, VecDeque};

use madang_p2p::PeerId;
use madang_store::RoomRow;
use madang_wire::StreamBody;

use crate::{core::Core, error::Error, timer::Due, turn::Turn};

/// Requests of one peer that may wait. An honest one has one open for each room that it compares, so this is enough
/// when two people with many rooms in common meet again; with the largest `Want` it is half a megabyte.
const WAITING_MAX: usize = 16;

/// The requests that wait, by peer, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Waiting(BTreeMap<PeerId, VecDeque<(RoomRow, StreamBody)>>);

impl Waiting {
    /// Forgets what a peer has asked for.
    pub(super) fn forget(&mut self, peer: &PeerId) {
        self.0.remove(peer);
    }

    /// Whether something of a peer waits.
    fn has(&self, peer: &PeerId) -> bool {
        self.0.contains_key(peer)
    }

    /// Lets a request wait; answers whether there is room for it.
    fn push(&mut self, peer: PeerId, room: RoomRow, request: StreamBody) -> bool {
        let requests = self.0.entry(peer).or_default();
        let free = requests.len() < WAITING_MAX;
        if free {
            requests.push_back((room, request));
        }
        free
    }

    /// The request of a peer that has waited longest.
    fn pop(&mut self, peer: &PeerId) -> Option<(RoomRow, StreamBody)> {
        let requests = self.0.get_mut(peer)?;
        let first = requests.pop_front();
        if requests.is_empty() {
            self.0.remove(peer);
        }
        first
    }
}

impl Core {
    /// Serves a `Want` or `BulkGet` now, or in a later turn when the peer had its answer in this one.
    pub(super) fn serve_in_turn(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
        request: StreamBody,
    ) -> Result<(), Error> {
        if !self.repair.waiting.has(&peer) && turn.served.insert(peer) {
            return self.serve(turn, peer, room, &request);
        }
        if self.repair.waiting.push(peer, room, request) {
            self.timers.set(Due::Serve(peer), turn.now.mono.saturating_add(1));
        } else {
            self.refuse(turn, peer, room, "busy");
        }
        Ok(())
    }

    /// Serves the next request of a peer that waited for its turn.
    pub(crate) fn serve_waiting(&mut self, turn: &mut Turn<'_>, peer: PeerId) -> Result<(), Error> {
        if turn.served.insert(peer)
            && let Some((room, request)) = self.repair.waiting.pop(&peer)
            && self.follows(peer, room)
        {
            self.serve(turn, peer, room, &request)?;
        }
        if self.repair.waiting.has(&peer) {
            self.timers.set(Due::Serve(peer), turn.now.mono.saturating_add(1));
        }
        Ok(())
    }

    fn serve(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
        request: &StreamBody,
    ) -> Result<(), Error> {
        match request {
            StreamBody::Want(want) => self.serve_wanted(turn, peer, room, &want.ids),
            StreamBody::BulkGet(get) => self.serve_bulk(turn, peer, room, get),
            _ => Ok(()),
        }
    }
}
