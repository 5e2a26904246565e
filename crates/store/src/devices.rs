//! Devices: every machine ever heard of, with its newest bundle and address (protocol sections 4.3, 7.4).
//!
//! Must not know whether a device is in reach, nor how it left its account. Invariant: the newest version of a
//! bundle or an address wins, whatever the order of arrival.

use crate::db::Conn;
use crate::error::Result;
use crate::row::{DeviceRow, account_known, device_id, int, uint, uint_opt};
use crate::statement::{all, one, run, value};
use madang_model::{AccountId, DeviceId};
use rusqlite::{Row, params};

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Row number.
    pub row: DeviceRow,
    /// Its key.
    pub id: DeviceId,
    /// Its account, once known.
    pub account: Option<AccountId>,
    /// Newest bundle, an encoded `Signed`.
    pub bundle: Option<Vec<u8>>,
    /// Version of the bundle.
    pub bundle_version: u64,
    /// Newest address record, an encoded `Signed`.
    pub addr: Option<Vec<u8>>,
    /// Version of the address record.
    pub addr_version: u64,
    /// The libp2p id which the address record names.
    pub peer: Option<Vec<u8>>,
    /// When it was last heard of, ms since 1970; 0 = never.
    pub last_seen: u64,
    /// Since when nothing is queued for it any more (protocol section 4.5), ms since 1970.
    pub asleep_since: Option<u64>,
    /// Whether the log of its account removes it.
    pub removed: bool,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT row, id, account, bundle, bundle_version, addr, addr_version, peer, last_seen, asleep_since, removed FROM device ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> rusqlite::Result<Device> {
    Ok(Device {
        row: row.get(0)?,
        id: device_id(row, 1)?,
        account: account_known(row, 2)?,
        bundle: row.get(3)?,
        bundle_version: uint(row, 4)?,
        addr: row.get(5)?,
        addr_version: uint(row, 6)?,
        peer: row.get(7)?,
        last_seen: uint(row, 8)?,
        asleep_since: uint_opt(row, 9)?,
        removed: row.get(10)?,
    })
}

/// The row of a device, made if it is new. A known account is noted; it never changes afterwards.
///
/// # Errors
/// Those of the store.
pub fn intern(c: &Conn, id: &DeviceId, account: Option<&AccountId>) -> Result<DeviceRow> {
    let known: &[u8] = account.map_or(&[], |account| account.as_bytes());
    if let Some((row, blank)) =
        one(c, "SELECT row, account = x'' FROM device WHERE id = ?1", params![id.as_bytes()], |row| {
            Ok((row.get(0)?, row.get::<_, bool>(1)?))
        })?
    {
        if blank && !known.is_empty() {
            run(c, "UPDATE device SET account = ?2 WHERE row = ?1", params![row, known])?;
        }
        return Ok(row);
    }
    value(
        c,
        "INSERT INTO device (id, account) VALUES (?1, ?2) RETURNING row",
        params![id.as_bytes(), known],
        |row| row.get(0),
    )
}

/// The device of this key.
///
/// # Errors
/// Those of the store.
pub fn by_id(c: &Conn, id: &DeviceId) -> Result<Option<Device>> {
    one(c, select!("WHERE id = ?1"), params![id.as_bytes()], read)
}

/// The device of this row.
///
/// # Errors
/// Those of the store.
pub fn get(c: &Conn, row: DeviceRow) -> Result<Option<Device>> {
    one(c, select!("WHERE row = ?1"), params![row], read)
}

/// The devices whose address record names this libp2p id (protocol section 7.4).
///
/// # Errors
/// Those of the store.
pub fn by_peer(c: &Conn, peer: &[u8]) -> Result<Vec<Device>> {
    all(c, select!("WHERE peer = ?1 ORDER BY row"), params![peer], read)
}

/// The devices of an account, oldest row first.
///
/// # Errors
/// Those of the store.
pub fn of_account(c: &Conn, account: &AccountId) -> Result<Vec<Device>> {
    all(c, select!("WHERE account = ?1 ORDER BY row"), params![account.as_bytes()], read)
}

/// All devices, oldest row first.
///
/// # Errors
/// Those of the store.
pub fn list(c: &Conn) -> Result<Vec<Device>> {
    all(c, select!("ORDER BY row"), [], read)
}

/// Notes whether the log of its account removes a device.
///
/// # Errors
/// Those of the store.
pub fn set_removed(c: &Conn, row: DeviceRow, removed: bool) -> Result<()> {
    run(c, "UPDATE device SET removed = ?2 WHERE row = ?1", params![row, removed]).map(|_| ())
}

/// Keeps a bundle if it is newer; answers whether it was. A new bundle ends the sleep of the device.
///
/// # Errors
/// Those of the store.
pub fn set_bundle(c: &Conn, row: DeviceRow, bundle: &[u8], version: u64) -> Result<bool> {
    let changed = run(
        c,
        "UPDATE device SET bundle = ?2, bundle_version = ?3, asleep_since = NULL
         WHERE row = ?1 AND (bundle IS NULL OR bundle_version < ?3)",
        params![row, bundle, int(version)],
    )?;
    Ok(changed > 0)
}

/// Keeps an address record and the libp2p id it names if it is newer; answers whether it was.
///
/// # Errors
/// Those of the store.
pub fn set_addr(c: &Conn, row: DeviceRow, addr: &[u8], version: u64, peer: &[u8]) -> Result<bool> {
    let changed = run(
        c,
        "UPDATE device SET addr = ?2, addr_version = ?3, peer = ?4
         WHERE row = ?1 AND (addr IS NULL OR addr_version < ?3)",
        params![row, addr, int(version), peer],
    )?;
    Ok(changed > 0)
}

/// Notes when a device was heard of; never goes back.
///
/// # Errors
/// Those of the store.
pub fn seen(c: &Conn, row: DeviceRow, at: u64) -> Result<()> {
    run(c, "UPDATE device SET last_seen = ?2 WHERE row = ?1 AND last_seen < ?2", params![row, int(at)])
        .map(|_| ())
}

/// Notes since when a device sleeps, or that it is awake.
///
/// # Errors
/// Those of the store.
pub fn set_asleep(c: &Conn, row: DeviceRow, since: Option<u64>) -> Result<()> {
    run(c, "UPDATE device SET asleep_since = ?2 WHERE row = ?1", params![row, since.map(int)]).map(|_| ())
}

#[cfg(test)]
#[path = "devices_tests.rs"]
mod tests;
