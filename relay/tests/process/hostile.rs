//! Frames that no honest client sends.

use futures::AsyncWriteExt;
use madang_wire::*;

use crate::client::*;
use crate::relay::Relay;

const ALICE: u8 = 1;

/// The code of the next error frame, `None` when the stream was closed.
async fn refused(client: &mut Client) -> Option<(u64, String)> {
    match client.next().await? {
        (id, RelayBody::Err(error)) => Some((id, error.code)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_frames_are_refused_and_the_third_ends_the_stream() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let undecodable = [8, 7, 0x1a, 0xff];
    let unknown_kind = [8, 9, 0xc2, 0x02, 0];
    let mut client = Client::connect(&relay.addr).await;
    client.send_bytes(&undecodable).await;
    assert_eq!(refused(&mut client).await, Some((7, "bad_frame".into())));
    client.send_bytes(&unknown_kind).await;
    assert_eq!(refused(&mut client).await, Some((9, "bad_frame".into())));
    client.send(RelayBody::Ok(ROk {})).await;
    assert_eq!(refused(&mut client).await.unwrap().1, "bad_frame");
    assert!(client.next().await.is_none(), "the stream is closed");
    Client::connect(&relay.addr).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_beyond_the_limit_ends_the_stream_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut client = Client::connect(&relay.addr).await;
    client.writer.write_all(&u32::MAX.to_be_bytes()).await.unwrap();
    client.writer.flush().await.unwrap();
    assert_eq!(refused(&mut client).await, Some((0, "bad_frame".into())));
    assert!(client.next().await.is_none());
    assert_eq!(relay.get("/healthz").0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_parts_and_too_long_fields_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut client = Client::connect(&relay.addr).await;
    let puts = vec![inbox_put(ALICE, b"x"); 65];
    assert_eq!(client.error(RelayBody::PutMany(PutMany { puts })).await, "too_large");
    assert_eq!(client.error(RelayBody::Put(inbox_put(ALICE, &vec![0; 70_000]))).await, "too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_before_the_hello_and_unknown_features_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut client = Client::connect_silently(&relay.addr).await;
    assert_eq!(client.error(RelayBody::SlotGet(SlotGet { slot_id: vec![0; 16] })).await, "version");
    let hello = |v| RelayBody::Hello(RHello { v, features: Vec::new() });
    assert_eq!(client.error(hello(2)).await, "version");
    let RelayBody::HelloOk(hello) = client.ask(hello(1)).await else { panic!() };
    assert_eq!((hello.challenge.len(), hello.relay_key.len()), (32, 32));
    assert!(hello.now.abs_diff(now()) < 60_000);
    assert_eq!(hello.limits.unwrap().inbox_items, 10_000);
    assert_eq!(client.error(RelayBody::PushClear(PushClear { inbox_id: vec![0; 16] })).await, "version");
    assert_eq!(client.error(RelayBody::Login2(Login2 { session: 1, ke3: Vec::new() })).await, "version");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_good_for_its_own_stream_only() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut alice = Client::connect(&relay.addr).await;
    let proof = alice.proof(ALICE);
    let mut mallory = Client::connect(&relay.addr).await;
    assert_ne!(alice.hello.challenge, mallory.hello.challenge);
    assert_eq!(mallory.error(RelayBody::Auth(proof.clone())).await, "auth");
    assert_eq!(mallory.error(RelayBody::Auth(RAuth { sig: vec![0; 64], ..proof.clone() })).await, "auth");
    alice.ok(RelayBody::Auth(proof)).await;
}
