//! Requests: contact requests that came in and went out (protocol section 7.3).
//!
//! Must not know whether they are answered well. Invariant: a request that came twice is one row.

use crate::db::Conn;
use crate::error::Result;
use crate::row::{account_id, choice, device_id, int, invite_id, uint};
use crate::statement::{all, one, run, value};
use madang_model::{AccountId, DeviceId, InviteId};
use rusqlite::{Row, params};

choice! {
    /// What became of a request.
    RequestState {
        /// Not answered.
        Open = 0,
        /// Accepted.
        Accepted = 1,
        /// Declined here, or refused by the other side.
        Refused = 2,
    }
}

/// A request that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Its local id.
    pub id: [u8; 16],
    /// Who asks.
    pub account: AccountId,
    /// The device that asks.
    pub device: DeviceId,
    /// The name on the card that came with it.
    pub name: String,
    /// What they wrote.
    pub greeting: String,
    /// When it was made, ms since 1970.
    pub at: u64,
    /// Encoded `Contact`.
    pub contact: Vec<u8>,
    /// The invite they used.
    pub invite: InviteId,
    /// What became of it.
    pub state: RequestState,
}

/// A request that went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Who is asked.
    pub account: AccountId,
    /// The link used.
    pub link: String,
    /// The invite of the link.
    pub invite: InviteId,
    /// What was written.
    pub greeting: String,
    /// When it was made, ms since 1970.
    pub at: u64,
    /// What became of it.
    pub state: RequestState,
    /// Why it was refused.
    pub reason: String,
    /// libp2p id in the link, empty when there is none.
    pub peer: Vec<u8>,
    /// Encoded `InviteRecord`.
    pub record: Vec<u8>,
}

macro_rules! incoming {
    ($rest:literal) => {
        concat!(
            "SELECT id, account, device, name, greeting, at, contact, invite, state FROM request_in ",
            $rest
        )
    };
}

macro_rules! outgoing {
    ($rest:literal) => {
        concat!(
            "SELECT account, link, invite, greeting, at, state, reason, peer, record FROM request_out ",
            $rest
        )
    };
}

fn read_incoming(row: &Row<'_>) -> rusqlite::Result<Incoming> {
    Ok(Incoming {
        id: row.get(0)?,
        account: account_id(row, 1)?,
        device: device_id(row, 2)?,
        name: row.get(3)?,
        greeting: row.get(4)?,
        at: uint(row, 5)?,
        contact: row.get(6)?,
        invite: invite_id(row, 7)?,
        state: row.get(8)?,
    })
}

fn read_outgoing(row: &Row<'_>) -> rusqlite::Result<Outgoing> {
    Ok(Outgoing {
        account: account_id(row, 0)?,
        link: row.get(1)?,
        invite: invite_id(row, 2)?,
        greeting: row.get(3)?,
        at: uint(row, 4)?,
        state: row.get(5)?,
        reason: row.get(6)?,
        peer: row.get(7)?,
        record: row.get(8)?,
    })
}

/// Keeps a request that came in; answers false when it was here already. An open one takes what came with the later
/// copy: the keys and addresses of who asks may have changed.
///
/// # Errors
/// Those of the store.
pub fn receive(c: &Conn, request: &Incoming) -> Result<bool> {
    let fresh = incoming(c, &request.id)?.is_none();
    run(
        c,
        "INSERT INTO request_in (id, account, device, name, greeting, at, contact, invite, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (id) DO UPDATE SET device = excluded.device, contact = excluded.contact
           WHERE state = 0 AND account = excluded.account",
        params![
            request.id,
            request.account.as_bytes(),
            request.device.as_bytes(),
            request.name,
            request.greeting,
            int(request.at),
            request.contact,
            request.invite.as_bytes(),
            request.state
        ],
    )?;
    Ok(fresh)
}

/// The request of this id.
///
/// # Errors
/// Those of the store.
pub fn incoming(c: &Conn, id: &[u8; 16]) -> Result<Option<Incoming>> {
    one(c, incoming!("WHERE id = ?1"), params![id], read_incoming)
}

/// Everything an account has asked, newest first.
///
/// # Errors
/// Those of the store.
pub fn incoming_of(c: &Conn, account: &AccountId) -> Result<Vec<Incoming>> {
    all(c, incoming!("WHERE account = ?1 ORDER BY at DESC, id"), params![account.as_bytes()], read_incoming)
}

/// All open requests, oldest first.
///
/// # Errors
/// Those of the store.
pub fn incoming_open(c: &Conn) -> Result<Vec<Incoming>> {
    all(c, incoming!("WHERE state = 0 ORDER BY at, id"), [], read_incoming)
}

/// How many requests are open.
///
/// # Errors
/// Those of the store.
pub fn count_open(c: &Conn) -> Result<usize> {
    let count: u64 = value(c, "SELECT COUNT(*) FROM request_in WHERE state = 0", [], |row| uint(row, 0))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Forgets what an account and this one have asked each other: whoever was a friend is a stranger again.
///
/// # Errors
/// Those of the store.
pub fn forget(c: &Conn, account: &AccountId) -> Result<()> {
    run(c, "DELETE FROM request_in WHERE account = ?1", params![account.as_bytes()])?;
    run(c, "DELETE FROM request_out WHERE account = ?1", params![account.as_bytes()]).map(|_| ())
}

/// Notes what became of a request that came in.
///
/// # Errors
/// Those of the store.
pub fn answer(c: &Conn, id: &[u8; 16], state: RequestState) -> Result<()> {
    run(c, "UPDATE request_in SET state = ?2 WHERE id = ?1", params![id, state]).map(|_| ())
}

/// Keeps a request that goes out; a new one to the same account replaces the old one.
///
/// # Errors
/// Those of the store.
pub fn send(c: &Conn, request: &Outgoing) -> Result<()> {
    run(
        c,
        "INSERT OR REPLACE INTO request_out (account, link, invite, greeting, at, state, reason, peer, record)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            request.account.as_bytes(),
            request.link,
            request.invite.as_bytes(),
            request.greeting,
            int(request.at),
            request.state,
            request.reason,
            request.peer,
            request.record
        ],
    )
    .map(|_| ())
}

/// What was asked of an account.
///
/// # Errors
/// Those of the store.
pub fn outgoing(c: &Conn, account: &AccountId) -> Result<Option<Outgoing>> {
    one(c, outgoing!("WHERE account = ?1"), params![account.as_bytes()], read_outgoing)
}

/// All requests that went out and are not answered, oldest first.
///
/// # Errors
/// Those of the store.
pub fn outgoing_open(c: &Conn) -> Result<Vec<Outgoing>> {
    all(c, outgoing!("WHERE state = 0 ORDER BY at, account"), [], read_outgoing)
}

/// Notes how a request that went out was answered, and why it was refused.
///
/// # Errors
/// Those of the store.
pub fn answered(c: &Conn, account: &AccountId, state: RequestState, reason: &str) -> Result<()> {
    run(
        c,
        "UPDATE request_out SET state = ?2, reason = ?3 WHERE account = ?1",
        params![account.as_bytes(), state, reason],
    )
    .map(|_| ())
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
