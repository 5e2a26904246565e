//! Items of inboxes and their revoked tokens.
//!
//! Owns tables `inbox_item` and `revoked_token`. Must not know how a token is checked. Invariant: an item goes by
//! acknowledgement of the owner or by expiry; a full inbox refuses, it evicts nothing (protocol section 10.1).

use rusqlite::{Connection, OptionalExtension, params};

use super::discarded;
use super::mailbox::{self, INBOX};
use super::sqlite::{Verdict, int, uint};
use super::types::{BoxId, InboxPut, PutOutcome, Revocation, StorageError, short_hash};

/// Revoked slots of one inbox; more contacts than a person blocks in a lifetime.
const REVOKED_MAX: i64 = 65_536;

pub(super) fn revoke(conn: &Connection, inbox: BoxId, slot: u32, silent: bool) -> Result<bool, StorageError> {
    let n: i64 = conn
        .prepare_cached("SELECT count(*) FROM revoked_token WHERE mailbox = ?1 AND slot <> ?2")?
        .query_row(params![inbox.0, slot], |row| row.get(0))?;
    if n >= REVOKED_MAX {
        return Ok(false);
    }
    conn.prepare_cached(
        "INSERT INTO revoked_token (mailbox, slot, silent) VALUES (?1, ?2, ?3)
         ON CONFLICT (mailbox, slot) DO UPDATE SET silent = excluded.silent",
    )?
    .execute(params![inbox.0, slot, silent])?;
    Ok(true)
}

pub(super) fn revocation(
    conn: &Connection,
    inbox: BoxId,
    slot: u32,
) -> Result<Option<Revocation>, StorageError> {
    let found = conn
        .prepare_cached("SELECT silent FROM revoked_token WHERE mailbox = ?1 AND slot = ?2")?
        .query_row(params![inbox.0, slot], |row| Ok(Revocation { silent: row.get(0)? }))
        .optional()?;
    Ok(found)
}

pub(super) fn put(conn: &Connection, put: &InboxPut, now: u64) -> Result<Verdict<PutOutcome>, StorageError> {
    let dedupe = short_hash(&put.body);
    let Some((seq, epoch)) = mailbox::next_seq(conn, put.inbox, INBOX)? else {
        return Ok(Verdict::Undo(PutOutcome::NotFound));
    };
    if let Some(seq) = duplicate(conn, put.inbox, &dedupe, now)? {
        return Ok(Verdict::Undo(PutOutcome::Duplicate { seq, epoch }));
    }
    let size = u64::try_from(put.body.len()).unwrap_or(u64::MAX);
    if !fits(conn, put, size)? {
        return Ok(Verdict::Undo(PutOutcome::Quota));
    }
    // An expired copy that the sweep has not met yet must not block its successor.
    remove(conn, put.inbox, "dedupe", dedupe)?;
    conn.prepare_cached(
        "INSERT INTO inbox_item (mailbox, seq, dedupe, token_slot, expires, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![put.inbox.0, int(seq), dedupe, put.token_slot, int(put.expires), &put.body[..]])?;
    mailbox::count(conn, put.inbox, 1, int(size))?;
    Ok(Verdict::Keep(PutOutcome::Stored { seq, epoch, evicted: 0 }))
}

/// The sequence of the unexpired item with this hash.
pub(super) fn duplicate(
    conn: &Connection,
    inbox: BoxId,
    dedupe: &[u8; 16],
    now: u64,
) -> Result<Option<u64>, StorageError> {
    let found = conn
        .prepare_cached("SELECT seq FROM inbox_item WHERE mailbox = ?1 AND dedupe = ?2 AND expires > ?3")?
        .query_row(params![inbox.0, dedupe, int(now)], |row| row.get::<_, i64>(0))
        .optional()?;
    Ok(found.map(uint))
}

fn fits(conn: &Connection, put: &InboxPut, size: u64) -> Result<bool, StorageError> {
    let (n, held): (i64, i64) = conn
        .prepare_cached("SELECT n, bytes FROM mailbox WHERE id = ?1")?
        .query_row([put.inbox.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if n >= i64::from(put.max_items) || uint(held).saturating_add(size) > put.max_bytes {
        return Ok(false);
    }
    if put.token_slot.is_some() {
        return Ok(true);
    }
    let knocks: i64 = conn
        .prepare_cached("SELECT count(*) FROM inbox_item WHERE mailbox = ?1 AND token_slot IS NULL")?
        .query_row([put.inbox.0], |row| row.get(0))?;
    Ok(knocks < i64::from(put.max_knocks))
}

pub(super) fn ack(conn: &Connection, inbox: BoxId, seqs: &[u64]) -> Result<u64, StorageError> {
    let mut removed = 0u64;
    for seq in seqs {
        removed = removed.saturating_add(remove(conn, inbox, "seq", int(*seq))?);
    }
    // An owner who acknowledges an item has the earlier ones too: discarded ones would be gone by now.
    if let Some(newest) = seqs.iter().max() {
        discarded::forget(conn, inbox, *newest)?;
    }
    Ok(removed)
}

/// Deletes the item of an inbox whose `column` has this value and corrects the counters.
fn remove(
    conn: &Connection,
    inbox: BoxId,
    column: &'static str,
    value: impl rusqlite::ToSql,
) -> Result<u64, StorageError> {
    let sql = match column {
        "seq" => "DELETE FROM inbox_item WHERE mailbox = ?1 AND seq = ?2 RETURNING length(body)",
        _ => "DELETE FROM inbox_item WHERE mailbox = ?1 AND dedupe = ?2 RETURNING length(body)",
    };
    let size = conn
        .prepare_cached(sql)?
        .query_row(params![inbox.0, value], |row| row.get::<_, i64>(0))
        .optional()?;
    let Some(size) = size else { return Ok(0) };
    mailbox::count(conn, inbox, -1, size.saturating_neg())?;
    Ok(1)
}

/// Deletes expired items, at most `max_rows`; readers are told by `truncated_before`.
pub(super) fn expire(conn: &Connection, now: u64, max_rows: u32) -> Result<u64, StorageError> {
    let mut statement = conn.prepare_cached(
        "SELECT mailbox, seq FROM inbox_item WHERE expires <= ?1 ORDER BY expires LIMIT ?2",
    )?;
    let due: Vec<(BoxId, u64)> = statement
        .query_map(params![int(now), max_rows], |row| Ok((BoxId(row.get(0)?), uint(row.get(1)?))))?
        .collect::<Result<_, _>>()?;
    let mut removed = 0u64;
    for (inbox, seq) in due {
        removed = removed.saturating_add(remove(conn, inbox, "seq", int(seq))?);
        mailbox::note_loss(conn, inbox, seq)?;
    }
    Ok(removed)
}
