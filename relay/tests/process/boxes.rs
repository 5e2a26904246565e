//! Inboxes and logs: put, fetch, subscribe, acknowledge, drop, tokens.

use madang_wire::*;

use crate::client::*;
use crate::relay::Relay;

const ALICE: u8 = 1;
const LOG: u8 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_token_holder_puts_and_the_owner_fetches_and_acknowledges() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut alice = Client::connect(&relay.addr).await;
    let epoch = alice.make_inbox(ALICE).await;
    let mut bob = Client::connect(&relay.addr).await;
    let stored = bob.put(inbox_put(ALICE, b"hello")).await;
    assert_eq!((stored.seq, stored.dup, &stored.epoch), (1, false, &epoch));
    let again = bob.put(inbox_put(ALICE, b"hello")).await;
    assert_eq!((again.seq, again.dup), (1, true));
    let items = alice.fetch(fetch(ALICE, &epoch, 0)).await;
    assert_eq!((items.head, items.truncated_before, &items.epoch), (1, 0, &epoch));
    assert_eq!(bodies(&items), [b"hello".to_vec()]);
    assert_eq!(items.items[0].dedupe, short_hash(b"hello"));
    assert_eq!(bob.error(RelayBody::Fetch(fetch(ALICE, &epoch, 0))).await, "auth");
    let ack = RAck { inbox_id: box_id(ALICE), seqs: vec![1] };
    assert_eq!(bob.error(RelayBody::Ack(ack.clone())).await, "auth");
    alice.ok(RelayBody::Ack(ack)).await;
    assert!(alice.fetch(fetch(ALICE, &epoch, 0)).await.items.is_empty());
    let missing = Put { box_id: vec![9; 16], ..inbox_put(ALICE, b"x") };
    assert_eq!(bob.error(RelayBody::Put(missing)).await, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_expired_and_revoked_tokens_are_refused_and_silent_ones_are_not_told() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut alice = Client::connect(&relay.addr).await;
    let epoch = alice.make_inbox(ALICE).await;
    let mut bob = Client::connect(&relay.addr).await;
    let with = |token: Vec<u8>, body: &[u8]| {
        RelayBody::Put(Put { auth: Some(PutAuth::Token(token)), ..log_put(ALICE, body) })
    };
    assert_eq!(bob.error(with(token(&[78; 32], 17, 24), b"a")).await, "token");
    assert_eq!(bob.error(with(token(&K_TOKEN, 17, -1), b"a")).await, "token");
    assert_eq!(bob.error(with(vec![0; 23], b"a")).await, "token");
    for (slot, silent) in [(18, false), (19, true)] {
        let revoke = TokenRevoke { inbox_id: box_id(ALICE), slot, silent };
        assert_eq!(bob.error(RelayBody::Revoke(revoke.clone())).await, "auth");
        alice.ok(RelayBody::Revoke(revoke)).await;
    }
    assert_eq!(bob.error(with(token(&K_TOKEN, 18, 24), b"b")).await, "token");
    match bob.ask(with(token(&K_TOKEN, 19, 24), b"c")).await {
        RelayBody::Stored(stored) => assert!(!stored.dup && stored.epoch == epoch),
        other => panic!("a silently revoked writer is told: {other:?}"),
    }
    let mut heard = Vec::new();
    for (slot, body) in [(19, b"e"), (17, b"f"), (19, b"e"), (17, b"f"), (19, b"e")] {
        match bob.ask(with(token(&K_TOKEN, slot, 24), body)).await {
            RelayBody::Stored(stored) => heard.push((stored.seq, stored.dup)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(heard, [(2, false), (3, false), (2, true), (3, true), (2, true)], "a repeated body");
    alice.ok(RelayBody::Ack(RAck { inbox_id: box_id(ALICE), seqs: vec![3] })).await;
    bob.put(inbox_put(ALICE, b"d")).await;
    assert_eq!(bodies(&alice.fetch(fetch(ALICE, &epoch, 0)).await), [b"d".to_vec()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_on_every_connection_are_told_at_once_within_their_credit() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut alice = Client::connect(&relay.addr).await;
    let epoch = alice.make_log(LOG).await;
    alice.put(log_put(LOG, b"0")).await;
    let mut bob = Client::connect(&relay.addr).await;
    bob.auth(LOG).await;
    let subscribe = |window| RelayBody::Subscribe(Subscribe { boxes: vec![fetch(LOG, &[], 0)], window });
    let id = bob.send(subscribe(3)).await;
    let (answered, first) = bob.next().await.unwrap();
    assert_eq!(answered, id);
    let RelayBody::Items(first) = first else { panic!("{first:?}") };
    assert_eq!((bodies(&first), first.head, first.epoch), (vec![b"0".to_vec()], 1, epoch));
    for text in [b"1", b"2", b"3", b"4"] {
        alice.put(log_put(LOG, text)).await;
    }
    let mut got = Vec::new();
    while got.len() < 2 {
        got.extend(bodies(&bob.pushed().await));
    }
    assert_eq!(got, [b"1", b"2"], "three items of credit, one was used by the first page");
    // Had more been pushed, it would come before this answer.
    let fetched = bob.send(RelayBody::Fetch(fetch(LOG, &[], 4))).await;
    assert_eq!(bob.next().await.unwrap().0, fetched);
    bob.send(RelayBody::Credit(Credit { n: 10 })).await;
    while got.len() < 4 {
        got.extend(bodies(&bob.pushed().await));
    }
    assert_eq!(got, [b"1", b"2", b"3", b"4"]);
    let mut carol = Client::connect(&relay.addr).await;
    assert_eq!(carol.error(subscribe(0)).await, "auth");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_slot_replaces_and_a_drop_needs_its_secret() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut alice = Client::connect(&relay.addr).await;
    alice.make_log(LOG).await;
    for text in [b"old", b"new"] {
        alice.put(Put { slot: vec![5; 16], ..log_put(LOG, text) }).await;
    }
    let secret = vec![6; 16];
    let kept = alice.put(Put { del_hash: short_hash(&secret), ..log_put(LOG, b"text") }).await;
    let items = alice.fetch(fetch(LOG, &[], 0)).await;
    assert_eq!(bodies(&items), [b"new".to_vec(), b"text".to_vec()]);
    assert_eq!(items.items[0].slot, [5; 16]);
    let drop =
        |secret: Vec<u8>| RelayBody::Drop(Drop { log_id: box_id(LOG), seq: kept.seq, del_secret: secret });
    assert_eq!(alice.error(drop(vec![7; 16])).await, "auth");
    let mut bob = Client::connect(&relay.addr).await;
    assert_eq!(bob.error(drop(secret.clone())).await, "auth");
    alice.ok(drop(secret)).await;
    assert_eq!(bodies(&alice.fetch(fetch(LOG, &[], 0)).await), [b"new".to_vec()]);
    assert_eq!(bob.error(RelayBody::Put(log_put(LOG, b"x"))).await, "auth");
}

#[tokio::test(flavor = "multi_thread")]
async fn put_many_answers_each_by_its_index() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut alice = Client::connect(&relay.addr).await;
    alice.make_inbox(ALICE).await;
    let puts = vec![
        inbox_put(ALICE, b"a"),
        Put { auth: Some(PutAuth::Token(vec![0; 24])), ..log_put(ALICE, b"b") },
        inbox_put(ALICE, b"c"),
        inbox_put(ALICE, &vec![0; 62 * 1024]),
    ];
    let id = alice.send(RelayBody::PutMany(PutMany { puts })).await;
    let mut answers = std::collections::BTreeMap::new();
    for _ in 0..4 {
        let (answered, body) = alice.next().await.unwrap();
        assert_eq!(answered, id);
        let (index, text) = match body {
            RelayBody::Stored(stored) => (stored.index, format!("stored {}", stored.seq)),
            RelayBody::Err(error) => (error.index, error.code),
            other => panic!("{other:?}"),
        };
        answers.insert(index, text);
    }
    let answers: Vec<_> = answers.into_values().collect();
    assert_eq!(answers, ["stored 1", "token", "stored 2", "too_large"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_epoch_or_beyond_the_head_starts_anew() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut alice = Client::connect(&relay.addr).await;
    let epoch = alice.make_log(LOG).await;
    alice.put(log_put(LOG, b"a")).await;
    assert_eq!(alice.fetch(fetch(LOG, &epoch, 1)).await.items.len(), 0);
    assert_eq!(alice.fetch(fetch(LOG, &[0; 8], 1)).await.items.len(), 1);
    assert_eq!(alice.fetch(fetch(LOG, &epoch, 2)).await.items.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn knocks_are_taken_in_development_and_few() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut alice = Client::connect(&relay.addr).await;
    alice.make_inbox(ALICE).await;
    for n in 0..20u8 {
        alice.put(log_put(ALICE, &[n])).await;
    }
    assert_eq!(alice.error(RelayBody::Put(log_put(ALICE, b"more"))).await, "quota");
    assert_eq!(alice.error(RelayBody::Put(log_put(ALICE, &vec![0; 16 * 1024 + 1]))).await, "too_large");
    alice.put(inbox_put(ALICE, b"with a token")).await;
}
