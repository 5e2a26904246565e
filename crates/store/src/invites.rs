//! Invites: links this account has given out (protocol section 7).
//!
//! Must not know how a link is encoded. Invariant: the count of uses only rises.

use crate::db::Conn;
use crate::error::Result;
use crate::row::{int, invite_id, uint};
use crate::statement::{all, one, run};
use madang_model::InviteId;
use rusqlite::{Row, params};

/// An invite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// Invite id.
    pub id: InviteId,
    /// The secret in the link.
    pub secret: [u8; 16],
    /// Whether it admits one person and then no more.
    pub once: bool,
    /// When it expires, ms since 1970.
    pub expires: u64,
    /// When it was made, ms since 1970.
    pub created: u64,
    /// How many requests it has admitted.
    pub used: u64,
    /// Whether it was revoked.
    pub revoked: bool,
    /// Write key of its slot at the relay; `None` when it is on no relay.
    pub slot_secret: Option<Vec<u8>>,
    /// Version of the slot written last.
    pub slot_version: u64,
    /// Address of the relay of the slot.
    pub relay: Option<String>,
    /// The link as given out.
    pub link: String,
    /// Number of the tokens in its record (protocol section 10.5).
    pub token_slot: u32,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, secret, once, expires, created, used, revoked, slot_secret, slot_version, relay, link, token_slot ",
            "FROM invite ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> rusqlite::Result<Invite> {
    Ok(Invite {
        id: invite_id(row, 0)?,
        secret: row.get(1)?,
        once: row.get(2)?,
        expires: uint(row, 3)?,
        created: uint(row, 4)?,
        used: uint(row, 5)?,
        revoked: row.get(6)?,
        slot_secret: row.get(7)?,
        slot_version: uint(row, 8)?,
        relay: row.get(9)?,
        link: row.get(10)?,
        token_slot: row.get(11)?,
    })
}

/// Keeps an invite; one that is here already, for example from another own machine, takes the greater counts.
///
/// # Errors
/// Those of the store.
pub fn put(c: &Conn, invite: &Invite) -> Result<()> {
    run(
        c,
        "INSERT INTO invite (id, secret, once, expires, created, used, revoked, slot_secret, slot_version, relay, link,
           token_slot)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (id) DO UPDATE SET used = max(used, excluded.used), revoked = max(revoked, excluded.revoked),
           slot_secret = coalesce(excluded.slot_secret, slot_secret),
           slot_version = max(slot_version, excluded.slot_version), relay = coalesce(excluded.relay, relay)",
        params![
            invite.id.as_bytes(),
            invite.secret,
            invite.once,
            int(invite.expires),
            int(invite.created),
            int(invite.used),
            invite.revoked,
            invite.slot_secret,
            int(invite.slot_version),
            invite.relay,
            invite.link,
            invite.token_slot
        ],
    )
    .map(|_| ())
}

/// The invite of this id.
///
/// # Errors
/// Those of the store.
pub fn get(c: &Conn, id: &InviteId) -> Result<Option<Invite>> {
    one(c, select!("WHERE id = ?1"), params![id.as_bytes()], read)
}

/// All invites, newest first.
///
/// # Errors
/// Those of the store.
pub fn list(c: &Conn) -> Result<Vec<Invite>> {
    all(c, select!("ORDER BY created DESC, id"), [], read)
}

/// Counts one use.
///
/// # Errors
/// Those of the store.
pub fn used(c: &Conn, id: &InviteId) -> Result<()> {
    run(c, "UPDATE invite SET used = used + 1 WHERE id = ?1", params![id.as_bytes()]).map(|_| ())
}

/// Revokes an invite; answers whether it is here and was not revoked before.
///
/// # Errors
/// Those of the store.
pub fn revoke(c: &Conn, id: &InviteId) -> Result<bool> {
    Ok(run(c, "UPDATE invite SET revoked = 1 WHERE id = ?1 AND revoked = 0", params![id.as_bytes()])? > 0)
}

/// Notes which version of its slot is written.
///
/// # Errors
/// Those of the store.
pub fn set_slot_version(c: &Conn, id: &InviteId, version: u64) -> Result<()> {
    run(
        c,
        "UPDATE invite SET slot_version = max(slot_version, ?2) WHERE id = ?1",
        params![id.as_bytes(), int(version)],
    )
    .map(|_| ())
}

#[cfg(test)]
#[path = "invites_tests.rs"]
mod tests;
