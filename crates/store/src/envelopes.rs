//! Envelopes: own envelope keys, and the hashes of envelopes already opened (protocol sections 4.3, 10.3).
//!
//! Must not know what was inside. Invariant: an envelope that was opened stays remembered until its time is over.

use crate::db::Conn;
use crate::error::Result;
use crate::row::{int, uint, uint_opt};
use crate::statement::{all, one, run};
use rusqlite::{Row, params};

/// An own envelope key.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvelopeKey {
    /// First 8 bytes of the hash of the public key, by which envelopes name it.
    pub id: [u8; 8],
    /// Secret key.
    pub secret: Vec<u8>,
    /// Public key.
    pub public: Vec<u8>,
    /// When it was made, ms since 1970.
    pub made_at: u64,
    /// Since when a newer one is in the bundle, ms since 1970.
    pub retired_at: Option<u64>,
}

impl std::fmt::Debug for EnvelopeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EnvelopeKey")
            .field("id", &self.id)
            .field("made_at", &self.made_at)
            .finish_non_exhaustive()
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<EnvelopeKey> {
    Ok(EnvelopeKey {
        id: row.get(0)?,
        secret: row.get(1)?,
        public: row.get(2)?,
        made_at: uint(row, 3)?,
        retired_at: uint_opt(row, 4)?,
    })
}

/// Keeps a new key.
///
/// # Errors
/// Those of the store.
pub fn insert_key(c: &Conn, key: &EnvelopeKey) -> Result<()> {
    run(
        c,
        "INSERT INTO envelope_key (id, secret, public, made_at, retired_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO NOTHING",
        params![key.id, key.secret, key.public, int(key.made_at), key.retired_at.map(int)],
    )
    .map(|_| ())
}

/// The key which an envelope names.
///
/// # Errors
/// Those of the store.
pub fn key(c: &Conn, id: &[u8; 8]) -> Result<Option<EnvelopeKey>> {
    one(
        c,
        "SELECT id, secret, public, made_at, retired_at FROM envelope_key WHERE id = ?1",
        params![id],
        read,
    )
}

/// All keys, newest first.
///
/// # Errors
/// Those of the store.
pub fn keys(c: &Conn) -> Result<Vec<EnvelopeKey>> {
    all(
        c,
        "SELECT id, secret, public, made_at, retired_at FROM envelope_key ORDER BY made_at DESC, id",
        [],
        read,
    )
}

/// Notes that a newer key is in the bundle.
///
/// # Errors
/// Those of the store.
pub fn retire_key(c: &Conn, id: &[u8; 8], at: u64) -> Result<()> {
    run(
        c,
        "UPDATE envelope_key SET retired_at = ?2 WHERE id = ?1 AND retired_at IS NULL",
        params![id, int(at)],
    )
    .map(|_| ())
}

/// Deletes a key; answers whether it was here.
///
/// # Errors
/// Those of the store.
pub fn remove_key(c: &Conn, id: &[u8; 8]) -> Result<bool> {
    Ok(run(c, "DELETE FROM envelope_key WHERE id = ?1", params![id])? > 0)
}

/// Remembers an envelope until a time in ms since 1970; answers false when it was seen before.
///
/// # Errors
/// Those of the store.
pub fn first_seen(c: &Conn, hash: &[u8; 16], until: u64) -> Result<bool> {
    let inserted = run(
        c,
        "INSERT INTO envelope_seen (hash, until) VALUES (?1, ?2) ON CONFLICT (hash) DO NOTHING",
        params![hash, int(until)],
    )?;
    Ok(inserted > 0)
}

/// Whether an envelope was seen.
///
/// # Errors
/// Those of the store.
pub fn seen(c: &Conn, hash: &[u8; 16]) -> Result<bool> {
    Ok(c.prepare_cached("SELECT 1 FROM envelope_seen WHERE hash = ?1")?.exists(params![hash])?)
}

/// Forgets envelopes whose time is over; answers how many.
///
/// # Errors
/// Those of the store.
pub fn forget_seen(c: &Conn, now: u64) -> Result<usize> {
    run(c, "DELETE FROM envelope_seen WHERE until < ?1", params![int(now)])
}

#[cfg(test)]
#[path = "envelopes_tests.rs"]
mod tests;
