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
    assert_eq!(refused(&mut client).await, Some((0, "too_large".into())));
    assert!(client.next().await.is_none());
    assert_eq!(relay.get("/healthz").0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_parts_and_too_long_fields_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut client = Client::connect(&relay.addr).await;
    let puts = vec![inbox_put(ALICE, b"x"); 65];
    let id = client.send(RelayBody::PutMany(PutMany { puts })).await;
    assert_eq!(client.parts(id, 65).await, vec!["too_large"; 65]);
    assert_eq!(client.error(RelayBody::Put(inbox_put(ALICE, &vec![0; 70_000]))).await, "too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_of_a_refused_request_is_answered_with_its_index() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let puts = |n: usize| RelayBody::PutMany(PutMany { puts: vec![inbox_put(ALICE, b"x"); n] });
    let boxes = |n| RelayBody::Subscribe(Subscribe { boxes: vec![fetch(ALICE, &[], 0); n], window: 9 });
    let mut client = Client::connect_silently(&relay.addr).await;
    for (body, n) in [(puts(64), 64), (boxes(1_024), 1_024)] {
        let id = client.send(body).await;
        assert_eq!(client.parts(id, n).await, vec!["version"; n], "before the hello");
    }
    let mut client = Client::connect(&relay.addr).await;
    let id = client.send(puts(3)).await;
    assert_eq!(client.parts(id, 3).await, ["not_found"; 3]);
    let id = client.send(boxes(3)).await;
    assert_eq!(client.parts(id, 3).await, ["auth"; 3]);
    // One field that is too long makes the whole frame unreadable.
    let mut long = vec![inbox_put(ALICE, b"x"); 3];
    long[1].body = vec![0; 70_000];
    let id = client.send(RelayBody::PutMany(PutMany { puts: long })).await;
    assert_eq!(client.parts(id, 3).await, ["too_large"; 3]);
    // Cut off inside the last part.
    let bytes = RelayFrame { id: 99, body: Some(puts(3)) }.encode_to_vec();
    client.send_bytes(&bytes[..bytes.len() - 1]).await;
    assert_eq!(client.parts(99, 3).await, ["bad_frame"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_parts_is_answered_too() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut client = Client::connect(&relay.addr).await;
    assert_eq!(client.error(RelayBody::PutMany(PutMany { puts: Vec::new() })).await, "bad_frame");
    assert_eq!(
        client.error(RelayBody::Subscribe(Subscribe { boxes: Vec::new(), window: 9 })).await,
        "bad_frame"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_proves_4096_keys_and_not_one_more() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let mut client = Client::connect(&relay.addr).await;
    let key = |n: u32| {
        let mut seed = [0; 32];
        seed[..4].copy_from_slice(&n.to_be_bytes());
        ed25519_dalek::SigningKey::from_bytes(&seed)
    };
    for chunk in 0..16 {
        for n in 0..256 {
            let proof = client.proof_by(&key(chunk * 256 + n));
            client.send(RelayBody::Auth(proof)).await;
        }
        for _ in 0..256 {
            assert_eq!(client.next().await.unwrap().1, RelayBody::Ok(ROk {}));
        }
    }
    let one_more = client.proof_by(&key(4_096));
    assert_eq!(client.error(RelayBody::Auth(one_more)).await, "quota");
    let again = client.proof_by(&key(4_095));
    client.ok(RelayBody::Auth(again)).await;
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
    let limits = hello.limits.unwrap();
    assert_eq!((limits.inbox_items, limits.pow_bits), (10_000, 0));
    assert_eq!(hello.features, ["inbox", "log", "slot", "knock"]);
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
