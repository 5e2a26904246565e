//! Frames: the sealed bytes of own ops, kept until every recipient device has the op (protocol section 2.3), and the
//! copies that relays hold of them.
//!
//! Must not know who the recipients are. Invariant: a retry sends the same bytes, so a frame is written once.

use crate::db::Conn;
use crate::error::Result;
use crate::row::{OpRow, RelayRow, RoomRow, int, key_id, limit, uint};
use crate::statement::{all, one, run, value};
use madang_model::KeyId;
use rusqlite::params;

/// The sealed bytes of an own op.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The op.
    pub op: OpRow,
    /// The key it is sealed under.
    pub key: KeyId,
    /// Encoded `Sealed`.
    pub body: Vec<u8>,
}

/// An own op at a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// The op.
    pub op: OpRow,
    /// The relay.
    pub relay: RelayRow,
    /// The box that holds it.
    pub relay_box: [u8; 16],
    /// Its number there.
    pub seq: u64,
    /// When it was stored, ms since 1970.
    pub at: u64,
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Frame> {
    Ok(Frame { op: row.get(0)?, key: key_id(row, 1)?, body: row.get(2)? })
}

fn read_copy(row: &rusqlite::Row<'_>) -> rusqlite::Result<Copy> {
    Ok(Copy {
        op: row.get(0)?,
        relay: row.get(1)?,
        relay_box: row.get(2)?,
        seq: uint(row, 3)?,
        at: uint(row, 4)?,
    })
}

/// Keeps the sealed bytes of an op; answers false, and changes nothing, when there are some already.
///
/// # Errors
/// Those of the store.
pub fn put(c: &Conn, room: RoomRow, frame: &Frame) -> Result<bool> {
    let inserted = run(
        c,
        "INSERT INTO frame (op, room, key_id, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (op) DO NOTHING",
        params![frame.op, room, frame.key.as_bytes(), frame.body],
    )?;
    Ok(inserted > 0)
}

/// The sealed bytes of an op.
///
/// # Errors
/// Those of the store.
pub fn get(c: &Conn, op: OpRow) -> Result<Option<Frame>> {
    one(c, "SELECT op, key_id, body FROM frame WHERE op = ?1", params![op], read)
}

/// Forgets the sealed bytes of an op that everybody has; answers whether there were some.
///
/// # Errors
/// Those of the store.
pub fn remove(c: &Conn, op: OpRow) -> Result<bool> {
    Ok(run(c, "DELETE FROM frame WHERE op = ?1", params![op])? > 0)
}

/// Forgets the sealed bytes of own ops with numbers up to `upto` in a room: every recipient device has them. Answers
/// how many went.
///
/// # Errors
/// Those of the store.
pub fn remove_covered(c: &Conn, room: RoomRow, author: crate::DeviceRow, upto: u64) -> Result<usize> {
    run(
        c,
        "DELETE FROM frame WHERE room = ?1 AND op IN (
           SELECT op.row FROM frame AS f CROSS JOIN op ON op.row = f.op
           WHERE f.room = ?1 AND op.author = ?2 AND op.seq <= ?3)",
        params![room, author, int(upto)],
    )
}

/// The frames of a room after an op, oldest first, at most `max`: what is still on its way.
///
/// # Errors
/// Those of the store.
pub fn pending(c: &Conn, room: RoomRow, after: OpRow, max: usize) -> Result<Vec<Frame>> {
    all(
        c,
        "SELECT op, key_id, body FROM frame WHERE room = ?1 AND op > ?2 ORDER BY op LIMIT ?3",
        params![room, after, limit(max)],
        read,
    )
}

/// The rooms that have something on its way, and how much.
///
/// # Errors
/// Those of the store.
pub fn rooms(c: &Conn) -> Result<Vec<(RoomRow, u64)>> {
    all(c, "SELECT room, COUNT(*) FROM frame GROUP BY room ORDER BY room", [], |row| {
        Ok((row.get(0)?, uint(row, 1)?))
    })
}

/// How many own ops are on their way, in all rooms.
///
/// # Errors
/// Those of the store.
pub fn count(c: &Conn) -> Result<u64> {
    value(c, "SELECT COUNT(*) FROM frame", [], |row| uint(row, 0))
}

/// How many own ops of a kind in a room have a number above `after`, and how many of these lie at some relay: what a
/// device that has everything up to there still waits for.
///
/// # Errors
/// Those of the store.
pub fn waiting(c: &Conn, room: RoomRow, after: u64, kind: u32) -> Result<(u64, u64)> {
    value(
        c,
        "SELECT COUNT(*), COALESCE(SUM(EXISTS (SELECT 1 FROM relay_copy AS c WHERE c.op = op.row AND c.seq > 0)), 0)
         FROM frame AS f CROSS JOIN op ON op.row = f.op WHERE f.room = ?1 AND op.seq > ?2 AND op.kind = ?3",
        params![room, int(after), kind],
        |row| Ok((uint(row, 0)?, uint(row, 1)?)),
    )
}

/// Whether a frame of a room waits that is sealed under this key: the key must not go before it.
///
/// # Errors
/// Those of the store.
pub fn sealed_under(c: &Conn, room: RoomRow, key: &KeyId) -> Result<bool> {
    value(
        c,
        "SELECT EXISTS (SELECT 1 FROM frame WHERE room = ?1 AND key_id = ?2)",
        params![room, key.as_bytes()],
        |row| row.get(0),
    )
}

/// Notes that a relay holds an op; a newer number replaces the old one.
///
/// # Errors
/// Those of the store.
pub fn stored(c: &Conn, copy: &Copy) -> Result<()> {
    run(
        c,
        "INSERT INTO relay_copy (op, relay, box, seq, at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (op, relay) DO UPDATE SET box = excluded.box, seq = excluded.seq, at = excluded.at",
        params![copy.op, copy.relay, copy.relay_box, int(copy.seq), int(copy.at)],
    )
    .map(|_| ())
}

/// Notes that a relay held an op already. A copy in this box that was known, even as lost, keeps its age: the life of
/// an item begins when it is stored first.
///
/// # Errors
/// Those of the store.
pub fn held(c: &Conn, copy: &Copy) -> Result<()> {
    run(
        c,
        "INSERT INTO relay_copy (op, relay, box, seq, at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (op, relay) DO UPDATE SET seq = excluded.seq, box = excluded.box,
           at = CASE WHEN relay_copy.box = excluded.box THEN min(relay_copy.at, excluded.at) ELSE excluded.at END",
        params![copy.op, copy.relay, copy.relay_box, int(copy.seq), int(copy.at)],
    )
    .map(|_| ())
}

/// Where an op is stored.
///
/// # Errors
/// Those of the store.
pub fn copies(c: &Conn, op: OpRow) -> Result<Vec<Copy>> {
    all(
        c,
        "SELECT op, relay, box, seq, at FROM relay_copy WHERE op = ?1 AND seq > 0 ORDER BY relay",
        params![op],
        read_copy,
    )
}

/// Counts the copies in a box that was made anew or let them expire, those stored before `before` (ms since 1970), as
/// lost. Answers the ops.
///
/// # Errors
/// Those of the store.
pub fn lost(c: &Conn, relay: RelayRow, relay_box: &[u8; 16], before: u64) -> Result<Vec<OpRow>> {
    // The row stays, without a number in the box, and tells that there was a copy once.
    all(
        c,
        "UPDATE relay_copy SET seq = 0 WHERE relay = ?1 AND box = ?2 AND at < ?3 AND seq > 0 RETURNING op",
        params![relay, relay_box, int(before)],
        |row| row.get(0),
    )
}

/// Counts the copies in a box whose number is below `seq` as lost: the relay says that it has dropped what was there.
/// Answers the ops.
///
/// # Errors
/// Those of the store.
pub fn lost_below(c: &Conn, relay: RelayRow, relay_box: &[u8; 16], seq: u64) -> Result<Vec<OpRow>> {
    all(
        c,
        "UPDATE relay_copy SET seq = 0 WHERE relay = ?1 AND box = ?2 AND seq > 0 AND seq < ?3 RETURNING op",
        params![relay, relay_box, limit(usize::try_from(seq).unwrap_or(usize::MAX))],
        |row| row.get(0),
    )
}

/// Every box, at any relay, that holds copies of own ops, with the room of the ops.
///
/// # Errors
/// Those of the store.
pub fn boxes_with_copies(c: &Conn) -> Result<Vec<(RelayRow, [u8; 16], RoomRow)>> {
    all(
        c,
        "SELECT DISTINCT copy.relay, copy.box, op.room FROM relay_copy AS copy JOIN op ON op.row = copy.op
         WHERE copy.seq > 0 ORDER BY copy.relay, copy.box",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

/// Whether a relay held an op once, also if it has lost it since.
///
/// # Errors
/// Those of the store.
pub fn was_relayed(c: &Conn, op: OpRow) -> Result<bool> {
    value(c, "SELECT EXISTS (SELECT 1 FROM relay_copy WHERE op = ?1)", params![op], |row| row.get(0))
}

/// Sealed bytes of an own op with its place in the own line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Row of the op.
    pub op: OpRow,
    /// Its id.
    pub id: madang_model::OpId,
    /// Its number in the own line.
    pub seq: u64,
    /// The key they are sealed under.
    pub key: KeyId,
    /// The bytes as they were sealed.
    pub body: Vec<u8>,
}

fn read_sealed(row: &rusqlite::Row<'_>) -> rusqlite::Result<Sealed> {
    Ok(Sealed {
        op: row.get(0)?,
        id: crate::row::op_id(row, 1)?,
        seq: uint(row, 2)?,
        key: key_id(row, 3)?,
        body: row.get(4)?,
    })
}

/// The frames of a room behind number `seq` of the own line, in the order of the line, at most `max`.
///
/// # Errors
/// Those of the store.
pub fn after(c: &Conn, room: RoomRow, seq: u64, max: usize) -> Result<Vec<Sealed>> {
    all(
        c,
        "SELECT op.row, op.id, op.seq, frame.key_id, frame.body FROM frame JOIN op ON op.row = frame.op
         WHERE frame.room = ?1 AND op.seq > ?2 ORDER BY frame.op LIMIT ?3",
        params![room, int(seq), limit(max)],
        read_sealed,
    )
}

/// An own op on its way, and which relays hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Row of the op.
    pub op: OpRow,
    /// Its id.
    pub id: madang_model::OpId,
    /// Its number in the own line.
    pub seq: u64,
    /// The key it is sealed under.
    pub key: KeyId,
    /// The relays that hold a copy.
    pub relays: Vec<RelayRow>,
}

fn read_placed(row: &rusqlite::Row<'_>) -> rusqlite::Result<Placed> {
    let relays: Option<String> = row.get(4)?;
    let relays = relays.iter().flat_map(|list| list.split(',')).filter_map(|row| row.parse().ok());
    Ok(Placed {
        op: row.get(0)?,
        id: crate::row::op_id(row, 1)?,
        seq: uint(row, 2)?,
        key: key_id(row, 3)?,
        relays: relays.map(RelayRow).collect(),
    })
}

/// The own ops of a room on their way behind the op in this row, oldest first, at most `max`, each with the relays
/// that hold it.
///
/// # Errors
/// Those of the store.
pub fn placed(c: &Conn, room: RoomRow, after: OpRow, max: usize) -> Result<Vec<Placed>> {
    all(
        c,
        "SELECT op.row, op.id, op.seq, frame.key_id,
           (SELECT group_concat(copy.relay) FROM relay_copy AS copy WHERE copy.op = frame.op AND copy.seq > 0)
         FROM frame CROSS JOIN op ON op.row = frame.op
         WHERE frame.room = ?1 AND frame.op > ?2 ORDER BY frame.op LIMIT ?3",
        params![room, after, limit(max)],
        read_placed,
    )
}

#[cfg(test)]
#[path = "frames_tests.rs"]
mod tests;
