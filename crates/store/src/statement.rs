//! Statements: running one cached statement and collecting its rows.
//!
//! Must not know any table. Invariant: every statement goes through the cache of its connection.

use crate::db::Conn;
use crate::error::Result;
use rusqlite::{OptionalExtension, Params, Row};

/// Runs a statement that changes rows and answers how many.
pub(crate) fn run(c: &Conn, sql: &str, params: impl Params) -> Result<usize> {
    Ok(c.prepare_cached(sql)?.execute(params)?)
}

/// The first row, if there is one.
pub(crate) fn one<T>(
    c: &Conn,
    sql: &str,
    params: impl Params,
    map: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>> {
    Ok(c.prepare_cached(sql)?.query_row(params, map).optional()?)
}

/// The one row of an aggregate.
pub(crate) fn value<T>(
    c: &Conn,
    sql: &str,
    params: impl Params,
    map: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<T> {
    Ok(c.prepare_cached(sql)?.query_row(params, map)?)
}

/// All rows, in the order of the statement.
pub(crate) fn all<T>(
    c: &Conn,
    sql: &str,
    params: impl Params,
    map: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = c.prepare_cached(sql)?;
    let rows = statement.query_map(params, map)?.collect::<rusqlite::Result<Vec<T>>>()?;
    Ok(rows)
}
