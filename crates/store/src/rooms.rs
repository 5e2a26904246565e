//! Rooms: the list of conversations with what the list shows of each.
//!
//! Must not know members, keys or the content of messages. Invariant: one row per conversation id.

use crate::db::Conn;
use crate::error::Result;
use crate::row::{DeviceRow, OpRow, RoomRow, account_opt, choice, conv_id, int, uint};
use crate::statement::{all, one, run};
use madang_model::{AccountId, ConvId};
use rusqlite::{Row, params};

choice! {
    /// Kind of a conversation (protocol section 5.1).
    RoomKind {
        /// The conversation among one's own machines.
        Own = 0,
        /// Two accounts.
        Direct = 1,
        /// Invited members.
        Group = 2,
        /// Joined by a link.
        Open = 3,
    }
}

choice! {
    /// Whether this account still belongs to the room.
    RoomState {
        /// Member.
        Active = 0,
        /// Left by own wish.
        Left = 1,
        /// Removed by others.
        Removed = 2,
    }
}

/// A new room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRoom {
    /// Conversation id.
    pub conv: ConvId,
    /// Kind.
    pub kind: RoomKind,
    /// Title as its control log says; empty in self and 1:1.
    pub title: String,
    /// The other account of a 1:1.
    pub peer: Option<AccountId>,
    /// History policy: 1 all, 2 days:N, 3 now, 4 none (protocol section 3.5).
    pub history: u32,
    /// N of `days:N`.
    pub days: u32,
    /// When it came into being here, ms since 1970.
    pub created_at: u64,
}

/// A room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Row number.
    pub row: RoomRow,
    /// Conversation id.
    pub conv: ConvId,
    /// Kind.
    pub kind: RoomKind,
    /// Whether one still belongs to it.
    pub state: RoomState,
    /// Title as its control log says.
    pub title: String,
    /// The other account of a 1:1.
    pub peer: Option<AccountId>,
    /// History policy: 1 all, 2 days:N, 3 now, 4 none.
    pub history: u32,
    /// N of `days:N`.
    pub days: u32,
    /// When it came into being here, ms since 1970.
    pub created_at: u64,
    /// Clock value by which the list is sorted.
    pub last_hlc: u64,
    /// The message shown in the list.
    pub last_op: Option<OpRow>,
    /// Unread messages.
    pub unread: u64,
    /// Kept on top.
    pub pinned: bool,
    /// Put away.
    pub archived: bool,
    /// Silent until then, ms since 1970; 0 = not muted.
    pub muted_until: u64,
    /// Text typed and not sent.
    pub draft: String,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT row, conv, kind, state, title, peer, history, days, created_at, last_hlc, last_op, unread, ",
            "pinned, archived, muted_until, draft FROM room ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> rusqlite::Result<Room> {
    Ok(Room {
        row: row.get(0)?,
        conv: conv_id(row, 1)?,
        kind: row.get(2)?,
        state: row.get(3)?,
        title: row.get(4)?,
        peer: account_opt(row, 5)?,
        history: row.get(6)?,
        days: row.get(7)?,
        created_at: uint(row, 8)?,
        last_hlc: uint(row, 9)?,
        last_op: row.get(10)?,
        unread: uint(row, 11)?,
        pinned: row.get(12)?,
        archived: row.get(13)?,
        muted_until: uint(row, 14)?,
        draft: row.get(15)?,
    })
}

/// The row of a conversation, made if it is new; a room that is here already stays as it is.
///
/// # Errors
/// Those of the store.
pub fn insert(c: &Conn, room: &NewRoom) -> Result<RoomRow> {
    if let Some(row) = row_of(c, &room.conv)? {
        return Ok(row);
    }
    let made = one(
        c,
        "INSERT INTO room (conv, kind, title, peer, history, days, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         RETURNING row",
        params![
            room.conv.as_bytes(),
            room.kind,
            room.title,
            room.peer.as_ref().map(AccountId::as_bytes),
            room.history,
            room.days,
            int(room.created_at)
        ],
        |row| row.get(0),
    )?;
    made.ok_or_else(|| crate::Error::Sql("a new room got no row".to_owned()))
}

/// The room of this row.
///
/// # Errors
/// Those of the store.
pub fn get(c: &Conn, row: RoomRow) -> Result<Option<Room>> {
    one(c, select!("WHERE row = ?1"), params![row], read)
}

/// The room of this conversation.
///
/// # Errors
/// Those of the store.
pub fn by_conv(c: &Conn, conv: &ConvId) -> Result<Option<Room>> {
    one(c, select!("WHERE conv = ?1"), params![conv.as_bytes()], read)
}

/// The row of this conversation.
///
/// # Errors
/// Those of the store.
pub fn row_of(c: &Conn, conv: &ConvId) -> Result<Option<RoomRow>> {
    one(c, "SELECT row FROM room WHERE conv = ?1", params![conv.as_bytes()], |row| row.get(0))
}

/// All rooms, latest first.
///
/// # Errors
/// Those of the store.
pub fn list(c: &Conn) -> Result<Vec<Room>> {
    all(c, select!("ORDER BY last_hlc DESC, row DESC"), [], read)
}

/// What the list shows last. An older message never replaces a newer one; answers whether it did.
///
/// # Errors
/// Those of the store.
pub fn raise_last(c: &Conn, row: RoomRow, hlc: u64, op: OpRow) -> Result<bool> {
    let changed = run(
        c,
        "UPDATE room SET last_hlc = ?2, last_op = ?3 WHERE row = ?1 AND (last_op IS NULL OR last_hlc <= ?2)",
        params![row, int(hlc), op],
    )?;
    Ok(changed > 0)
}

/// Sets what the list shows last, for example after a deletion.
///
/// # Errors
/// Those of the store.
pub fn set_last(c: &Conn, row: RoomRow, hlc: u64, op: Option<OpRow>) -> Result<()> {
    run(c, "UPDATE room SET last_hlc = ?2, last_op = ?3 WHERE row = ?1", params![row, int(hlc), op])
        .map(|_| ())
}

/// Sets the number of unread messages.
///
/// # Errors
/// Those of the store.
pub fn set_unread(c: &Conn, row: RoomRow, unread: u64) -> Result<()> {
    run(c, "UPDATE room SET unread = ?2 WHERE row = ?1", params![row, int(unread)]).map(|_| ())
}

/// Sets whether one still belongs to the room.
///
/// # Errors
/// Those of the store.
pub fn set_state(c: &Conn, row: RoomRow, state: RoomState) -> Result<()> {
    run(c, "UPDATE room SET state = ?2 WHERE row = ?1", params![row, state]).map(|_| ())
}

/// Sets the title.
///
/// # Errors
/// Those of the store.
pub fn set_title(c: &Conn, row: RoomRow, title: &str) -> Result<()> {
    run(c, "UPDATE room SET title = ?2 WHERE row = ?1", params![row, title]).map(|_| ())
}

/// Sets the history policy, once the genesis is known.
///
/// # Errors
/// Those of the store.
pub fn set_history(c: &Conn, row: RoomRow, history: u32, days: u32) -> Result<()> {
    run(c, "UPDATE room SET history = ?2, days = ?3 WHERE row = ?1", params![row, history, days]).map(|_| ())
}

/// Keeps the room on top of the list, or not.
///
/// # Errors
/// Those of the store.
pub fn set_pinned(c: &Conn, row: RoomRow, pinned: bool) -> Result<()> {
    run(c, "UPDATE room SET pinned = ?2 WHERE row = ?1", params![row, pinned]).map(|_| ())
}

/// Puts the room away, or takes it out again.
///
/// # Errors
/// Those of the store.
pub fn set_archived(c: &Conn, row: RoomRow, archived: bool) -> Result<()> {
    run(c, "UPDATE room SET archived = ?2 WHERE row = ?1", params![row, archived]).map(|_| ())
}

/// Silences the room until a time in ms since 1970; 0 = not muted.
///
/// # Errors
/// Those of the store.
pub fn set_muted(c: &Conn, row: RoomRow, until: u64) -> Result<()> {
    run(c, "UPDATE room SET muted_until = ?2 WHERE row = ?1", params![row, int(until)]).map(|_| ())
}

/// Keeps text typed and not sent.
///
/// # Errors
/// Those of the store.
pub fn set_draft(c: &Conn, row: RoomRow, draft: &str) -> Result<()> {
    run(c, "UPDATE room SET draft = ?2 WHERE row = ?1", params![row, draft]).map(|_| ())
}

/// Counts one more message as unread, unless `account` has read its author up to it already, on another machine.
///
/// # Errors
/// Those of the store.
pub fn add_unread(c: &Conn, row: RoomRow, account: &AccountId, author: DeviceRow, seq: u64) -> Result<()> {
    run(
        c,
        "UPDATE room SET unread = unread + 1 WHERE row = ?1 AND NOT EXISTS (
           SELECT 1 FROM read_mark WHERE room = ?1 AND account = ?2 AND author = ?3 AND seq >= ?4)",
        params![row, account.as_bytes(), author, int(seq)],
    )
    .map(|_| ())
}

/// Counts the messages of others in a room that `account` has not read. Walks the whole room.
///
/// # Errors
/// Those of the store.
pub fn count_unread(c: &Conn, row: RoomRow, account: &AccountId) -> Result<u64> {
    let count = one(
        c,
        "SELECT COUNT(*) FROM op
         LEFT JOIN read_mark AS mark ON mark.room = op.room AND mark.account = ?2 AND mark.author = op.author
         WHERE op.room = ?1 AND op.kind = 32 AND op.due_at = 0 AND op.account <> ?2
           AND op.seq > COALESCE(mark.seq, 0)",
        params![row, account.as_bytes()],
        |row| uint(row, 0),
    )?;
    Ok(count.unwrap_or(0))
}

#[cfg(test)]
#[path = "rooms_tests.rs"]
mod tests;
