//! Tokens: the numbers under which this account gave tokens out, and the tokens others gave it (protocol section 10.5).
//!
//! Must not know how a token is made. Invariant: a number is never given out twice.

use crate::db::Conn;
use crate::error::Result;
use crate::row::{DeviceRow, RoomRow, choice, int, uint};
use crate::statement::{all, one, run, value};
use rusqlite::{Row, params};

choice! {
    /// Whom a token was given to.
    TokenKind {
        /// A friend.
        Friend = 1,
        /// The members of a room.
        Room = 2,
        /// Whoever holds an invite.
        Invite = 3,
    }
}

choice! {
    /// Whether a number still opens the inboxes.
    Revoked {
        /// It does.
        No = 0,
        /// It does not.
        Yes = 1,
        /// It does not, and its holder is not told (block).
        Silent = 2,
    }
}

/// A number under which tokens were given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// The number.
    pub slot: u32,
    /// Whom they were given to.
    pub kind: TokenKind,
    /// Account id, conversation id or invite id.
    pub subject: Vec<u8>,
    /// When they expire, ms since 1970.
    pub expires: u64,
    /// Whether it was revoked.
    pub revoked: Revoked,
}

/// A token another device gave us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The device whose inbox it opens.
    pub device: DeviceRow,
    /// The inbox.
    pub inbox: [u8; 16],
    /// The room it came in; `None` = as a friend.
    pub room: Option<RoomRow>,
    /// The token.
    pub token: Vec<u8>,
    /// When it expires, ms since 1970.
    pub expires: u64,
}

fn read_slot(row: &Row<'_>) -> rusqlite::Result<Slot> {
    Ok(Slot {
        slot: row.get(0)?,
        kind: row.get(1)?,
        subject: row.get(2)?,
        expires: uint(row, 3)?,
        revoked: row.get(4)?,
    })
}

fn read_token(row: &Row<'_>) -> rusqlite::Result<Token> {
    let room: i64 = row.get(2)?;
    Ok(Token {
        device: row.get(0)?,
        inbox: row.get(1)?,
        room: (room != 0).then_some(RoomRow(room)),
        token: row.get(3)?,
        expires: uint(row, 4)?,
    })
}

/// Gives out a new number.
///
/// # Errors
/// Those of the store.
pub fn new_slot(c: &Conn, kind: TokenKind, subject: &[u8], expires: u64) -> Result<u32> {
    value(
        c,
        "INSERT INTO token_slot (kind, subject, expires) VALUES (?1, ?2, ?3) RETURNING slot",
        params![kind, subject, int(expires)],
        |row| row.get(0),
    )
}

/// The numbers given to a subject, newest first.
///
/// # Errors
/// Those of the store.
pub fn slots_of(c: &Conn, kind: TokenKind, subject: &[u8]) -> Result<Vec<Slot>> {
    all(
        c,
        "SELECT slot, kind, subject, expires, revoked FROM token_slot WHERE kind = ?1 AND subject = ?2
         ORDER BY slot DESC",
        params![kind, subject],
        read_slot,
    )
}

/// All numbers, newest first.
///
/// # Errors
/// Those of the store.
pub fn slots(c: &Conn) -> Result<Vec<Slot>> {
    all(c, "SELECT slot, kind, subject, expires, revoked FROM token_slot ORDER BY slot DESC", [], read_slot)
}

/// Revokes a number, or takes the revocation back.
///
/// # Errors
/// Those of the store.
pub fn revoke(c: &Conn, slot: u32, revoked: Revoked) -> Result<()> {
    run(c, "UPDATE token_slot SET revoked = ?2 WHERE slot = ?1", params![slot, revoked]).map(|_| ())
}

/// Keeps a token; one for the same device, inbox and room is replaced unless it lasts longer.
///
/// # Errors
/// Those of the store.
pub fn put(c: &Conn, token: &Token) -> Result<()> {
    run(
        c,
        "INSERT INTO token (device, inbox, room, token, expires) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (device, inbox, room) DO UPDATE SET token = excluded.token, expires = excluded.expires
         WHERE excluded.expires >= token.expires",
        params![token.device, token.inbox, room_number(token.room), token.token, int(token.expires)],
    )
    .map(|_| ())
}

/// The token to use for an inbox at `now` (ms since 1970): that of a friend, else that of the room.
///
/// # Errors
/// Those of the store.
pub fn find(
    c: &Conn,
    device: DeviceRow,
    inbox: &[u8; 16],
    room: Option<RoomRow>,
    now: u64,
) -> Result<Option<Token>> {
    one(
        c,
        "SELECT device, inbox, room, token, expires FROM token
         WHERE device = ?1 AND inbox = ?2 AND room IN (0, ?3) AND expires > ?4 ORDER BY room LIMIT 1",
        params![device, inbox, room_number(room), int(now)],
        read_token,
    )
}

/// Any token that opens an inbox at `now` (ms since 1970): that of a friend, else the room's that lasts longest.
///
/// # Errors
/// Those of the store.
pub fn any(c: &Conn, device: DeviceRow, inbox: &[u8; 16], now: u64) -> Result<Option<Token>> {
    one(
        c,
        "SELECT device, inbox, room, token, expires FROM token
         WHERE device = ?1 AND inbox = ?2 AND expires > ?3 ORDER BY room <> 0, expires DESC LIMIT 1",
        params![device, inbox, int(now)],
        read_token,
    )
}

/// All tokens for a device.
///
/// # Errors
/// Those of the store.
pub fn of_device(c: &Conn, device: DeviceRow) -> Result<Vec<Token>> {
    all(
        c,
        "SELECT device, inbox, room, token, expires FROM token WHERE device = ?1 ORDER BY inbox, room",
        params![device],
        read_token,
    )
}

/// Forgets tokens that have expired; answers how many.
///
/// # Errors
/// Those of the store.
pub fn forget_expired(c: &Conn, now: u64) -> Result<usize> {
    run(c, "DELETE FROM token WHERE expires <= ?1", params![int(now)])
}

fn room_number(room: Option<RoomRow>) -> i64 {
    room.map_or(0, |room| room.0)
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
