//! Readers: the few connections that answer queries while the writer works.
//!
//! Must not know what is asked. Invariant: one call sees one state of the store, however many statements it runs.

use crate::db::Conn;
use crate::error::{Error, OpenError, Result};
use rusqlite::Connection;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Reading connections: one for the list on the screen, one for a search, one to spare.
const READERS: usize = 3;

/// The reading connections; clones share them.
#[derive(Clone)]
pub struct Readers {
    pool: Arc<Pool>,
}

struct Pool {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readers").field("idle", &self.pool.lock().len()).finish()
    }
}

impl Readers {
    pub(crate) fn open(
        connect: impl Fn() -> std::result::Result<Connection, OpenError>,
    ) -> std::result::Result<Readers, OpenError> {
        let idle = (0..READERS).map(|_| connect()).collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(Readers { pool: Arc::new(Pool { idle: Mutex::new(idle), returned: Condvar::new() }) })
    }

    /// Runs `query` on a connection of its own, within one state of the store. Waits while all are taken, so it is
    /// called on a thread that may block.
    ///
    /// # Errors
    /// What the query answered, or [`Error::Io`], [`Error::Corrupt`] of the store.
    pub fn read<T, E: From<Error>>(
        &self,
        query: impl FnOnce(&Conn) -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let lease = Lease { pool: &self.pool, conn: Some(self.pool.take()) };
        let Some(conn) = &lease.conn else {
            return Err(E::from(Error::Sql("the reader has no connection".to_owned())));
        };
        let state = conn.unchecked_transaction().map_err(|error| E::from(Error::from(error)))?;
        let answer = query(&state)?;
        finish(state).map_err(E::from)?;
        Ok(answer)
    }
}

fn finish(state: rusqlite::Transaction<'_>) -> Result<()> {
    state.commit()?;
    Ok(())
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        // The list is whole even if a thread died while it held the lock.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Connection {
        let mut idle = self.lock();
        loop {
            if let Some(conn) = idle.pop() {
                return conn;
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Gives the connection back even when the query panics.
struct Lease<'a> {
    pool: &'a Pool,
    conn: Option<Connection>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            self.pool.lock().push(conn);
            self.pool.returned.notify_one();
        }
    }
}
