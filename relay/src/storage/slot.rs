//! Slots.
//!
//! Owns table `slot`. Must not know signatures. Invariant: the version of a slot only rises, through deletion too: a
//! deleted slot stays as a tombstone, or anybody who read it could put it back with the signature he saw.

use rusqlite::{Connection, OptionalExtension, params};

use super::sqlite::{bytes, day, uint};
use super::types::{BoxId, SlotOutcome, SlotRow, SlotWrite, StorageError};

pub(super) fn get(conn: &Connection, id: BoxId) -> Result<Option<SlotRow>, StorageError> {
    let found = conn
        .prepare_cached("SELECT slot_pub, write_pub, version, body, sig FROM slot WHERE id = ?1")?
        .query_row([id.0], |row| {
            Ok(SlotRow {
                slot_pub: bytes(row, 0)?,
                write_pub: bytes(row, 1)?,
                version: uint(row.get(2)?),
                body: row.get(3)?,
                sig: row.get(4)?,
            })
        })
        .optional()?;
    Ok(found)
}

pub(super) fn touch(conn: &Connection, id: BoxId, now: u64) -> Result<(), StorageError> {
    conn.prepare_cached("UPDATE slot SET touched = ?2 WHERE id = ?1 AND touched < ?2")?
        .execute(params![id.0, day(now)])?;
    Ok(())
}

pub(super) fn write(conn: &Connection, write: &SlotWrite, now: u64) -> Result<SlotOutcome, StorageError> {
    let id = BoxId::of(&write.slot_pub);
    let Ok(version) = i64::try_from(write.version) else { return Ok(SlotOutcome::TooHigh) };
    if let Some(stored) = get(conn, id)?
        && stored.version >= write.version
    {
        return Ok(SlotOutcome::Stale(stored.version));
    }
    conn.prepare_cached(
        "INSERT INTO slot (id, slot_pub, write_pub, version, body, sig, touched) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (id) DO UPDATE SET write_pub = excluded.write_pub, version = excluded.version,
             body = excluded.body, sig = excluded.sig, touched = excluded.touched",
    )?
    .execute(params![
        id.0,
        write.slot_pub,
        write.write_pub,
        version,
        write.body,
        write.sig,
        day(now)
    ])?;
    Ok(SlotOutcome::Written)
}

/// Deletes slots that nobody wrote or read since a day, at most `max_rows`.
pub(super) fn expire(conn: &Connection, before_day: i64, max_rows: u32) -> Result<u64, StorageError> {
    let n = conn
        .prepare_cached("DELETE FROM slot WHERE id IN (SELECT id FROM slot WHERE touched < ?1 LIMIT ?2)")?
        .execute(params![before_day, max_rows])?;
    Ok(u64::try_from(n).unwrap_or(0))
}
