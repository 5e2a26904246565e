//! Traces of items that were answered and never kept.
//!
//! Owns table `discarded_item`. Must not know whose token was revoked. Invariant: a writer whose token was revoked
//! silently hears what he would hear if his items lay unread: a repeated body is a duplicate, a full inbox refuses
//! (protocol section 10.5, `docs/adr/0013`).

use rusqlite::{Connection, OptionalExtension, params};

use super::inbox;
use super::mailbox::{self, INBOX};
use super::sqlite::{Verdict, int, uint};
use super::types::{BoxId, InboxPut, PutOutcome, StorageError, short_hash};

/// Answers a put as if it were kept.
pub(super) fn put(conn: &Connection, put: &InboxPut, now: u64) -> Result<Verdict<PutOutcome>, StorageError> {
    let dedupe = short_hash(&put.body);
    let Some((seq, epoch)) = mailbox::next_seq(conn, put.inbox, INBOX)? else {
        return Ok(Verdict::Undo(PutOutcome::NotFound));
    };
    let kept = inbox::duplicate(conn, put.inbox, &dedupe, now)?;
    if let Some(seq) = kept.map_or_else(|| duplicate(conn, put.inbox, &dedupe, now), |seq| Ok(Some(seq)))? {
        return Ok(Verdict::Undo(PutOutcome::Duplicate { seq, epoch }));
    }
    let size = u64::try_from(put.body.len()).unwrap_or(u64::MAX);
    if !fits(conn, put, size)? {
        return Ok(Verdict::Undo(PutOutcome::Quota));
    }
    remove(conn, "WHERE mailbox = ?1 AND dedupe = ?2", params![put.inbox.0, dedupe])?;
    conn.prepare_cached(
        "INSERT INTO discarded_item (mailbox, dedupe, seq, size, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![put.inbox.0, dedupe, int(seq), int(size), int(put.expires)])?;
    count(conn, put.inbox, 1, int(size))?;
    Ok(Verdict::Keep(PutOutcome::Stored { seq, epoch, evicted: 0 }))
}

fn duplicate(
    conn: &Connection,
    inbox: BoxId,
    dedupe: &[u8; 16],
    now: u64,
) -> Result<Option<u64>, StorageError> {
    let found = conn
        .prepare_cached("SELECT seq FROM discarded_item WHERE mailbox = ?1 AND dedupe = ?2 AND expires > ?3")?
        .query_row(params![inbox.0, dedupe, int(now)], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(found.map(uint))
}

/// Whether the inbox would have room, had everything been kept. It bounds the traces of an inbox too.
fn fits(conn: &Connection, put: &InboxPut, size: u64) -> Result<bool, StorageError> {
    let (n, held): (i64, i64) = conn
        .prepare_cached("SELECT n + discarded_n, bytes + discarded_bytes FROM mailbox WHERE id = ?1")?
        .query_row([put.inbox.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(n < i64::from(put.max_items) && uint(held).saturating_add(size) <= put.max_bytes)
}

fn count(conn: &Connection, inbox: BoxId, items: i64, size: i64) -> Result<(), StorageError> {
    conn.prepare_cached(
        "UPDATE mailbox SET discarded_n = max(0, discarded_n + ?2), discarded_bytes = max(0, discarded_bytes + ?3)
         WHERE id = ?1",
    )?
    .execute(params![inbox.0, items, size])?;
    Ok(())
}

/// Deletes the traces that a condition names and gives their room back.
fn remove(
    conn: &Connection,
    condition: &'static str,
    values: impl rusqlite::Params,
) -> Result<u64, StorageError> {
    let sql = format!("DELETE FROM discarded_item {condition} RETURNING mailbox, size");
    let gone: Vec<(BoxId, i64)> = conn
        .prepare_cached(&sql)?
        .query_map(values, |row| Ok((BoxId(row.get(0)?), row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (inbox, size) in &gone {
        count(conn, *inbox, -1, size.saturating_neg())?;
    }
    Ok(u64::try_from(gone.len()).unwrap_or(u64::MAX))
}

/// Forgets the traces of an inbox up to a sequence.
pub(super) fn forget(conn: &Connection, inbox: BoxId, upto: u64) -> Result<(), StorageError> {
    remove(conn, "WHERE mailbox = ?1 AND seq <= ?2", params![inbox.0, int(upto)])?;
    Ok(())
}

/// Deletes expired traces, at most `max_rows`.
pub(super) fn expire(conn: &Connection, now: u64, max_rows: u32) -> Result<u64, StorageError> {
    remove(
        conn,
        "WHERE (mailbox, dedupe) IN
             (SELECT mailbox, dedupe FROM discarded_item WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
        params![int(now), max_rows],
    )
}
