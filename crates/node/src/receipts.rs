//! What this account has read: marks, unread counts, and the `read` register (protocol section 6.2).
//!
//! Invariant: a mark covers only what really stands at or above the message that was shown.

use std::collections::BTreeMap;

use madang_model::{ConvId, DeviceId, OpId, frontier};
use madang_store::{
    RoomRow, acks,
    history::{self, Cursor, Kinds},
    lines, ops, rooms,
};
use madang_wire::{Frontier, Message as _};

use crate::{core::Core, error::Error, event::Event, registers::StoredHeaders, turn::Turn};

/// Ops looked at behind a message to find the last one of each author.
const LOOK_BACK: usize = 1_000;

impl Core {
    /// Marks a room read up to a message.
    pub(crate) fn mark_read(
        &mut self,
        turn: &mut Turn<'_>,
        conv: ConvId,
        message: Option<OpId>,
    ) -> Result<ConvId, Error> {
        let room = self.by_conv.get(&conv).copied().ok_or(Error::NotFound("room"))?;
        let upto: BTreeMap<DeviceId, u64> = match message {
            None => self
                .rooms
                .get(&room)
                .map(|r| r.lines.iter().map(|(a, l)| (*a, l.upto)).collect())
                .unwrap_or_default(),
            Some(id) => {
                let op = ops::by_id(turn.db, &id)?
                    .filter(|op| op.room == room)
                    .ok_or(Error::NotFound("message"))?;
                let mut upto = BTreeMap::from([(op.author, op.seq)]);
                for older in history::page(turn.db, room, Cursor::Before(op.place()), &Kinds::ALL, LOOK_BACK)?
                {
                    let seq = upto.entry(older.author).or_insert(0);
                    *seq = (*seq).max(older.seq);
                }
                upto
            }
        };
        let mut grown = false;
        for (author, seq) in upto {
            let row = self.directory.row(turn.db, &author, None)?;
            grown |= acks::raise_read(turn.db, room, &self.me.account, row, seq)?;
        }
        if grown {
            self.recount_unread(turn, room)?;
            self.register_later(turn, room, "read");
            // The numbers beside the messages count this account too.
            turn.emit(Event::Receipt { room: conv, messages: Vec::new() });
        }
        Ok(conv)
    }

    /// The own `read` register: the fewest ops that stand for everything read.
    pub(crate) fn read_frontier(&mut self, turn: &Turn<'_>, room: RoomRow) -> Result<Vec<u8>, Error> {
        let marks = acks::read_marks(turn.db, room)?;
        let mut ids = Vec::new();
        for (row, seq) in marks.get(&self.me.account).cloned().unwrap_or_default() {
            ids.extend(lines::range(turn.db, room, row, seq, seq, 1)?.into_iter().map(|op| op.id));
        }
        let headers = StoredHeaders(turn.db);
        let ids = frontier::Frontier::of(ids, &headers).wire_ids(&headers);
        Ok(Frontier { ids: ids.iter().map(|id| id.as_bytes().to_vec()).collect() }.encode_to_vec())
    }

    /// Counts what others wrote and this account has not read.
    pub(crate) fn recount_unread(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        let unread = rooms::count_unread(turn.db, room, &self.me.account)?;
        rooms::set_unread(turn.db, room, unread)?;
        turn.changed_rooms.insert(room);
        Ok(())
    }
}
