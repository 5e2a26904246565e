//! Acks: what remote devices have committed and what accounts have read (protocol sections 6.2, 9.3).
//!
//! Must not know who should have what. Invariant: a number never falls, whatever the order in which reports arrive.

use crate::db::Conn;
use crate::error::Result;
use crate::row::{DeviceRow, RoomRow, account_id, int, uint};
use crate::statement::{all, one, run, value};
use madang_model::{AccountId, OpId};
use rusqlite::params;
use std::collections::BTreeMap;

/// Per device: per author the number up to which everything is committed there.
pub type Vectors = BTreeMap<DeviceRow, BTreeMap<DeviceRow, u64>>;
/// Per account: per author the number up to which everything was displayed.
pub type Marks = BTreeMap<AccountId, BTreeMap<DeviceRow, u64>>;

/// Raises what `device` has of `author`; answers whether it rose.
///
/// # Errors
/// Those of the store.
pub fn raise(c: &Conn, room: RoomRow, device: DeviceRow, author: DeviceRow, upto: u64) -> Result<bool> {
    let changed = run(
        c,
        "INSERT INTO ack (room, device, author, upto) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (room, device, author) DO UPDATE SET upto = excluded.upto WHERE excluded.upto > ack.upto",
        params![room, device, author, int(upto)],
    )?;
    Ok(changed > 0)
}

/// Keeps what `device` has of `author` beyond a gap: op ids one after the other, 32 bytes each. Replaces the last list.
///
/// # Errors
/// Those of the store.
pub fn set_also(c: &Conn, room: RoomRow, device: DeviceRow, author: DeviceRow, also: &[u8]) -> Result<()> {
    run(
        c,
        "INSERT INTO ack (room, device, author, also) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (room, device, author) DO UPDATE SET also = excluded.also",
        params![room, device, author, also],
    )
    .map(|_| ())
}

/// What `device` has of `author`: the number, and the op ids beyond a gap.
///
/// # Errors
/// Those of the store.
pub fn get(c: &Conn, room: RoomRow, device: DeviceRow, author: DeviceRow) -> Result<(u64, Vec<u8>)> {
    let found = one(
        c,
        "SELECT upto, also FROM ack WHERE room = ?1 AND device = ?2 AND author = ?3",
        params![room, device, author],
        |row| Ok((uint(row, 0)?, row.get(1)?)),
    )?;
    Ok(found.unwrap_or_default())
}

/// What each device of a room has.
///
/// # Errors
/// Those of the store.
pub fn vectors(c: &Conn, room: RoomRow) -> Result<Vectors> {
    let rows = all(c, "SELECT device, author, upto FROM ack WHERE room = ?1", params![room], |row| {
        Ok((row.get(0)?, row.get(1)?, uint(row, 2)?))
    })?;
    let mut vectors = Vectors::new();
    for (device, author, upto) in rows {
        vectors.entry(device).or_default().insert(author, upto);
    }
    Ok(vectors)
}

/// What devices have beyond gaps, by device and author: the lists that [`set_also`] keeps.
///
/// # Errors
/// Those of the store.
pub fn beyond(c: &Conn, room: RoomRow) -> Result<Vec<(DeviceRow, DeviceRow, Vec<OpId>)>> {
    all(c, "SELECT device, author, also FROM ack WHERE room = ?1 AND also <> x''", params![room], |row| {
        let also: Vec<u8> = row.get(2)?;
        let ids = also.as_chunks::<32>().0.iter().map(|id| OpId::from_bytes(*id)).collect();
        Ok((row.get(0)?, row.get(1)?, ids))
    })
}

/// Which of `devices` have not reported op number `seq` of `author`, by number.
///
/// # Errors
/// Those of the store.
pub fn missing(
    c: &Conn,
    room: RoomRow,
    author: DeviceRow,
    seq: u64,
    devices: &[DeviceRow],
) -> Result<Vec<DeviceRow>> {
    let mut statement =
        c.prepare_cached("SELECT 1 FROM ack WHERE room = ?1 AND device = ?2 AND author = ?3 AND upto >= ?4")?;
    let mut missing = Vec::new();
    for device in devices {
        if !statement.exists(params![room, device, author, int(seq)])? {
            missing.push(*device);
        }
    }
    Ok(missing)
}

/// The lowest number of `author` that all of `devices` have; `None` when there are no devices.
///
/// # Errors
/// Those of the store.
pub fn floor(c: &Conn, room: RoomRow, author: DeviceRow, devices: &[DeviceRow]) -> Result<Option<u64>> {
    let mut floor = None;
    for device in devices {
        let (upto, _) = get(c, room, *device, author)?;
        floor = Some(floor.map_or(upto, |floor: u64| floor.min(upto)));
    }
    Ok(floor)
}

/// Forgets what a device has reported: its store is new, or it is a clone.
///
/// # Errors
/// Those of the store.
pub fn forget(c: &Conn, room: RoomRow, device: DeviceRow) -> Result<()> {
    run(c, "DELETE FROM ack WHERE room = ?1 AND device = ?2", params![room, device]).map(|_| ())
}

/// Raises what `account` has read of `author`; answers whether it rose.
///
/// # Errors
/// Those of the store.
pub fn raise_read(c: &Conn, room: RoomRow, account: &AccountId, author: DeviceRow, seq: u64) -> Result<bool> {
    let changed = run(
        c,
        "INSERT INTO read_mark (room, account, author, seq) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (room, account, author) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > read_mark.seq",
        params![room, account.as_bytes(), author, int(seq)],
    )?;
    Ok(changed > 0)
}

/// What each account of a room has read.
///
/// # Errors
/// Those of the store.
pub fn read_marks(c: &Conn, room: RoomRow) -> Result<Marks> {
    let rows = all(c, "SELECT account, author, seq FROM read_mark WHERE room = ?1", params![room], |row| {
        Ok((account_id(row, 0)?, row.get(1)?, uint(row, 2)?))
    })?;
    let mut marks = Marks::new();
    for (account, author, seq) in rows {
        marks.entry(account).or_default().insert(author, seq);
    }
    Ok(marks)
}

/// What one account has read of one author; 0 = nothing.
///
/// # Errors
/// Those of the store.
pub fn read_mark(c: &Conn, room: RoomRow, account: &AccountId, author: DeviceRow) -> Result<u64> {
    value(
        c,
        "SELECT coalesce(max(seq), 0) FROM read_mark WHERE room = ?1 AND account = ?2 AND author = ?3",
        params![room, account.as_bytes(), author],
        |row| uint(row, 0),
    )
}

#[cfg(test)]
#[path = "acks_tests.rs"]
mod tests;
