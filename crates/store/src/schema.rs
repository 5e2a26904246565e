//! Schema: the numbered migrations and the version they lead to.
//!
//! Must not know what a row means. Invariant: a migration that has been released is never edited, a later one only
//! adds; `user_version` of the file is the number of migrations applied.

use crate::error::OpenError;
use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

/// The migrations in order.
const STEPS: &[M<'static>] = &[
    M::up(include_str!("../migrations/0001_initial.sql")),
    M::up(include_str!("../migrations/0002_deletes.sql")),
    M::up(include_str!("../migrations/0003_removed_devices.sql")),
    M::up(include_str!("../migrations/0004_fewer_pages.sql")),
];

const MIGRATIONS: Migrations<'static> = Migrations::from_slice(STEPS);

/// Newest schema version this build knows.
pub const SCHEMA_VERSION: u32 = STEPS.len() as u32;

/// Schema version of an open file; 0 before the first migration.
pub(crate) fn version(conn: &Connection) -> rusqlite::Result<u32> {
    conn.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Applies what is missing, all or nothing per step.
pub(crate) fn migrate(conn: &mut Connection) -> Result<(), OpenError> {
    MIGRATIONS.to_latest(conn).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => OpenError::from(err),
        other => OpenError::damaged(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_applies_to_an_empty_database() {
        MIGRATIONS.validate().unwrap();
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        assert_eq!(version(&conn).unwrap(), SCHEMA_VERSION);
    }

    #[test]
    fn every_table_is_strict_and_foreign_keys_hold() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        let loose: Vec<String> = conn
            .prepare("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite_%'")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(loose, Vec::<String>::new());
        let broken = conn.prepare("PRAGMA foreign_key_check").unwrap().exists([]).unwrap();
        assert!(!broken);
    }
}
