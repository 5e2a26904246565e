//! What arrives: ops, registers and signals that were opened and verified, and frames under keys
//! that are not here yet.
//!
//! Invariants: an op enters once, by its id; nothing is acknowledged before the commit of this turn.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use madang_crypto::{Verified, VerifiedOp};
use madang_model::{
    AccountId, ConvId, DeviceId, Hlc, KeyId, Kind, Op, OpId, Receive, hlc, limits::SIGNAL_AGE_MAX_MS,
};
use madang_store::{
    RoomRow,
    ops::{self, NewOp, Origin},
    parked, rooms,
};
use madang_wire::{Message as _, Signal, SignedOp};

use crate::{
    core::Core,
    error::Error,
    event::Event,
    ingest::{Arrival, Item, Source},
    query::{self, standing::Standing},
    timer::Due,
    turn::Turn,
};

/// A message is announced as late when it is so much older than its arrival and newer ones are here.
const LATE_MS: u64 = 60_000;
/// Ops of the future that are applied in one turn.
const DUE_OPS: usize = 1_000;
/// Parked ops taken at once: as many as are ever kept per room.
const PARKED_OPS: usize = 1_000;
/// Parked frames taken at once: as many as are ever kept per room (protocol section 3.3).
const PARKED_FRAMES: usize = 1_000;

/// What became of an op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is new.
    New,
    /// It was here.
    Known,
    /// Its author is not known (yet).
    Parked,
    /// It breaks a rule.
    Refused,
}

impl Core {
    pub(crate) fn arrival(&mut self, turn: &mut Turn<'_>, arrival: Arrival) -> Result<(), Error> {
        let Arrival { source, room, mut items, junk } = arrival;
        if junk > 0 {
            tracing::debug!(junk, ?source, "frames dropped");
        }
        if !self.rooms.contains_key(&room) {
            return Ok(());
        }
        if self.is_closed(room) {
            // Nothing is taken from whoever is no friend or is blocked (protocol section 6.5). What was dropped here is
            // read from the cursor again, or repaired, if the 1:1 opens again.
            return match source {
                Source::Relay { relay, page, .. } => self.unasked_items(turn, relay, page.count),
                _ => Ok(()),
            };
        }
        let mut good = false;
        // What has no payload comes last: the reason may be among the others.
        items.sort_by_key(|item| matches!(item, Item::Op(op) if op.payload.is_none()));
        for item in items {
            good |= self.item(turn, room, &source, item)?;
        }
        match source {
            Source::Gossip { id, .. } => turn.verdict(id, good),
            Source::Relay { relay, log, page } => self.relay_log_read(turn, relay, log, &page)?,
            Source::Stream { .. } => {}
        }
        Ok(())
    }

    /// Takes one opened object; answers whether it was worth forwarding.
    fn item(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        source: &Source,
        item: Item,
    ) -> Result<bool, Error> {
        Ok(match item {
            Item::Op(op) => {
                let origin = self.origin_of(source, room, &op);
                let taken = self.take_op(turn, room, &op, origin)?;
                // The sender learns at once that we have it, also when it was a copy.
                turn.to_acknowledge.entry(room).or_default().insert(DeviceId::from_bytes(author(&op)));
                taken != Taken::Refused
            }
            Item::Register(register, signed) => self.take_register(turn, room, &register, &signed)?,
            Item::Signal(signal) => self.takes_signal(turn, room, &signal),
            Item::Unknown { key, frame } => {
                // The pool may have looked before the key came; look again.
                let seals = self.ring.by_row(room);
                match seals
                    .filter(|s| s.keys.contains_key(&key))
                    .and_then(|s| crate::ingest::open_one(&s, &frame))
                {
                    Some(Item::Unknown { .. }) | None => {
                        self.park(turn, room, key, &frame)?;
                        true
                    }
                    Some(item) => self.item(turn, room, source, item)?,
                }
            }
        })
    }

    /// Whether a signal is of a member and fresh (protocol section 2.2). This release shows none.
    pub(crate) fn takes_signal(&self, turn: &Turn<'_>, room: RoomRow, signal: &Verified<Signal>) -> bool {
        let (at, now) = (Hlc::from_u64(signal.body.value().hlc), self.author_time(turn));
        let fresh = now.saturating_sub(at.millis()) <= SIGNAL_AGE_MAX_MS;
        let member = self.author_account(room, &DeviceId::from_bytes(signal.signer)).is_some();
        member && fresh && hlc::receive(at, now) == Receive::Accept
    }

    /// Keeps a frame until its key comes.
    pub(crate) fn park(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        key: KeyId,
        frame: &[u8],
    ) -> Result<(), Error> {
        parked::park_frame(turn.db, room, &key, frame, turn.now.wall)?;
        self.timers.set(Due::AskKeys(room), turn.now.mono);
        Ok(())
    }

    /// Opens what was parked for a key that has come.
    pub(crate) fn unpark(&mut self, turn: &mut Turn<'_>, room: RoomRow, key: KeyId) -> Result<(), Error> {
        let Some(seals) = self.ring.by_row(room) else { return Ok(()) };
        for frame in parked::take_frames(turn.db, room, &key, PARKED_FRAMES)? {
            match crate::ingest::open_one(&seals, &frame.into()) {
                Some(Item::Op(op)) => {
                    self.take_op(turn, room, &op, Origin::Stream)?;
                    turn.to_acknowledge.entry(room).or_default().insert(DeviceId::from_bytes(author(&op)));
                }
                Some(Item::Register(register, signed)) => {
                    self.take_register(turn, room, &register, &signed)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes an op whose signature was verified.
    pub(crate) fn take_op(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        verified: &VerifiedOp,
        origin: Origin,
    ) -> Result<Taken, Error> {
        let id = OpId::from_bytes(verified.id);
        if let Some(row) = ops::row_of(turn.db, &id)? {
            if let Some(payload) = &verified.payload {
                ops::restore(turn.db, row, payload)?;
            }
            return Ok(Taken::Known);
        }
        let op = match madang_crypto::type_op(verified) {
            Ok(opened) => opened.op,
            Err(error) => {
                tracing::debug!(%id, %error, "an op is refused");
                return Ok(Taken::Refused);
            }
        };
        if op.header.hlc.as_u64() > i64::MAX.cast_unsigned() {
            // A time beyond the year 6400 has no place in any order.
            return Ok(Taken::Refused);
        }
        let device = op.header.author;
        let Some(account) = self.writer_account(turn.db, room, &device, Some(&id))? else {
            self.park_op(turn, room, device, verified)?;
            return Ok(Taken::Parked);
        };
        let deleted = op.body.is_none() && ops::is_deleted(turn.db, room, &id)?;
        if !op.complete(deleted, self.author_time(turn)) {
            // Without a reason for its missing payload it counts as not here: the gap stays and is asked for again.
            return Ok(Taken::Refused);
        }
        self.insert_op(turn, room, &op, account, verified, origin)?;
        Ok(Taken::New)
    }

    fn park_op(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        device: DeviceId,
        op: &VerifiedOp,
    ) -> Result<(), Error> {
        let signed = SignedOp {
            header: op.header.bytes().to_vec(),
            sig: op.sig.to_vec(),
            payload: op.payload.clone(),
        };
        parked::park_op(turn.db, room, &device, &signed.encode_to_vec(), turn.now.wall)?;
        Ok(())
    }

    /// Takes the ops of a device that were parked until its account was known.
    pub(crate) fn unpark_ops(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        device: &DeviceId,
    ) -> Result<(), Error> {
        for bytes in parked::take_ops(turn.db, room, device, PARKED_OPS)? {
            let Ok(signed) = SignedOp::decode(bytes.as_slice()) else { continue };
            if let Ok(verified) = madang_crypto::verify_op(&signed) {
                self.take_op(turn, room, &verified, Origin::Stream)?;
                turn.to_acknowledge.entry(room).or_default().insert(*device);
            }
        }
        Ok(())
    }

    fn insert_op(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        op: &Op,
        account: AccountId,
        verified: &VerifiedOp,
        origin: Origin,
    ) -> Result<(), Error> {
        let now = self.author_time(turn);
        let due_at = match hlc::receive(op.header.hlc, now) {
            _ if !self.fits_past(turn, room, op)? => ops::NEVER,
            Receive::Accept => 0,
            Receive::Later { due_ms } => due_ms,
        };
        match due_at {
            0 => self.clock.observe(op.header.hlc, now),
            ops::NEVER => tracing::debug!(id = %op.id, "an op does not fit its past"),
            _ => self.timers.set(Due::FutureOps, turn.now.mono),
        }
        let author_row = self.directory.row(turn.db, &op.header.author, Some(&account))?;
        let late = self.is_late(turn, room, op, origin);
        let new = NewOp {
            id: &op.id,
            room,
            author_row,
            author: &op.header.author,
            account: &account,
            seq: op.header.seq,
            hlc: op.header.hlc.as_u64(),
            kind: op.header.kind.number(),
            header: verified.header.bytes(),
            sig: &verified.sig,
            payload: verified.payload.as_deref(),
            arrived_at: turn.now.wall,
            origin,
            late,
            due_at,
        };
        let row = ops::insert(turn.db, &new)?.row();
        self.awaited.came(room, op.id);
        if !matches!(origin, Origin::Repair | Origin::Bulk) {
            self.heard_of(turn, &op.header.author, op.header.hlc.millis())?;
        }
        self.note_in_line(turn, room, op, origin)?;
        self.compare_control(turn, room, op, origin);
        if matches!(origin, Origin::Repair | Origin::Bulk) {
            self.count_repaired(turn)?;
        }
        let withdrawn = self.judge_followers(turn, room, op)?;
        match due_at {
            0 => {
                self.note_past(turn, room, op)?;
                self.apply_op(turn, room, op, account, row)?;
            }
            ops::NEVER => self.note_void(turn, room, &op.id),
            _ => self.future_changed(turn, room, op.header.author)?,
        }
        if withdrawn { self.recount_unread(turn, room) } else { Ok(()) }
    }

    fn is_late(&self, turn: &Turn<'_>, room: RoomRow, op: &Op, origin: Origin) -> bool {
        let newer_here = self.rooms.get(&room).is_some_and(|r| r.newest > op.header.hlc);
        newer_here && origin != Origin::Bulk && turn.now.wall.saturating_sub(op.header.hlc.millis()) > LATE_MS
    }

    /// Line and gaps.
    fn note_in_line(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        op: &Op,
        origin: Origin,
    ) -> Result<(), Error> {
        let Some(conversation) = self.rooms.get_mut(&room) else { return Ok(()) };
        let (author, seq) = (op.header.author, op.header.seq);
        let next = conversation
            .lines
            .get(&author)
            .is_none_or(|l| l.beyond.is_empty() && seq == l.upto.saturating_add(1));
        let before = conversation.lines.get(&author).filter(|_| !next).map(|l| l.holes()).unwrap_or_default();
        let given_up = conversation.lines.get(&author).is_some_and(|l| l.was_closed(seq));
        conversation.note_line(op.id, author, seq);
        let whole = conversation.lines.get(&author).is_some_and(|l| l.beyond.is_empty());
        if next && whole && !given_up {
            return Ok(());
        }
        if origin == Origin::Bulk && !whole {
            // History comes newest first: holes are counted when the line is whole again, not at every op.
            return Ok(());
        }
        let after = conversation.lines.get(&author).map(|l| l.holes()).unwrap_or_default();
        if before != after || given_up {
            self.gaps_changed(turn, room, author, seq, &after)?;
        }
        Ok(())
    }

    /// What an op does once it counts.
    pub(crate) fn apply_op(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        op: &Op,
        account: AccountId,
        row: madang_store::OpRow,
    ) -> Result<(), Error> {
        match op.header.kind {
            Kind::Text => self.apply_text(turn, room, op, account, row)?,
            kind if kind.is_control() => self.apply_control(turn, room, op)?,
            kind if kind.is_self() => self.apply_own(turn, room, op)?,
            _ => {}
        }
        turn.changed_rooms.insert(room);
        Ok(())
    }

    fn apply_text(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        op: &Op,
        account: AccountId,
        row: madang_store::OpRow,
    ) -> Result<(), Error> {
        rooms::raise_last(turn.db, room, op.header.hlc.as_u64(), row)?;
        if let Some(madang_model::Body::Content(madang_model::content::Content::Text(text))) = &op.body {
            self.findable(turn, row, &text.text)?;
        }
        if account != self.me.account {
            let author = self.directory.row(turn.db, &op.header.author, None)?;
            rooms::add_unread(turn.db, room, &self.me.account, author, op.header.seq)?;
        }
        turn.new_messages.push(op.id);
        Ok(())
    }

    /// Ops of the future whose time has come.
    pub(crate) fn due_ops(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        let now = self.author_time(turn);
        let mut authors = BTreeSet::new();
        for stored in ops::due(turn.db, now, DUE_OPS)? {
            let Some(op) = crate::stored::to_model(&stored) else {
                ops::applied(turn.db, stored.row)?;
                continue;
            };
            authors.insert((stored.room, op.header.author));
            // More of its past may have come in between.
            if !self.fits_past(turn, stored.room, &op)? {
                ops::set_void(turn.db, stored.row)?;
                self.note_void(turn, stored.room, &op.id);
                continue;
            }
            ops::applied(turn.db, stored.row)?;
            self.clock.observe(Hlc::from_u64(stored.hlc), now);
            self.note_past(turn, stored.room, &op)?;
            self.apply_op(turn, stored.room, &op, stored.account, stored.row)?;
        }
        for (room, author) in authors {
            self.future_changed(turn, room, author)?;
        }
        if let Some(due) = ops::next_due(turn.db)? {
            let wait = due.saturating_sub(now).clamp(1_000, 60_000);
            self.timers.set(Due::FutureOps, turn.now.mono.saturating_add(wait));
        }
        Ok(())
    }

    /// Acknowledges what this turn committed, to every peer that follows the room.
    pub(crate) fn acknowledge(&mut self, turn: &mut Turn<'_>) {
        for (room, authors) in std::mem::take(&mut turn.to_acknowledge) {
            let authors: BTreeSet<DeviceId> = authors;
            for peer in self.peers_in(room) {
                self.send_heads(turn, peer, room, Some(&authors));
            }
            self.heads_register_later(turn, room);
        }
    }

    /// The account of a device that may write in this room.
    pub(crate) fn author_account(&self, room: RoomRow, device: &DeviceId) -> Option<AccountId> {
        let conversation = self.rooms.get(&room)?;
        conversation.devices.get(device).copied().or_else(|| {
            // In self and 1:1 the members are fixed: the account logs say whose device it is.
            let account = self.directory.get(device)?.account?;
            conversation.has_member(&account).then_some(account)
        })
    }

    pub(crate) fn announce_messages(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        // Most messages of a turn are of one room, whose standing is the same for all of them.
        let mut standings: BTreeMap<RoomRow, (ConvId, Standing)> = BTreeMap::new();
        for id in std::mem::take(&mut turn.new_messages) {
            let Some(op) = ops::by_id(turn.db, &id)? else { continue };
            let (conv, standing) = match standings.entry(op.room) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => {
                    let Some(room) = rooms::get(turn.db, op.room)? else { continue };
                    free.insert((room.conv, Standing::load(turn.db, &self.me.account, &room)?))
                }
            };
            let message = query::messages::message(turn.db, *conv, standing, &op, turn.now.wall)?;
            turn.emit(Event::Message(Box::new(message)));
        }
        Ok(())
    }

    /// Writes the cached heads of rooms that changed.
    pub(crate) fn save_rooms(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        for room in std::mem::take(&mut turn.to_save) {
            let Some(conversation) = self.rooms.get(&room) else { continue };
            madang_store::heads::replace(turn.db, room, &conversation.heads)?;
            conversation.covered.save(turn.db, room)?;
        }
        Ok(())
    }
}

fn author(op: &VerifiedOp) -> [u8; 32] {
    op.header.value().author.as_slice().try_into().unwrap_or([0; 32])
}
