//! What this account has read: marks, unread counts, and the `read` register (protocol section 6.2).
//!
//! Invariants: a mark covers only what stands at or above the message that was shown and whose whole past
//! is here; so a late message is read by nobody before it was shown.

use std::collections::BTreeMap;

use madang_model::{ConvId, DeviceId, OpId, frontier};
use madang_store::{
    OpRow, RoomRow, acks,
    history::{self, Cursor, Kinds},
    lines, meta,
    ops::{self, Place},
    rooms,
};
use madang_wire::{Frontier, Message as _};

use crate::{core::Core, error::Error, event::Event, register_in::StoredHeaders, turn::Turn};

/// Ops looked at behind a message to find the last one of each author.
const LOOK_BACK: usize = 1_000;
/// Ops of one author looked at in one step.
const STEP: usize = 256;

/// The last message that was shown, and what was here then.
#[derive(Debug, Clone, Copy)]
struct Shown {
    place: Place,
    row: OpRow,
}

impl Shown {
    fn covers(&self, op: &ops::Op) -> bool {
        op.row <= self.row && op.place() <= self.place
    }

    fn load(turn: &Turn<'_>, room: RoomRow) -> Result<Option<Self>, Error> {
        Ok(meta::get(turn.db, &shown_key(room))?.as_deref().and_then(|bytes| {
            let (hlc, rest) = bytes.split_first_chunk::<8>()?;
            let (author, rest) = rest.split_first_chunk::<32>()?;
            let (seq, row) = rest.split_first_chunk::<8>()?;
            let row = OpRow(i64::from_be_bytes(row.try_into().ok()?));
            let (hlc, seq) = (u64::from_be_bytes(*hlc), u64::from_be_bytes(*seq));
            Some(Self { place: Place { hlc, author: DeviceId::from_bytes(*author), seq }, row })
        }))
    }

    fn save(&self, turn: &Turn<'_>, room: RoomRow) -> Result<(), Error> {
        let Place { hlc, author, seq } = self.place;
        let bytes =
            [hlc.to_be_bytes().as_slice(), author.as_bytes(), &seq.to_be_bytes(), &self.row.0.to_be_bytes()]
                .concat();
        Ok(meta::set(turn.db, &shown_key(room), &bytes)?)
    }
}

fn shown_key(room: RoomRow) -> String {
    format!("room.{}.shown", room.0)
}

impl Core {
    /// Marks a room read up to a message.
    pub(crate) fn mark_read(
        &mut self,
        turn: &mut Turn<'_>,
        conv: ConvId,
        message: Option<OpId>,
    ) -> Result<ConvId, Error> {
        let room = self.by_conv.get(&conv).copied().ok_or(Error::NotFound("room"))?;
        let (place, upto) = match message {
            None => {
                let newest = history::page(turn.db, room, Cursor::Newest, &Kinds::ALL, 1)?.pop();
                let lines = self.rooms.get(&room).map(|r| &r.lines);
                let upto = lines.into_iter().flatten().map(|(author, line)| (*author, line.upto)).collect();
                (newest.map(|op| op.place()), upto)
            }
            Some(id) => {
                let op = ops::by_id(turn.db, &id)?
                    .filter(|op| op.room == room)
                    .ok_or(Error::NotFound("message"))?;
                let mut upto = BTreeMap::from([(op.author, op.seq)]);
                let page = history::page(turn.db, room, Cursor::Before(op.place()), &Kinds::ALL, LOOK_BACK)?;
                for older in page {
                    let seq = upto.entry(older.author).or_insert(0);
                    *seq = (*seq).max(older.seq);
                }
                (Some(op.place()), upto)
            }
        };
        let shown_more = self.remember_shown(turn, room, place)?;
        if self.raise_marks(turn, room, upto)? || shown_more {
            self.recount_unread(turn, room)?;
            self.register_later(turn, room, "read");
            // The numbers beside the messages count this account too.
            turn.emit(Event::Receipt { room: conv, messages: Vec::new() });
        }
        Ok(conv)
    }

    /// While some op waits for its past: what was shown counts as read here, and for others as soon as
    /// its past has come.
    fn remember_shown(&self, turn: &Turn<'_>, room: RoomRow, place: Option<Place>) -> Result<bool, Error> {
        let whole = self.rooms.get(&room).is_none_or(|r| r.covered.is_whole());
        if whole {
            return Ok(meta::remove(turn.db, &shown_key(room))?);
        }
        let before = Shown::load(turn, room)?;
        let (Some(place), Some(row)) = (place, history::last_row(turn.db)?) else { return Ok(false) };
        if before.is_some_and(|shown| shown.place > place) {
            return Ok(false);
        }
        Shown { place, row }.save(turn, room)?;
        Ok(true)
    }

    /// Raises the own marks, as far as everything below them is here.
    fn raise_marks(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        upto: BTreeMap<DeviceId, u64>,
    ) -> Result<bool, Error> {
        let whole = self.whole_upto(room);
        let mut grown = false;
        for (author, seq) in upto {
            let seq = seq.min(whole.get(&author).copied().unwrap_or(0));
            let row = self.directory.row(turn.db, &author, None)?;
            grown |= seq > 0 && acks::raise_read(turn.db, room, &self.me.account, row, seq)?;
        }
        Ok(grown)
    }

    /// Per author the number up to which every op is here with its whole past.
    fn whole_upto(&self, room: RoomRow) -> BTreeMap<DeviceId, u64> {
        let Some(conversation) = self.rooms.get(&room) else { return BTreeMap::new() };
        let waiting = conversation.covered.first_waiting();
        let whole = |(author, line): (&DeviceId, &crate::line::Line)| {
            let first = waiting.get(author).map_or(u64::MAX, |seq| seq.saturating_sub(1));
            (*author, line.upto.min(first))
        };
        conversation.lines.iter().map(whole).collect()
    }

    /// Ops that waited for their past have it now: those that were shown are read.
    pub(crate) fn reads_catch_up(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        let mut released = Vec::new();
        for (room, conversation) in &mut self.rooms {
            if std::mem::take(&mut conversation.released) {
                released.push(*room);
            }
        }
        for room in released {
            let Some(shown) = Shown::load(turn, room)? else { continue };
            let mut upto = BTreeMap::new();
            for (author, whole) in self.whole_upto(room) {
                let row = self.directory.row(turn.db, &author, None)?;
                let mut seq = acks::read_mark(turn.db, room, &self.me.account, row)?;
                'line: while seq < whole {
                    let ops = lines::range(turn.db, room, row, seq.saturating_add(1), whole, STEP)?;
                    if ops.is_empty() {
                        break;
                    }
                    for op in ops {
                        if !shown.covers(&op) {
                            break 'line;
                        }
                        seq = op.seq;
                    }
                }
                upto.insert(author, seq);
            }
            if self.raise_marks(turn, room, upto)? {
                self.register_later(turn, room, "read");
                self.numbers_changed(turn, room);
            }
            self.recount_unread(turn, room)?;
        }
        Ok(())
    }

    /// The own `read` register: the fewest ops that stand for everything read whose past is here.
    pub(crate) fn read_frontier(&mut self, turn: &Turn<'_>, room: RoomRow) -> Result<Vec<u8>, Error> {
        let marks = acks::read_marks(turn.db, room)?;
        let mine = marks.get(&self.me.account).cloned().unwrap_or_default();
        let mut ids = Vec::new();
        for (author, whole) in self.whole_upto(room) {
            let row = self.directory.row(turn.db, &author, None)?;
            let seq = mine.get(&row).copied().unwrap_or(0).min(whole);
            ids.extend(lines::range(turn.db, room, row, seq, seq, 1)?.into_iter().map(|op| op.id));
        }
        let headers = StoredHeaders(turn.db);
        let ids = frontier::Frontier::of(ids, &headers).wire_ids(&headers);
        Ok(Frontier { ids: ids.iter().map(|id| id.as_bytes().to_vec()).collect() }.encode_to_vec())
    }

    /// Counts what others wrote and this account has neither read nor been shown.
    pub(crate) fn recount_unread(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        let mut unread = rooms::count_unread(turn.db, room, &self.me.account)?;
        if let Some(shown) = Shown::load(turn, room)? {
            let seen = history::count_shown(turn.db, room, &self.me.account, shown.place, shown.row)?;
            unread = unread.saturating_sub(seen);
        }
        rooms::set_unread(turn.db, room, unread)?;
        turn.changed_rooms.insert(room);
        Ok(())
    }
}
