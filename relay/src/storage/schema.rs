//! The schema, in migrations that are only ever added.
//!
//! Owns the tables of protocol section 10.9 in SQLite's terms. Invariant: a released migration is never edited.

use rusqlite::{Connection, ErrorCode};
use rusqlite_migration::{Error, M, Migrations};

use super::types::StorageError;

/// Newest schema version this program knows.
const VERSION: i64 = 2;

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

/// Silently revoked writers hear the same as others (`docs/adr/0013`).
const V2: &str = "
ALTER TABLE mailbox ADD COLUMN discarded_n     INTEGER NOT NULL DEFAULT 0;
ALTER TABLE mailbox ADD COLUMN discarded_bytes INTEGER NOT NULL DEFAULT 0;

CREATE TABLE discarded_item (
    mailbox BLOB    NOT NULL,
    dedupe  BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    size    INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (mailbox, dedupe)
) STRICT, WITHOUT ROWID;
CREATE INDEX discarded_item_seq ON discarded_item (mailbox, seq);
CREATE INDEX discarded_item_expires ON discarded_item (expires);
";

fn migrations() -> Migrations<'static> {
    Migrations::new(vec![M::up(V1), M::up(V2)])
}

/// Brings a database up to date.
///
/// # Errors
/// `Newer` when a later relay wrote it; `Full` when the disk has no room for a step, `Migration` when one fails
/// otherwise.
pub(super) fn migrate(conn: &mut Connection) -> Result<(), StorageError> {
    let found: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > VERSION {
        return Err(StorageError::Newer { found, known: VERSION });
    }
    migrations().to_latest(conn).map_err(|error| match error {
        Error::RusqliteError { ref err, .. } if err.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
            StorageError::Full
        }
        error => StorageError::Migration(error.to_string()),
    })
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
    fn a_database_of_the_first_version_keeps_its_boxes() {
        let mut conn = Connection::open_in_memory().unwrap();
        Migrations::new(vec![M::up(V1)]).to_latest(&mut conn).unwrap();
        conn.execute_batch(
            "INSERT INTO mailbox (id, kind, cap_pub, epoch, root, last_seen) VALUES (x'01', 1, x'02', x'03', x'01', 4)",
        )
        .unwrap();
        migrate(&mut conn).unwrap();
        let kept: (i64, i64) = conn
            .query_row("SELECT last_seen, discarded_n FROM mailbox WHERE id = x'01'", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!(kept, (4, 0));
    }

    #[test]
    fn a_disk_that_is_full_at_the_start_is_told_as_such() {
        let mut conn = Connection::open_in_memory().unwrap();
        let _: i64 = conn.query_row("PRAGMA max_page_count = 3", [], |row| row.get(0)).unwrap();
        assert!(matches!(migrate(&mut conn), Err(StorageError::Full)));
    }

    #[test]
    fn a_newer_database_is_refused() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.execute_batch("PRAGMA user_version = 99").unwrap();
        assert!(matches!(migrate(&mut conn), Err(StorageError::Newer { found: 99, known: VERSION })));
    }
}
