//! History: the ops of one room in their order, page by page, and the sets from which two machines reconcile.
//!
//! Must not know who asks or what may be shown. Invariant: every list follows an index; none walks a whole room
//! unless it says so.

use crate::db::Conn;
use crate::error::Result;
use crate::ops::{Op, Place, author_order, read, select};
use crate::row::{OpRow, RoomRow, int, limit, op_id, uint};
use crate::statement::{all, one, value};
use madang_model::{AccountId, OpId};
use rusqlite::params;
use std::ops::RangeInclusive;

/// Kinds of ops to list, as a range of the numbers of protocol sections 5.1 and 6.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kinds(RangeInclusive<u32>);

impl Kinds {
    /// Every op.
    pub const ALL: Kinds = Kinds(0..=u32::MAX);
    /// Messages: ops that carry text.
    pub const MESSAGES: Kinds = Kinds(32..=32);
    /// Everything people write in a conversation: text, edits, deletions, reactions, purges, pins, introductions.
    pub const CONTENT: Kinds = Kinds(32..=63);
    /// Control ops.
    pub const CONTROL: Kinds = Kinds(0..=31);

    /// The kinds from `first` to `last`.
    pub const fn between(first: u32, last: u32) -> Kinds {
        Kinds(first..=last)
    }

    fn bounds(&self) -> (u32, u32) {
        (*self.0.start(), *self.0.end())
    }
}

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// The newest ops of the room.
    Newest,
    /// Ops older than this place.
    Before(Place),
    /// Ops newer than this place.
    After(Place),
}

/// At most `max` ops of a room next to `from`, in the order of the room, oldest first. Ops of the future that are not
/// applied yet are left out.
///
/// # Errors
/// Those of the store.
pub fn page(c: &Conn, room: RoomRow, from: Cursor, kinds: &Kinds, max: usize) -> Result<Vec<Op>> {
    let (first, last) = kinds.bounds();
    match from {
        Cursor::After(place) => all(
            c,
            select!(
                "WHERE op.room = ?1 AND (op.hlc, op.author_order, op.seq) > (?2, ?3, ?4)
                   AND op.kind BETWEEN ?5 AND ?6 AND op.due_at = 0
                 ORDER BY op.hlc, op.author_order, op.seq LIMIT ?7"
            ),
            params![
                room,
                int(place.hlc),
                author_order(&place.author),
                int(place.seq),
                first,
                last,
                limit(max)
            ],
            read,
        ),
        Cursor::Before(place) => newest_first(
            c,
            room,
            (int(place.hlc), author_order(&place.author), int(place.seq)),
            (first, last),
            max,
        ),
        Cursor::Newest => newest_first(c, room, (i64::MAX, i64::MAX, i64::MAX), (first, last), max),
    }
}

fn newest_first(
    c: &Conn,
    room: RoomRow,
    before: (i64, i64, i64),
    (first, last): (u32, u32),
    max: usize,
) -> Result<Vec<Op>> {
    let mut ops = all(
        c,
        select!(
            "WHERE op.room = ?1 AND (op.hlc, op.author_order, op.seq) < (?2, ?3, ?4)
               AND op.kind BETWEEN ?5 AND ?6 AND op.due_at = 0
             ORDER BY op.hlc DESC, op.author_order DESC, op.seq DESC LIMIT ?7"
        ),
        params![room, before.0, before.1, before.2, first, last, limit(max)],
        read,
    )?;
    ops.reverse();
    Ok(ops)
}

/// The page around an op, the op itself in the middle, oldest first; `None` when it is not here.
///
/// # Errors
/// Those of the store.
pub fn around(c: &Conn, id: &OpId, kinds: &Kinds, max: usize) -> Result<Option<Vec<Op>>> {
    let Some(middle) = crate::ops::by_id(c, id)? else { return Ok(None) };
    let half = max / 2;
    let mut ops = page(c, middle.room, Cursor::Before(middle.place()), kinds, half)?;
    let newer = page(
        c,
        middle.room,
        Cursor::After(middle.place()),
        kinds,
        max.saturating_sub(half).saturating_sub(1),
    )?;
    ops.push(middle);
    ops.extend(newer);
    Ok(Some(ops))
}

/// How many applied ops of a room stand behind a place; `None` counts the whole room.
///
/// # Errors
/// Those of the store.
pub fn count_after(c: &Conn, room: RoomRow, place: Option<Place>, kinds: &Kinds) -> Result<u64> {
    let (first, last) = kinds.bounds();
    let after = place.map_or((i64::MIN, i64::MIN, i64::MIN), |place| {
        (int(place.hlc), author_order(&place.author), int(place.seq))
    });
    value(
        c,
        "SELECT COUNT(*) FROM op WHERE room = ?1 AND (hlc, author_order, seq) > (?2, ?3, ?4)
           AND kind BETWEEN ?5 AND ?6 AND due_at = 0",
        params![room, after.0, after.1, after.2, first, last],
        |row| uint(row, 0),
    )
}

/// Counts the messages of others that `account` has not read although they were shown: those at or above `place` among
/// the ops up to `row`, the last one that was here then.
///
/// # Errors
/// Those of the store.
pub fn count_shown(c: &Conn, room: RoomRow, account: &AccountId, place: Place, row: OpRow) -> Result<u64> {
    value(
        c,
        "SELECT COUNT(*) FROM op
         LEFT JOIN read_mark AS mark ON mark.room = op.room AND mark.account = ?2 AND mark.author = op.author
         WHERE op.room = ?1 AND op.kind = 32 AND op.due_at = 0 AND op.account <> ?2
           AND op.seq > COALESCE(mark.seq, 0) AND op.row <= ?6
           AND (op.hlc, op.author_order, op.seq) <= (?3, ?4, ?5)",
        params![room, account.as_bytes(), int(place.hlc), author_order(&place.author), int(place.seq), row],
        |row| uint(row, 0),
    )
}

/// Row of the op that came last, in any room; none while there are no ops.
///
/// # Errors
/// Those of the store.
pub fn last_row(c: &Conn) -> Result<Option<OpRow>> {
    one(c, "SELECT row FROM op ORDER BY row DESC LIMIT 1", [], |row| row.get(0))
}

/// All ops of a room in its order, control ops only, for resolving the control log.
///
/// # Errors
/// Those of the store.
pub fn control(c: &Conn, room: RoomRow) -> Result<Vec<Op>> {
    all(
        c,
        select!(
            "WHERE op.room = ?1 AND op.kind < 32 AND op.due_at = 0 ORDER BY op.hlc, op.author_order, op.seq"
        ),
        params![room],
        read,
    )
}

/// Streams (hlc, op id) of the ops of a room whose clock value lies in `from..to`, in the order of the clock: the
/// items of reconciliation (protocol section 9.2). Walks that range of the room.
///
/// # Errors
/// Those of the store, or what `each` answers, which ends the walk.
pub fn items(
    c: &Conn,
    room: RoomRow,
    from: u64,
    to: u64,
    mut each: impl FnMut(u64, OpId) -> Result<()>,
) -> Result<()> {
    let mut statement =
        c.prepare_cached("SELECT hlc, id FROM op WHERE room = ?1 AND hlc >= ?2 AND hlc < ?3 ORDER BY hlc")?;
    let upper = if to > i64::MAX as u64 { i64::MAX } else { int(to) };
    let mut rows = statement.query(params![room, int(from), upper])?;
    while let Some(row) = rows.next()? {
        each(uint(row, 0)?, op_id(row, 1)?)?;
    }
    Ok(())
}

/// At most `max` ops of a room in descending (hlc, op id), older than the cursor: one answer of a bulk transfer
/// (protocol section 9.1, `BulkGet`). `(u64::MAX, all 0xff)` begins at the newest.
///
/// # Errors
/// Those of the store.
pub fn bulk(c: &Conn, room: RoomRow, before_hlc: u64, before_id: &OpId, max: usize) -> Result<Vec<Op>> {
    let hlc = if before_hlc > i64::MAX as u64 { i64::MAX } else { int(before_hlc) };
    all(
        c,
        select!(
            "WHERE op.room = ?1 AND op.hlc <= ?2 AND (op.hlc < ?2 OR op.id < ?3)
             ORDER BY op.hlc DESC, op.id DESC LIMIT ?4"
        ),
        params![room, hlc, before_id.as_bytes(), limit(max)],
        read,
    )
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
