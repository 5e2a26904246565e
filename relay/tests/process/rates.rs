//! Rates, on a relay that runs as operators run it: without `--dev`, with a configuration of small numbers.

use std::net::Ipv4Addr;

use ed25519_dalek::Signer;
use madang_wire::relay_sign::slot_put_bytes;
use madang_wire::*;

use crate::client::*;
use crate::proxy::Proxy;
use crate::relay::Relay;

const ALICE: u8 = 1;
const BOB: u8 = 2;
const LOG: u8 = 3;

/// Every rate is off but those that a test names.
fn rates(named: &str) -> String {
    let all = [
        "ip_requests",
        "ip_kib",
        "ip_creations",
        "box_requests",
        "token_requests",
        "writer_requests",
        "writer_kib",
    ];
    let off = all.iter().filter(|key| !named.lines().any(|line| line.starts_with(&format!("{key} ="))));
    let off: String = off.map(|key| format!("{key} = 0\n")).collect();
    format!("[rates]\n{named}\n{off}")
}

/// Sends requests until one is refused as `busy`; returns how many passed before, and the refusal.
async fn until_busy(client: &mut Client, request: impl Fn(u32) -> RelayBody) -> (u32, RErr) {
    for n in 0..1_000 {
        match client.ask(request(n)).await {
            RelayBody::Err(error) if error.code == "busy" => return (n, error),
            _ => {}
        }
    }
    panic!("never refused");
}

fn to_log(n: u32) -> RelayBody {
    RelayBody::Put(log_put(LOG, &n.to_be_bytes()))
}

fn slot_put(client: &Client, n: u8, version: u64, admission: &str) -> RelayBody {
    let mut put = SlotPut {
        slot_pub: public(n),
        version,
        body: vec![n; 9],
        admission: admission.to_owned(),
        ..SlotPut::default()
    };
    put.sig = key(n).sign(&slot_put_bytes(&client.relay_key(), &put).unwrap()).to_bytes().to_vec();
    RelayBody::SlotPut(put)
}

fn unknown_slot(_: u32) -> RelayBody {
    RelayBody::SlotGet(SlotGet { slot_id: vec![9; 16] })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flooding_writer_is_told_to_wait_and_the_others_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start_real(dir.path(), &rates("writer_requests = 2\nbox_requests = 8"));
    let mut alice = Client::connect(&relay.addr).await;
    alice.make_inbox_with(ALICE, "acorn").await;
    alice.make_log_with(LOG, "acorn").await;
    let mut mallory = Client::connect(&relay.addr).await;
    mallory.make_inbox_with(BOB, "acorn").await;
    mallory.auth(LOG).await;
    let (passed, refusal) = until_busy(&mut mallory, to_log).await;
    assert!(passed >= 20, "ten seconds' worth pass, it were {passed}");
    assert!((1..=500).contains(&refusal.retry_ms), "{refusal:?}");
    // Reading is a request as well, on this connection and on any other of the same writer.
    let mut again = Client::connect(&relay.addr).await;
    again.auth(BOB).await;
    again.auth(LOG).await;
    let read = |_| RelayBody::Fetch(fetch(LOG, &[], 0));
    assert!(until_busy(&mut again, read).await.0 < 20);
    let subscribe = |_| RelayBody::Subscribe(Subscribe { boxes: vec![fetch(LOG, &[], 0)], window: 1 });
    assert!(until_busy(&mut again, subscribe).await.0 < 20);
    for n in 0..20u8 {
        alice.put(log_put(LOG, &[n; 100])).await;
    }
    // A stranger counts on his network, which is another writer.
    let mut stranger = Client::connect(&relay.addr).await;
    stranger.auth(LOG).await;
    for n in 0..10u8 {
        stranger.put(log_put(LOG, &[n; 101])).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_a_writer_are_limited_too() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start_real(dir.path(), &rates("writer_kib = 4"));
    let mut alice = Client::connect(&relay.addr).await;
    alice.make_inbox_with(ALICE, "acorn").await;
    alice.make_log_with(LOG, "acorn").await;
    let mut bob = Client::connect(&relay.addr).await;
    bob.make_inbox_with(BOB, "acorn").await;
    bob.auth(LOG).await;
    let large = |n: u32| RelayBody::Put(log_put(LOG, &[&n.to_be_bytes()[..], &[0; 20_000]].concat()));
    let (passed, refusal) = until_busy(&mut alice, large).await;
    assert!(passed >= 2 && refusal.retry_ms > 0, "{passed}, {refusal:?}");
    bob.put(log_put(LOG, &[1; 30_000])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_is_told_to_wait_and_another_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start_real(dir.path(), &rates("ip_requests = 3"));
    let mut mallory = Client::connect(&relay.addr).await;
    let (passed, refusal) = until_busy(&mut mallory, unknown_slot).await;
    assert!(passed >= 29, "ten seconds' worth pass with the hello, it were {passed}");
    assert!((1..=334).contains(&refusal.retry_ms), "{refusal:?}");
    let elsewhere = Proxy::start(&relay.addr, Ipv4Addr::new(127, 0, 0, 2)).await;
    let mut alice = Client::connect(&elsewhere.addr).await;
    for n in 0..20 {
        assert_eq!(alice.error(unknown_slot(n)).await, "not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_put_and_every_box_counts_and_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    // So slow that the test sees the burst of ten only.
    let relay = Relay::start_real(dir.path(), &rates("ip_requests = 2"));
    let from = async |n| Proxy::start(&relay.addr, Ipv4Addr::new(127, 0, 0, n)).await;
    let (first, second) = (from(2).await, from(3).await);
    let mut alice = Client::connect(&first.addr).await;
    alice.make_inbox_with(ALICE, "acorn").await;
    let puts = (0..64u8).map(|n| inbox_put(ALICE, &[n; 9])).collect();
    let id = alice.send(RelayBody::PutMany(PutMany { puts })).await;
    let answers = alice.parts(id, 64).await;
    let stored = answers.iter().filter(|answer| *answer == "stored").count();
    assert!((17..40).contains(&stored), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| *answer == "busy").count(), 64 - stored);
    assert!(answers[..17].iter().all(|answer| answer == "stored"), "the first ones pass: {answers:?}");
    let mut bob = Client::connect(&second.addr).await;
    let id =
        bob.send(RelayBody::Subscribe(Subscribe { boxes: vec![fetch(ALICE, &[], 0); 64], window: 0 })).await;
    let answers = bob.parts(id, 64).await;
    assert!(answers[..19].iter().all(|answer| answer == "auth"), "{answers:?}");
    assert!(answers.iter().filter(|answer| *answer == "busy").count() > 20, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_frame_of_a_busy_network_is_answered_for_every_part() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start_real(dir.path(), &rates("ip_kib = 10"));
    let mut alice = Client::connect(&relay.addr).await;
    let puts = |n: usize| RelayBody::PutMany(PutMany { puts: vec![inbox_put(ALICE, &[0; 30_000]); n] });
    let id = alice.send(puts(3)).await;
    assert_eq!(alice.parts(id, 3).await, ["not_found"; 3]);
    let id = alice.send(puts(3)).await;
    assert_eq!(alice.parts(id, 3).await, ["busy"; 3]);
}

/// A refused Credit would make the window smaller for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_network_still_gives_credit_and_acknowledges() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start_real(dir.path(), &rates("ip_requests = 2\nip_kib = 64"));
    let elsewhere = Proxy::start(&relay.addr, Ipv4Addr::new(127, 0, 0, 2)).await;
    let mut alice = Client::connect(&relay.addr).await;
    alice.make_inbox_with(ALICE, "acorn").await;
    alice.ask(RelayBody::Subscribe(Subscribe { boxes: vec![fetch(ALICE, &[], 0)], window: 1 })).await;
    let mut bob = Client::connect(&elsewhere.addr).await;
    for n in 0..10u8 {
        bob.put(inbox_put(ALICE, &[n])).await;
    }
    assert_eq!(bodies(&alice.pushed().await), [[0]]);
    for n in 1..10u8 {
        until_busy(&mut alice, unknown_slot).await;
        alice.send(RelayBody::Credit(Credit { n: 1 })).await;
        assert_eq!(bodies(&alice.pushed().await), [[n]]);
        alice.ok(RelayBody::Ack(RAck { inbox_id: box_id(ALICE), seqs: vec![u64::from(n)] })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn finding_a_box_again_is_free_and_making_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start_real(dir.path(), &rates("ip_creations = 1"));
    let mut alice = Client::connect(&relay.addr).await;
    for n in 100..103 {
        alice.auth(n).await;
    }
    for _ in 0..50 {
        // Neither what exists, nor what is refused anyhow.
        alice.make_inbox_with(ALICE, "acorn").await;
        alice.make_log_with(LOG, "acorn").await;
        assert_eq!(alice.error(inbox_create(100, "oak")).await, "admission");
        assert_eq!(alice.error(log_create(101, "oak", &[])).await, "admission");
        assert_eq!(alice.error(inbox_create(LOG, "acorn")).await, "auth");
    }
    let mut made = 2;
    for n in 10..100 {
        alice.auth(n).await;
        match alice.ask(inbox_create(n, "acorn")).await {
            RelayBody::Created(_) => made += 1,
            RelayBody::Err(error) => {
                assert!(error.code == "busy" && error.retry_ms > 0, "{error:?}");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!((10..60).contains(&made), "{made}");
}

/// Whoever knows the id of a slot may read it, and keeps nobody from writing it.
#[tokio::test(flavor = "multi_thread")]
async fn reading_one_slot_is_limited_and_leaves_others_and_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start_real(dir.path(), &rates("box_requests = 2"));
    let mut alice = Client::connect(&relay.addr).await;
    for n in [ALICE, BOB] {
        let first = slot_put(&alice, n, 1, "acorn");
        alice.ok(first).await;
    }
    let mut mallory = Client::connect(&relay.addr).await;
    let read = |n: u8| RelayBody::SlotGet(SlotGet { slot_id: box_id(n) });
    let (passed, refusal) = until_busy(&mut mallory, |_| read(ALICE)).await;
    assert!((20..40).contains(&passed) && refusal.retry_ms > 0, "{passed}, {refusal:?}");
    assert!(matches!(mallory.ask(read(BOB)).await, RelayBody::Slot(_)));
    let again = slot_put(&alice, ALICE, 2, "");
    alice.ok(again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_of_answers_count_and_a_page_larger_than_a_burst_passes() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start_real(dir.path(), &rates("ip_kib = 12"));
    let mut alice = Client::connect(&relay.addr).await;
    alice.make_inbox_with(ALICE, "acorn").await;
    // From elsewhere, so that what is asked for below is all that counts.
    let elsewhere = |n| Proxy::start(&relay.addr, Ipv4Addr::new(127, 0, 0, n));
    for n in 2..5u8 {
        let from = elsewhere(n).await;
        let mut bob = Client::connect(&from.addr).await;
        bob.put(inbox_put(ALICE, &[n; 50_000])).await;
    }
    // The page of 150 KiB is more than the 120 of a burst.
    let (passed, refusal) = until_busy(&mut alice, |_| RelayBody::Fetch(fetch(ALICE, &[], 0))).await;
    assert!((1..10).contains(&passed) && refusal.retry_ms > 0, "{passed}, {refusal:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_relay_promises_no_proof_of_work_and_takes_no_knocks() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start_real(dir.path(), "");
    let mut alice = Client::connect(&relay.addr).await;
    assert_eq!(alice.hello.limits.unwrap().pow_bits, 0);
    assert_eq!(alice.hello.features, ["inbox", "log", "slot"], "no knocks");
    alice.make_inbox_with(ALICE, "acorn").await;
    assert_eq!(alice.error(RelayBody::Put(log_put(ALICE, b"knock"))).await, "pow");
}
