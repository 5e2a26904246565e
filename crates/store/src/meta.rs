//! Meta: single values of this node, such as its device key, its pickled Olm account and its listen port.
//!
//! Must not know what a value means. Invariant: a key has at most one value.

use crate::db::Conn;
use crate::error::Result;
use crate::statement::{all, one, run};
use rusqlite::params;

/// The value of `key`, if it was ever set.
///
/// # Errors
/// Those of the store.
pub fn get(c: &Conn, key: &str) -> Result<Option<Vec<u8>>> {
    one(c, "SELECT value FROM meta WHERE key = ?1", params![key], |row| row.get(0))
}

/// Sets the value of `key`.
///
/// # Errors
/// Those of the store.
pub fn set(c: &Conn, key: &str, value: &[u8]) -> Result<()> {
    run(
        c,
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![key, value],
    )
    .map(|_| ())
}

/// Removes `key`; answers whether it was there.
///
/// # Errors
/// Those of the store.
pub fn remove(c: &Conn, key: &str) -> Result<bool> {
    Ok(run(c, "DELETE FROM meta WHERE key = ?1", params![key])? > 0)
}

/// Every key that begins with `prefix` and its value, in the order of the keys.
///
/// # Errors
/// Those of the store.
pub fn list(c: &Conn, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
    all(
        c,
        "SELECT key, value FROM meta WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key",
        params![prefix],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

#[cfg(test)]
#[path = "meta_tests.rs"]
mod tests;
