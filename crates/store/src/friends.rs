//! Friends: the people this account knows, and how it treats each.
//!
//! Must not know who is in reach. Invariant: one row per account, whatever happened between the two.

use crate::db::Conn;
use crate::error::Result;
use crate::row::{RoomRow, account_id, choice, int, uint};
use crate::statement::{all, one, run};
use madang_model::AccountId;
use rusqlite::{Row, params};

choice! {
    /// How this account stands to another.
    FriendState {
        /// Heard of, for example a member of a room.
        Known = 0,
        /// Asked; the answer is open.
        Requested = 1,
        /// Friend.
        Friend = 2,
        /// Was a friend.
        Removed = 3,
        /// Asked by them and declined.
        Declined = 4,
    }
}

/// A person this account knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Friend {
    /// Account id.
    pub account: AccountId,
    /// How one stands to them.
    pub state: FriendState,
    /// Their name, as the newest card says.
    pub name: String,
    /// The name one gave them.
    pub alias: Option<String>,
    /// Marked as favourite.
    pub favourite: bool,
    /// Kept out of the list.
    pub hidden: bool,
    /// Blocked (protocol section 6.5).
    pub blocked: bool,
    /// Which of one's profiles they see; `None` = the default one.
    pub profile: Option<Vec<u8>>,
    /// Their newest friend card, an encoded `Card`.
    pub card: Option<Vec<u8>>,
    /// The 1:1 with them.
    pub room: Option<RoomRow>,
    /// Since when, ms since 1970.
    pub added_at: u64,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT account, state, name, alias, favourite, hidden, blocked, profile, card, room, added_at FROM friend ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> rusqlite::Result<Friend> {
    Ok(Friend {
        account: account_id(row, 0)?,
        state: row.get(1)?,
        name: row.get(2)?,
        alias: row.get(3)?,
        favourite: row.get(4)?,
        hidden: row.get(5)?,
        blocked: row.get(6)?,
        profile: row.get(7)?,
        card: row.get(8)?,
        room: row.get(9)?,
        added_at: uint(row, 10)?,
    })
}

/// Writes the whole row of a person.
///
/// # Errors
/// Those of the store.
pub fn put(c: &Conn, friend: &Friend) -> Result<()> {
    run(
        c,
        "INSERT INTO friend (account, state, name, alias, favourite, hidden, blocked, profile, card, room, added_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (account) DO UPDATE SET state = excluded.state, name = excluded.name, alias = excluded.alias,
           favourite = excluded.favourite, hidden = excluded.hidden, blocked = excluded.blocked,
           profile = excluded.profile, card = excluded.card, room = excluded.room, added_at = excluded.added_at",
        params![
            friend.account.as_bytes(),
            friend.state,
            friend.name,
            friend.alias,
            friend.favourite,
            friend.hidden,
            friend.blocked,
            friend.profile,
            friend.card,
            friend.room,
            int(friend.added_at)
        ],
    )
    .map(|_| ())
}

/// Notes that an account is known, under a name; a person who is here already stays as they are.
///
/// # Errors
/// Those of the store.
pub fn know(c: &Conn, account: &AccountId, name: &str, at: u64) -> Result<()> {
    run(
        c,
        "INSERT INTO friend (account, name, added_at) VALUES (?1, ?2, ?3) ON CONFLICT (account) DO NOTHING",
        params![account.as_bytes(), name, int(at)],
    )
    .map(|_| ())
}

/// The person of this account id.
///
/// # Errors
/// Those of the store.
pub fn get(c: &Conn, account: &AccountId) -> Result<Option<Friend>> {
    one(c, select!("WHERE account = ?1"), params![account.as_bytes()], read)
}

/// Everybody in this state, favourites first, then by name.
///
/// # Errors
/// Those of the store.
pub fn list(c: &Conn, state: FriendState) -> Result<Vec<Friend>> {
    all(
        c,
        select!("WHERE state = ?1 ORDER BY favourite DESC, coalesce(alias, name), account"),
        params![state],
        read,
    )
}

/// Everybody blocked.
///
/// # Errors
/// Those of the store.
pub fn blocked(c: &Conn) -> Result<Vec<AccountId>> {
    all(c, "SELECT account FROM friend WHERE blocked <> 0 ORDER BY account", [], |row| account_id(row, 0))
}

/// Sets how one stands to a person; answers whether the person is here.
///
/// # Errors
/// Those of the store.
pub fn set_state(c: &Conn, account: &AccountId, state: FriendState) -> Result<bool> {
    Ok(run(c, "UPDATE friend SET state = ?2 WHERE account = ?1", params![account.as_bytes(), state])? > 0)
}

/// Keeps the newest card of a person and the name on it; answers whether the person is here.
///
/// # Errors
/// Those of the store.
pub fn set_card(c: &Conn, account: &AccountId, name: &str, card: &[u8]) -> Result<bool> {
    let changed = run(
        c,
        "UPDATE friend SET name = ?2, card = ?3 WHERE account = ?1",
        params![account.as_bytes(), name, card],
    )?;
    Ok(changed > 0)
}

/// Notes the 1:1 with a person; answers whether the person is here.
///
/// # Errors
/// Those of the store.
pub fn set_room(c: &Conn, account: &AccountId, room: RoomRow) -> Result<bool> {
    Ok(run(c, "UPDATE friend SET room = ?2 WHERE account = ?1", params![account.as_bytes(), room])? > 0)
}

#[cfg(test)]
#[path = "friends_tests.rs"]
mod tests;
