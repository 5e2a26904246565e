//! Accounts: the ops of account logs exactly as received (protocol section 1.2).
//!
//! Must not know how a log is resolved. Invariant: the bytes handed out are the bytes that were signed.

use crate::db::Conn;
use crate::error::Result;
use crate::row::{account_id, op_id};
use crate::statement::{all, one, run};
use madang_model::{AccountId, OpId};
use rusqlite::{Row, params};

/// An op of an account log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountOp {
    /// Its id; that of the genesis is the account id.
    pub id: OpId,
    /// The account it belongs to.
    pub account: AccountId,
    /// Encoded header, as signed.
    pub header: Vec<u8>,
    /// Signature over the id.
    pub sig: Vec<u8>,
    /// Payload; account ops are never purged.
    pub payload: Vec<u8>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<AccountOp> {
    Ok(AccountOp {
        id: op_id(row, 0)?,
        account: account_id(row, 1)?,
        header: row.get(2)?,
        sig: row.get(3)?,
        payload: row.get(4)?,
    })
}

/// Keeps an op; answers false when it was here already.
///
/// # Errors
/// Those of the store.
pub fn insert(c: &Conn, op: &AccountOp) -> Result<bool> {
    let inserted = run(
        c,
        "INSERT INTO account_op (id, account, header, sig, payload) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO NOTHING",
        params![op.id.as_bytes(), op.account.as_bytes(), op.header, op.sig, op.payload],
    )?;
    Ok(inserted > 0)
}

/// The op of this id.
///
/// # Errors
/// Those of the store.
pub fn by_id(c: &Conn, id: &OpId) -> Result<Option<AccountOp>> {
    one(
        c,
        "SELECT id, account, header, sig, payload FROM account_op WHERE id = ?1",
        params![id.as_bytes()],
        read,
    )
}

/// The log of one account, in order of arrival.
///
/// # Errors
/// Those of the store.
pub fn list(c: &Conn, account: &AccountId) -> Result<Vec<AccountOp>> {
    all(
        c,
        "SELECT id, account, header, sig, payload FROM account_op WHERE account = ?1 ORDER BY row",
        params![account.as_bytes()],
        read,
    )
}

/// Every account of which an op is here.
///
/// # Errors
/// Those of the store.
pub fn known(c: &Conn) -> Result<Vec<AccountId>> {
    all(c, "SELECT DISTINCT account FROM account_op ORDER BY account", [], |row| account_id(row, 0))
}

#[cfg(test)]
#[path = "accounts_tests.rs"]
mod tests;
