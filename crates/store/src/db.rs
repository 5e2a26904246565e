//! Database: creating and opening the encrypted file, and how each connection is set up.
//!
//! Must not know what a row means, and nothing of who else may hold the home. Invariant: a failed open has written
//! nothing to the store: everything that can be refused is refused by a read-only connection first.
//!
//! The caller's key came out of an authenticated key slot, and the check file beside the store holds a keyed value
//! besides, so a page that does not decrypt is damage and not a wrong key.

use crate::check::{self, Mark, Verdict};
use crate::error::{Error, OpenError};
use crate::readers::Readers;
use crate::schema;
use crate::writer::Writer;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// A connection, as the query modules take it.
pub type Conn = Connection;

/// How long a connection waits for the write lock; only the checkpoint of another connection ever holds it.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Page cache of the writer in KiB: the hot pages of the indexes of a million ops.
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// Page cache of each reader in KiB.
const READER_CACHE_KIB: i64 = 4 * 1024;
/// Prepared statements kept per connection: about the number of different statements in this crate.
const STATEMENTS_CAP: usize = 256;
/// Pages in the write-ahead log after which a commit folds it into the file: 8 MiB.
const CHECKPOINT_PAGES: i64 = 2_000;

/// An open store: the one writer and the readers.
#[derive(Debug)]
pub struct Store {
    /// The connection that writes; belongs to the thread of the engine.
    pub writer: Writer,
    /// The connections that answer queries; cheap to clone.
    pub readers: Readers,
}

impl Store {
    /// Makes a new store under a raw 32-byte key and opens it.
    ///
    /// # Errors
    /// [`OpenError::Exists`] when there is one already, [`OpenError::DiskFull`], [`OpenError::Io`]. After a failure
    /// there is no store at `path`.
    pub fn create(path: &Path, key: &[u8; 32]) -> Result<Store, OpenError> {
        if path.exists() {
            return Err(OpenError::Exists);
        }
        let fresh = path.with_extension("db-new");
        let made = make(&fresh, path, key);
        if made.is_err() {
            // What was half made is of no use; the first error is the one worth telling.
            let _ = std::fs::remove_file(&fresh);
        }
        made?;
        Store::open(path, key)
    }

    /// Opens the store with its raw 32-byte key, migrating it if an older version wrote it.
    ///
    /// # Errors
    /// [`OpenError::NotFound`], [`OpenError::WrongKey`], [`OpenError::Damaged`], [`OpenError::NewerHome`],
    /// [`OpenError::DiskFull`], [`OpenError::Io`]. The store is unchanged unless a migration had begun; a copy of it
    /// as it was before a migration lies beside it as `store.db.before-vN`.
    pub fn open(path: &Path, key: &[u8; 32]) -> Result<Store, OpenError> {
        if !path.exists() {
            return Err(OpenError::NotFound);
        }
        let (verdict, mark) = check::read(path, key)?;
        if verdict == Verdict::Wrong {
            return Err(OpenError::WrongKey);
        }
        let found = probe(path, key, mark)?;
        if verdict == Verdict::Unknown {
            check::create(path, key)?;
        }
        let mut conn = connect(path, key, OpenFlags::SQLITE_OPEN_READ_WRITE, WRITER_CACHE_KIB)?;
        prepare_writer(&conn)?;
        if found < schema::SCHEMA_VERSION {
            keep_copy(&conn, path)?;
            schema::migrate(&mut conn)?;
        }
        let readers =
            Readers::open(|| connect(path, key, OpenFlags::SQLITE_OPEN_READ_ONLY, READER_CACHE_KIB))?;
        let writer = Writer::new(conn, path)?;
        Ok(Store { writer, readers })
    }
}

/// Makes the file under a temporary name, so that a crash on the way leaves no store rather than an empty one.
fn make(fresh: &Path, path: &Path, key: &[u8; 32]) -> Result<(), OpenError> {
    // The file is made empty and closed to others first; the log beside it takes over its mode.
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(fresh)
        .map_err(|error| OpenError::io("making the store", error))?;
    let mut conn = connect(fresh, key, OpenFlags::SQLITE_OPEN_READ_WRITE, WRITER_CACHE_KIB)?;
    prepare_writer(&conn)?;
    schema::migrate(&mut conn)?;
    conn.close().map_err(|(_, error)| OpenError::from(error))?;
    check::create(path, key)?;
    std::fs::rename(fresh, path).map_err(|error| OpenError::io("making the store", error))?;
    crate::atomic::sync_parent(path)
}

/// Looks at the store without writing to it and answers its schema version.
fn probe(path: &Path, key: &[u8; 32], mark: Mark) -> Result<u32, OpenError> {
    let log_before = check::salts(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let conn = if std::fs::metadata(check::log_of(path)).is_ok_and(|log| log.len() > 0) {
        connect(path, key, flags, READER_CACHE_KIB)?
    } else {
        // The file alone is the store, and nobody else has the home: so the look needs no log and makes none, and a
        // refused home has not even a new empty file.
        connect(&unchanging(path), key, flags | OpenFlags::SQLITE_OPEN_URI, READER_CACHE_KIB)?
    };
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let found = schema::version(&conn)?;
    if found > schema::SCHEMA_VERSION {
        return Err(OpenError::NewerHome { found, supported: schema::SCHEMA_VERSION });
    }
    if found == 0 {
        return Err(OpenError::damaged("the file has no schema"));
    }
    if mark.frames > 0 {
        let frames =
            if log_before == Some(mark.salts) { log_frames(&conn)? } else { missing_log(log_before, mark) };
        if frames < mark.frames {
            return Err(OpenError::damaged(format!(
                "the write-ahead log holds {frames} of {} frames that were committed",
                mark.frames
            )));
        }
    }
    touch_every_table(&conn)?;
    Ok(found)
}

/// The URI of a file that does not change while it is open.
fn unchanging(path: &Path) -> PathBuf {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte))
            }
            other => {
                uri.push('%');
                uri.extend(
                    [other >> 4, other & 15].iter().filter_map(|d| char::from_digit(u32::from(*d), 16)),
                );
            }
        }
    }
    uri.push_str("?immutable=1");
    PathBuf::from(uri)
}

/// Frames to assume when the log is not the one of the mark: none when it has vanished, all when it has started over.
fn missing_log(found: Option<[u8; 8]>, mark: Mark) -> u64 {
    if found.is_none() { 0 } else { mark.frames }
}

/// Reads the first row of each table: a cheap look at every root page.
fn touch_every_table(conn: &Connection) -> Result<(), OpenError> {
    let mut tables = conn.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let names = tables.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    for name in names {
        let quoted = name.replace('"', "\"\"");
        conn.prepare(&format!("SELECT 1 FROM \"{quoted}\" LIMIT 1"))?.exists([])?;
    }
    Ok(())
}

/// Valid committed frames in the write-ahead log.
pub(crate) fn log_frames(conn: &Connection) -> rusqlite::Result<u64> {
    let mut statement = conn.prepare_cached("PRAGMA wal_checkpoint(NOOP)")?;
    let frames: i64 = statement.query_row([], |row| row.get(1))?;
    Ok(u64::try_from(frames).unwrap_or(0))
}

/// Opens one connection and gives it the key before anything else is read.
fn connect(path: &Path, key: &[u8; 32], flags: OpenFlags, cache_kib: i64) -> Result<Connection, OpenError> {
    let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_CAP);
    // Errors come back as codes; the library would also print them. Wiping every allocation of the library
    // (cipher_memory_security) stays off: inserts took about four times as long with it.
    conn.execute_batch("PRAGMA cipher_log_level = NONE;")?;
    give_key(&conn, key)?;
    conn.execute_batch(&format!(
        "PRAGMA foreign_keys = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;
         PRAGMA trusted_schema = OFF; PRAGMA cache_size = -{cache_kib};"
    ))?;
    Ok(conn)
}

fn give_key(conn: &Connection, key: &[u8; 32]) -> Result<(), OpenError> {
    let mut statement = Zeroizing::new(String::with_capacity(96));
    statement.push_str("PRAGMA key = \"x'");
    for byte in key {
        for nibble in [byte >> 4, byte & 15] {
            statement.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    statement.push_str("'\";");
    conn.execute_batch(&statement).map_err(OpenError::from)
}

fn prepare_writer(conn: &Connection) -> Result<(), OpenError> {
    conn.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;
         PRAGMA checkpoint_fullfsync = ON; PRAGMA secure_delete = ON;
         PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};"
    ))?;
    let mode: String = conn.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenError::Store(Error::Io(format!("the store cannot use a write-ahead log: {mode}"))));
    }
    Ok(())
}

/// Copies the file as it is before a migration changes it. Nobody else has the home, so after a full checkpoint the
/// file alone is the store; copied as bytes it stays under the same key.
fn keep_copy(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let copy = copy_path(path);
    let partial = copy.with_extension("part");
    let fail = |error| OpenError::io(format!("copying the store to {}", copy.display()), error);
    let result = std::fs::copy(path, &partial)
        .and_then(|_| std::fs::File::open(&partial)?.sync_all())
        .and_then(|()| std::fs::rename(&partial, &copy));
    if result.is_err() {
        // Half a copy helps nobody and takes the space that was missing.
        let _ = std::fs::remove_file(&partial);
    }
    result.map_err(fail)?;
    crate::atomic::sync_parent(&copy)
}

/// Where the copy made before migrating to the schema of this build lies.
fn copy_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".before-v{}", schema::SCHEMA_VERSION));
    PathBuf::from(name)
}

#[cfg(test)]
#[path = "db_tests.rs"]
mod tests;
