//! Whether ops fit the past that they name, and what becomes of those that do not (protocol sections 2.1 and 2.4,
//! docs/adr/0033).
//!
//! It must not know what arrives how. Invariant: whether an op counts follows from the ops that are here, not from the
//! order in which they came. One that breaks the rule is known, served and acknowledged, and has no effect.

use std::collections::BTreeSet;

use madang_model::{Header, Hlc, Op, OpId};
use madang_store::{
    RoomRow,
    history::{self, Cursor, Kinds},
    ops::{self, Past},
    rooms, search,
};

use crate::{core::Core, covered::Arrived, error::Error, register_in::StoredHeaders, stored, turn::Turn};

/// Whether a header fits one op of its past: its timestamp is greater, and `prev` is the one before in the same line.
fn fits(header: &Header, parent: &OpId, past: &Past) -> bool {
    let in_line = past.author == header.author && past.seq.checked_add(1) == Some(header.seq);
    past.hlc < header.hlc.as_u64() && (header.prev != Some(*parent) || in_line)
}

impl Core {
    /// Whether an op fits its past as far as that is here. An op of another room is not here: whoever is not in that
    /// room cannot tell. Only content is judged: control ops stand in a graph of their own, `ctl_deps`, which the
    /// control log judges, and newcomers never see the content that they follow.
    pub(crate) fn fits_past(&self, turn: &Turn<'_>, room: RoomRow, op: &Op) -> Result<bool, Error> {
        if !op.header.kind.is_content() {
            return Ok(true);
        }
        for parent in op.header.parents() {
            let past = ops::place_of(turn.db, &parent)?.filter(|past| past.room == room);
            if past.is_some_and(|past| !fits(&op.header, &parent, &past)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Heads, newest timestamp, what is named and not here.
    pub(crate) fn note_past(&mut self, turn: &mut Turn<'_>, room: RoomRow, op: &Op) -> Result<(), Error> {
        let parents: Vec<OpId> = op.header.parents().collect();
        let mut missing = Vec::new();
        for parent in &parents {
            if ops::place_of(turn.db, parent)?.is_none_or(|past| past.room != room) {
                missing.push(*parent);
            }
        }
        let Some(conversation) = self.rooms.get_mut(&room) else { return Ok(()) };
        for parent in missing {
            conversation.covered.miss(parent, op.header.hlc, turn.now.wall);
        }
        let (author, seq) = (op.header.author, op.header.seq);
        conversation.note_past(Arrived { id: op.id, author, seq, parents: &parents }, op.header.hlc);
        turn.to_save.insert(room);
        Ok(())
    }

    /// An op is here that does not fit its past: nobody waits for it, and nobody names it as a head.
    pub(crate) fn note_void(&mut self, turn: &mut Turn<'_>, room: RoomRow, id: &OpId) {
        if let Some(conversation) = self.rooms.get_mut(&room) {
            conversation.released |= conversation.covered.pass(id);
            turn.to_save.insert(room);
        }
    }

    /// An op has come that others name as their past: those that do not fit it count no more. Answers whether there
    /// were any: then unread messages are to be counted anew as soon as the op itself is noted.
    pub(crate) fn judge_followers(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        op: &Op,
    ) -> Result<bool, Error> {
        let Some(conversation) = self.rooms.get(&room) else { return Ok(false) };
        let mut followers = conversation.covered.followers(&op.id);
        if let Some(since) = conversation.covered.given_up_since(&op.id) {
            // What follows it waits no more, so it is looked for.
            let upto = op.header.hlc.as_u64().saturating_add(1);
            followers.extend(self.namers(turn, room, &BTreeSet::from([op.id]), since.as_u64(), upto)?);
        }
        let header = &op.header;
        let past = Past { hlc: header.hlc.as_u64(), room, author: header.author, seq: header.seq };
        let mut withdrawn = false;
        for id in followers {
            let Some(follower) = ops::by_id(turn.db, &id)?.filter(|follower| follower.due_at == 0) else {
                continue;
            };
            let Some(typed) = stored::to_model(&follower) else { continue };
            if typed.header.kind.is_content() && !fits(&typed.header, &op.id, &past) {
                self.withdraw(turn, &follower, &typed)?;
                withdrawn = true;
            }
        }
        Ok(withdrawn)
    }

    /// Takes back what an op did that counted until now.
    fn withdraw(&mut self, turn: &mut Turn<'_>, follower: &ops::Op, op: &Op) -> Result<(), Error> {
        tracing::debug!(id = %op.id, "an op does not fit its past");
        let room = follower.room;
        ops::set_void(turn.db, follower.row)?;
        search::remove(turn.db, follower.row)?;
        let last = history::page(turn.db, room, Cursor::Newest, &Kinds::MESSAGES, 1)?.pop();
        rooms::set_last(turn.db, room, last.as_ref().map_or(0, |op| op.hlc), last.as_ref().map(|op| op.row))?;
        turn.new_messages.retain(|id| *id != op.id);
        let parents: Vec<OpId> = op.header.parents().collect();
        let heads = self.heads_among(turn, room, &parents)?;
        let newest = Hlc::from_u64(ops::newest_hlc(turn.db, room)?);
        if let Some(conversation) = self.rooms.get_mut(&room) {
            conversation.heads.remove(&op.id);
            conversation.heads.extend(&heads);
            conversation.newest = newest;
            let covered = &mut conversation.covered;
            conversation.released |= covered.withdraw(&op.id, &heads, &StoredHeaders(turn.db));
            turn.to_save.insert(room);
        }
        self.numbers_changed(turn, room);
        Ok(())
    }

    /// Those of these ops that count and that nothing follows which counts.
    fn heads_among(&self, turn: &Turn<'_>, room: RoomRow, ids: &[OpId]) -> Result<BTreeSet<OpId>, Error> {
        let mut heads = BTreeSet::new();
        let mut oldest = u64::MAX;
        for id in ids {
            if let Some(op) = ops::by_id(turn.db, id)?.filter(|op| op.room == room && op.due_at == 0) {
                oldest = oldest.min(op.hlc);
                heads.insert(*id);
            }
        }
        if heads.is_empty() {
            return Ok(heads);
        }
        for follower in self.namers(turn, room, &heads, oldest, u64::MAX)? {
            let header = ops::applied_header(turn.db, &follower)?;
            for parent in header.as_deref().map(parents_of).unwrap_or_default() {
                heads.remove(&parent);
            }
        }
        Ok(heads)
    }

    /// Ops of a room in this range of the clock that count and name one of `ids` as their past.
    fn namers(
        &self,
        turn: &Turn<'_>,
        room: RoomRow,
        ids: &BTreeSet<OpId>,
        from: u64,
        to: u64,
    ) -> Result<Vec<OpId>, Error> {
        let mut found = Vec::new();
        history::items(turn.db, room, from, to, |_, id| {
            let header = ops::applied_header(turn.db, &id)?;
            let parents = header.as_deref().map(parents_of).unwrap_or_default();
            if parents.iter().any(|parent| ids.contains(parent)) {
                found.push(id);
            }
            Ok(())
        })?;
        Ok(found)
    }
}

/// `prev` and `deps` of an encoded header.
pub(crate) fn parents_of(header: &[u8]) -> Vec<OpId> {
    let Ok(header) = madang_wire::decode::<madang_wire::OpHeader>(header) else { return Vec::new() };
    let parents = [&header.prev].into_iter().chain(&header.deps);
    parents.filter_map(|id| OpId::try_from(id.as_slice()).ok()).collect()
}
