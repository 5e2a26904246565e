//! Relays: the relays in use, the boxes held or followed there, and what waits to be put (protocol sections 9.4, 10).
//!
//! Must not know which relay is in reach. Invariant: a cursor belongs to one epoch of its box.

use crate::db::Conn;
use crate::error::{Error, Result};
use crate::row::{LaneRow, OpRow, PutRow, RelayRow, RoomRow, choice, int, limit, uint, uint_opt};
use crate::statement::{all, one, run, value};
use rusqlite::{Row, params};

choice! {
    /// What a box is (protocol section 10.1).
    BoxKind {
        /// Inbox of one device.
        Inbox = 1,
        /// Log of a conversation and route.
        Log = 2,
        /// A single value.
        Slot = 3,
    }
}

/// A relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Row number.
    pub row: RelayRow,
    /// Address, with its key.
    pub addr: String,
    /// libp2p id.
    pub peer: Vec<u8>,
    /// Whether this account chose it, or only a room or a friend names it.
    pub own: bool,
    /// Admission code of the operator; empty = none.
    pub code: String,
    /// Since when, ms since 1970.
    pub added_at: u64,
}

/// A box at a relay.
#[derive(Clone, PartialEq, Eq)]
pub struct RelayBox {
    /// The relay.
    pub relay: RelayRow,
    /// Box id.
    pub id: [u8; 16],
    /// What it is.
    pub kind: BoxKind,
    /// The room of a log.
    pub room: Option<RoomRow>,
    /// Secret key of the capability.
    pub secret: Vec<u8>,
    /// Epoch, as the relay said; empty until known.
    pub epoch: Vec<u8>,
    /// Number of the last item committed here.
    pub cursor: u64,
    /// Until when it is followed, ms since 1970; `None` = for good.
    pub until: Option<u64>,
    /// Version of a slot written last.
    pub version: u64,
}

impl std::fmt::Debug for RelayBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelayBox")
            .field("relay", &self.relay)
            .field("kind", &self.kind)
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

/// Something to be put at a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPut {
    /// The relay.
    pub relay: RelayRow,
    /// The box.
    pub relay_box: [u8; 16],
    /// What the box is.
    pub kind: BoxKind,
    /// The own op it carries.
    pub op: Option<OpRow>,
    /// The lane message it carries.
    pub lane: Option<LaneRow>,
    /// Token for an inbox.
    pub token: Option<Vec<u8>>,
    /// Register slot in a log.
    pub slot: Option<Vec<u8>>,
    /// Hash of the secret that deletes it.
    pub del_hash: Option<Vec<u8>>,
    /// How long the relay keeps it, in hours.
    pub ttl_h: u32,
    /// The sealed bytes.
    pub body: Vec<u8>,
    /// When it was queued, ms since 1970.
    pub at: u64,
    /// When it is sent, ms since 1970.
    pub due_at: u64,
}

/// Something that waits to be put at a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// Row number.
    pub row: PutRow,
    /// What is put.
    pub put: NewPut,
    /// How often it was tried.
    pub tries: u32,
    /// What the relay answered last; empty = nothing.
    pub error: String,
}

/// The row of a relay, made if it is new. `own` and `code` of a relay that is here stay.
///
/// # Errors
/// Those of the store.
pub fn intern(c: &Conn, addr: &str, peer: &[u8], at: u64) -> Result<RelayRow> {
    if let Some(row) = one(c, "SELECT row FROM relay WHERE addr = ?1", params![addr], |row| row.get(0))? {
        return Ok(row);
    }
    let made = one(
        c,
        "INSERT INTO relay (addr, peer, added_at) VALUES (?1, ?2, ?3) RETURNING row",
        params![addr, peer, int(at)],
        |row| row.get(0),
    )?;
    made.ok_or_else(|| Error::Sql("a new relay got no row".to_owned()))
}

fn read_relay(row: &Row<'_>) -> rusqlite::Result<Relay> {
    Ok(Relay {
        row: row.get(0)?,
        addr: row.get(1)?,
        peer: row.get(2)?,
        own: row.get(3)?,
        code: row.get(4)?,
        added_at: uint(row, 5)?,
    })
}

/// The relay of this row.
///
/// # Errors
/// Those of the store.
pub fn get(c: &Conn, row: RelayRow) -> Result<Option<Relay>> {
    one(c, "SELECT row, addr, peer, own, code, added_at FROM relay WHERE row = ?1", params![row], read_relay)
}

/// All relays, oldest first.
///
/// # Errors
/// Those of the store.
pub fn list(c: &Conn) -> Result<Vec<Relay>> {
    all(c, "SELECT row, addr, peer, own, code, added_at FROM relay ORDER BY row", [], read_relay)
}

/// Sets the address of a relay, as this account gave it.
///
/// # Errors
/// Those of the store.
pub fn set_addr(c: &Conn, row: RelayRow, addr: &str) -> Result<()> {
    run(c, "UPDATE relay SET addr = ?2 WHERE row = ?1", params![row, addr]).map(|_| ())
}

/// Sets whether this account uses the relay, and the admission code.
///
/// # Errors
/// Those of the store.
pub fn set_own(c: &Conn, row: RelayRow, own: bool, code: &str) -> Result<()> {
    run(c, "UPDATE relay SET own = ?2, code = ?3 WHERE row = ?1", params![row, own, code]).map(|_| ())
}

/// Forgets a relay with its boxes and everything that waits for it.
///
/// # Errors
/// Those of the store.
pub fn remove(c: &Conn, row: RelayRow) -> Result<bool> {
    Ok(run(c, "DELETE FROM relay WHERE row = ?1", params![row])? > 0)
}

macro_rules! select_box {
    ($rest:literal) => {
        concat!("SELECT relay, box, kind, room, secret, epoch, cursor, until, version FROM relay_box ", $rest)
    };
}

fn read_box(row: &Row<'_>) -> rusqlite::Result<RelayBox> {
    Ok(RelayBox {
        relay: row.get(0)?,
        id: row.get(1)?,
        kind: row.get(2)?,
        room: row.get(3)?,
        secret: row.get(4)?,
        epoch: row.get(5)?,
        cursor: uint(row, 6)?,
        until: uint_opt(row, 7)?,
        version: uint(row, 8)?,
    })
}

/// Writes the whole row of a box.
///
/// # Errors
/// Those of the store.
pub fn put_box(c: &Conn, relay_box: &RelayBox) -> Result<()> {
    run(
        c,
        "INSERT INTO relay_box (relay, box, kind, room, secret, epoch, cursor, until, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (relay, box) DO UPDATE SET kind = excluded.kind, room = excluded.room, secret = excluded.secret,
           epoch = excluded.epoch, cursor = excluded.cursor, until = excluded.until, version = excluded.version",
        params![
            relay_box.relay,
            relay_box.id,
            relay_box.kind,
            relay_box.room,
            relay_box.secret,
            relay_box.epoch,
            int(relay_box.cursor),
            relay_box.until.map(int),
            int(relay_box.version)
        ],
    )
    .map(|_| ())
}

/// One box.
///
/// # Errors
/// Those of the store.
pub fn get_box(c: &Conn, relay: RelayRow, id: &[u8; 16]) -> Result<Option<RelayBox>> {
    one(c, select_box!("WHERE relay = ?1 AND box = ?2"), params![relay, id], read_box)
}

/// The boxes at a relay.
///
/// # Errors
/// Those of the store.
pub fn boxes(c: &Conn, relay: RelayRow) -> Result<Vec<RelayBox>> {
    all(c, select_box!("WHERE relay = ?1 ORDER BY kind, box"), params![relay], read_box)
}

/// The logs of a room at all relays.
///
/// # Errors
/// Those of the store.
pub fn boxes_of_room(c: &Conn, room: RoomRow) -> Result<Vec<RelayBox>> {
    all(c, select_box!("WHERE room = ?1 ORDER BY relay, box"), params![room], read_box)
}

/// Moves the cursor of a box. In the same epoch it only rises; with another epoch it is set as given, and the caller
/// puts again what the box has lost (protocol section 9.4). Answers whether the epoch changed.
///
/// # Errors
/// Those of the store.
pub fn set_cursor(c: &Conn, relay: RelayRow, id: &[u8; 16], epoch: &[u8], cursor: u64) -> Result<bool> {
    let before =
        one(c, "SELECT epoch FROM relay_box WHERE relay = ?1 AND box = ?2", params![relay, id], |row| {
            row.get::<_, Vec<u8>>(0)
        })?;
    run(
        c,
        "UPDATE relay_box SET epoch = ?3,
           cursor = CASE WHEN epoch = ?3 OR epoch = x'' THEN max(cursor, ?4) ELSE ?4 END
         WHERE relay = ?1 AND box = ?2",
        params![relay, id, epoch, int(cursor)],
    )?;
    Ok(before.is_some_and(|before| !before.is_empty() && before != epoch))
}

/// Sets until when a box is followed, ms since 1970.
///
/// # Errors
/// Those of the store.
pub fn set_until(c: &Conn, relay: RelayRow, id: &[u8; 16], until: Option<u64>) -> Result<()> {
    run(
        c,
        "UPDATE relay_box SET until = ?3 WHERE relay = ?1 AND box = ?2",
        params![relay, id, until.map(int)],
    )
    .map(|_| ())
}

/// Forgets a box.
///
/// # Errors
/// Those of the store.
pub fn remove_box(c: &Conn, relay: RelayRow, id: &[u8; 16]) -> Result<bool> {
    Ok(run(c, "DELETE FROM relay_box WHERE relay = ?1 AND box = ?2", params![relay, id])? > 0)
}

/// Queues something to be put.
///
/// # Errors
/// Those of the store.
pub fn queue(c: &Conn, put: &NewPut) -> Result<PutRow> {
    value(
        c,
        "INSERT INTO relay_put (relay, box, kind, op, lane_out, token, slot, del_hash, ttl_h, body, at, due_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) RETURNING row",
        params![
            put.relay,
            put.relay_box,
            put.kind,
            put.op,
            put.lane,
            put.token,
            put.slot,
            put.del_hash,
            put.ttl_h,
            put.body,
            int(put.at),
            int(put.due_at)
        ],
        |row| row.get(0),
    )
}

macro_rules! select_put {
    ($rest:literal) => {
        concat!(
            "SELECT row, relay, box, kind, op, lane_out, token, slot, del_hash, ttl_h, body, at, due_at, tries, error ",
            "FROM relay_put ",
            $rest
        )
    };
}

fn read_put(row: &Row<'_>) -> rusqlite::Result<Put> {
    Ok(Put {
        row: row.get(0)?,
        put: NewPut {
            relay: row.get(1)?,
            relay_box: row.get(2)?,
            kind: row.get(3)?,
            op: row.get(4)?,
            lane: row.get(5)?,
            token: row.get(6)?,
            slot: row.get(7)?,
            del_hash: row.get(8)?,
            ttl_h: row.get(9)?,
            body: row.get(10)?,
            at: uint(row, 11)?,
            due_at: uint(row, 12)?,
        },
        tries: row.get(13)?,
        error: row.get(14)?,
    })
}

/// What is due at a relay at `now` (ms since 1970), longest due first, at most `max`.
///
/// # Errors
/// Those of the store.
pub fn due(c: &Conn, relay: RelayRow, now: u64, max: usize) -> Result<Vec<Put>> {
    all(
        c,
        select_put!("WHERE relay = ?1 AND due_at <= ?2 ORDER BY due_at, row LIMIT ?3"),
        params![relay, int(now), limit(max)],
        read_put,
    )
}

/// What is due in boxes of one kind at a relay at `now` (ms since 1970), longest due first, at most `max`.
///
/// # Errors
/// Those of the store.
pub fn due_of(c: &Conn, relay: RelayRow, kind: BoxKind, now: u64, max: usize) -> Result<Vec<Put>> {
    all(
        c,
        select_put!("WHERE relay = ?1 AND due_at <= ?2 AND kind = ?4 ORDER BY due_at, row LIMIT ?3"),
        params![relay, int(now), limit(max), kind],
        read_put,
    )
}

/// Whether the same bytes wait for this box already.
///
/// # Errors
/// Those of the store.
pub fn is_queued(c: &Conn, relay: RelayRow, relay_box: &[u8; 16], body: &[u8]) -> Result<bool> {
    value(
        c,
        "SELECT EXISTS (SELECT 1 FROM relay_put WHERE relay = ?1 AND box = ?2 AND body = ?3)",
        params![relay, relay_box, body],
        |row| row.get(0),
    )
}

/// The relays for which something waits.
///
/// # Errors
/// Those of the store.
pub fn with_puts(c: &Conn) -> Result<Vec<RelayRow>> {
    all(c, "SELECT DISTINCT relay FROM relay_put ORDER BY relay", [], |row| row.get(0))
}

/// Drops what waits for a register slot of a log at any relay, because something newer takes its place; answers how
/// many went.
///
/// # Errors
/// Those of the store.
pub fn drop_register(c: &Conn, relay_box: &[u8; 16], slot: &[u8; 16]) -> Result<usize> {
    run(c, "DELETE FROM relay_put WHERE box = ?1 AND slot = ?2", params![relay_box, slot])
}

/// One waiting put.
///
/// # Errors
/// Those of the store.
pub fn get_put(c: &Conn, row: PutRow) -> Result<Option<Put>> {
    one(c, select_put!("WHERE row = ?1"), params![row], read_put)
}

/// When the next put at a relay is due, ms since 1970.
///
/// # Errors
/// Those of the store.
pub fn next_due(c: &Conn, relay: RelayRow) -> Result<Option<u64>> {
    value(c, "SELECT MIN(due_at) FROM relay_put WHERE relay = ?1", params![relay], |row| uint_opt(row, 0))
}

/// What waits for boxes of one kind at a relay, due or not, the oldest first.
///
/// # Errors
/// Those of the store.
pub fn waiting_at(c: &Conn, relay: RelayRow, kind: BoxKind) -> Result<Vec<Put>> {
    all(c, select_put!("WHERE relay = ?1 AND kind = ?2 ORDER BY row"), params![relay, kind], read_put)
}

/// What waits for one box, at whatever relay, the oldest first.
///
/// # Errors
/// Those of the store.
pub fn waiting_for(c: &Conn, relay_box: &[u8; 16]) -> Result<Vec<Put>> {
    all(c, select_put!("WHERE box = ?1 ORDER BY row"), params![relay_box], read_put)
}

/// What was queued before a time (ms since 1970), due or not, with the op that each carries.
///
/// # Errors
/// Those of the store.
pub fn queued_before(c: &Conn, before: u64) -> Result<Vec<(PutRow, Option<OpRow>)>> {
    all(c, "SELECT row, op FROM relay_put WHERE at < ?1 ORDER BY row", params![int(before)], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

/// Removes a put that the relay has stored; answers whether it was waiting.
///
/// # Errors
/// Those of the store.
pub fn stored(c: &Conn, row: PutRow) -> Result<bool> {
    Ok(run(c, "DELETE FROM relay_put WHERE row = ?1", params![row])? > 0)
}

/// Notes that a put failed and when it is tried again, ms since 1970.
///
/// # Errors
/// Those of the store.
pub fn failed(c: &Conn, row: PutRow, error: &str, due_at: u64) -> Result<()> {
    run(
        c,
        "UPDATE relay_put SET tries = tries + 1, error = ?2, due_at = ?3 WHERE row = ?1",
        params![row, error, int(due_at)],
    )
    .map(|_| ())
}

/// Drops what waits to carry an op, because everybody has it; answers how many went.
///
/// # Errors
/// Those of the store.
pub fn drop_puts_of(c: &Conn, op: OpRow) -> Result<usize> {
    run(c, "DELETE FROM relay_put WHERE op = ?1", params![op])
}

/// Whether something that carries an op still waits.
///
/// # Errors
/// Those of the store.
pub fn carries(c: &Conn, op: OpRow) -> Result<bool> {
    value(c, "SELECT EXISTS (SELECT 1 FROM relay_put WHERE op = ?1)", params![op], |row| row.get(0))
}

/// Parts what still waits to carry an op from it, because it will not reach everybody; answers how many did.
///
/// # Errors
/// Those of the store.
pub fn uncarry(c: &Conn, op: OpRow) -> Result<usize> {
    run(c, "UPDATE relay_put SET op = NULL WHERE op = ?1", params![op])
}

/// How much waits for boxes of one kind, at all relays.
///
/// # Errors
/// Those of the store.
pub fn waiting(c: &Conn, kind: BoxKind) -> Result<u64> {
    value(c, "SELECT COUNT(*) FROM relay_put WHERE kind = ?1", params![kind], |row| uint(row, 0))
}

#[cfg(test)]
#[path = "relays_tests.rs"]
mod tests;
