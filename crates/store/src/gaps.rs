//! Gaps: missing stretches of authors' lines that a room shows, and why those given up were closed (protocol
//! section 2.1).
//!
//! Must not know when one is given up. Invariant: a closed gap counts as here, so it stays closed.

use crate::db::Conn;
use crate::error::Result;
use crate::keys::{self, EpochKey};
use crate::meta;
use crate::row::{DeviceRow, RoomRow, int, uint, uint_opt};
use crate::statement::{all, run, value};
use madang_model::{Hlc, limits::FUTURE_TOLERANCE_MS};
use rusqlite::{Row, params};

/// A missing stretch of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Room.
    pub room: RoomRow,
    /// Author.
    pub author: DeviceRow,
    /// First missing number.
    pub from_seq: u64,
    /// Last missing number.
    pub to_seq: u64,
    /// Since when it is missing, ms since 1970.
    pub since: u64,
    /// When it was given up, ms since 1970.
    pub closed_at: Option<u64>,
    /// Why; empty while it is open.
    pub reason: String,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Gap> {
    Ok(Gap {
        room: row.get(0)?,
        author: row.get(1)?,
        from_seq: uint(row, 2)?,
        to_seq: uint(row, 3)?,
        since: uint(row, 4)?,
        closed_at: uint_opt(row, 5)?,
        reason: row.get(6)?,
    })
}

/// Notes a gap. One that begins at the same number keeps its age and takes the new end.
///
/// # Errors
/// Those of the store.
pub fn note(
    c: &Conn,
    room: RoomRow,
    author: DeviceRow,
    from_seq: u64,
    to_seq: u64,
    since: u64,
) -> Result<()> {
    run(
        c,
        "INSERT INTO gap (room, author, from_seq, to_seq, since) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (room, author, from_seq) DO UPDATE SET to_seq = excluded.to_seq WHERE closed_at IS NULL",
        params![room, author, int(from_seq), int(to_seq), int(since)],
    )
    .map(|_| ())
}

/// Sets the open gaps of a line to its holes. A hole keeps the age of the oldest gap that it overlaps; a gap that no
/// hole overlaps any more ended at `at` (ms since 1970).
///
/// # Errors
/// Those of the store.
pub fn set_open(c: &Conn, room: RoomRow, author: DeviceRow, holes: &[(u64, u64)], at: u64) -> Result<()> {
    let before = all(
        c,
        "DELETE FROM gap WHERE room = ?1 AND author = ?2 AND closed_at IS NULL
         RETURNING room, author, from_seq, to_seq, since, closed_at, reason",
        params![room, author],
        read,
    )?;
    let overlaps = |gap: &Gap, (from, to): (u64, u64)| gap.from_seq <= to && from <= gap.to_seq;
    for &(from, to) in holes {
        let since = before.iter().filter(|gap| overlaps(gap, (from, to))).map(|gap| gap.since).min();
        note(c, room, author, from, to, since.unwrap_or(at))?;
    }
    for gap in before.iter().filter(|gap| !holes.iter().any(|hole| overlaps(gap, *hole))) {
        ended(c, gap, at)?;
    }
    Ok(())
}

/// When gaps under a key ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Whether one is open.
    pub open: bool,
    /// When the last one that ended was filled or given up, ms since 1970; `None` = none ever ended.
    pub closed_at: Option<u64>,
}

/// Whether gaps under a key are open, and when the last one ended: the key lives so long after that (protocol section
/// 3.3). What is missing cannot be opened, so a gap counts as one under every key that was in use when it began.
///
/// # Errors
/// Those of the store.
pub fn settled(c: &Conn, room: RoomRow, key: &EpochKey) -> Result<Settled> {
    let since = all(
        c,
        "SELECT since FROM gap WHERE room = ?1 AND closed_at IS NULL ORDER BY since",
        params![room],
        |row| uint(row, 0),
    )?;
    let open = since.into_iter().any(|since| in_use(key, since));
    let closed_at = meta::get(c, &keys::gap_ended(room, &key.id))?;
    let closed_at = closed_at.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    Ok(Settled { open, closed_at: closed_at.map(u64::from_be_bytes) })
}

/// Whether any gap of a room is open.
///
/// # Errors
/// Those of the store.
pub fn any_open(c: &Conn, room: RoomRow) -> Result<bool> {
    value(
        c,
        "SELECT EXISTS (SELECT 1 FROM gap WHERE room = ?1 AND closed_at IS NULL)",
        params![room],
        |row| row.get(0),
    )
}

/// Whether a key was in use at a time in ms since 1970; its maker's clock may have been ahead, by however much.
fn in_use(key: &EpochKey, at: u64) -> bool {
    let made =
        Hlc::from_u64(key.created_hlc).millis().min(key.received_at).saturating_sub(FUTURE_TOLERANCE_MS);
    made <= at && key.superseded_at.is_none_or(|superseded| at <= superseded)
}

/// A gap ended: keys that were in use when it began live on from now.
fn ended(c: &Conn, gap: &Gap, at: u64) -> Result<()> {
    for key in keys::list(c, gap.room)? {
        if key.superseded_at.is_some() && in_use(&key, gap.since) {
            meta::set(c, &keys::gap_ended(gap.room, &key.id), &at.to_be_bytes())?;
        }
    }
    Ok(())
}

/// Takes an op number out of the gaps of its line, because it came at `at` (ms since 1970): a gap shrinks, splits or
/// goes. Also a closed one.
///
/// # Errors
/// Those of the store.
pub fn fill(c: &Conn, room: RoomRow, author: DeviceRow, seq: u64, at: u64) -> Result<()> {
    let hit = all(
        c,
        "DELETE FROM gap WHERE room = ?1 AND author = ?2 AND from_seq <= ?3 AND to_seq >= ?3
         RETURNING room, author, from_seq, to_seq, since, closed_at, reason",
        params![room, author, int(seq)],
        read,
    )?;
    for gap in hit {
        if gap.from_seq == seq && gap.to_seq == seq && gap.closed_at.is_none() {
            ended(c, &gap, at)?;
        }
        if gap.from_seq < seq {
            put(c, &Gap { to_seq: seq.saturating_sub(1), ..gap.clone() })?;
        }
        if gap.to_seq > seq {
            put(c, &Gap { from_seq: seq.saturating_add(1), ..gap })?;
        }
    }
    Ok(())
}

fn put(c: &Conn, gap: &Gap) -> Result<()> {
    run(
        c,
        "INSERT OR REPLACE INTO gap (room, author, from_seq, to_seq, since, closed_at, reason)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            gap.room,
            gap.author,
            int(gap.from_seq),
            int(gap.to_seq),
            int(gap.since),
            gap.closed_at.map(int),
            gap.reason
        ],
    )
    .map(|_| ())
}

/// Gives a gap up; answers whether it was open.
///
/// # Errors
/// Those of the store.
pub fn close(
    c: &Conn,
    room: RoomRow,
    author: DeviceRow,
    from_seq: u64,
    at: u64,
    reason: &str,
) -> Result<bool> {
    let closed = all(
        c,
        "UPDATE gap SET closed_at = ?4, reason = ?5
         WHERE room = ?1 AND author = ?2 AND from_seq = ?3 AND closed_at IS NULL
         RETURNING room, author, from_seq, to_seq, since, closed_at, reason",
        params![room, author, int(from_seq), int(at), reason],
        read,
    )?;
    for gap in &closed {
        ended(c, gap, at)?;
    }
    Ok(!closed.is_empty())
}

/// The gaps of a room, open and closed, by author and number.
///
/// # Errors
/// Those of the store.
pub fn list(c: &Conn, room: RoomRow) -> Result<Vec<Gap>> {
    all(
        c,
        "SELECT room, author, from_seq, to_seq, since, closed_at, reason FROM gap WHERE room = ?1
         ORDER BY author, from_seq",
        params![room],
        read,
    )
}

/// Open gaps of all rooms noted before a time in ms since 1970, oldest first.
///
/// # Errors
/// Those of the store.
pub fn open_before(c: &Conn, before: u64) -> Result<Vec<Gap>> {
    all(
        c,
        "SELECT room, author, from_seq, to_seq, since, closed_at, reason FROM gap
         WHERE closed_at IS NULL AND since < ?1 ORDER BY since",
        params![int(before)],
        read,
    )
}

#[cfg(test)]
#[path = "gaps_tests.rs"]
mod tests;
