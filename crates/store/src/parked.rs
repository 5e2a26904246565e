//! Parked: frames whose key and ops whose author is not known yet (protocol sections 3.3, 5.4).
//!
//! Must not know how to open them. Invariant: what a room may park is bounded in number and in bytes, so that
//! strangers cannot fill the disk.

use crate::db::Conn;
use crate::error::Result;
use crate::row::{ParkedRow, RoomRow, device_id, int, key_id, limit, uint};
use crate::statement::{all, run, value};
use madang_model::{DeviceId, KeyId};
use rusqlite::params;

/// Frames of unknown keys a room may park (protocol section 3.3).
pub const FRAMES_CAP: usize = 1_000;
/// Bytes of such frames a room may park: 8 MiB.
pub const FRAME_BYTES_CAP: u64 = 8 * 1024 * 1024;
/// Ops of unknown authors a room may park: one full bulk answer.
pub const OPS_CAP: usize = 1_000;
/// Bytes of such ops a room may park: 8 MiB.
pub const OP_BYTES_CAP: u64 = 8 * 1024 * 1024;

/// Parks a frame, once however often it comes. While the room is over its bounds, frames of the key that has waited longest go first; answers how
/// many went.
///
/// # Errors
/// Those of the store.
pub fn park_frame(c: &Conn, room: RoomRow, key: &KeyId, frame: &[u8], at: u64) -> Result<usize> {
    // Every path brings a copy.
    let added = run(
        c,
        "INSERT INTO parked (room, key_id, frame, at) SELECT ?1, ?2, ?3, ?4
         WHERE NOT EXISTS (SELECT 1 FROM parked WHERE room = ?1 AND key_id = ?2 AND frame = ?3)",
        params![room, key.as_bytes(), frame, int(at)],
    )?;
    if added == 0 {
        return Ok(0);
    }
    let mut evicted = 0_usize;
    loop {
        let (frames, bytes) = value(
            c,
            "SELECT COUNT(*), coalesce(SUM(length(frame)), 0) FROM parked WHERE room = ?1",
            params![room],
            |row| Ok((uint(row, 0)?, uint(row, 1)?)),
        )?;
        if frames <= FRAMES_CAP as u64 && bytes <= FRAME_BYTES_CAP {
            return Ok(evicted);
        }
        let gone = run(
            c,
            "DELETE FROM parked WHERE row = (
               SELECT row FROM parked WHERE room = ?1 AND key_id = (
                 SELECT key_id FROM parked WHERE room = ?1 ORDER BY row LIMIT 1)
               ORDER BY row LIMIT 1)",
            params![room],
        )?;
        evicted = evicted.saturating_add(gone);
        if gone == 0 {
            return Ok(evicted);
        }
    }
}

/// Takes the frames of a key out of the park, oldest first, at most `max`.
///
/// # Errors
/// Those of the store.
pub fn take_frames(c: &Conn, room: RoomRow, key: &KeyId, max: usize) -> Result<Vec<Vec<u8>>> {
    let found: Vec<(ParkedRow, Vec<u8>)> = all(
        c,
        "SELECT row, frame FROM parked WHERE room = ?1 AND key_id = ?2 ORDER BY row LIMIT ?3",
        params![room, key.as_bytes(), limit(max)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    remove(c, "DELETE FROM parked WHERE row = ?1", found.iter().map(|(row, _)| *row))?;
    Ok(found.into_iter().map(|(_, frame)| frame).collect())
}

/// Drops the frames of a key, for example after `KeyDenied`; answers how many.
///
/// # Errors
/// Those of the store.
pub fn drop_frames(c: &Conn, room: RoomRow, key: &KeyId) -> Result<usize> {
    run(c, "DELETE FROM parked WHERE room = ?1 AND key_id = ?2", params![room, key.as_bytes()])
}

/// The unknown keys of all rooms and since when the first frame of each waits, ms since 1970.
///
/// # Errors
/// Those of the store.
pub fn unknown_keys(c: &Conn) -> Result<Vec<(RoomRow, KeyId, u64)>> {
    all(
        c,
        "SELECT room, key_id, MIN(at) FROM parked GROUP BY room, key_id ORDER BY room, key_id",
        [],
        |row| Ok((row.get(0)?, key_id(row, 1)?, uint(row, 2)?)),
    )
}

/// Parks an op of an unknown author, once however often it comes, dropping the oldest while the room is over its bounds; answers how many went.
///
/// # Errors
/// Those of the store.
pub fn park_op(c: &Conn, room: RoomRow, author: &DeviceId, op: &[u8], at: u64) -> Result<usize> {
    let added = run(
        c,
        "INSERT INTO parked_op (room, author, op, at) SELECT ?1, ?2, ?3, ?4
         WHERE NOT EXISTS (SELECT 1 FROM parked_op WHERE room = ?1 AND author = ?2 AND op = ?3)",
        params![room, author.as_bytes(), op, int(at)],
    )?;
    if added == 0 {
        return Ok(0);
    }
    let mut evicted = 0_usize;
    loop {
        let (ops, bytes) = value(
            c,
            "SELECT COUNT(*), coalesce(SUM(length(op)), 0) FROM parked_op WHERE room = ?1",
            params![room],
            |row| Ok((uint(row, 0)?, uint(row, 1)?)),
        )?;
        if ops <= OPS_CAP as u64 && bytes <= OP_BYTES_CAP {
            return Ok(evicted);
        }
        let gone = run(
            c,
            "DELETE FROM parked_op WHERE row = (SELECT row FROM parked_op WHERE room = ?1 ORDER BY row LIMIT 1)",
            params![room],
        )?;
        evicted = evicted.saturating_add(gone);
        if gone == 0 {
            return Ok(evicted);
        }
    }
}

/// Takes the ops of an author out of the park, oldest first, at most `max`.
///
/// # Errors
/// Those of the store.
pub fn take_ops(c: &Conn, room: RoomRow, author: &DeviceId, max: usize) -> Result<Vec<Vec<u8>>> {
    let found: Vec<(ParkedRow, Vec<u8>)> = all(
        c,
        "SELECT row, op FROM parked_op WHERE room = ?1 AND author = ?2 ORDER BY row LIMIT ?3",
        params![room, author.as_bytes(), limit(max)],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    remove(c, "DELETE FROM parked_op WHERE row = ?1", found.iter().map(|(row, _)| *row))?;
    Ok(found.into_iter().map(|(_, op)| op).collect())
}

/// The unknown keys of one room, the one whose first frame came first in front.
///
/// # Errors
/// Those of the store.
pub fn unknown_keys_of(c: &Conn, room: RoomRow) -> Result<Vec<KeyId>> {
    all(
        c,
        "SELECT key_id FROM parked WHERE room = ?1 GROUP BY key_id ORDER BY MIN(row)",
        params![room],
        |row| key_id(row, 0),
    )
}

/// The unknown authors of all rooms and since when the first op of each waits, ms since 1970.
///
/// # Errors
/// Those of the store.
pub fn unknown_authors(c: &Conn) -> Result<Vec<(RoomRow, DeviceId, u64)>> {
    all(
        c,
        "SELECT room, author, MIN(at) FROM parked_op GROUP BY room, author ORDER BY room, author",
        [],
        |row| Ok((row.get(0)?, device_id(row, 1)?, uint(row, 2)?)),
    )
}

fn remove(c: &Conn, sql: &str, rows: impl Iterator<Item = ParkedRow>) -> Result<()> {
    let mut statement = c.prepare_cached(sql)?;
    for row in rows {
        statement.execute(params![row])?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "parked_tests.rs"]
mod tests;
