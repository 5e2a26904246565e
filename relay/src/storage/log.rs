//! Items of logs.
//!
//! Owns table `log_item`. Must not know who a writer is. Invariant: a register slot of a log holds one item.

use rusqlite::{Connection, OptionalExtension, params};

use super::mailbox::{self, LOG};
use super::quota;
use super::sqlite::{Verdict, bytes, int, uint};
use super::types::{BoxId, LogLimits, LogPut, PutOutcome, StorageError, short_hash};

/// What is needed to take an item away and to give its room back.
pub(super) struct Stored {
    pub(super) id: i64,
    pub(super) mailbox: BoxId,
    pub(super) seq: u64,
    pub(super) root: BoxId,
    pub(super) writer: [u8; 8],
    pub(super) at: u64,
    pub(super) size: u64,
}

const STORED: &str = "SELECT id, mailbox, seq, root, writer, at, length(body) FROM log_item";

fn stored(row: &rusqlite::Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        id: row.get(0)?,
        mailbox: BoxId(bytes(row, 1)?),
        seq: uint(row.get(2)?),
        root: BoxId(bytes(row, 3)?),
        writer: bytes(row, 4)?,
        at: uint(row.get(5)?),
        size: uint(row.get(6)?),
    })
}

pub(super) fn put(
    conn: &Connection,
    put: &LogPut,
    limits: &LogLimits,
    now: u64,
) -> Result<Verdict<PutOutcome>, StorageError> {
    let dedupe = short_hash(&put.body);
    let Some((seq, epoch)) = mailbox::next_seq(conn, put.log, LOG)? else {
        return Ok(Verdict::Undo(PutOutcome::NotFound));
    };
    let same = find(conn, "WHERE mailbox = ?1 AND dedupe = ?2", params![put.log.0, dedupe])?;
    if let Some(same) = same {
        if unexpired(conn, same.id, now)? {
            return Ok(Verdict::Undo(PutOutcome::Duplicate { seq: same.seq, epoch }));
        }
        remove(conn, &same)?;
    }
    if let Some(slot) = put.slot
        && let Some(older) = find(conn, "WHERE mailbox = ?1 AND slot = ?2", params![put.log.0, slot])?
    {
        remove(conn, &older)?;
    }
    let root = root_of(conn, put.log)?;
    let size = u64::try_from(put.body.len()).unwrap_or(u64::MAX);
    let Some(evicted) = quota::make_room(conn, root, &put.writer, size, limits, now)? else {
        return Ok(Verdict::Undo(PutOutcome::Quota));
    };
    conn.prepare_cached(
        "INSERT INTO log_item (mailbox, seq, dedupe, slot, root, writer, del_hash, at, expires, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        put.log.0,
        int(seq),
        dedupe,
        put.slot,
        root.0,
        put.writer.tag,
        put.del_hash,
        int(now),
        int(put.expires),
        &put.body[..],
    ])?;
    mailbox::count(conn, put.log, 1, int(size))?;
    quota::add(conn, root, &put.writer, size)?;
    Ok(Verdict::Keep(PutOutcome::Stored { seq, epoch, evicted }))
}

fn root_of(conn: &Connection, log: BoxId) -> Result<BoxId, StorageError> {
    let root = conn
        .prepare_cached("SELECT root FROM mailbox WHERE id = ?1")?
        .query_row([log.0], |row| bytes(row, 0))?;
    Ok(BoxId(root))
}

fn unexpired(conn: &Connection, id: i64, now: u64) -> Result<bool, StorageError> {
    let expires: i64 = conn
        .prepare_cached("SELECT expires FROM log_item WHERE id = ?1")?
        .query_row([id], |row| row.get(0))?;
    Ok(uint(expires) > now)
}

/// The first item that a condition names.
pub(super) fn find(
    conn: &Connection,
    condition: &'static str,
    values: impl rusqlite::Params,
) -> Result<Option<Stored>, StorageError> {
    let found =
        conn.prepare_cached(&format!("{STORED} {condition}"))?.query_row(values, stored).optional()?;
    Ok(found)
}

/// Deletes an item and gives its room back to its writer.
pub(super) fn remove(conn: &Connection, item: &Stored) -> Result<(), StorageError> {
    conn.prepare_cached("DELETE FROM log_item WHERE id = ?1")?.execute([item.id])?;
    mailbox::count(conn, item.mailbox, -1, int(item.size).saturating_neg())?;
    quota::give_back(conn, item.root, &item.writer, item.size)
}

pub(super) fn drop_item(
    conn: &Connection,
    log: BoxId,
    seq: u64,
    del_hash: &[u8; 16],
) -> Result<bool, StorageError> {
    let Some(item) = find(conn, "WHERE mailbox = ?1 AND seq = ?2", params![log.0, int(seq)])? else {
        return Ok(true);
    };
    let known: Option<[u8; 16]> = conn
        .prepare_cached("SELECT del_hash FROM log_item WHERE id = ?1")?
        .query_row([item.id], |row| row.get(0))?;
    if known.as_ref() != Some(del_hash) {
        return Ok(false);
    }
    remove(conn, &item)?;
    Ok(true)
}

/// Deletes expired items, at most `max_rows`; readers are told by `truncated_before`.
pub(super) fn expire(conn: &Connection, now: u64, max_rows: u32) -> Result<u64, StorageError> {
    let sql = format!("{STORED} WHERE expires <= ?1 ORDER BY expires LIMIT ?2");
    let mut statement = conn.prepare_cached(&sql)?;
    let due: Vec<Stored> =
        statement.query_map(params![int(now), max_rows], stored)?.collect::<Result<_, _>>()?;
    let mut removed = 0u64;
    for item in &due {
        remove(conn, item)?;
        mailbox::note_loss(conn, item.mailbox, item.seq)?;
        removed = removed.saturating_add(1);
    }
    Ok(removed)
}
