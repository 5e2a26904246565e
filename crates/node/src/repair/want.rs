//! Ops that are known to be missing, asked for by their ids (protocol section 9.1, `Want`), and the
//! accounts behind ops whose author is not known.
//!
//! Invariants: at most one `Want` is open with a peer in a room; an id that nobody answers is forgotten
//! after two peers, and found again by a later comparison.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use madang_model::{DeviceId, OpId};
use madang_p2p::PeerId;
use madang_store::{RoomRow, ops, parked};
use madang_wire::{StreamBody, Want, limits};

use crate::{core::Core, error::Error, timer::Due, turn::Turn};

/// A `Want` without any answer for so long is given up.
const WAIT_MS: u64 = 10_000;
/// Peers that are asked for the same op.
const TRIES: u8 = 2;
/// Ids that may wait to be asked for, per peer and room: what one comparison finds, and what others did
/// not answer.
const QUEUE: usize = 110_000;
/// Accounts of a room with parked ops are asked for this often.
const ACCOUNTS_EVERY_MS: u64 = 30_000;
/// An account log has come after this, or does not come.
const ACCOUNTS_WAIT_MS: u64 = 2_000;
/// Accounts asked for at once.
const ACCOUNTS: usize = 16;

/// Ids to ask one peer for, with the number of peers that were asked before.
#[derive(Debug, Default)]
pub(super) struct Wants {
    queue: VecDeque<(OpId, u8)>,
    asked: BTreeMap<OpId, u8>,
    /// Number of asked ids that were open when it was last looked at.
    open: usize,
    /// When to look at it again, monotonic ms.
    until: u64,
}

impl Wants {
    pub(super) fn add(&mut self, ids: BTreeSet<OpId>) {
        self.add_tried(ids.into_iter().map(|id| (id, 0)));
    }

    fn add_tried(&mut self, ids: impl IntoIterator<Item = (OpId, u8)>) {
        let free = QUEUE.saturating_sub(self.queue.len());
        self.queue.extend(ids.into_iter().take(free));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.asked.is_empty()
    }

    /// Takes note of an op; answers whether it was asked for.
    pub(super) fn came(&mut self, id: &OpId) -> bool {
        self.asked.remove(id).is_some()
    }

    /// Whether the open `Want` is answered.
    pub(super) fn all_came(&self) -> bool {
        self.asked.is_empty()
    }
}

impl Core {
    /// Looks at what was asked for and asks for the next; answers whether this is under way.
    pub(super) fn wants_due(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
    ) -> Result<bool, Error> {
        let now = turn.now.mono;
        let wants = &mut self.repair.talk(peer, room).wants;
        if !wants.asked.is_empty() && now < wants.until {
            self.timers.set(Due::Reconcile(peer, room), wants.until);
            return Ok(true);
        }
        // What came another way need not be waited for.
        let asked: Vec<(OpId, u8)> = std::mem::take(&mut wants.asked).into_iter().collect();
        let progress = asked.len() < wants.open;
        let open = self.still_missing(turn, asked)?;
        if !open.is_empty() && !progress {
            self.give_up(turn, peer, room, open);
            return Ok(true);
        }
        let mut batch = open;
        while batch.len() < limits::WANT_IDS {
            let wants = &mut self.repair.talk(peer, room).wants;
            let free = limits::WANT_IDS.saturating_sub(batch.len()).min(wants.queue.len());
            if free == 0 {
                break;
            }
            let next = wants.queue.drain(..free).collect();
            batch.extend(self.still_missing(turn, next)?);
        }
        let Some(tag) = self.tag_with(peer, room).filter(|_| !batch.is_empty()) else { return Ok(false) };
        let ids = batch.iter().map(|(id, _)| id.as_bytes().to_vec()).collect();
        let wants = &mut self.repair.talk(peer, room).wants;
        wants.asked = batch.into_iter().collect();
        wants.open = wants.asked.len();
        wants.until = now.saturating_add(WAIT_MS);
        self.timers.set(Due::Reconcile(peer, room), wants.until);
        self.frame(turn, peer, StreamBody::Want(Want { tag, ids }));
        Ok(true)
    }

    fn still_missing(&self, turn: &Turn<'_>, ids: Vec<(OpId, u8)>) -> Result<Vec<(OpId, u8)>, Error> {
        let plain: Vec<OpId> = ids.iter().map(|(id, _)| *id).collect();
        let here = ops::exists(turn.db, &plain)?;
        Ok(ids.into_iter().zip(here).filter(|(_, here)| !here).map(|(id, _)| id).collect())
    }

    /// The peer does not answer: another one may have them. With this one there is a pause.
    fn give_up(&mut self, turn: &Turn<'_>, peer: PeerId, room: RoomRow, open: Vec<(OpId, u8)>) {
        let wants = &mut self.repair.talk(peer, room).wants;
        let queue = std::mem::take(&mut wants.queue);
        wants.open = 0;
        if let Some(other) = self.peers_in(room).into_iter().find(|other| *other != peer) {
            let again = open.into_iter().map(|(id, tries)| (id, tries.saturating_add(1)));
            let again = again.chain(queue).filter(|(_, tries)| *tries < TRIES);
            self.repair.talk(other, room).wants.add_tried(again);
            self.timers.set(Due::Reconcile(other, room), turn.now.mono.saturating_add(1));
        }
        self.timers.cancel(|due| *due == Due::Reconcile(peer, room));
        self.reconcile_later(turn, peer, room);
    }

    /// Takes parked ops whose author is known by now, and asks for the account logs of the room while
    /// there are others.
    pub(super) fn find_authors(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
    ) -> Result<(), Error> {
        let authors: Vec<DeviceId> = parked::unknown_authors(turn.db)?
            .into_iter()
            .filter(|(parked_in, _, _)| *parked_in == room)
            .map(|(_, author, _)| author)
            .collect();
        let (known, unknown): (Vec<_>, Vec<_>) = authors.into_iter().partition(|author| {
            let account = self.directory.get(author).and_then(|known| known.account);
            account.is_some_and(|account| self.rooms.get(&room).is_some_and(|r| r.has_member(&account)))
        });
        for author in known {
            self.unpark_ops(turn, room, &author)?;
        }
        let now = turn.now.mono;
        let talk = self.repair.talk(peer, room);
        let asked = talk.accounts_asked.is_some_and(|at| now.saturating_sub(at) < ACCOUNTS_EVERY_MS);
        if unknown.is_empty() || asked {
            return Ok(());
        }
        talk.accounts_asked = Some(now);
        let members: Vec<_> = self
            .rooms
            .get(&room)
            .map(|r| r.members.iter().take(ACCOUNTS).copied().collect())
            .unwrap_or_default();
        for account in members {
            self.ask_account(turn, peer, account);
        }
        // By then the answer is here.
        self.timers.set(Due::Reconcile(peer, room), now.saturating_add(ACCOUNTS_WAIT_MS));
        Ok(())
    }
}
