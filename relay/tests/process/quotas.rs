//! Admission, successors and quotas per writer.

use madang_wire::*;

use crate::client::*;
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
