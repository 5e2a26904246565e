//! Lines: the numbered line of each author in a room, and the holes in it (protocol section 2.1).
//!
//! Must not know why an op is missing. Invariant: a hole is reported exactly while a number between two that are here
//! is not.

use crate::db::Conn;
use crate::error::Result;
use crate::ops::{Op, read, select};
use crate::row::{DeviceRow, RoomRow, device_id, int, limit, op_id, uint};
use crate::statement::{all, one};
use madang_model::{DeviceId, OpId};
use rusqlite::params;

/// The end of an author's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Highest number here.
    pub seq: u64,
    /// The op that has it; of a forked line the one that came last.
    pub id: OpId,
    /// Its clock value.
    pub hlc: u64,
}

/// An author's line in a room, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Row of the author.
    pub author_row: DeviceRow,
    /// The author.
    pub author: DeviceId,
    /// Lowest number here; a newcomer's line begins where he may see.
    pub first: u64,
    /// Highest number such that nothing between it and `first` is missing.
    pub upto: u64,
    /// Highest number here.
    pub last: u64,
}

/// Numbers that are missing in an author's line, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Row of the author.
    pub author_row: DeviceRow,
    /// The author.
    pub author: DeviceId,
    /// First missing number.
    pub from_seq: u64,
    /// Last missing number.
    pub to_seq: u64,
}

/// The end of an author's line in a room.
///
/// # Errors
/// Those of the store.
pub fn tip(c: &Conn, room: RoomRow, author: DeviceRow) -> Result<Option<Tip>> {
    one(
        c,
        "SELECT seq, id, hlc FROM op WHERE room = ?1 AND author = ?2 ORDER BY seq DESC, row DESC LIMIT 1",
        params![room, author],
        |row| Ok(Tip { seq: uint(row, 0)?, id: op_id(row, 1)?, hlc: uint(row, 2)? }),
    )
}

/// Highest number such that everything from `from` up to it is here; `from - 1` when `from` itself is missing. Cheap
/// when `from` is what was known last.
///
/// # Errors
/// Those of the store.
pub fn contiguous(c: &Conn, room: RoomRow, author: DeviceRow, from: u64) -> Result<u64> {
    let mut statement = c.prepare_cached(
        "SELECT DISTINCT seq FROM op WHERE room = ?1 AND author = ?2 AND seq >= ?3 ORDER BY seq",
    )?;
    let mut rows = statement.query(params![room, author, int(from)])?;
    let mut next = from;
    while let Some(row) = rows.next()? {
        if uint(row, 0)? != next {
            break;
        }
        next = next.saturating_add(1);
    }
    Ok(next.saturating_sub(1))
}

/// The lines of all authors of a room. Walks the index of the room once: for a start, not for every message.
///
/// # Errors
/// Those of the store.
pub fn list(c: &Conn, room: RoomRow) -> Result<Vec<Line>> {
    let spans = all(
        c,
        "SELECT op.author, device.id, MIN(op.seq), MAX(op.seq), COUNT(DISTINCT op.seq)
         FROM op JOIN device ON device.row = op.author WHERE op.room = ?1 GROUP BY op.author",
        params![room],
        |row| {
            let line = Line {
                author_row: row.get(0)?,
                author: device_id(row, 1)?,
                first: uint(row, 2)?,
                upto: uint(row, 3)?,
                last: uint(row, 3)?,
            };
            Ok((line, uint(row, 4)?))
        },
    )?;
    spans
        .into_iter()
        .map(|(mut line, here)| {
            if line.last.saturating_sub(line.first).saturating_add(1) != here {
                line.upto = contiguous(c, room, line.author_row, line.first)?;
            }
            Ok(line)
        })
        .collect()
}

/// The holes in the lines of a room, also the one before the lowest number of a line. A newcomer's caller drops the
/// latter where the policy hides it. Walks the index of the room once.
///
/// # Errors
/// Those of the store.
pub fn holes(c: &Conn, room: RoomRow) -> Result<Vec<Hole>> {
    all(
        c,
        "SELECT line.author, device.id, line.before + 1, line.seq - 1
         FROM (SELECT author, seq, LAG(seq, 1, 0) OVER (PARTITION BY author ORDER BY seq) AS before
               FROM op WHERE room = ?1) AS line
         JOIN device ON device.row = line.author
         WHERE line.seq > line.before + 1 ORDER BY device.id, line.seq",
        params![room],
        |row| {
            Ok(Hole {
                author_row: row.get(0)?,
                author: device_id(row, 1)?,
                from_seq: uint(row, 2)?,
                to_seq: uint(row, 3)?,
            })
        },
    )
}

/// The ops of one author with numbers in `from..=to`, lowest first, at most `max`.
///
/// # Errors
/// Those of the store.
pub fn range(c: &Conn, room: RoomRow, author: DeviceRow, from: u64, to: u64, max: usize) -> Result<Vec<Op>> {
    all(
        c,
        select!(
            "WHERE op.room = ?1 AND op.author = ?2 AND op.seq BETWEEN ?3 AND ?4 ORDER BY op.seq, op.row LIMIT ?5"
        ),
        params![room, author, int(from), int(to.min(i64::MAX as u64)), limit(max)],
        read,
    )
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
