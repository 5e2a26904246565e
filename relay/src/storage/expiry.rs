//! What goes by itself: items past their time, slots and boxes nobody uses.
//!
//! Owns the sweep and the counts. Invariant: a sweep touches at most the rows it was allowed, so that it never holds
//! up deposits for long.

use rusqlite::{Connection, params};

use super::sqlite::{day, uint};
use super::types::{BoxId, Counts, StorageError, Swept};
use super::{discarded, inbox, log, mailbox, slot};

/// Days after the last put or get of a slot, or the last use of an empty box.
const UNUSED_DAYS: i64 = 400;

pub(super) fn sweep(conn: &Connection, now: u64, max_rows: u32) -> Result<Swept, StorageError> {
    let of_inboxes = inbox::expire(conn, now, max_rows)?;
    let of_logs = log::expire(conn, now, max_rows)?;
    let discarded = discarded::expire(conn, now, max_rows)?;
    let before = day(now).saturating_sub(UNUSED_DAYS);
    let slots = slot::expire(conn, before, max_rows)?;
    let boxes = boxes(conn, before, max_rows)?;
    Ok(Swept { items: of_inboxes.saturating_add(of_logs), discarded, slots, boxes })
}

/// Deletes empty boxes that nobody used since a day, with everything noted about them.
fn boxes(conn: &Connection, before_day: i64, max_rows: u32) -> Result<u64, StorageError> {
    let mut statement =
        conn.prepare_cached("SELECT id FROM mailbox WHERE last_seen < ?1 AND n = 0 LIMIT ?2")?;
    let unused: Vec<BoxId> = statement
        .query_map(params![before_day, max_rows], |row| row.get(0).map(BoxId))?
        .collect::<Result<_, _>>()?;
    for id in &unused {
        conn.prepare_cached("DELETE FROM revoked_token WHERE mailbox = ?1")?.execute([id.0])?;
        conn.prepare_cached("DELETE FROM discarded_item WHERE mailbox = ?1")?.execute([id.0])?;
        conn.prepare_cached("DELETE FROM mailbox WHERE id = ?1")?.execute([id.0])?;
    }
    conn.prepare_cached("DELETE FROM chain_use WHERE bytes <= 0 AND root NOT IN (SELECT root FROM mailbox)")?
        .execute([])?;
    Ok(u64::try_from(unused.len()).unwrap_or(0))
}

pub(super) fn counts(conn: &Connection) -> Result<Counts, StorageError> {
    let mut counts = Counts::default();
    let mut statement =
        conn.prepare_cached("SELECT kind, count(*), sum(n), sum(bytes) FROM mailbox GROUP BY kind")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (boxes, items) = (uint(row.get(1)?), uint(row.get(2)?));
        counts.bytes = counts.bytes.saturating_add(uint(row.get(3)?));
        if row.get::<_, i64>(0)? == mailbox::INBOX {
            (counts.inboxes, counts.inbox_items) = (boxes, items);
        } else {
            (counts.logs, counts.log_items) = (boxes, items);
        }
    }
    let slots: i64 = conn
        .prepare_cached("SELECT count(*) FROM slot WHERE body IS NOT NULL")?
        .query_row([], |row| row.get(0))?;
    counts.slots = uint(slots);
    Ok(counts)
}
