//! Settings: what the person chose, each with the version of the register that carried it between own machines
//! (protocol section 2.2, `prefs.<key>`).
//!
//! Must not know which settings exist. Invariant: an older version never replaces a newer one.

use crate::db::Conn;
use crate::error::Result;
use crate::row::{int, uint};
use crate::statement::{all, one, run};
use rusqlite::{Row, params};

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub key: String,
    /// Its value as text.
    pub value: String,
    /// Version (hlc) of the register that set it; 0 when it was never shared.
    pub version: u64,
}

fn read(row: &Row<'_>) -> rusqlite::Result<Setting> {
    Ok(Setting { key: row.get(0)?, value: row.get(1)?, version: uint(row, 2)? })
}

/// The setting `key`, if it was ever set.
///
/// # Errors
/// Those of the store.
pub fn get(c: &Conn, key: &str) -> Result<Option<Setting>> {
    one(c, "SELECT key, value, version FROM setting WHERE key = ?1", params![key], read)
}

/// Sets `key` unless a newer version is here already; answers whether it did. An equal version counts as newer only
/// when it changes the value, so that a repeated register reports no change.
///
/// # Errors
/// Those of the store.
pub fn set(c: &Conn, key: &str, value: &str, version: u64) -> Result<bool> {
    let changed = run(
        c,
        "INSERT INTO setting (key, value, version) VALUES (?1, ?2, ?3)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version
         WHERE excluded.version > setting.version
            OR (excluded.version = setting.version AND excluded.value <> setting.value)",
        params![key, value, int(version)],
    )?;
    Ok(changed > 0)
}

/// All settings, by key.
///
/// # Errors
/// Those of the store.
pub fn list(c: &Conn) -> Result<Vec<Setting>> {
    all(c, "SELECT key, value, version FROM setting ORDER BY key", [], read)
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
