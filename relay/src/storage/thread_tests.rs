use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use super::*;

const NOW: u64 = 1_700_000_000_000;

fn put(inbox: BoxId, body: Vec<u8>) -> InboxPut {
    InboxPut {
        inbox,
        token_slot: Some(1),
        expires: NOW + 1_000_000,
        body: Arc::from(body),
        max_items: 1_000_000,
        max_bytes: 1 << 40,
        max_knocks: 20,
    }
}

async fn make_inbox(storage: &StorageHandle) -> BoxId {
    let new = NewInbox { owner_pub: [1; 32], k_token: [2; 32] };
    storage.call(Access::Write, move |storage| storage.create_inbox(&new, NOW)).await.unwrap();
    BoxId::of(&[1; 32])
}

/// Keeps the thread busy, as a slow commit does, until `release` is called. Returns when the thread is.
async fn hold(storage: &StorageHandle) -> impl FnOnce() {
    let (started, running) = mpsc::sync_channel::<()>(1);
    let (release, held) = mpsc::sync_channel::<()>(1);
    let work = move |_: &mut dyn Storage| {
        started.send(()).unwrap();
        held.recv().unwrap();
        Ok(())
    };
    let answer = storage.submit(Access::Read, work, |()| ()).await.unwrap();
    tokio::task::spawn_blocking(move || running.recv().unwrap()).await.unwrap();
    move || {
        release.send(()).unwrap();
        drop(answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_during_a_commit_is_committed_together_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let storage = SqliteStorage::open(&dir.path().join("relay.db"), 0).unwrap();
    let batches = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&batches);
    let (handle, thread) = spawn(Box::new(storage), move |calls| seen.lock().unwrap().push(calls)).unwrap();
    let inbox = make_inbox(&handle).await;
    let release = hold(&handle).await;
    let mut answers = Vec::new();
    let published = Arc::new(AtomicUsize::new(0));
    for n in 0..100u64 {
        let published = Arc::clone(&published);
        let work =
            move |storage: &mut dyn Storage| storage.put_inbox(&put(inbox, n.to_be_bytes().to_vec()), NOW);
        let after = move |_: &PutOutcome| {
            published.fetch_add(1, Ordering::SeqCst);
        };
        answers.push(handle.submit(Access::Write, work, after).await.unwrap());
    }
    release();
    for (n, answer) in (1u64..).zip(answers) {
        assert!(matches!(answer.await.unwrap().unwrap(), PutOutcome::Stored { seq, .. } if seq == n));
    }
    assert_eq!(published.load(Ordering::SeqCst), 100);
    assert_eq!(batches.lock().unwrap().iter().max(), Some(&100));
    drop(handle);
    thread.join();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_acknowledges_nothing_and_the_rest_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("relay.db");
    let (handle, thread) = spawn(Box::new(SqliteStorage::open(&path, 512 * 1024).unwrap()), |_| ()).unwrap();
    let inbox = make_inbox(&handle).await;
    let (mut stored, mut full) = (Vec::new(), 0);
    for round in 0..8u8 {
        let mut answers = Vec::new();
        for n in 0..8u8 {
            let body = [vec![round, n], vec![7; 30_000]].concat();
            let work = move |storage: &mut dyn Storage| storage.put_inbox(&put(inbox, body.clone()), NOW);
            answers.push(handle.submit(Access::Write, work, |_| ()).await.unwrap());
        }
        for answer in answers {
            match answer.await.unwrap() {
                Ok(PutOutcome::Stored { seq, .. }) => stored.push(seq),
                Err(StorageError::Full) => full += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(full > 30 && stored.len() > 5, "{full} refused, {} stored", stored.len());
    let kept =
        handle.call(Access::Read, move |storage| storage.page(inbox, 0, 1_000, u64::MAX, 0)).await.unwrap();
    let kept: Vec<u64> = kept.unwrap().items.iter().map(|item| item.seq).collect();
    assert_eq!(kept, stored, "exactly what was acknowledged is there");
    let gone = stored.clone();
    handle.call(Access::Write, move |storage| storage.ack(inbox, &gone)).await.unwrap();
    let again =
        handle.call(Access::Write, move |storage| storage.put_inbox(&put(inbox, vec![9; 100]), NOW)).await;
    assert!(matches!(again.unwrap(), PutOutcome::Stored { .. }), "space that is free again is used");
    drop(handle);
    thread.join();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failing_call_does_not_take_its_batch_with_it() {
    let (handle, thread) = spawn(Box::new(SqliteStorage::in_memory().unwrap()), |_| ()).unwrap();
    let inbox = make_inbox(&handle).await;
    let release = hold(&handle).await;
    let good = |text: &'static [u8]| {
        move |storage: &mut dyn Storage| storage.put_inbox(&put(inbox, text.to_vec()), NOW)
    };
    let before = handle.submit(Access::Write, good(b"a"), |_| ()).await.unwrap();
    let bad = move |storage: &mut dyn Storage| {
        storage.put_inbox(&put(inbox, b"lost".to_vec()), NOW)?;
        Err::<(), _>(StorageError::Full)
    };
    let failing = handle.submit(Access::Write, bad, |()| ()).await.unwrap();
    let apart = handle.submit(Access::Apart, |storage| storage.checkpoint(), |()| ()).await.unwrap();
    let after = handle.submit(Access::Write, good(b"b"), |_| ()).await.unwrap();
    release();
    assert!(matches!(before.await.unwrap().unwrap(), PutOutcome::Stored { seq: 1, .. }));
    assert!(matches!(failing.await.unwrap(), Err(StorageError::Full)));
    assert!(matches!(after.await.unwrap().unwrap(), PutOutcome::Stored { seq: 2, .. }));
    apart.await.unwrap().unwrap();
    let page =
        handle.call(Access::Read, move |storage| storage.page(inbox, 0, 9, 999, 0)).await.unwrap().unwrap();
    assert_eq!(page.items.len(), 2);
    drop(handle);
    thread.join();
}
