use super::*;
use crate::meta;
use crate::testing::store;

#[test]
fn a_dropped_transaction_leaves_no_trace() {
    let (_dir, mut store) = store();
    let tx = store.writer.begin().unwrap();
    meta::set(&tx, "a", b"1").unwrap();
    drop(tx);
    assert_eq!(meta::get(store.writer.conn(), "a").unwrap(), None);
    let tx = store.writer.begin().unwrap();
    meta::set(&tx, "a", b"2").unwrap();
    tx.commit().unwrap();
    assert_eq!(store.readers.read(|c| meta::get(c, "a")).unwrap().as_deref(), Some(b"2".as_slice()));
}

#[test]
fn a_failed_step_undoes_itself_alone() {
    let (_dir, mut store) = store();
    let tx = store.writer.begin().unwrap();
    tx.step(|c| meta::set(c, "kept", b"1")).unwrap();
    let failed: Result<()> = tx.step(|c| {
        meta::set(c, "undone", b"1")?;
        Err(Error::Busy)
    });
    assert!(matches!(failed, Err(Error::Busy)));
    tx.commit().unwrap();
    let keys: Vec<_> = meta::list(store.writer.conn(), "").unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, vec!["kept"]);
}

#[test]
fn readers_see_the_last_commit_and_one_state_per_call() {
    let (_dir, mut store) = store();
    let readers = store.readers.clone();
    readers
        .read(|c| -> Result<()> {
            assert_eq!(meta::get(c, "a")?, None);
            let tx = store.writer.begin()?;
            meta::set(&tx, "a", b"1")?;
            tx.commit()?;
            assert_eq!(meta::get(c, "a")?, None, "a call keeps the state it began with");
            Ok(())
        })
        .unwrap();
    assert!(readers.read(|c| meta::get(c, "a")).unwrap().is_some());
    let refused = readers.read(|c| meta::set(c, "b", b"1"));
    assert!(matches!(refused, Err(Error::Denied(_))), "a reader cannot write: {refused:?}");
}

#[test]
fn more_callers_than_readers_take_turns() {
    let (_dir, store) = store();
    let threads: Vec<_> = (0..12)
        .map(|_| {
            let readers = store.readers.clone();
            std::thread::spawn(move || {
                for _ in 0..50 {
                    assert!(readers.read(|c| meta::get(c, "a")).unwrap().is_none());
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_checkpoint_empties_the_log() {
    let (dir, mut store) = store();
    let log = dir.path().join("store.db-wal");
    let tx = store.writer.begin().unwrap();
    meta::set(&tx, "a", &[1; 100_000]).unwrap();
    tx.commit().unwrap();
    assert!(std::fs::metadata(&log).unwrap().len() > 100_000);
    assert!(store.writer.checkpoint().unwrap());
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
    assert!(store.writer.inspect().unwrap().is_empty());
}

#[test]
fn a_full_disk_changes_nothing_and_heals() {
    let (_dir, mut store) = store();
    let tx = store.writer.begin().unwrap();
    meta::set(&tx, "before", b"1").unwrap();
    tx.commit().unwrap();
    let pages: i64 = store.writer.conn().query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    store.writer.conn().execute_batch(&format!("PRAGMA max_page_count = {}", pages + 5)).unwrap();
    let tx = store.writer.begin().unwrap();
    let mut outcome = Ok(());
    for n in 0..100 {
        outcome = meta::set(&tx, &format!("big {n}"), &[n; 4000]);
        if outcome.is_err() {
            break;
        }
    }
    assert!(matches!(outcome, Err(Error::DiskFull)), "{outcome:?}");
    drop(tx);
    assert!(meta::list(store.writer.conn(), "big ").unwrap().is_empty());
    assert!(meta::get(store.writer.conn(), "before").unwrap().is_some());
    store.writer.conn().execute_batch("PRAGMA max_page_count = 1000000").unwrap();
    let tx = store.writer.begin().unwrap();
    meta::set(&tx, "big", &[1; 400_000]).unwrap();
    tx.commit().unwrap();
    assert!(store.writer.inspect().unwrap().is_empty());
}

#[test]
fn a_relaxed_commit_is_watched_over_only_once_it_is_on_the_disk() {
    let (dir, mut store) = store();
    let path = dir.path().join("store.db");
    let frames = || crate::check::read(&path, &crate::testing::KEY).unwrap().1.frames;
    let level = |writer: &Writer| -> i64 {
        writer.conn().query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap()
    };
    let tx = store.writer.begin().unwrap();
    meta::set(&tx, "a", b"1").unwrap();
    tx.commit().unwrap();
    let before = frames();
    assert_eq!(level(&store.writer), 2);

    let tx = store.writer.begin_relaxed().unwrap();
    meta::set(&tx, "a", b"2").unwrap();
    tx.commit().unwrap();
    assert_eq!(level(&store.writer), 1);
    // The power may go out now: a mark that claimed more than the disk has would accuse a sound log.
    assert_eq!(frames(), before);
    assert_eq!(store.readers.read(|c| meta::get(c, "a")).unwrap().as_deref(), Some(b"2".as_slice()));

    store.writer.sync().unwrap();
    let synced = frames();
    assert!(synced > before);
    let tx = store.writer.begin().unwrap();
    meta::set(&tx, "b", b"1").unwrap();
    tx.commit().unwrap();
    assert_eq!(level(&store.writer), 2);
    assert!(frames() > synced);
}
