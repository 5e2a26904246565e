//! What is under way with each peer in each room, and the order of its steps: authors, answers that are
//! awaited, then a new comparison.
//!
//! Invariants: of one room at most one comparison is under way with a peer; a step that waits has a timer.

use std::collections::BTreeMap;

use madang_crypto::VerifiedOp;
use madang_model::OpId;
use madang_p2p::PeerId;
use madang_store::{RoomRow, ops::Origin};
use madang_wire::{NegEnd, StreamBody, StreamErr};

use super::{
    budget::{Budget, Rounds, Work},
    bulk::{Bulk, Cursor},
    registers::Have,
    session::Session,
    vector::Vectors,
    waiting::Waiting,
    want::Wants,
};
use crate::{core::Core, error::Error, ingest::Source, timer::Due, turn::Turn};

/// The lower peer begins by itself when a room is opened; the higher one reminds it after this.
const LOWER_BEGINS_MS: u64 = 5_000;

/// State of reconciliation with connected peers.
#[derive(Debug, Default)]
pub(crate) struct Repair {
    pub(super) talks: BTreeMap<(PeerId, RoomRow), Talk>,
    pub(super) vectors: Vectors,
    /// Requests for ops that wait for a turn of their own.
    pub(super) waiting: Waiting,
    /// Outlives the connection, or connecting anew would be a way around it.
    budgets: BTreeMap<PeerId, Budget>,
    /// As the budgets, and it outlives the comparison, or beginning anew would be a way around it.
    rounds: BTreeMap<(PeerId, RoomRow), Rounds>,
    /// Where an unfinished transfer of history goes on, with whatever peer.
    pub(super) cursors: BTreeMap<RoomRow, Cursor>,
}

/// What is under way with one peer in one room.
#[derive(Debug, Default)]
pub(super) struct Talk {
    pub(super) session: Session,
    pub(super) wants: Wants,
    pub(super) bulk: Option<Bulk>,
    /// Something happened during the comparison that asks for another one.
    pub(super) again: bool,
    /// When the digest of registers was sent last, monotonic ms.
    pub(super) digest_sent: Option<u64>,
    /// When the list of registers was sent last, monotonic ms.
    pub(super) list_sent: Option<u64>,
    /// The registers that the peer has, while a comparison is under way: what it lacks goes out behind control ops.
    pub(super) registers_there: Option<Have>,
    /// When the accounts behind parked ops were asked for last, monotonic ms.
    pub(super) accounts_asked: Option<u64>,
}

impl Talk {
    /// Whether an op that came was asked for, and whether it was the last one of what is awaited.
    fn origin_of(&mut self, (hlc, id): Cursor) -> Option<(Origin, bool)> {
        if self.wants.came(&id) {
            return Some((Origin::Repair, self.wants.all_came()));
        }
        let bulk = self.bulk.as_mut()?;
        bulk.came((hlc, id)).then(|| (Origin::Bulk, bulk.is_complete()))
    }
}

impl Repair {
    /// Forgets what was under way with a peer; its budget stays.
    pub(crate) fn forget_peer(&mut self, peer: &PeerId) {
        self.talks.retain(|(other, _), _| other != peer);
        self.waiting.forget(peer);
    }

    pub(super) fn talk(&mut self, peer: PeerId, room: RoomRow) -> &mut Talk {
        self.talks.entry((peer, room)).or_default()
    }

    /// The budget of a peer at `now`, monotonic ms.
    pub(super) fn budget(&mut self, peer: PeerId, now: u64) -> &mut Budget {
        self.budgets.retain(|_, budget| !budget.is_over(now));
        self.budgets.entry(peer).or_insert_with(|| Budget::new(now))
    }

    /// The rounds of a room with a peer at `now`, monotonic ms.
    pub(super) fn rounds(&mut self, peer: PeerId, room: RoomRow, now: u64) -> &mut Rounds {
        self.rounds.retain(|_, rounds| !rounds.is_over(now));
        self.rounds.entry((peer, room)).or_insert_with(|| Rounds::new(now))
    }

    /// Whether a comparison of a room with a peer may begin or go on at `now`.
    pub(super) fn may_ask(&mut self, peer: PeerId, room: RoomRow, now: u64) -> bool {
        self.budget(peer, now).may_reconcile() && self.rounds(peer, room, now).may_ask()
    }
}

impl Core {
    /// A frame of reconciliation.
    pub(crate) fn repair_frame(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        body: StreamBody,
    ) -> Result<(), Error> {
        let tag = match &body {
            StreamBody::Want(want) => &want.tag,
            StreamBody::Neg(neg) => &neg.tag,
            StreamBody::NegEnd(end) => &end.tag,
            StreamBody::BulkGet(get) => &get.tag,
            StreamBody::BulkEnd(end) => &end.tag,
            StreamBody::RegHave(have) => &have.tag,
            _ => return Ok(()),
        };
        let Some(room) = self.room_of_tag(peer, tag).filter(|room| self.follows(peer, *room)) else {
            return Ok(());
        };
        match body {
            body @ (StreamBody::Want(_) | StreamBody::BulkGet(_)) => {
                self.serve_in_turn(turn, peer, room, body)
            }
            StreamBody::Neg(neg) => self.neg(turn, peer, room, &neg),
            StreamBody::NegEnd(_) => self.neg_end(turn, peer, room),
            StreamBody::BulkEnd(end) => {
                self.bulk_end(turn, peer, room, end.more);
                Ok(())
            }
            StreamBody::RegHave(have) => self.registers_there(turn, peer, room, &have),
            _ => Ok(()),
        }
    }

    /// The next step with a peer in a room: whatever is due of what is under way, else a new comparison.
    pub(crate) fn reconcile(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
    ) -> Result<(), Error> {
        if !self.follows(peer, room) {
            return Ok(());
        }
        self.find_authors(turn, peer, room)?;
        if !self.repair.talk(peer, room).session.is_alive(turn.now.mono) {
            self.serve_compared(turn, peer, room)?;
        }
        if self.bulk_due(turn, peer, room)? || self.wants_due(turn, peer, room)? {
            return Ok(());
        }
        let now = turn.now.mono;
        let lower = self.begins_with(peer);
        let talk = self.repair.talk(peer, room);
        if let Some(until) = talk.session.wait(now) {
            talk.again |= talk.session.is_under_way();
            self.timers.set(Due::Reconcile(peer, room), until);
            return Ok(());
        }
        let first = talk.session.begun.replace(now).is_none();
        if !self.repair.may_ask(peer, room, now) {
            self.registers_here(turn, peer, room)?;
            self.reconcile_later(turn, peer, room);
            return Ok(());
        }
        if lower {
            return self.ask(turn, peer, room);
        }
        if first {
            self.timers.set(Due::Reconcile(peer, room), now.saturating_add(LOWER_BEGINS_MS));
        } else {
            // The lower peer begins; this asks it to.
            self.say_end(turn, peer, room);
            self.reconcile_later(turn, peer, room);
        }
        Ok(())
    }

    /// Nothing is under way any more: the next comparison comes in its time, or soon if there is a reason.
    pub(super) fn settle(&mut self, turn: &mut Turn<'_>, peer: PeerId, room: RoomRow) -> Result<(), Error> {
        if !self.repair.talk(peer, room).session.is_under_way() {
            self.serve_compared(turn, peer, room)?;
        }
        let talk = self.repair.talk(peer, room);
        if talk.bulk.is_some() || !talk.wants.is_empty() || talk.session.is_under_way() {
            return Ok(());
        }
        let again = std::mem::take(&mut talk.again);
        let soon = talk.session.wait(turn.now.mono).unwrap_or_else(|| turn.now.mono.saturating_add(1));
        self.timers.cancel(|due| *due == Due::Reconcile(peer, room));
        if again {
            self.timers.set(Due::Reconcile(peer, room), soon);
        } else {
            self.reconcile_later(turn, peer, room);
        }
        Ok(())
    }

    /// How an op that came is marked: whether it was asked for here.
    pub(crate) fn origin_of(&mut self, source: &Source, room: RoomRow, op: &VerifiedOp) -> Origin {
        let Source::Stream { peer, .. } = source else { return source.origin() };
        let peer = *peer;
        let known = <[u8; 32]>::try_from(op.header.value().author.as_slice())
            .ok()
            .and_then(|author| self.directory.get(&author.into())?.account)
            .is_some();
        let id = OpId::from_bytes(op.id);
        let place = (op.header.value().hlc, id);
        let (origin, complete) = match self.repair.talks.get_mut(&(peer, room)) {
            Some(talk) => talk.origin_of(place).unwrap_or_else(|| (source.origin(), false)),
            None => (source.origin(), false),
        };
        if complete || !known {
            // Fires later in this turn, when the op has been taken or parked.
            self.timers.set(Due::Reconcile(peer, room), 0);
        }
        origin
    }

    /// Whether this side begins with the peer: the lower of the two.
    pub(super) fn begins_with(&self, peer: PeerId) -> bool {
        self.me.peer.to_bytes() < peer.to_bytes()
    }

    /// Whether both sides follow the room on their stream.
    pub(super) fn follows(&self, peer: PeerId, room: RoomRow) -> bool {
        self.peers.get(&peer).is_some_and(|link| link.open.contains_key(&room))
    }

    /// The name of the room on the stream with a peer.
    pub(super) fn tag_with(&self, peer: PeerId, room: RoomRow) -> Option<Vec<u8>> {
        Some(self.peers.get(&peer)?.open.get(&room)?.to_vec())
    }

    pub(super) fn say_end(&mut self, turn: &mut Turn<'_>, peer: PeerId, room: RoomRow) {
        if let Some(tag) = self.tag_with(peer, room) {
            self.frame(turn, peer, StreamBody::NegEnd(NegEnd { tag }));
        }
    }

    /// Refuses: the peer has used up what it may cost, or may not ask.
    pub(super) fn refuse(&mut self, turn: &mut Turn<'_>, peer: PeerId, room: RoomRow, code: &str) {
        if let Some(tag) = self.tag_with(peer, room) {
            self.frame(turn, peer, StreamBody::Err(StreamErr { code: code.to_owned(), tag }));
        }
    }

    pub(super) fn charge(&mut self, turn: &Turn<'_>, peer: PeerId, work: Work) {
        self.repair.budget(peer, turn.now.mono).charge(work);
    }
}
