//! Registers: signed values of which only the newest counts, per room, author and name (protocol section 2.2).
//!
//! Must not know what a register says. Invariant: the highest version wins, whatever the order of arrival.

use crate::db::Conn;
use crate::error::Result;
use crate::row::{RoomRow, device_id, int, uint};
use crate::statement::{all, one, run, value};
use madang_model::DeviceId;
use rusqlite::{Row, params};

/// A register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Register {
    /// The device that wrote it.
    pub author: DeviceId,
    /// Its name, for example `heads`.
    pub name: String,
    /// Clock value of the author.
    pub version: u64,
    /// Encoded `Signed`, as received.
    pub body: Vec<u8>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Register> {
    Ok(Register { author: device_id(row, 0)?, name: row.get(1)?, version: uint(row, 2)?, body: row.get(3)? })
}

/// Keeps a register if it is newer; answers whether it was.
///
/// # Errors
/// Those of the store.
pub fn put(c: &Conn, room: RoomRow, register: &Register) -> Result<bool> {
    let changed = run(
        c,
        "INSERT INTO register (room, author, name, version, body) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (room, author, name) DO UPDATE SET version = excluded.version, body = excluded.body
         WHERE excluded.version > register.version",
        params![room, register.author.as_bytes(), register.name, int(register.version), register.body],
    )?;
    Ok(changed > 0)
}

/// Keeps a register of this machine whatever stood there: after a time with a wrong clock its version may be lower.
///
/// # Errors
/// Those of the store.
pub fn put_own(c: &Conn, room: RoomRow, register: &Register) -> Result<()> {
    run(
        c,
        "INSERT OR REPLACE INTO register (room, author, name, version, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![room, register.author.as_bytes(), register.name, int(register.version), register.body],
    )?;
    Ok(())
}

/// One register.
///
/// # Errors
/// Those of the store.
pub fn get(c: &Conn, room: RoomRow, author: &DeviceId, name: &str) -> Result<Option<Register>> {
    one(
        c,
        "SELECT author, name, version, body FROM register WHERE room = ?1 AND author = ?2 AND name = ?3",
        params![room, author.as_bytes(), name],
        read,
    )
}

/// The highest version of an author's registers in a room; 0 when there are none.
///
/// # Errors
/// Those of the store.
pub fn newest_of(c: &Conn, room: RoomRow, author: &DeviceId) -> Result<u64> {
    value(
        c,
        "SELECT coalesce(MAX(version), 0) FROM register WHERE room = ?1 AND author = ?2",
        params![room, author.as_bytes()],
        |row| uint(row, 0),
    )
}

/// All registers of a room, by author and name.
///
/// # Errors
/// Those of the store.
pub fn list(c: &Conn, room: RoomRow) -> Result<Vec<Register>> {
    all(
        c,
        "SELECT author, name, version, body FROM register WHERE room = ?1 ORDER BY author, name",
        params![room],
        read,
    )
}

/// The registers of one name in a room, by author.
///
/// # Errors
/// Those of the store.
pub fn named(c: &Conn, room: RoomRow, name: &str) -> Result<Vec<Register>> {
    all(
        c,
        "SELECT author, name, version, body FROM register WHERE room = ?1 AND name = ?2 ORDER BY author",
        params![room, name],
        read,
    )
}

/// (author, name, version) of every register of a room, sorted: what `RegHave` digests (protocol section 9.1).
///
/// # Errors
/// Those of the store.
pub fn versions(c: &Conn, room: RoomRow) -> Result<Vec<(DeviceId, String, u64)>> {
    all(
        c,
        "SELECT author, name, version FROM register WHERE room = ?1 ORDER BY author, name",
        params![room],
        |row| Ok((device_id(row, 0)?, row.get(1)?, uint(row, 2)?)),
    )
}

#[cfg(test)]
#[path = "registers_tests.rs"]
mod tests;
