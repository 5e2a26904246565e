//! Lanes: the ordered channel to each device — counters, session, what waits to go out and what came early
//! (protocol section 4).
//!
//! Must not know what a session is. Invariant: a message keeps its sealed bytes once it has some; only messages
//! without are replaced by a newer one of their topic.

use crate::db::Conn;
use crate::error::{Error, Result};
use crate::row::{DeviceRow, LaneRow, int, limit, uint};
use crate::statement::{all, one, run};
use rusqlite::{Row, params};

/// Packets that came early and are kept per device, whatever generation they name: beyond 32 missing ones the lane is
/// reset anyway.
pub const EARLY_CAP: usize = 64;

/// State of the lane to one device.
#[derive(Clone, PartialEq, Eq)]
pub struct Lane {
    /// The device at the other end.
    pub device: DeviceRow,
    /// Generation in which we send.
    pub out_gen: u32,
    /// Number of the next packet we send.
    pub out_next: u64,
    /// Highest number the other side has acknowledged in this generation.
    pub out_acked: u64,
    /// Generation in which we receive.
    pub in_gen: u32,
    /// Number of the packet we expect next.
    pub in_next: u64,
    /// Pickled session.
    pub session: Option<Vec<u8>>,
    /// When this side reset the lane last, ms since 1970; 0 = never.
    pub reset_at: u64,
    /// Version of our bundle the other side has acknowledged; 0 = none.
    pub bundle_sent: u64,
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane")
            .field("device", &self.device)
            .field("out", &(self.out_gen, self.out_next, self.out_acked))
            .field("in", &(self.in_gen, self.in_next))
            .field("session", &self.session.is_some())
            .finish_non_exhaustive()
    }
}

/// A message that waits to be sent or acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Row number; also the order of sending.
    pub row: LaneRow,
    /// The device it goes to.
    pub device: DeviceRow,
    /// Generation it was sealed in.
    pub generation: u32,
    /// Number of its packet; 0 = not sealed yet.
    pub seq: u64,
    /// What it replaces when unsent; empty = nothing.
    pub topic: String,
    /// Encoded `LaneMessage`.
    pub body: Vec<u8>,
    /// Sealed bytes, once made.
    pub envelope: Option<Vec<u8>>,
    /// When it was queued, ms since 1970.
    pub at: u64,
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT row, device, gen, seq, topic, body, envelope, at FROM lane_out ", $rest)
    };
}

fn read(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    Ok(Waiting {
        row: row.get(0)?,
        device: row.get(1)?,
        generation: row.get(2)?,
        seq: uint(row, 3)?,
        topic: row.get(4)?,
        body: row.get(5)?,
        envelope: row.get(6)?,
        at: uint(row, 7)?,
    })
}

/// The lane to a device; a fresh one when nothing was ever sent or received.
///
/// # Errors
/// Those of the store.
pub fn load(c: &Conn, device: DeviceRow) -> Result<Lane> {
    let found = one(
        c,
        "SELECT out_gen, out_next, out_acked, in_gen, in_next, session, reset_at, bundle_sent FROM lane
         WHERE device = ?1",
        params![device],
        |row| {
            Ok(Lane {
                device,
                out_gen: row.get(0)?,
                out_next: uint(row, 1)?,
                out_acked: uint(row, 2)?,
                in_gen: row.get(3)?,
                in_next: uint(row, 4)?,
                session: row.get(5)?,
                reset_at: uint(row, 6)?,
                bundle_sent: uint(row, 7)?,
            })
        },
    )?;
    Ok(found.unwrap_or(Lane {
        device,
        out_gen: 0,
        out_next: 1,
        out_acked: 0,
        in_gen: 0,
        in_next: 1,
        session: None,
        reset_at: 0,
        bundle_sent: 0,
    }))
}

/// Keeps the lane. In the same transaction as the messages it sealed, before their bytes leave (section 4.2).
///
/// # Errors
/// Those of the store.
pub fn save(c: &Conn, lane: &Lane) -> Result<()> {
    run(
        c,
        "INSERT INTO lane (device, out_gen, out_next, out_acked, in_gen, in_next, session, reset_at, bundle_sent)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (device) DO UPDATE SET out_gen = excluded.out_gen, out_next = excluded.out_next,
           out_acked = excluded.out_acked, in_gen = excluded.in_gen, in_next = excluded.in_next,
           session = excluded.session, reset_at = excluded.reset_at, bundle_sent = excluded.bundle_sent",
        params![
            lane.device,
            lane.out_gen,
            int(lane.out_next),
            int(lane.out_acked),
            lane.in_gen,
            int(lane.in_next),
            lane.session,
            int(lane.reset_at),
            int(lane.bundle_sent)
        ],
    )
    .map(|_| ())
}

/// Queues a message. An unsealed message of the same topic to the same device is replaced and loses its place in the
/// order; an empty topic replaces nothing.
///
/// # Errors
/// Those of the store.
pub fn queue(c: &Conn, device: DeviceRow, topic: &str, body: &[u8], at: u64) -> Result<LaneRow> {
    if !topic.is_empty() {
        run(
            c,
            "DELETE FROM lane_out WHERE device = ?1 AND topic = ?2 AND envelope IS NULL",
            params![device, topic],
        )?;
    }
    let row = one(
        c,
        "INSERT INTO lane_out (device, topic, body, at) VALUES (?1, ?2, ?3, ?4) RETURNING row",
        params![device, topic, body, int(at)],
        |row| row.get(0),
    )?;
    row.ok_or_else(|| Error::Sql("a queued message got no row".to_owned()))
}

/// What waits for a device, in the order of sending, at most `max`.
///
/// # Errors
/// Those of the store.
pub fn waiting(c: &Conn, device: DeviceRow, max: usize) -> Result<Vec<Waiting>> {
    all(c, select!("WHERE device = ?1 ORDER BY row LIMIT ?2"), params![device, limit(max)], read)
}

/// What waits for a device and is not sealed yet, in the order of sending, at most `max`.
///
/// # Errors
/// Those of the store.
pub fn unsealed(c: &Conn, device: DeviceRow, max: usize) -> Result<Vec<Waiting>> {
    all(
        c,
        select!("WHERE device = ?1 AND envelope IS NULL ORDER BY row LIMIT ?2"),
        params![device, limit(max)],
        read,
    )
}

/// One waiting message.
///
/// # Errors
/// Those of the store.
pub fn get(c: &Conn, row: LaneRow) -> Result<Option<Waiting>> {
    one(c, select!("WHERE row = ?1"), params![row], read)
}

/// The devices for which something waits.
///
/// # Errors
/// Those of the store.
pub fn devices(c: &Conn) -> Result<Vec<DeviceRow>> {
    all(c, "SELECT DISTINCT device FROM lane_out ORDER BY device", [], |row| row.get(0))
}

/// The devices for which something about a topic waits, sealed or not.
///
/// # Errors
/// Those of the store.
pub fn devices_about(c: &Conn, topic: &str) -> Result<Vec<DeviceRow>> {
    all(c, "SELECT DISTINCT device FROM lane_out WHERE topic = ?1 ORDER BY device", params![topic], |row| {
        row.get(0)
    })
}

/// Keeps the sealed bytes of messages that left in one packet: the first one carries them, all carry the number.
///
/// # Errors
/// Those of the store.
pub fn sealed(c: &Conn, rows: &[LaneRow], generation: u32, seq: u64, envelope: &[u8]) -> Result<()> {
    let mut statement =
        c.prepare_cached("UPDATE lane_out SET gen = ?2, seq = ?3, envelope = ?4 WHERE row = ?1")?;
    let mut bytes = envelope;
    for row in rows {
        statement.execute(params![row, generation, int(seq), bytes])?;
        bytes = &[];
    }
    Ok(())
}

/// Removes what the other side has: packets of this generation up to `upto`. Answers how many messages went.
///
/// # Errors
/// Those of the store.
pub fn acked(c: &Conn, device: DeviceRow, generation: u32, upto: u64) -> Result<usize> {
    run(
        c,
        "DELETE FROM lane_out WHERE device = ?1 AND gen = ?2 AND seq BETWEEN 1 AND ?3",
        params![device, generation, int(upto.min(i64::MAX as u64))],
    )
}

/// Takes the sealed bytes of everything that waits for a device away, after a reset: it is sealed anew.
///
/// # Errors
/// Those of the store.
pub fn unseal(c: &Conn, device: DeviceRow) -> Result<usize> {
    run(
        c,
        "UPDATE lane_out SET gen = 0, seq = 0, envelope = NULL WHERE device = ?1 AND envelope IS NOT NULL",
        params![device],
    )
}

/// What waits for a device about a topic and is not sealed yet, the newest first.
///
/// # Errors
/// Those of the store.
pub fn unsealed_about(c: &Conn, device: DeviceRow, topic: &str) -> Result<Vec<Waiting>> {
    all(
        c,
        select!("WHERE device = ?1 AND topic = ?2 AND envelope IS NULL ORDER BY row DESC"),
        params![device, topic],
        read,
    )
}

/// Drops a message that waits: it was replaced, or cannot be sent.
///
/// # Errors
/// Those of the store.
pub fn remove(c: &Conn, row: LaneRow) -> Result<()> {
    run(c, "DELETE FROM lane_out WHERE row = ?1", params![row]).map(|_| ())
}

/// Drops everything that waits for a device, for example when it was removed.
///
/// # Errors
/// Those of the store.
pub fn clear(c: &Conn, device: DeviceRow) -> Result<usize> {
    run(c, "DELETE FROM lane_out WHERE device = ?1", params![device])
}

/// Keeps a packet that came before its turn. Answers false when there is no room: the lane holds as many early packets
/// as it may, or another packet with this place.
///
/// # Errors
/// Those of the store.
pub fn keep_early(c: &Conn, device: DeviceRow, generation: u32, seq: u64, packet: &[u8]) -> Result<bool> {
    let kept = run(
        c,
        "INSERT INTO lane_in (device, gen, seq, packet)
         SELECT ?1, ?2, ?3, ?4 WHERE (SELECT COUNT(*) FROM lane_in WHERE device = ?1) < ?5
         ON CONFLICT (device, gen, seq) DO UPDATE SET packet = packet WHERE packet = excluded.packet",
        params![device, generation, int(seq), packet, limit(EARLY_CAP)],
    )?;
    Ok(kept > 0)
}

/// Takes the packet of this number out, if it came early.
///
/// # Errors
/// Those of the store.
pub fn take_early(c: &Conn, device: DeviceRow, generation: u32, seq: u64) -> Result<Option<Vec<u8>>> {
    one(
        c,
        "DELETE FROM lane_in WHERE device = ?1 AND gen = ?2 AND seq = ?3 RETURNING packet",
        params![device, generation, int(seq)],
        |row| row.get(0),
    )
}

/// Generation and number of the packets that came early, lowest first.
///
/// # Errors
/// Those of the store.
pub fn early(c: &Conn, device: DeviceRow) -> Result<Vec<(u32, u64)>> {
    all(c, "SELECT gen, seq FROM lane_in WHERE device = ?1 ORDER BY gen, seq", params![device], |row| {
        Ok((row.get(0)?, uint(row, 1)?))
    })
}

/// The devices of which packets came early.
///
/// # Errors
/// Those of the store.
pub fn early_devices(c: &Conn) -> Result<Vec<DeviceRow>> {
    all(c, "SELECT DISTINCT device FROM lane_in ORDER BY device", [], |row| row.get(0))
}

/// Drops early packets of generations below this one.
///
/// # Errors
/// Those of the store.
pub fn drop_early(c: &Conn, device: DeviceRow, below: u32) -> Result<usize> {
    run(c, "DELETE FROM lane_in WHERE device = ?1 AND gen < ?2", params![device, below])
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
