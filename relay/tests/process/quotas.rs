//! Admission, successors and quotas per writer.

use madang_wire::*;

use crate::client::*;
use crate::clocked::Clocked;
use crate::relay::Relay;

const ALICE: u8 = 1;
const BOB: u8 = 2;
const LOG: u8 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn boxes_need_the_code_and_existing_ones_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start_with(dir.path(), &["--admission", "acorn"], &[]);
    let mut alice = Client::connect(&relay.addr).await;
    assert_eq!(alice.hello.policy, "code");
    assert_eq!(alice.error(inbox_create(ALICE, "acorn")).await, "auth", "the key must be proved first");
    alice.auth(ALICE).await;
    alice.auth(LOG).await;
    for code in ["", "acor"] {
        assert_eq!(alice.error(inbox_create(ALICE, code)).await, "admission");
        assert_eq!(alice.error(log_create(LOG, code, &[])).await, "admission");
    }
    let RelayBody::Created(made) = alice.ask(inbox_create(ALICE, "acorn")).await else { panic!() };
    let RelayBody::Created(again) = alice.ask(inbox_create(ALICE, "")).await else { panic!() };
    assert_eq!(made, again);
}

/// Every member knows the key of a log. Were it taken for the key of an inbox, each of them would pass for the admitted
/// owner of one, without any code.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_key_makes_nobody_the_owner_of_an_inbox() {
    let dir = tempfile::tempdir().unwrap();
    let relay =
        Relay::start_with(dir.path(), &["--admission", "acorn"], &[("RELAY__LIMITS__LOG_BYTES", "400000")]);
    let mut alice = Client::connect(&relay.addr).await;
    alice.make_inbox_with(ALICE, "acorn").await;
    alice.make_log_with(LOG, "acorn").await;
    let mut mallory = Client::connect(&relay.addr).await;
    mallory.auth(LOG).await;
    for code in ["", "acorn"] {
        assert_eq!(mallory.error(inbox_create(LOG, code)).await, "auth");
    }
    assert_eq!(alice.error(log_create(ALICE, "acorn", &[])).await, "auth");
    assert_eq!(alice.error(log_create(ALICE, "", &box_id(LOG))).await, "auth");
    // Mallory is still without admission and shares the quarter of the strangers.
    let mut stranger = Client::connect(&relay.addr).await;
    stranger.auth(LOG).await;
    for n in 0..5u8 {
        stranger.put(log_put(LOG, &[n; 20_000])).await;
        mallory.put(log_put(LOG, &[100 + n; 20_000])).await;
    }
    assert_eq!(alice.fetch_all(LOG).await.0.len(), 5);
    // The inbox is what it was: its token works and its owner reads it.
    alice.put(inbox_put(ALICE, b"hello")).await;
    assert_eq!(bodies(&alice.fetch(fetch(ALICE, &[], 0)).await), [b"hello".to_vec()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_makes_successors_without_a_code_four_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start_with(dir.path(), &["--admission", "acorn"], &[]);
    let mut alice = Client::connect(&relay.addr).await;
    alice.auth(LOG).await;
    let RelayBody::Created(first) = alice.ask(log_create(LOG, "acorn", &[])).await else { panic!() };
    let mut bob = Client::connect(&relay.addr).await;
    bob.auth(10).await;
    assert_eq!(bob.error(log_create(10, "", &first.box_id)).await, "auth");
    bob.auth(LOG).await;
    for n in 10..14 {
        bob.auth(n).await;
        let RelayBody::Created(made) = bob.ask(log_create(n, "", &first.box_id)).await else { panic!() };
        assert_ne!(made.epoch, first.epoch);
        bob.put(log_put(n, b"in the new log")).await;
    }
    bob.auth(14).await;
    assert_eq!(bob.error(log_create(14, "", &first.box_id)).await, "quota");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flooding_member_does_not_push_out_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start_with(dir.path(), &[], &[("RELAY__LIMITS__LOG_BYTES", "400000")]);
    let mut alice = Client::connect(&relay.addr).await;
    alice.make_inbox(ALICE).await;
    alice.make_log(LOG).await;
    let mut flooder = Client::connect(&relay.addr).await;
    flooder.make_inbox(BOB).await;
    flooder.auth(LOG).await;
    let mut stranger = Client::connect(&relay.addr).await;
    stranger.auth(LOG).await;
    alice.put(log_put(LOG, b"from alice")).await;
    stranger.put(log_put(LOG, b"from a stranger")).await;
    for n in 0..100u8 {
        flooder.put(log_put(LOG, &[n; 20_000])).await;
    }
    // Another connection without an inbox comes from the same network and is the same writer.
    for n in 0..20u8 {
        stranger.put(log_put(LOG, &[100 + n; 20_000])).await;
    }
    let (bodies, truncated_before) = alice.fetch_all(LOG).await;
    assert_eq!(bodies[0], b"from alice");
    let flooded = bodies.iter().filter(|body| body.len() == 20_000 && body[0] < 100).count();
    assert_eq!(flooded, 5, "a quarter of the log");
    assert_eq!(bodies.len(), 11);
    assert!(truncated_before > 90, "readers are told of the loss");
    assert_eq!(alice.error(RelayBody::Put(log_put(LOG, &[0; 62_000]))).await, "too_large");
}

const HOUR: u64 = 3_600_000;

/// Bytes of a large item; 50 of them are a quarter of the log.
const BIG: usize = 60_000;

/// What a flood left.
struct Flooded {
    /// What the flooder was answered, put by put.
    answers: Vec<String>,
    /// The items of the flooder that are there.
    kept: Vec<Vec<u8>>,
    truncated_before: u64,
}

/// Alice and three members who put `each` large items have written into a log of 12 MB when one more floods it with
/// 30 MB, ten minutes before they are 48 hours old; alice goes on writing. Fails unless everything but the flood is there.
async fn flood(each: u8) -> Flooded {
    let dir = tempfile::tempdir().unwrap();
    let relay = Clocked::start(dir.path(), &[("RELAY__LIMITS__LOG_BYTES", "12000000")]).await;
    let member = async |n: u8| {
        let mut client = Client::connect(&relay.addr).await;
        client.make_inbox(n).await;
        client.make_log(LOG).await;
        client
    };
    let mut alice = member(ALICE).await;
    let mut wanted = Vec::new();
    for n in 0..20u8 {
        wanted.push([b"from alice".as_slice(), &[n]].concat());
        alice.put(log_put(LOG, &wanted[usize::from(n)])).await;
    }
    for n in [10, 11, 12] {
        let mut other = member(n).await;
        for item in 0..each {
            let body = [&[n, item][..], &[7; BIG - 2]].concat();
            other.put(log_put(LOG, &body)).await;
            wanted.push(body);
        }
    }
    relay.pass(48 * HOUR - 600_000);
    let mut flooder = member(BOB).await;
    let mut answers = Vec::new();
    for n in 0..125u32 {
        let body = |item: u32| [&(n * 4 + item).to_be_bytes()[..], &[9; BIG - 4]].concat();
        let puts = (0..4).map(|item| log_put(LOG, &body(item))).collect();
        let id = flooder.send(RelayBody::PutMany(PutMany { puts })).await;
        answers.extend(flooder.parts(id, 4).await);
        if n % 10 == 0 {
            let body = [b"during the flood".as_slice(), &n.to_be_bytes()].concat();
            alice.put(log_put(LOG, &body)).await;
            wanted.push(body);
        }
    }
    assert_eq!(answers.len() * BIG, 30_000_000);
    let (bodies, truncated_before) = member(13).await.fetch_all(LOG).await;
    let (kept, arrived): (Vec<_>, Vec<_>) =
        bodies.into_iter().partition(|body| body.len() == BIG && body[4] == 9);
    assert!(arrived == wanted, "{} of {} arrived", arrived.len(), wanted.len());
    relay.stop().await;
    Flooded { answers, kept, truncated_before }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_30_mb_pushes_out_the_flooder_only() {
    // 8.82 MB of the others and a quarter for the flooder fit.
    let Flooded { answers, kept, truncated_before } = Box::pin(flood(49)).await;
    assert!(answers.iter().all(|answer| answer == "stored"));
    assert_eq!(kept.len(), 50, "a quarter of the log");
    assert_eq!(kept[0][..4], 450u32.to_be_bytes(), "his newest");
    assert!(truncated_before > 450, "readers are told that something went");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_30_mb_is_refused_by_a_log_full_of_items_of_48_hours() {
    // 9 MB of the others leave less than a quarter, since alice has some of it.
    let Flooded { answers, kept, truncated_before } = Box::pin(flood(50)).await;
    assert_eq!(answers[..49], vec!["stored"; 49]);
    assert_eq!(answers[49..], vec!["quota"; 451]);
    assert_eq!((kept.len(), truncated_before), (49, 0), "nothing went");
}
