//! Heads: the ops of a room that no other op here builds on (protocol section 2.1, `deps`).
//!
//! Must not know how they are merged. Invariant: an id is listed once per room.

use crate::db::Conn;
use crate::error::Result;
use crate::row::{RoomRow, op_id};
use crate::statement::{all, run};
use madang_model::OpId;
use rusqlite::params;

/// The heads of a room, by id.
///
/// # Errors
/// Those of the store.
pub fn list(c: &Conn, room: RoomRow) -> Result<Vec<OpId>> {
    all(c, "SELECT id FROM head WHERE room = ?1 ORDER BY id", params![room], |row| op_id(row, 0))
}

/// Adds a head.
///
/// # Errors
/// Those of the store.
pub fn add(c: &Conn, room: RoomRow, id: &OpId) -> Result<()> {
    run(c, "INSERT INTO head (room, id) VALUES (?1, ?2) ON CONFLICT DO NOTHING", params![room, id.as_bytes()])
        .map(|_| ())
}

/// Takes ids away that something builds on now.
///
/// # Errors
/// Those of the store.
pub fn remove(c: &Conn, room: RoomRow, ids: &[OpId]) -> Result<()> {
    let mut statement = c.prepare_cached("DELETE FROM head WHERE room = ?1 AND id = ?2")?;
    for id in ids {
        statement.execute(params![room, id.as_bytes()])?;
    }
    Ok(())
}

/// Makes an op the head in place of those it builds on.
///
/// # Errors
/// Those of the store.
pub fn advance(c: &Conn, room: RoomRow, id: &OpId, over: &[OpId]) -> Result<()> {
    remove(c, room, over)?;
    add(c, room, id)
}

/// Replaces the heads of a room.
///
/// # Errors
/// Those of the store.
pub fn replace<'a>(c: &Conn, room: RoomRow, ids: impl IntoIterator<Item = &'a OpId>) -> Result<()> {
    run(c, "DELETE FROM head WHERE room = ?1", params![room])?;
    for id in ids {
        add(c, room, id)?;
    }
    Ok(())
}
