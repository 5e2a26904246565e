//! Writer: the one connection that changes the store, its transactions and its checkpoints.
//!
//! Must not know what is written. Invariant: when [`Tx::commit`] answers `Ok`, everything in the transaction survives
//! the end of the process and, unless it was begun with [`Writer::begin_relaxed`], the power going out (protocol
//! section 2.5); when it fails, nothing of it is there.

use crate::check::Marker;
use crate::db::{Conn, log_frames};
use crate::error::{Error, OpenError, Result};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::ops::Deref;
use std::path::Path;

/// The connection that writes.
#[derive(Debug)]
pub struct Writer {
    conn: Connection,
    marker: Marker,
    /// Whether the connection is set up so that a commit waits for the disk.
    lasting: bool,
}

impl Writer {
    pub(crate) fn new(conn: Connection, path: &Path) -> std::result::Result<Writer, OpenError> {
        Ok(Writer { conn, marker: Marker::open(path)?, lasting: true })
    }

    /// Begins a transaction that holds the write lock from the start.
    ///
    /// # Errors
    /// [`Error::Busy`] when the lock does not come free, [`Error::Io`].
    pub fn begin(&mut self) -> Result<Tx<'_>> {
        self.begin_with(true)
    }

    /// Begins a transaction whose commit does not wait for the disk: for what others tell again when the power goes out
    /// before [`Writer::sync`] or the next commit that waits. Nobody may be told of it before that.
    ///
    /// # Errors
    /// As [`Writer::begin`].
    pub fn begin_relaxed(&mut self) -> Result<Tx<'_>> {
        self.begin_with(false)
    }

    fn begin_with(&mut self, lasting: bool) -> Result<Tx<'_>> {
        if self.lasting != lasting {
            // Never inside a transaction, where it would be refused.
            let level = if lasting { "FULL" } else { "NORMAL" };
            self.conn.execute_batch(&format!("PRAGMA synchronous = {level}"))?;
            self.lasting = lasting;
        }
        let inner = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        Ok(Tx { inner, marker: &mut self.marker, lasting })
    }

    /// Waits until everything that was committed is on the disk.
    ///
    /// # Errors
    /// [`Error::Io`]: what was committed since the last commit that waited may be lost with the power.
    pub fn sync(&mut self) -> Result<()> {
        self.marker.sync_log()?;
        mark(&self.conn, &mut self.marker);
        Ok(())
    }

    /// The connection, for queries that must see what has just been committed.
    pub fn conn(&self) -> &Conn {
        &self.conn
    }

    /// Folds the write-ahead log into the file and empties it, so that nothing deleted remains there. Answers false
    /// when a reader held on to an older state and part of the log had to stay.
    ///
    /// # Errors
    /// [`Error::DiskFull`], [`Error::Io`], [`Error::Corrupt`].
    pub fn checkpoint(&mut self) -> Result<bool> {
        self.marker.clear()?;
        let busy: i64 = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy != 0 {
            self.marker.set(log_frames(&self.conn)?)?;
        }
        Ok(busy == 0)
    }

    /// Reads every page and every index. Minutes on a large store: for a doctor, not for a start. Empty means sound.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Corrupt`] when not even the check can run.
    pub fn inspect(&self) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        for pragma in ["PRAGMA cipher_integrity_check", "PRAGMA integrity_check(100)"] {
            let mut statement = self.conn.prepare(pragma)?;
            let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
            for line in lines {
                let line = line?;
                if line != "ok" {
                    findings.push(line);
                }
            }
        }
        Ok(findings)
    }

    /// Empties the write-ahead log and closes the connection.
    ///
    /// # Errors
    /// As [`Writer::checkpoint`]. The store is whole either way.
    pub fn close(mut self) -> Result<()> {
        self.checkpoint().map(|_| ())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Closing the last connection deletes the log on purpose, so no mark may be left that misses it. Should even
        // this write fail, the next open sees a log that is gone and says so.
        let _ = self.marker.clear();
    }
}

/// A transaction. Dropped without [`Tx::commit`] it leaves no trace.
#[derive(Debug)]
pub struct Tx<'a> {
    inner: Transaction<'a>,
    marker: &'a mut Marker,
    lasting: bool,
}

/// Notes how far the log reaches now that it is on the disk. A mark that cannot be written only loses its watch over
/// the log.
fn mark(conn: &Connection, marker: &mut Marker) {
    let _ = log_frames(conn).map_err(Error::from).and_then(|frames| marker.set(frames).map_err(Error::from));
}

impl Tx<'_> {
    /// Makes the transaction durable, see [`Writer::begin`] and [`Writer::begin_relaxed`].
    ///
    /// # Errors
    /// [`Error::DiskFull`], [`Error::Io`], [`Error::Busy`]: nothing has changed; the caller drops what it derived from
    /// the transaction and may begin again.
    pub fn commit(self) -> Result<()> {
        let Tx { inner, marker, lasting } = self;
        // A deref of the transaction lives as long as the transaction, so the frames are counted by a second borrow.
        let conn: &Connection = &inner;
        conn.prepare_cached("COMMIT")?.execute([])?;
        if lasting {
            mark(conn, marker);
        }
        Ok(())
    }

    /// Runs one step of the transaction so that its failure undoes this step alone.
    ///
    /// # Errors
    /// What the step answered, or the error of undoing it, after which the whole transaction must be dropped.
    pub fn step<T, E: From<Error>>(
        &self,
        step: impl FnOnce(&Conn) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        self.savepoint("SAVEPOINT step").map_err(E::from)?;
        match step(self) {
            Ok(value) => {
                self.savepoint("RELEASE step").map_err(E::from)?;
                Ok(value)
            }
            Err(error) => {
                self.savepoint("ROLLBACK TO step").map_err(E::from)?;
                self.savepoint("RELEASE step").map_err(E::from)?;
                Err(error)
            }
        }
    }

    fn savepoint(&self, sql: &str) -> Result<()> {
        self.inner.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

impl Deref for Tx<'_> {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        &self.inner
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
