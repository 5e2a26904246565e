//! Slots over the stream.

use ed25519_dalek::Signer;
use madang_wire::relay_sign::{slot_delete_bytes, slot_put_bytes};
use madang_wire::*;

use crate::client::*;
use crate::relay::Relay;

const SLOT: u8 = 5;
const HEIR: u8 = 6;

fn put(
    client: &Client,
    signer: u8,
    version: u64,
    body: &[u8],
    new: Option<u8>,
    admission: &str,
) -> RelayBody {
    let mut put = SlotPut {
        slot_pub: public(SLOT),
        version,
        body: body.to_vec(),
        new_pub: new.map(public).unwrap_or_default(),
        admission: admission.to_owned(),
        sig: Vec::new(),
    };
    put.sig = key(signer).sign(&slot_put_bytes(&client.relay_key(), &put).unwrap()).to_bytes().to_vec();
    RelayBody::SlotPut(put)
}

fn get() -> RelayBody {
    RelayBody::SlotGet(SlotGet { slot_id: box_id(SLOT) })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_rises_is_handed_over_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut alice = Client::connect(&relay.addr).await;
    assert_eq!(alice.error(get()).await, "not_found");
    let first = put(&alice, SLOT, 1, b"one", None, "");
    alice.ok(first.clone()).await;
    assert_eq!(alice.error(first).await, "version");
    let mut bob = Client::connect(&relay.addr).await;
    let RelayBody::Slot(slot) = bob.ask(get()).await else { panic!() };
    assert_eq!((slot.version, slot.body, slot.slot_pub), (1, b"one".to_vec(), public(SLOT)));
    assert_eq!(bob.error(put(&bob, HEIR, 2, b"stolen", None, "")).await, "auth");
    let RelayBody::SlotPut(mut changed) = put(&alice, SLOT, 2, b"two", None, "") else { panic!() };
    changed.body = b"TWO".to_vec();
    assert_eq!(alice.error(RelayBody::SlotPut(changed)).await, "auth");
    alice.ok(put(&alice, SLOT, 2, b"two", Some(HEIR), "")).await;
    assert_eq!(alice.error(put(&alice, SLOT, 3, b"three", None, "")).await, "auth");
    alice.ok(put(&alice, HEIR, 3, b"three", None, "")).await;
    let RelayBody::Slot(slot) = bob.ask(get()).await else { panic!() };
    assert_eq!((slot.version, slot.body), (3, b"three".to_vec()));
    let delete = |signer: u8| {
        let signed = slot_delete_bytes(&alice.relay_key(), &key(SLOT).verifying_key().to_bytes(), 4);
        let sig = key(signer).sign(&signed).to_bytes().to_vec();
        RelayBody::SlotDelete(SlotDelete { slot_pub: public(SLOT), version: 4, sig })
    };
    assert_eq!(bob.error(delete(SLOT)).await, "auth");
    bob.ok(delete(HEIR)).await;
    assert_eq!(bob.error(get()).await, "not_found");
    assert_eq!(bob.error(put(&bob, HEIR, 3, b"three", None, "")).await, "version");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_holds_64_kib_and_not_one_byte_more() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut alice = Client::connect(&relay.addr).await;
    let full: Vec<u8> = (0..64 * 1024u32).map(|n| n as u8).collect();
    alice.ok(put(&alice, SLOT, 1, &full, None, "")).await;
    let longer = [&full[..], &[0]].concat();
    assert_eq!(alice.error(put(&alice, SLOT, 2, &longer, None, "")).await, "too_large");
    let RelayBody::Slot(slot) = alice.ask(get()).await else { panic!() };
    assert_eq!((slot.version, slot.body), (1, full));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_cannot_be_kept_is_refused_and_the_highest_can() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut alice = Client::connect(&relay.addr).await;
    for version in [1 << 63, u64::MAX] {
        assert_eq!(alice.error(put(&alice, SLOT, version, b"x", None, "")).await, "bad_frame");
    }
    assert_eq!(alice.error(get()).await, "not_found");
    alice.ok(put(&alice, SLOT, (1 << 63) - 1, b"y", None, "")).await;
    let RelayBody::Slot(slot) = alice.ask(get()).await else { panic!() };
    assert_eq!(slot.version, (1 << 63) - 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_write_needs_admission_and_later_ones_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start_with(dir.path(), &["--admission", "acorn"], &[]);
    let mut alice = Client::connect(&relay.addr).await;
    assert_eq!(alice.error(put(&alice, SLOT, 1, b"one", None, "")).await, "admission");
    alice.ok(put(&alice, SLOT, 1, b"one", None, "acorn")).await;
    alice.ok(put(&alice, SLOT, 2, b"two", None, "")).await;
}
