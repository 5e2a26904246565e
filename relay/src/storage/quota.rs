//! Quotas per writer of a log and its successors (protocol section 10.4).
//!
//! Owns tables `writer_use` and `chain_use`. Must not know what a writer tag stands for. Invariant: an item younger
//! than the protected age is never evicted by the put of another writer.

use rusqlite::{Connection, OptionalExtension, params};

use super::log::{self, Stored};
use super::mailbox;
use super::sqlite::{bytes, int, uint};
use super::types::{BoxId, LogLimits, StorageError, Writer};

/// Whose items may have to go.
#[derive(Clone, Copy)]
enum Scope {
    /// The writer himself: his share is full.
    Own,
    /// All writers without admission: the share they have together is full.
    Open,
    /// Everybody: the log is full.
    All,
}

/// Frees room for `size` bytes. The number of evicted items, or `None` when an item that must stay is in the way;
/// then the caller undoes what was evicted before.
pub(super) fn make_room(
    conn: &Connection,
    root: BoxId,
    writer: &Writer,
    size: u64,
    limits: &LogLimits,
    now: u64,
) -> Result<Option<u32>, StorageError> {
    if size > limits.share || size > limits.total {
        return Ok(None);
    }
    let mut evicted = 0u32;
    while let Some(scope) = overflow(conn, root, writer, size, limits)? {
        let Some(victim) = oldest_of_largest(conn, root, writer, scope)? else { return Ok(None) };
        let age = now.saturating_sub(victim.at);
        if victim.writer != writer.tag && age < limits.protected_ms {
            return Ok(None);
        }
        log::remove(conn, &victim)?;
        mailbox::note_loss(conn, victim.mailbox, victim.seq)?;
        evicted = evicted.saturating_add(1);
    }
    Ok(Some(evicted))
}

/// The narrowest limit that a put of this size would break.
fn overflow(
    conn: &Connection,
    root: BoxId,
    writer: &Writer,
    size: u64,
    limits: &LogLimits,
) -> Result<Option<Scope>, StorageError> {
    let own: i64 = conn
        .prepare_cached("SELECT bytes FROM writer_use WHERE root = ?1 AND writer = ?2")?
        .query_row(params![root.0, writer.tag], |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    if uint(own).saturating_add(size) > limits.share {
        return Ok(Some(Scope::Own));
    }
    let (all, open): (i64, i64) = conn
        .prepare_cached("SELECT bytes, open_bytes FROM chain_use WHERE root = ?1")?
        .query_row([root.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .unwrap_or((0, 0));
    if !writer.admitted && uint(open).saturating_add(size) > limits.share {
        return Ok(Some(Scope::Open));
    }
    Ok((uint(all).saturating_add(size) > limits.total).then_some(Scope::All))
}

fn oldest_of_largest(
    conn: &Connection,
    root: BoxId,
    writer: &Writer,
    scope: Scope,
) -> Result<Option<Stored>, StorageError> {
    let sql = match scope {
        Scope::Own => None,
        Scope::Open => Some(
            "SELECT writer FROM writer_use WHERE root = ?1 AND admitted = 0 ORDER BY bytes DESC, writer LIMIT 1",
        ),
        Scope::All => {
            Some("SELECT writer FROM writer_use WHERE root = ?1 ORDER BY bytes DESC, writer LIMIT 1")
        }
    };
    let largest: [u8; 8] = match sql {
        None => writer.tag,
        Some(sql) => match conn.prepare_cached(sql)?.query_row([root.0], |row| bytes(row, 0)).optional()? {
            Some(tag) => tag,
            None => return Ok(None),
        },
    };
    log::find(conn, "WHERE root = ?1 AND writer = ?2 ORDER BY id LIMIT 1", params![root.0, largest])
}

/// Counts a stored item on its writer and on the chain.
pub(super) fn add(conn: &Connection, root: BoxId, writer: &Writer, size: u64) -> Result<(), StorageError> {
    conn.prepare_cached(
        "INSERT INTO writer_use (root, writer, admitted, bytes) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (root, writer) DO UPDATE SET bytes = bytes + excluded.bytes",
    )?
    .execute(params![root.0, writer.tag, writer.admitted, int(size)])?;
    let open = if writer.admitted { 0 } else { int(size) };
    conn.prepare_cached(
        "INSERT INTO chain_use (root, bytes, open_bytes) VALUES (?1, ?2, ?3)
         ON CONFLICT (root) DO UPDATE SET bytes = bytes + excluded.bytes, open_bytes = open_bytes + excluded.open_bytes",
    )?
    .execute(params![root.0, int(size), open])?;
    Ok(())
}

/// Takes a removed item off its writer and off the chain.
pub(super) fn give_back(
    conn: &Connection,
    root: BoxId,
    writer: &[u8; 8],
    size: u64,
) -> Result<(), StorageError> {
    let admitted: bool = conn
        .prepare_cached(
            "UPDATE writer_use SET bytes = bytes - ?3 WHERE root = ?1 AND writer = ?2 RETURNING admitted",
        )?
        .query_row(params![root.0, writer, int(size)], |row| row.get(0))
        .optional()?
        .unwrap_or(true);
    // A row per writer that ever wrote would grow for ever.
    conn.prepare_cached("DELETE FROM writer_use WHERE root = ?1 AND writer = ?2 AND bytes <= 0")?
        .execute(params![root.0, writer])?;
    let open = if admitted { 0 } else { int(size) };
    conn.prepare_cached(
        "UPDATE chain_use SET bytes = max(0, bytes - ?2), open_bytes = max(0, open_bytes - ?3) WHERE root = ?1",
    )?
    .execute(params![root.0, int(size), open])?;
    Ok(())
}
