//! Ops: the permanent entries of conversations, kept exactly as received (protocol section 2.1).
//!
//! Must not know what a payload says or who may see it. Invariant: an op id is here at most once, and its header and
//! signature never change; only the payload may go (purge) or come back.

use crate::db::Conn;
use crate::error::{Error, Result};
use crate::row::{DeviceRow, OpRow, RoomRow, account_id, choice, device_id, int, op_id, uint};
use crate::statement::{all, one, run, value};
use madang_model::{AccountId, DeviceId, OpId};
use rusqlite::{Row, params};

choice! {
    /// The path by which an op came here.
    Origin {
        /// Written on this machine.
        Own = 0,
        /// Gossip.
        Gossip = 1,
        /// A sync stream, as it was sent.
        Stream = 2,
        /// A relay.
        Relay = 3,
        /// Reconciliation, after a difference was found.
        Repair = 4,
        /// Bulk transfer of history.
        Bulk = 5,
    }
}

/// When an op is applied that has no effect: it does not fit the past that it names (protocol section 2.1).
pub const NEVER: u64 = i64::MAX as u64;

/// Where an op stands in its room: the order of protocol section 2.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Clock value.
    pub hlc: u64,
    /// Author; of two authors with the same first eight bytes the order is undefined.
    pub author: DeviceId,
    /// Number in the author's line.
    pub seq: u64,
}

/// An op to be kept.
#[derive(Clone, Copy, Debug)]
pub struct NewOp<'a> {
    /// Op id.
    pub id: &'a OpId,
    /// Room.
    pub room: RoomRow,
    /// Row of the author.
    pub author_row: DeviceRow,
    /// The author's device key.
    pub author: &'a DeviceId,
    /// The author's account.
    pub account: &'a AccountId,
    /// Number in the author's line, from 1.
    pub seq: u64,
    /// Clock value.
    pub hlc: u64,
    /// Kind as the header says.
    pub kind: u32,
    /// Encoded header, as signed.
    pub header: &'a [u8],
    /// Signature over the id.
    pub sig: &'a [u8],
    /// Payload; `None` when it came purged.
    pub payload: Option<&'a [u8]>,
    /// When it arrived, ms since 1970.
    pub arrived_at: u64,
    /// The path by which it came.
    pub origin: Origin,
    /// Whether it came after newer ones and is announced although it does not stand at the end.
    pub late: bool,
    /// 0, or when an op from the future is applied, ms since 1970; [`NEVER`] for one that has no effect.
    pub due_at: u64,
}

/// An op that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// Row number; later arrivals have greater ones.
    pub row: OpRow,
    /// Op id.
    pub id: OpId,
    /// Room.
    pub room: RoomRow,
    /// Row of the author.
    pub author_row: DeviceRow,
    /// The author's device key.
    pub author: DeviceId,
    /// The author's account.
    pub account: AccountId,
    /// Number in the author's line, from 1.
    pub seq: u64,
    /// Clock value.
    pub hlc: u64,
    /// Kind as the header says.
    pub kind: u32,
    /// Encoded header, as signed.
    pub header: Vec<u8>,
    /// Signature over the id.
    pub sig: Vec<u8>,
    /// Payload; `None` = purged.
    pub payload: Option<Vec<u8>>,
    /// When it arrived, ms since 1970.
    pub arrived_at: u64,
    /// The path by which it came.
    pub origin: Origin,
    /// Whether it came after newer ones.
    pub late: bool,
    /// 0, or when it is applied, ms since 1970; [`NEVER`] if it has no effect.
    pub due_at: u64,
}

impl Op {
    /// Where it stands in its room.
    pub fn place(&self) -> Place {
        Place { hlc: self.hlc, author: self.author, seq: self.seq }
    }
}

/// Where an op stands that another one names as its past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// Clock value.
    pub hlc: u64,
    /// Its room.
    pub room: RoomRow,
    /// Its author device.
    pub author: DeviceId,
    /// Its number in the author's line.
    pub seq: u64,
}

/// What [`insert`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It is new, in this row.
    New(OpRow),
    /// It was here already, in this row.
    Duplicate(OpRow),
}

impl Inserted {
    /// The row, new or not.
    pub fn row(self) -> OpRow {
        match self {
            Inserted::New(row) | Inserted::Duplicate(row) => row,
        }
    }
}

/// The columns that [`read`] takes, behind the word SELECT. `op` must be joined with `device` as `author`.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT op.row, op.id, op.room, op.author, author.id, op.account, op.seq, op.hlc, op.kind, op.header, op.sig, ",
            "op.payload, op.arrived_at, op.origin, op.late, op.due_at ",
            "FROM op CROSS JOIN device AS author ON author.row = op.author ",
            $rest
        )
    };
}
pub(crate) use select;

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Op> {
    Ok(Op {
        row: row.get(0)?,
        id: op_id(row, 1)?,
        room: row.get(2)?,
        author_row: row.get(3)?,
        author: device_id(row, 4)?,
        account: account_id(row, 5)?,
        seq: uint(row, 6)?,
        hlc: uint(row, 7)?,
        kind: row.get(8)?,
        header: row.get(9)?,
        sig: row.get(10)?,
        payload: row.get(11)?,
        arrived_at: uint(row, 12)?,
        origin: row.get(13)?,
        late: row.get(14)?,
        due_at: uint(row, 15)?,
    })
}

/// The first eight bytes of a device key as a signed number that sorts as the bytes do.
pub(crate) fn author_order(author: &DeviceId) -> i64 {
    let head = author.as_bytes().first_chunk::<8>().copied().unwrap_or_default();
    (u64::from_be_bytes(head) ^ (1 << 63)).cast_signed()
}

/// Keeps an op unless it is here. A copy never changes what is here; see [`restore`].
///
/// # Errors
/// Those of the store; [`Error::Constraint`] when room or author do not exist.
pub fn insert(c: &Conn, op: &NewOp<'_>) -> Result<Inserted> {
    let new = one(
        c,
        "INSERT INTO op (id, room, author, account, author_order, seq, hlc, kind, header, sig, payload, arrived_at,
           origin, late, due_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT (id) DO NOTHING RETURNING row",
        params![
            op.id.as_bytes(),
            op.room,
            op.author_row,
            op.account.as_bytes(),
            author_order(op.author),
            int(op.seq),
            int(op.hlc),
            op.kind,
            op.header,
            op.sig,
            op.payload,
            int(op.arrived_at),
            op.origin,
            op.late,
            int(op.due_at)
        ],
        |row| row.get(0),
    )?;
    match new {
        Some(row) => Ok(Inserted::New(row)),
        None => row_of(c, op.id)?
            .map(Inserted::Duplicate)
            .ok_or_else(|| Error::Sql("an op is neither new nor here".to_owned())),
    }
}

/// The op of this id.
///
/// # Errors
/// Those of the store.
pub fn by_id(c: &Conn, id: &OpId) -> Result<Option<Op>> {
    one(c, select!("WHERE op.id = ?1"), params![id.as_bytes()], read)
}

/// The op of this row.
///
/// # Errors
/// Those of the store.
pub fn get(c: &Conn, row: OpRow) -> Result<Option<Op>> {
    one(c, select!("WHERE op.row = ?1"), params![row], read)
}

/// The row of an op.
///
/// # Errors
/// Those of the store.
pub fn row_of(c: &Conn, id: &OpId) -> Result<Option<OpRow>> {
    one(c, "SELECT row FROM op WHERE id = ?1", params![id.as_bytes()], |row| row.get(0))
}

/// The encoded header of an op: its deps, without the payload.
///
/// # Errors
/// Those of the store.
pub fn header(c: &Conn, id: &OpId) -> Result<Option<Vec<u8>>> {
    one(c, "SELECT header FROM op WHERE id = ?1", params![id.as_bytes()], |row| row.get(0))
}

/// For each id whether it is here, in the order of the question.
///
/// # Errors
/// Those of the store.
pub fn exists(c: &Conn, ids: &[OpId]) -> Result<Vec<bool>> {
    let mut statement = c.prepare_cached("SELECT 1 FROM op WHERE id = ?1")?;
    ids.iter().map(|id| Ok(statement.exists(params![id.as_bytes()])?)).collect()
}

/// Takes the payload of an op away and keeps header and signature; answers whether there was one. The text index is
/// cleared by [`crate::search::remove`], old pages by [`crate::Writer::checkpoint`].
///
/// # Errors
/// Those of the store.
pub fn purge(c: &Conn, row: OpRow) -> Result<bool> {
    Ok(run(c, "UPDATE op SET payload = NULL WHERE row = ?1 AND payload IS NOT NULL", params![row])? > 0)
}

/// Gives an op that came purged its payload, when a full copy turned up; answers whether it was missing.
///
/// # Errors
/// Those of the store.
pub fn restore(c: &Conn, row: OpRow, payload: &[u8]) -> Result<bool> {
    Ok(run(c, "UPDATE op SET payload = ?2 WHERE row = ?1 AND payload IS NULL", params![row, payload])? > 0)
}

/// Whether an op is here that deletes or purges the one with this id (protocol section 2.1): its content, behind 16
/// bytes of salt, begins with the id of its target.
///
/// # Errors
/// Those of the store.
pub fn is_deleted(c: &Conn, room: RoomRow, id: &OpId) -> Result<bool> {
    value(
        c,
        "SELECT EXISTS (SELECT 1 FROM op WHERE room = ?1 AND kind IN (34, 36) AND due_at = 0
           AND substr(payload, 17, 2) = x'0a20' AND substr(payload, 19, 32) = ?2)",
        params![room, id.as_bytes()],
        |row| row.get(0),
    )
}

/// Ops from the future that are due at `now` (ms since 1970), earliest first.
///
/// # Errors
/// Those of the store.
pub fn due(c: &Conn, now: u64, max: usize) -> Result<Vec<Op>> {
    all(
        c,
        select!("WHERE op.due_at > 0 AND op.due_at <= ?1 ORDER BY op.due_at, op.row LIMIT ?2"),
        params![int(now), crate::row::limit(max)],
        read,
    )
}

/// Ops from the future of one author in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The device that wrote them.
    pub author: DeviceRow,
    /// How many.
    pub count: u64,
    /// When the first of them came, ms since 1970.
    pub since: u64,
}

/// The ops from the future of a room, by author.
///
/// # Errors
/// Those of the store.
pub fn waiting(c: &Conn, room: RoomRow) -> Result<Vec<Waiting>> {
    all(
        c,
        "SELECT author, COUNT(*), MIN(arrived_at) FROM op WHERE due_at > 0 AND due_at < ?2 AND room = ?1
         GROUP BY author ORDER BY author",
        params![room, int(NEVER)],
        |row| Ok(Waiting { author: row.get(0)?, count: uint(row, 1)?, since: uint(row, 2)? }),
    )
}

/// When the next op from the future is due, ms since 1970.
///
/// # Errors
/// Those of the store.
pub fn next_due(c: &Conn) -> Result<Option<u64>> {
    let sql = "SELECT MIN(due_at) FROM op WHERE due_at > 0 AND due_at < ?1";
    let at: Option<i64> = value(c, sql, params![int(NEVER)], |row| row.get(0))?;
    Ok(at.map(i64::cast_unsigned))
}

/// Marks an op from the future as applied.
///
/// # Errors
/// Those of the store.
pub fn applied(c: &Conn, row: OpRow) -> Result<()> {
    run(c, "UPDATE op SET due_at = 0 WHERE row = ?1", params![row]).map(|_| ())
}

/// Marks an op as one that has no effect: it is served and counted in its line, and neither shown nor found.
///
/// # Errors
/// Those of the store.
pub fn set_void(c: &Conn, row: OpRow) -> Result<()> {
    run(c, "UPDATE op SET due_at = ?2 WHERE row = ?1", params![row, int(NEVER)]).map(|_| ())
}

/// The encoded header of an op that is applied; none for one of the future or without effect.
///
/// # Errors
/// Those of the store.
pub fn applied_header(c: &Conn, id: &OpId) -> Result<Option<Vec<u8>>> {
    one(c, "SELECT header FROM op WHERE id = ?1 AND due_at = 0", params![id.as_bytes()], |row| row.get(0))
}

/// All ops of the store.
///
/// # Errors
/// Those of the store.
pub fn count(c: &Conn) -> Result<u64> {
    value(c, "SELECT COUNT(*) FROM op", [], |row| uint(row, 0))
}

/// What an op that names another one as its past has to fit: where that one stands, if it is here.
///
/// # Errors
/// Those of the store.
pub fn place_of(c: &Conn, id: &OpId) -> Result<Option<Past>> {
    one(
        c,
        "SELECT op.hlc, op.room, author.id, op.seq FROM op JOIN device AS author ON author.row = op.author WHERE op.id = ?1",
        params![id.as_bytes()],
        |row| {
            Ok(Past { hlc: uint(row, 0)?, room: row.get(1)?, author: device_id(row, 2)?, seq: uint(row, 3)? })
        },
    )
}

/// Greatest clock value of what counts in a room; 0 when it is empty.
///
/// # Errors
/// Those of the store.
pub fn newest_hlc(c: &Conn, room: RoomRow) -> Result<u64> {
    let newest = one(
        c,
        "SELECT hlc FROM op WHERE room = ?1 AND due_at = 0 ORDER BY hlc DESC LIMIT 1",
        params![room],
        |row| uint(row, 0),
    )?;
    Ok(newest.unwrap_or(0))
}

#[cfg(test)]
#[path = "ops_tests.rs"]
mod tests;
