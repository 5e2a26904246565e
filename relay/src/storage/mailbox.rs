//! Boxes: making them, finding them, reading pages of them.
//!
//! Owns table `mailbox`. Must not know quotas of writers or tokens. Invariant: the epoch of a box never changes.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::sqlite::{Verdict, bytes, day, int, uint};
use super::types::{
    BoxId, Created, InboxCreated, Item, LogCreated, Mailbox, MailboxKind, NewInbox, NewLog, Page,
    StorageError, Succession,
};

/// Successors of one log in a day (protocol section 10.3).
const HEIRS_PER_LOG_DAY: i64 = 4;

/// Successors in a whole chain in a day: four per log alone would let a chain grow fourfold with every step
/// (`docs/adr/0011`).
const HEIRS_PER_CHAIN_DAY: i64 = 64;

pub(super) const INBOX: i64 = 1;
pub(super) const LOG: i64 = 2;

pub(super) fn get(conn: &Connection, id: BoxId) -> Result<Option<Mailbox>, StorageError> {
    let mut statement = conn.prepare_cached(
        "SELECT kind, cap_pub, k_token, epoch, next_seq, ttl_h, root FROM mailbox WHERE id = ?1",
    )?;
    let found = statement
        .query_row([id.0], |row| {
            Ok(Mailbox {
                kind: if row.get::<_, i64>(0)? == INBOX { MailboxKind::Inbox } else { MailboxKind::Log },
                cap_pub: bytes(row, 1)?,
                k_token: row.get(2)?,
                epoch: bytes(row, 3)?,
                head: uint(row.get::<_, i64>(4)?.saturating_sub(1)),
                ttl_h: u32::try_from(row.get::<_, i64>(5)?).unwrap_or(0),
                root: BoxId(bytes(row, 6)?),
            })
        })
        .optional()?;
    Ok(found)
}

pub(super) fn touch(conn: &Connection, id: BoxId, now: u64) -> Result<(), StorageError> {
    conn.prepare_cached("UPDATE mailbox SET last_seen = ?2 WHERE id = ?1 AND last_seen < ?2")?
        .execute(params![id.0, day(now)])?;
    Ok(())
}

pub(super) fn create_inbox(
    conn: &Connection,
    new: &NewInbox,
    now: u64,
) -> Result<InboxCreated, StorageError> {
    let id = BoxId::of(&new.owner_pub);
    if let Some(found) = get(conn, id)? {
        // Every member knows the key of a log: with a token key on it, any of them would pass for an admitted owner.
        if found.kind != MailboxKind::Inbox {
            return Ok(InboxCreated::OtherKind);
        }
        conn.prepare_cached("UPDATE mailbox SET k_token = ?2, last_seen = ?3 WHERE id = ?1")?
            .execute(params![id.0, new.k_token, day(now)])?;
        return Ok(InboxCreated::Created(Created { id, epoch: found.epoch, new: false }));
    }
    let epoch = insert(conn, id, INBOX, &new.owner_pub, Some(new.k_token), 0, id, now)?;
    Ok(InboxCreated::Created(Created { id, epoch, new: true }))
}

pub(super) fn create_log(
    conn: &Connection,
    new: &NewLog,
    now: u64,
) -> Result<Verdict<LogCreated>, StorageError> {
    let id = BoxId::of(&new.log_pub);
    if let Some(found) = get(conn, id)? {
        if found.kind != MailboxKind::Log {
            return Ok(Verdict::Undo(LogCreated::OtherKind));
        }
        touch(conn, id, now)?;
        return Ok(Verdict::Keep(LogCreated::Created(Created { id, epoch: found.epoch, new: false })));
    }
    let root = match new.prev {
        None => id,
        Some(prev) => match succession(conn, prev, now)? {
            Succession::Free(root) => {
                count_heir(conn, prev, root, now)?;
                root
            }
            Succession::NoPredecessor => return Ok(Verdict::Undo(LogCreated::NoPredecessor)),
            Succession::TooMany => return Ok(Verdict::Undo(LogCreated::TooMany)),
        },
    };
    let epoch = insert(conn, id, LOG, &new.log_pub, None, new.ttl_h, root, now)?;
    Ok(Verdict::Keep(LogCreated::Created(Created { id, epoch, new: true })))
}

/// Whether a log and its chain have successors of the day left.
pub(super) fn succession(conn: &Connection, prev: BoxId, now: u64) -> Result<Succession, StorageError> {
    let today = day(now);
    let found: Option<(i64, i64, i64, [u8; 16])> = conn
        .prepare_cached("SELECT kind, heir_day, heir_n, root FROM mailbox WHERE id = ?1")?
        .query_row([prev.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, bytes(row, 3)?)))
        .optional()?;
    let Some((LOG, of_day, of_log, root)) = found else { return Ok(Succession::NoPredecessor) };
    let of_chain: i64 = conn
        .prepare_cached("SELECT heir_n FROM chain_use WHERE root = ?1 AND heir_day = ?2")?
        .query_row(params![root, today], |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    let full = (of_day == today && of_log >= HEIRS_PER_LOG_DAY) || of_chain >= HEIRS_PER_CHAIN_DAY;
    Ok(if full { Succession::TooMany } else { Succession::Free(BoxId(root)) })
}

/// Counts one more successor of a log and of its chain.
fn count_heir(conn: &Connection, prev: BoxId, root: BoxId, now: u64) -> Result<(), StorageError> {
    let today = day(now);
    conn.prepare_cached(
        "UPDATE mailbox SET heir_n = CASE WHEN heir_day = ?2 THEN heir_n + 1 ELSE 1 END, heir_day = ?2
         WHERE id = ?1",
    )?
    .execute(params![prev.0, today])?;
    conn.prepare_cached(
        "INSERT INTO chain_use (root, heir_day, heir_n) VALUES (?1, ?2, 1)
         ON CONFLICT (root) DO UPDATE SET heir_day = excluded.heir_day,
             heir_n = CASE WHEN heir_day = excluded.heir_day THEN heir_n + 1 ELSE 1 END",
    )?
    .execute(params![root.0, today])?;
    Ok(())
}

#[allow(clippy::too_many_arguments)] // One argument per column.
fn insert(
    conn: &Connection,
    id: BoxId,
    kind: i64,
    cap_pub: &[u8; 32],
    k_token: Option<[u8; 32]>,
    ttl_h: u32,
    root: BoxId,
    now: u64,
) -> Result<[u8; 8], StorageError> {
    let mut epoch = [0u8; 8];
    getrandom::fill(&mut epoch).map_err(|error| StorageError::Random(error.to_string()))?;
    conn.prepare_cached(
        "INSERT INTO mailbox (id, kind, cap_pub, k_token, epoch, ttl_h, root, last_seen)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![id.0, kind, cap_pub, k_token, epoch, ttl_h, root.0, day(now)])?;
    Ok(epoch)
}

/// Takes the next sequence number of a box; `None` when there is no such box of that kind.
pub(super) fn next_seq(
    conn: &Connection,
    id: BoxId,
    kind: i64,
) -> Result<Option<(u64, [u8; 8])>, StorageError> {
    let mut statement = conn.prepare_cached(
        "UPDATE mailbox SET next_seq = next_seq + 1 WHERE id = ?1 AND kind = ?2 RETURNING next_seq - 1, epoch",
    )?;
    let taken =
        statement.query_row(params![id.0, kind], |row| Ok((uint(row.get(0)?), bytes(row, 1)?))).optional()?;
    Ok(taken)
}

/// Adds to the counters of a box (negative to take away).
pub(super) fn count(conn: &Connection, id: BoxId, items: i64, size: i64) -> Result<(), StorageError> {
    conn.prepare_cached("UPDATE mailbox SET n = max(0, n + ?2), bytes = max(0, bytes + ?3) WHERE id = ?1")?
        .execute(params![id.0, items, size])?;
    Ok(())
}

/// Notes that an item was lost to expiry or eviction, so that readers are told.
pub(super) fn note_loss(conn: &Connection, id: BoxId, seq: u64) -> Result<(), StorageError> {
    conn.prepare_cached("UPDATE mailbox SET truncated_before = max(truncated_before, ?2) WHERE id = ?1")?
        .execute(params![id.0, int(seq.saturating_add(1))])?;
    Ok(())
}

/// Items after a sequence. What has expired is left out and counted as lost, even before the sweep has met it.
pub(super) fn page(
    conn: &Connection,
    id: BoxId,
    after: u64,
    max_items: u32,
    max_bytes: u64,
    now: u64,
) -> Result<Option<Page>, StorageError> {
    let mut statement =
        conn.prepare_cached("SELECT kind, epoch, next_seq, truncated_before FROM mailbox WHERE id = ?1")?;
    let found = statement
        .query_row([id.0], |row| {
            Ok((row.get::<_, i64>(0)?, bytes::<8>(row, 1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?))
        })
        .optional()?;
    let Some((kind, epoch, next, truncated)) = found else { return Ok(None) };
    let mut page = Page {
        epoch,
        head: uint(next.saturating_sub(1)),
        truncated_before: uint(truncated),
        items: Vec::new(),
        more: false,
    };
    // No LIMIT: rows are stepped through only until the page is full, and expired ones do not count.
    let sql = if kind == INBOX {
        "SELECT seq, expires, dedupe, NULL, body FROM inbox_item WHERE mailbox = ?1 AND seq > ?2 ORDER BY seq"
    } else {
        "SELECT seq, expires, dedupe, slot, body FROM log_item WHERE mailbox = ?1 AND seq > ?2 ORDER BY seq"
    };
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params![id.0, int(after)])?;
    let mut size = 0u64;
    while let Some(row) = rows.next()? {
        let seq = uint(row.get(0)?);
        if uint(row.get(1)?) <= now {
            page.truncated_before = page.truncated_before.max(seq.saturating_add(1));
            continue;
        }
        let body = row.get_ref(4)?.as_blob().map_err(|error| StorageError::Database(error.to_string()))?;
        let len = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let full = page.items.len() >= usize::try_from(max_items).unwrap_or(usize::MAX);
        // At least one item goes out, or a body near the byte limit would block the box for ever.
        if full || (!page.items.is_empty() && size.saturating_add(len) > max_bytes) {
            page.more = true;
            break;
        }
        size = size.saturating_add(len);
        page.items.push(Item { seq, dedupe: bytes(row, 2)?, slot: row.get(3)?, body: Arc::from(body) });
    }
    Ok(Some(page))
}
