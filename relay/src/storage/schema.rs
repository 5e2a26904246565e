//! The schema, in migrations that are only ever added.
//!
//! Owns the tables of protocol section 10.9 in SQLite's terms. Invariant: a released migration is never edited.

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use super::types::StorageError;

/// Newest schema version this program knows.
const VERSION: i64 = 1;

const V1: &str = "
CREATE TABLE mailbox (
    id               BLOB    NOT NULL PRIMARY KEY,
    kind             INTEGER NOT NULL,                 -- 1 inbox, 2 log
    cap_pub          BLOB    NOT NULL,
    k_token          BLOB,
    epoch            BLOB    NOT NULL,
    next_seq         INTEGER NOT NULL DEFAULT 1,
    n                INTEGER NOT NULL DEFAULT 0,
    bytes            INTEGER NOT NULL DEFAULT 0,
    ttl_h            INTEGER NOT NULL DEFAULT 0,
    root             BLOB    NOT NULL,                 -- first log of the chain, else the box itself
    truncated_before INTEGER NOT NULL DEFAULT 0,
    heir_day         INTEGER NOT NULL DEFAULT 0,       -- successors made on that day
    heir_n           INTEGER NOT NULL DEFAULT 0,
    last_seen        INTEGER NOT NULL                  -- days since 1970
) STRICT;
CREATE INDEX mailbox_seen ON mailbox (last_seen);

CREATE TABLE revoked_token (
    mailbox BLOB    NOT NULL,
    slot    INTEGER NOT NULL,
    silent  INTEGER NOT NULL,
    PRIMARY KEY (mailbox, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox_item (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    mailbox    BLOB    NOT NULL,
    seq        INTEGER NOT NULL,
    dedupe     BLOB    NOT NULL,
    token_slot INTEGER,
    expires    INTEGER NOT NULL,
    body       BLOB    NOT NULL,
    UNIQUE (mailbox, seq),
    UNIQUE (mailbox, dedupe)
) STRICT;
CREATE INDEX inbox_item_expires ON inbox_item (expires);
CREATE INDEX inbox_item_knock ON inbox_item (mailbox) WHERE token_slot IS NULL;

CREATE TABLE log_item (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    mailbox  BLOB    NOT NULL,
    seq      INTEGER NOT NULL,
    dedupe   BLOB    NOT NULL,
    slot     BLOB,
    root     BLOB    NOT NULL,
    writer   BLOB    NOT NULL,
    del_hash BLOB,
    at       INTEGER NOT NULL,
    expires  INTEGER NOT NULL,
    body     BLOB    NOT NULL,
    UNIQUE (mailbox, seq),
    UNIQUE (mailbox, dedupe)
) STRICT;
CREATE INDEX log_item_slot ON log_item (mailbox, slot) WHERE slot IS NOT NULL;
CREATE INDEX log_item_writer ON log_item (root, writer, id);
CREATE INDEX log_item_expires ON log_item (expires);

CREATE TABLE writer_use (
    root     BLOB    NOT NULL,
    writer   BLOB    NOT NULL,
    admitted INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    PRIMARY KEY (root, writer)
) STRICT, WITHOUT ROWID;
CREATE INDEX writer_use_largest ON writer_use (root, bytes DESC, writer);
CREATE INDEX writer_use_open ON writer_use (root, admitted, bytes DESC, writer);

CREATE TABLE chain_use (
    root       BLOB    NOT NULL PRIMARY KEY,
    bytes      INTEGER NOT NULL DEFAULT 0,
    open_bytes INTEGER NOT NULL DEFAULT 0,             -- of writers without admission
    heir_day   INTEGER NOT NULL DEFAULT 0,
    heir_n     INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE slot (
    id        BLOB    NOT NULL PRIMARY KEY,
    slot_pub  BLOB    NOT NULL,
    write_pub BLOB    NOT NULL,
    version   INTEGER NOT NULL,
    body      BLOB,
    sig       BLOB    NOT NULL,
    touched   INTEGER NOT NULL                         -- days since 1970
) STRICT;
CREATE INDEX slot_touched ON slot (touched);
";

fn migrations() -> Migrations<'static> {
    Migrations::new(vec![M::up(V1)])
}

/// Brings a database up to date.
///
/// # Errors
/// `Newer` when a later relay wrote it; `Migration` when a step fails.
pub(super) fn migrate(conn: &mut Connection) -> Result<(), StorageError> {
    let found: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > VERSION {
        return Err(StorageError::Newer { found, known: VERSION });
    }
    migrations().to_latest(conn).map_err(|error| StorageError::Migration(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_valid_and_end_at_the_known_version() {
        migrations().validate().unwrap();
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        let version: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(version, VERSION);
    }

    #[test]
    fn a_newer_database_is_refused() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("PRAGMA user_version = 99").unwrap();
        assert!(matches!(migrate(&mut conn), Err(StorageError::Newer { found: 99, known: VERSION })));
    }
}
