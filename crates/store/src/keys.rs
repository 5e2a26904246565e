//! Keys: the epoch keys of conversations, and whom they were given (protocol section 3). What is asked for the node
//! keeps in memory: it is asked for as long as frames of the key are parked.
//!
//! Must not know which key is usable. Invariant: a key id stands for the same bytes for ever.

use crate::db::Conn;
use crate::error::Result;
use crate::meta;
use crate::row::{DeviceRow, RoomRow, device_id, int, key_id, uint, uint_opt};
use crate::statement::{all, one, run};
use madang_model::{DeviceId, KeyId};
use rusqlite::{Row, params};

/// An epoch key of a conversation.
#[derive(Clone, PartialEq, Eq)]
pub struct EpochKey {
    /// Key id.
    pub id: KeyId,
    /// Epoch.
    pub epoch: u64,
    /// Clock value at which it was made.
    pub created_hlc: u64,
    /// The device that made it.
    pub creator: DeviceId,
    /// Encoded `Key`, secret included.
    pub body: Vec<u8>,
    /// When it came here, ms since 1970.
    pub received_at: u64,
    /// Since when a later key has taken its place, ms since 1970.
    pub superseded_at: Option<u64>,
}

impl std::fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EpochKey").field("id", &self.id).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT key_id, epoch, created_hlc, creator, body, received_at, superseded_at FROM epoch_key ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> rusqlite::Result<EpochKey> {
    Ok(EpochKey {
        id: key_id(row, 0)?,
        epoch: uint(row, 1)?,
        created_hlc: uint(row, 2)?,
        creator: device_id(row, 3)?,
        body: row.get(4)?,
        received_at: uint(row, 5)?,
        superseded_at: uint_opt(row, 6)?,
    })
}

/// Keeps a key; answers false when it was here already.
///
/// # Errors
/// Those of the store.
pub fn insert(c: &Conn, room: RoomRow, key: &EpochKey) -> Result<bool> {
    let inserted = run(
        c,
        "INSERT INTO epoch_key (room, key_id, epoch, created_hlc, creator, body, received_at, superseded_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (room, key_id) DO NOTHING",
        params![
            room,
            key.id.as_bytes(),
            int(key.epoch),
            int(key.created_hlc),
            key.creator.as_bytes(),
            key.body,
            int(key.received_at),
            key.superseded_at.map(int)
        ],
    )?;
    Ok(inserted > 0)
}

/// The key of this id and its room.
///
/// # Errors
/// Those of the store.
pub fn get(c: &Conn, id: &KeyId) -> Result<Option<(RoomRow, EpochKey)>> {
    one(
        c,
        "SELECT key_id, epoch, created_hlc, creator, body, received_at, superseded_at, room FROM epoch_key
         WHERE key_id = ?1",
        params![id.as_bytes()],
        |row| Ok((row.get(7)?, read(row)?)),
    )
}

/// The keys of a room, highest (epoch, key id) first.
///
/// # Errors
/// Those of the store.
pub fn list(c: &Conn, room: RoomRow) -> Result<Vec<EpochKey>> {
    all(c, select!("WHERE room = ?1 ORDER BY epoch DESC, key_id DESC"), params![room], read)
}

/// Notes since when a key is superseded; a second report changes nothing.
///
/// # Errors
/// Those of the store.
pub fn supersede(c: &Conn, room: RoomRow, id: &KeyId, at: u64) -> Result<()> {
    run(
        c,
        "UPDATE epoch_key SET superseded_at = ?3 WHERE room = ?1 AND key_id = ?2 AND superseded_at IS NULL",
        params![room, id.as_bytes(), int(at)],
    )
    .map(|_| ())
}

/// Where the time is kept at which the last gap under a key ended.
pub(crate) fn gap_ended(room: RoomRow, id: &KeyId) -> String {
    format!("room.{}.key.{id}.gap_ended", room.0)
}

/// Deletes a key; answers whether it was here.
///
/// # Errors
/// Those of the store.
pub fn remove(c: &Conn, room: RoomRow, id: &KeyId) -> Result<bool> {
    meta::remove(c, &gap_ended(room, id))?;
    Ok(run(c, "DELETE FROM epoch_key WHERE room = ?1 AND key_id = ?2", params![room, id.as_bytes()])? > 0)
}

/// When a key was last given to a device, ms since 1970.
///
/// # Errors
/// Those of the store.
pub fn shared_at(c: &Conn, id: &KeyId, device: DeviceRow) -> Result<Option<u64>> {
    one(
        c,
        "SELECT at FROM key_share WHERE key_id = ?1 AND device = ?2",
        params![id.as_bytes(), device],
        |row| uint(row, 0),
    )
}

/// Notes that a key was given to a device.
///
/// # Errors
/// Those of the store.
pub fn shared(c: &Conn, id: &KeyId, device: DeviceRow, at: u64) -> Result<()> {
    run(
        c,
        "INSERT INTO key_share (key_id, device, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (key_id, device) DO UPDATE SET at = excluded.at",
        params![id.as_bytes(), device, int(at)],
    )
    .map(|_| ())
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
