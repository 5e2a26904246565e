use super::*;
use crate::testing::{KEY, store};
use crate::{meta, testing};
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use tempfile::TempDir;

/// A closed store with some content; answers its path.
fn closed() -> (TempDir, PathBuf) {
    let (dir, mut store) = store();
    let tx = store.writer.begin().unwrap();
    let room = testing::room(&tx, 1);
    for n in 1..=500 {
        testing::say(&tx, room, testing::ALICE, n, n, &"text ".repeat(40));
    }
    tx.commit().unwrap();
    store.writer.close().unwrap();
    let path = dir.path().join("store.db");
    (dir, path)
}

/// A store whose process died after `commits` commits: the files as they lay there, under another name.
fn crashed(commits: u64) -> (TempDir, PathBuf) {
    let (dir, mut store) = store();
    let path = dir.path().join("store.db");
    let left = dir.path().join("left.db");
    for n in 0..commits {
        let tx = store.writer.begin().unwrap();
        meta::set(&tx, &format!("commit {n:03}"), b"done").unwrap();
        tx.commit().unwrap();
    }
    std::fs::copy(&path, &left).unwrap();
    std::fs::copy(check::log_of(&path), check::log_of(&left)).unwrap();
    std::fs::copy(check::path_of(&path), check::path_of(&left)).unwrap();
    (dir, left)
}

fn damaged(path: &Path) -> String {
    let before = std::fs::read(path).unwrap();
    let log_before = std::fs::read(check::log_of(path)).ok().filter(|log| !log.is_empty());
    let detail = match Store::open(path, &KEY) {
        Err(OpenError::Damaged { detail }) => detail,
        other => panic!("expected damage, got {other:?}"),
    };
    assert_eq!(std::fs::read(path).unwrap(), before, "a damaged store is left as it was");
    assert_eq!(std::fs::read(check::log_of(path)).ok().filter(|log| !log.is_empty()), log_before);
    detail
}

#[test]
fn a_store_opens_again_with_its_key_and_no_other() {
    let (_dir, path) = closed();
    let store = Store::open(&path, &KEY).unwrap();
    assert_eq!(store.readers.read(crate::ops::count).unwrap(), 500);
    drop(store);
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(Store::open(&path, &[8; 32]), Err(OpenError::WrongKey)));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(matches!(Store::create(&path, &KEY), Err(OpenError::Exists)));
    assert!(matches!(Store::open(&path.with_extension("none"), &KEY), Err(OpenError::NotFound)));
}

#[test]
fn nothing_in_the_files_can_be_read_without_the_key() {
    let (dir, mut store) = store();
    let tx = store.writer.begin().unwrap();
    meta::set(&tx, "name", b"a text of more than sixteen bytes").unwrap();
    tx.commit().unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(16).any(|w| w == &b"a text of more than sixteen bytes"[..16]));
        assert!(!bytes.windows(16).any(|w| w == b"SQLite format 3\0"));
    }
}

#[test]
fn the_files_are_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, mut store) = store();
    let tx = store.writer.begin().unwrap();
    meta::set(&tx, "a", b"1").unwrap();
    tx.commit().unwrap();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", entry.path());
    }
}

#[test]
fn a_torn_file_is_damage() {
    let (_dir, path) = closed();
    let whole = std::fs::metadata(&path).unwrap().len();
    for length in [whole - 4096, whole / 2 + 100, 4096, 1000, 0] {
        OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
        damaged(&path);
    }
}

#[test]
fn garbage_is_damage() {
    let (_dir, path) = closed();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[0xa5; 64], 2000).unwrap();
    damaged(&path);
    std::fs::write(&path, vec![0x5a; 16 * 4096]).unwrap();
    damaged(&path);
    std::fs::write(&path, b"SQLite format 3\0 and nothing behind it").unwrap();
    damaged(&path);
}

#[test]
fn whichever_page_is_damaged_it_is_called_so() {
    let (_dir, path) = closed();
    let whole = std::fs::read(&path).unwrap();
    for at in (1_000..whole.len()).step_by(4_096) {
        let mut bytes = whole.clone();
        bytes[at..at + 4].copy_from_slice(b"\xde\xad\xbe\xef");
        std::fs::write(&path, &bytes).unwrap();
        match Store::open(&path, &KEY) {
            Err(OpenError::Damaged { .. }) => {}
            Err(other) => panic!("at {at}: {other:?}"),
            Ok(store) => match store.writer.inspect() {
                Ok(findings) => assert!(!findings.is_empty(), "at {at}"),
                Err(Error::Corrupt(_)) => {}
                Err(other) => panic!("at {at}: {other:?}"),
            },
        }
    }
}

#[test]
fn a_mistake_in_a_statement_is_no_damage() {
    let (_dir, store) = store();
    let wrong = store.writer.conn().prepare("SELECT nothing FROM nowhere").map(drop);
    assert!(matches!(wrong.map_err(Error::from), Err(Error::Sql(_))));
}

#[test]
fn a_crash_loses_no_commit() {
    let (_dir, path) = crashed(20);
    let store = Store::open(&path, &KEY).unwrap();
    assert_eq!(store.readers.read(|c| meta::list(c, "commit ")).unwrap().len(), 20);
}

#[test]
fn a_write_ahead_log_cut_short_is_damage() {
    let (_dir, path) = crashed(20);
    let log = check::log_of(&path);
    let whole = std::fs::read(&log).unwrap();
    for length in [whole.len() - 1, whole.len() / 2, 4152, 40, 31, 0] {
        std::fs::write(&log, &whole[..length]).unwrap();
        let detail = damaged(&path);
        assert!(detail.contains("write-ahead log"), "{detail}");
    }
    std::fs::write(&log, &whole).unwrap();
    OpenOptions::new().write(true).open(&log).unwrap().write_all_at(b"rot", whole.len() as u64 / 2).unwrap();
    damaged(&path);
    std::fs::remove_file(&log).unwrap();
    damaged(&path);
}

#[test]
fn the_half_written_end_of_a_commit_nobody_was_told_of_is_no_damage() {
    let (_dir, path) = crashed(5);
    let log = check::log_of(&path);
    let mut bytes = std::fs::read(&log).unwrap();
    bytes.extend_from_slice(&[0x33; 2000]);
    std::fs::write(&log, &bytes).unwrap();
    let store = Store::open(&path, &KEY).unwrap();
    assert_eq!(store.readers.read(|c| meta::list(c, "commit ")).unwrap().len(), 5);
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_left_alone() {
    let (_dir, path) = closed();
    let conn = connect(&path, &KEY, OpenFlags::SQLITE_OPEN_READ_WRITE, 100).unwrap();
    conn.execute_batch(&format!("PRAGMA user_version = {}", schema::SCHEMA_VERSION + 1)).unwrap();
    drop(conn);
    let before = std::fs::read(&path).unwrap();
    match Store::open(&path, &KEY) {
        Err(OpenError::NewerHome { found, supported }) => {
            assert_eq!((found, supported), (schema::SCHEMA_VERSION + 1, schema::SCHEMA_VERSION));
        }
        other => panic!("a newer store answered {other:?}"),
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_lost_check_file_is_made_again() {
    let (_dir, path) = closed();
    std::fs::remove_file(check::path_of(&path)).unwrap();
    drop(Store::open(&path, &KEY).unwrap());
    assert!(matches!(Store::open(&path, &[8; 32]), Err(OpenError::WrongKey)));
}

#[test]
fn the_copy_made_before_a_migration_is_a_whole_store() {
    let (_dir, path) = closed();
    let conn = connect(&path, &KEY, OpenFlags::SQLITE_OPEN_READ_WRITE, 100).unwrap();
    prepare_writer(&conn).unwrap();
    keep_copy(&conn, &path).unwrap();
    drop(conn);
    let copy = copy_path(&path);
    assert_eq!(
        copy.file_name().unwrap().to_str().unwrap(),
        format!("store.db.before-v{}", schema::SCHEMA_VERSION)
    );
    let conn = connect(&copy, &KEY, OpenFlags::SQLITE_OPEN_READ_ONLY, 100).unwrap();
    assert_eq!(crate::ops::count(&conn).unwrap(), 500);
}

#[test]
fn an_unfinished_creation_leaves_no_store() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("missing/store.db");
    assert!(matches!(Store::create(&path, &KEY), Err(OpenError::Store(_) | OpenError::Io { .. })));
    assert!(!path.exists());
    let path = dir.path().join("store.db");
    std::fs::write(path.with_extension("db-new"), b"left by a crash").unwrap();
    drop(Store::create(&path, &KEY).unwrap());
    assert!(!path.with_extension("db-new").exists());
}
