//! A comparison of a room with one peer: negentropy over ranges of the clock, the newest first (protocol
//! section 9.2).
//!
//! The one who asks learns what it lacks. So both ask in turn: first the lower peer, then, told by
//! `NegEnd`, the higher one, whose `NegEnd` closes the comparison. A `NegEnd` of the higher peer out of
//! the blue asks the lower one to begin. It must not know how ops are fetched. Invariants: at most 64
//! rounds an hour in each direction, however often one begins anew; a message of the peer can neither grow memory nor work beyond named bounds.

use std::{collections::BTreeSet, sync::Arc};

use madang_model::{
    Hlc, OpId,
    limits::DAY_MS,
    visible::{self, Class},
};
use madang_p2p::PeerId;
use madang_store::RoomRow;
use madang_wire::{Neg, StreamBody, limits};
use negentropy::{Item, Negentropy};

use super::{
    budget::Work,
    vector::{Range, Readers, Stamp},
};
use crate::{core::Core, error::Error, timer::Due, turn::Turn};

/// The newest range reaches so far back.
const NEWEST_MS: u64 = 30 * DAY_MS;
/// A comparison without a sign of life for so long counts as broken off.
const STALE_MS: u64 = 30_000;
/// Between the beginnings of two comparisons of a room with a peer.
const PAUSE_MS: u64 = 1_000;
/// Ids that one comparison may find missing; 3 MB. The next one finds the others.
const NEED: usize = 100_000;
/// Fewer missing ops than this are asked for by id, however few are here.
const BULK_LEAST: usize = 256;

/// Whose question is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Idle,
    /// This side asks.
    Asking,
    /// The peer asks, or is to.
    Answering,
}

/// A comparison.
#[derive(Debug, Default)]
pub(super) struct Session {
    phase: Phase,
    /// The range in question, from its first clock value to before its last.
    range: (u64, u64),
    rest: Vec<(u64, u64)>,
    need: BTreeSet<OpId>,
    /// Last sign of life, monotonic ms.
    at: u64,
    /// When one was begun last, monotonic ms.
    pub(super) begun: Option<u64>,
}

impl Session {
    pub(super) fn is_under_way(&self) -> bool {
        self.phase != Phase::Idle
    }

    /// Until when no comparison may begin, if that is after `now`.
    pub(super) fn wait(&self, now: u64) -> Option<u64> {
        let alive = self.is_under_way().then(|| self.at.saturating_add(STALE_MS));
        let pause = self.begun.map(|begun| begun.saturating_add(PAUSE_MS));
        alive.into_iter().chain(pause).filter(|until| *until > now).max()
    }

    /// Whether a comparison is under way and the peer is heard of.
    pub(super) fn is_alive(&self, now: u64) -> bool {
        self.is_under_way() && !self.is_stale(now)
    }

    fn is_stale(&self, now: u64) -> bool {
        now.saturating_sub(self.at) >= STALE_MS
    }

    fn enter(&mut self, phase: Phase, now: u64) {
        (self.phase, self.at) = (phase, now);
    }
}

impl Core {
    /// Asks, beginning with the newest range.
    pub(super) fn ask(&mut self, turn: &mut Turn<'_>, peer: PeerId, room: RoomRow) -> Result<(), Error> {
        let boundary = Hlc::from_millis(self.author_time(turn).saturating_sub(NEWEST_MS)).as_u64();
        let session = &mut self.repair.talk(peer, room).session;
        session.enter(Phase::Asking, turn.now.mono);
        session.begun = Some(turn.now.mono);
        session.need.clear();
        session.range = (boundary, u64::MAX);
        session.rest = vec![(0, boundary)];
        // Both lists are there by the time that ops are asked for, so that registers go out between control ops and
        // content.
        self.registers_here(turn, peer, room)?;
        self.ask_range(turn, peer, room)
    }

    fn ask_range(&mut self, turn: &mut Turn<'_>, peer: PeerId, room: RoomRow) -> Result<(), Error> {
        let (from, to) = self.repair.talk(peer, room).session.range;
        let Some(items) = self.items(turn, peer, room)? else { return self.end_question(turn, peer, room) };
        let range = Range::new(&items, from, to);
        let message = negentropy(&range).and_then(|mut asking| asking.initiate());
        self.charge(turn, peer, Work::Round(range.walked()));
        self.repair.rounds(peer, room, turn.now.mono).ask();
        match message {
            Ok(message) => self.say(turn, peer, room, (from, to), message),
            Err(error) => return Err(Error::Internal(format!("reconciliation does not begin: {error}"))),
        }
        Ok(())
    }

    /// A message of the peer: an answer to this side's question, or a question.
    pub(super) fn neg(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
        neg: &Neg,
    ) -> Result<(), Error> {
        let (now, lower) = (turn.now.mono, self.begins_with(peer));
        let session = &mut self.repair.talk(peer, room).session;
        match session.phase {
            Phase::Asking if session.range == (neg.from, neg.to) => {
                return self.answered(turn, peer, room, &neg.msg);
            }
            // An answer to an older question; the lower peer may have begun anew.
            Phase::Asking if lower && !session.is_stale(now) => return Ok(()),
            Phase::Answering if !session.is_stale(now) => {}
            _ => session.enter(Phase::Answering, now),
        }
        if !self.repair.rounds(peer, room, now).answer() || !self.repair.budget(peer, now).may_reconcile() {
            self.refuse(turn, peer, room, "busy");
            return Ok(());
        }
        let Some(items) = self.items(turn, peer, room)? else {
            self.refuse(turn, peer, room, "not_member");
            return Ok(());
        };
        let range = Range::new(&items, neg.from, neg.to);
        let answer = negentropy(&range).and_then(|mut answering| answering.reconcile(&neg.msg));
        self.charge(turn, peer, Work::Round(range.walked()));
        match answer {
            Ok(answer) => {
                let session = &mut self.repair.talk(peer, room).session;
                (session.at, session.begun) = (now, Some(now));
                self.say(turn, peer, room, (neg.from, neg.to), answer);
            }
            Err(error) => tracing::debug!(%peer, %error, "a reconciliation message does not read"),
        }
        Ok(())
    }

    /// The answer to this side's question.
    fn answered(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
        message: &[u8],
    ) -> Result<(), Error> {
        let Some(items) = self.items(turn, peer, room)? else { return self.end_question(turn, peer, room) };
        let may_go_on = self.repair.may_ask(peer, room, turn.now.mono);
        let session = &mut self.repair.talk(peer, room).session;
        session.at = turn.now.mono;
        let bounds = session.range;
        let range = Range::new(&items, bounds.0, bounds.1);
        let (mut have, mut need) = (Vec::new(), Vec::new());
        let next = negentropy(&range).and_then(|mut asking| {
            asking.set_initiator();
            asking.reconcile_with_ids(message, &mut have, &mut need)
        });
        self.charge(turn, peer, Work::Round(range.walked()));
        let session = &mut self.repair.talk(peer, room).session;
        let free = NEED.saturating_sub(session.need.len());
        session.need.extend(need.into_iter().take(free).map(|id| OpId::from_bytes(id.to_bytes())));
        let missing = session.need.len();
        if missing >= BULK_LEAST && missing > items.len() {
            // More than half is missing: history comes as a whole.
            session.need.clear();
            self.end_question(turn, peer, room)?;
            self.bulk_begin(turn, peer, room);
            return Ok(());
        }
        match next {
            Ok(Some(message)) if may_go_on && missing < NEED => {
                self.repair.rounds(peer, room, turn.now.mono).ask();
                self.say(turn, peer, room, bounds, message);
                Ok(())
            }
            Ok(None) if may_go_on => match self.repair.talk(peer, room).session.rest.pop() {
                Some(older) => {
                    self.repair.talk(peer, room).session.range = older;
                    self.ask_range(turn, peer, room)
                }
                None => self.end_question(turn, peer, room),
            },
            Ok(_) => self.end_question(turn, peer, room),
            Err(error) => {
                tracing::debug!(%peer, %error, "an answer of reconciliation does not read");
                self.end_question(turn, peer, room)
            }
        }
    }

    /// The own question is over: what was found missing is asked for, and the lower peer hands over.
    fn end_question(&mut self, turn: &mut Turn<'_>, peer: PeerId, room: RoomRow) -> Result<(), Error> {
        let phase = if self.begins_with(peer) { Phase::Answering } else { Phase::Idle };
        let talk = self.repair.talk(peer, room);
        talk.session.enter(phase, turn.now.mono);
        talk.wants.add(std::mem::take(&mut talk.session.need));
        // Before the end, behind which the peer gives what is left: its answer begins with control ops, and they say
        // whose registers count.
        self.wants_due(turn, peer, room)?;
        self.say_end(turn, peer, room);
        self.settle(turn, peer, room)
    }

    /// The peer has asked all it wanted to, or asks this side to begin.
    pub(super) fn neg_end(&mut self, turn: &mut Turn<'_>, peer: PeerId, room: RoomRow) -> Result<(), Error> {
        let (now, lower) = (turn.now.mono, self.begins_with(peer));
        let session = &mut self.repair.talk(peer, room).session;
        match (session.phase, lower) {
            (Phase::Asking, _) if !session.is_stale(now) => Ok(()),
            (Phase::Answering, true) => {
                session.enter(Phase::Idle, now);
                self.settle(turn, peer, room)
            }
            (_, true) => self.reconcile(turn, peer, room),
            (_, false) if self.repair.may_ask(peer, room, now) => self.ask(turn, peer, room),
            (_, false) => self.end_question(turn, peer, room),
        }
    }

    /// Sends a message over a range, and waits for the answer to it.
    fn say(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
        (from, to): (u64, u64),
        msg: Vec<u8>,
    ) {
        let Some(tag) = self.tag_with(peer, room) else { return };
        self.frame(turn, peer, StreamBody::Neg(Neg { tag, from, to, msg }));
        self.timers.set(Due::Reconcile(peer, room), turn.now.mono.saturating_add(STALE_MS));
    }

    /// The items that both accounts may see; none when one of them is no member.
    fn items(
        &mut self,
        turn: &Turn<'_>,
        peer: PeerId,
        room: RoomRow,
    ) -> Result<Option<Arc<Vec<Item>>>, Error> {
        let Some(readers) = self.readers(peer, room) else { return Ok(None) };
        let Some(stamp) = self.rooms.get(&room).map(Stamp::of) else { return Ok(None) };
        let (items, built) = self.repair.vectors.get(turn.db, room, readers, stamp)?;
        self.charge(turn, peer, Work::Build(built));
        Ok(Some(items))
    }

    /// What kind of readers this account and the peer's are in a room, unless one may see nothing.
    pub(super) fn readers(&mut self, peer: PeerId, room: RoomRow) -> Option<Readers> {
        let link = self.peers.get(&peer)?;
        let view = self.rooms.get_mut(&room)?.control.view();
        let theirs = visible::class(&view, &link.account, Some(&link.device));
        let mine = visible::class(&view, &self.me.account, Some(&self.me.device));
        (theirs != Class::Nobody && mine != Class::Nobody).then_some((theirs, mine))
    }
}

fn negentropy<'a>(range: &'a Range<'a>) -> Result<Negentropy<'a, Range<'a>>, negentropy::Error> {
    Negentropy::borrowed(range, u64::try_from(limits::NEGENTROPY_BYTES).unwrap_or(u64::MAX))
}
