//! The storage trait on SQLite, in a file or in memory.
//!
//! Owns the connection, its pragmas and the atomicity of each call; the statements stand in one file per noun.
//! It must not know who calls. Invariant: `synchronous=FULL`, so that `commit` has reached the disk when it returns.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, Savepoint};

use super::types::{
    BoxId, Counts, InboxCreated, InboxPut, LogCreated, LogLimits, LogPut, Mailbox, NewInbox, NewLog, Page,
    PutOutcome, Revocation, SlotOutcome, SlotRow, SlotWrite, StorageError, Succession, Swept,
};
use super::{Storage, discarded, expiry, inbox, log, mailbox, schema, slot};

/// Prepared statements kept by the connection; there are about fifty.
const STATEMENTS_CAP: usize = 96;

/// Bytes of a database page; the default of SQLite, written down because the size limit is counted in pages.
const PAGE_BYTES: u64 = 4096;

/// Boxes, items and slots in one SQLite database.
pub struct SqliteStorage {
    conn: Connection,
    open: bool,
}

impl SqliteStorage {
    /// Opens or makes the database in a file. `max_bytes` bounds its size, 0 leaves it unbounded.
    ///
    /// # Errors
    /// `Newer` when a later relay wrote it; otherwise what SQLite reports.
    pub fn open(path: &Path, max_bytes: u64) -> Result<Self, StorageError> {
        Self::prepare(Connection::open(path)?, max_bytes)
    }

    /// A database that lives as long as this value.
    ///
    /// # Errors
    /// What SQLite reports.
    pub fn in_memory() -> Result<Self, StorageError> {
        Self::prepare(Connection::open_in_memory()?, 0)
    }

    fn prepare(mut conn: Connection, max_bytes: u64) -> Result<Self, StorageError> {
        conn.set_prepared_statement_cache_capacity(STATEMENTS_CAP);
        // `secure_delete` overwrites deleted bodies: what a member dropped must not be found in a free page.
        conn.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA cache_size = -16384;
             PRAGMA journal_size_limit = 16777216;",
        )?;
        schema::migrate(&mut conn)?;
        if let Some(pages) = max_bytes.checked_div(PAGE_BYTES).filter(|pages| *pages > 0) {
            let _: i64 = conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get(0))?;
        }
        Ok(Self { conn, open: false })
    }

    /// Runs a call that writes more than once, so that it applies whole or not at all.
    fn atomic<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<Verdict<T>, StorageError>,
    ) -> Result<T, StorageError> {
        let point: Savepoint<'_> = self.conn.savepoint()?;
        match work(&point)? {
            Verdict::Keep(value) => {
                point.commit()?;
                Ok(value)
            }
            // Dropping a savepoint rolls it back.
            Verdict::Undo(value) => Ok(value),
        }
    }
}

/// Whether the writes of a call stand.
pub(super) enum Verdict<T> {
    /// They do.
    Keep(T),
    /// The call is refused, as if it had not been made.
    Undo(T),
}

impl Storage for SqliteStorage {
    fn begin(&mut self) -> Result<(), StorageError> {
        self.conn.execute_batch("BEGIN IMMEDIATE")?;
        self.open = true;
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StorageError> {
        self.conn.execute_batch("COMMIT")?;
        self.open = false;
        Ok(())
    }

    fn rollback(&mut self) {
        // SQLite may have rolled back by itself (disk full); then there is nothing left to undo.
        if self.open
            && !self.conn.is_autocommit()
            && let Err(error) = self.conn.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "a batch could not be rolled back");
        }
        self.open = false;
    }

    fn create_inbox(&mut self, new: &NewInbox, now: u64) -> Result<InboxCreated, StorageError> {
        self.atomic(|conn| mailbox::create_inbox(conn, new, now).map(Verdict::Keep))
    }

    fn create_log(&mut self, new: &NewLog, now: u64) -> Result<LogCreated, StorageError> {
        self.atomic(|conn| mailbox::create_log(conn, new, now))
    }

    fn succession(&mut self, prev: BoxId, now: u64) -> Result<Succession, StorageError> {
        mailbox::succession(&self.conn, prev, now)
    }

    fn mailbox(&mut self, id: BoxId) -> Result<Option<Mailbox>, StorageError> {
        mailbox::get(&self.conn, id)
    }

    fn touch(&mut self, id: BoxId, now: u64) -> Result<(), StorageError> {
        mailbox::touch(&self.conn, id, now)
    }

    fn revoke_token(&mut self, inbox: BoxId, slot: u32, silent: bool) -> Result<bool, StorageError> {
        inbox::revoke(&self.conn, inbox, slot, silent)
    }

    fn revocation(&mut self, inbox: BoxId, slot: u32) -> Result<Option<Revocation>, StorageError> {
        inbox::revocation(&self.conn, inbox, slot)
    }

    fn put_inbox(&mut self, put: &InboxPut, now: u64) -> Result<PutOutcome, StorageError> {
        self.atomic(|conn| inbox::put(conn, put, now))
    }

    fn discard(&mut self, put: &InboxPut, now: u64) -> Result<PutOutcome, StorageError> {
        self.atomic(|conn| discarded::put(conn, put, now))
    }

    fn put_log(&mut self, put: &LogPut, limits: &LogLimits, now: u64) -> Result<PutOutcome, StorageError> {
        self.atomic(|conn| log::put(conn, put, limits, now))
    }

    fn page(
        &mut self,
        id: BoxId,
        after: u64,
        max_items: u32,
        max_bytes: u64,
        now: u64,
    ) -> Result<Option<Page>, StorageError> {
        mailbox::page(&self.conn, id, after, max_items, max_bytes, now)
    }

    fn ack(&mut self, inbox: BoxId, seqs: &[u64]) -> Result<u64, StorageError> {
        self.atomic(|conn| inbox::ack(conn, inbox, seqs).map(Verdict::Keep))
    }

    fn drop_item(&mut self, log: BoxId, seq: u64, del_hash: &[u8; 16]) -> Result<bool, StorageError> {
        self.atomic(|conn| log::drop_item(conn, log, seq, del_hash).map(Verdict::Keep))
    }

    fn slot(&mut self, id: BoxId) -> Result<Option<SlotRow>, StorageError> {
        slot::get(&self.conn, id)
    }

    fn touch_slot(&mut self, id: BoxId, now: u64) -> Result<(), StorageError> {
        slot::touch(&self.conn, id, now)
    }

    fn write_slot(&mut self, write: &SlotWrite, now: u64) -> Result<SlotOutcome, StorageError> {
        self.atomic(|conn| slot::write(conn, write, now).map(Verdict::Keep))
    }

    fn sweep(&mut self, now: u64, max_rows: u32) -> Result<Swept, StorageError> {
        self.atomic(|conn| expiry::sweep(conn, now, max_rows).map(Verdict::Keep))
    }

    fn checkpoint(&mut self) -> Result<(), StorageError> {
        let _: i64 = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        Ok(())
    }

    fn counts(&mut self) -> Result<Counts, StorageError> {
        expiry::counts(&self.conn)
    }
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            _ => Self::Database(error.to_string()),
        }
    }
}

/// SQLite's integers are signed; the relay's numbers are not and never come near the border.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The way back of [`int`].
pub(super) fn uint(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Days since 1970, the grain in which use of a box is noted.
pub(super) fn day(now: u64) -> i64 {
    int(now.checked_div(86_400_000).unwrap_or(0))
}

/// A column of fixed length.
pub(super) fn bytes<const N: usize>(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<[u8; N]> {
    row.get::<_, [u8; N]>(column)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Stored` promises that the item has reached the disk; with `NORMAL` a power cut could take it back.
    #[test]
    fn commits_reach_the_disk_before_they_return() {
        let dir = tempfile::tempdir().unwrap();
        let storage = SqliteStorage::open(&dir.path().join("relay.db"), 0).unwrap();
        let pragma = |name: &str| -> rusqlite::types::Value {
            storage.conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0)).unwrap()
        };
        const FULL: i64 = 2;
        assert_eq!(pragma("synchronous"), FULL.into());
        assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
        assert_eq!(pragma("secure_delete"), 1i64.into());
    }
}
