//! The edge under load: a busy engine, a slow peer, bytes of a later version.

use std::time::Duration;

use madang_store::RoomRow;
use madang_wire::{Message as _, Ops, Sealed};
use tokio::time::timeout;

use super::*;
use crate::ring::RoomSeals;

const LIMIT: Duration = Duration::from_secs(30);
const TAG: [u8; 16] = [7; 16];

fn ops(bytes: usize) -> Bytes {
    let ops = Ops { tag: TAG.to_vec(), sealed: vec![Sealed { ct: vec![1; bytes], ..Sealed::default() }] };
    StreamFrame { id: 1, body: Some(StreamBody::Ops(ops)) }.encode_to_vec().into()
}

/// A listener that takes its events from a test.
fn listener(inputs: &mpsc::Sender<Input>, peer: p2p::PeerId) -> (mpsc::Sender<p2p::Event>, Listener) {
    let (sender, events) = mpsc::channel(32);
    let ring = Arc::new(Ring::default());
    ring.set_room(RoomRow(1), RoomSeals::default());
    ring.add_tag(peer, TAG, RoomRow(1));
    let listener = Listener {
        events,
        inputs: inputs.clone(),
        asks: Asks::default(),
        ring,
        openers: Arc::new(Semaphore::new(OPENERS)),
        paths: Paths::default(),
        next_ask: 0,
        logs: BTreeMap::new(),
    };
    (sender, listener)
}

#[tokio::test]
async fn while_the_engine_is_busy_nothing_more_is_taken_in() {
    // One waits for the engine, one for each place of the pool, one for such a place.
    busy_engine(OPEN_HERE_BYTES, 1 + OPENERS + 1).await;
    // What is opened at once waits for the engine, and one behind it.
    busy_engine(64, 2).await;
}

async fn busy_engine(bytes: usize, taken: usize) {
    const FRAMES: usize = 32;
    let peer = p2p::PeerId::random();
    let (inputs, mut engine) = mpsc::channel(1);
    let (events, listener) = listener(&inputs, peer);
    for _ in 0..FRAMES {
        events.send(p2p::Event::Frame { peer, frame: ops(bytes) }).await.unwrap();
    }
    let task = tokio::spawn(listener.run());
    while events.capacity() < taken {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Were more taken, they would be taken at once.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(events.capacity(), taken);
    for _ in 0..FRAMES {
        let input = timeout(LIMIT, engine.recv()).await.unwrap().unwrap();
        assert!(matches!(input, Input::Arrival(_)), "{input:?}");
    }
    drop(events);
    task.await.unwrap();
}

#[test]
fn sealed_objects_are_kept_with_fields_that_this_version_does_not_know() {
    let mut sealed = Sealed { ct: vec![1; 16], ..Sealed::default() }.encode_to_vec();
    // Field 15, a number: of a later version.
    sealed.extend_from_slice(&[0x78, 5]);
    let field = |number: u8, bytes: &[u8]| {
        let len = u8::try_from(bytes.len()).unwrap();
        assert!(len < 128);
        [[number << 3 | 2, len].as_slice(), bytes].concat()
    };
    let ops = [field(1, &TAG), field(2, &sealed), field(2, &sealed)].concat();
    let frame = Bytes::from(field(5, &ops));
    let decoded: StreamFrame = madang_wire::decode(&frame).unwrap();
    assert_ne!(decoded.encode_to_vec(), frame, "decoding drops the field");
    assert_eq!(sealed_in(&frame), [sealed.as_slice(), &sealed]);
}

async fn swarm(seed: u8) -> (p2p::Handle, p2p::Events, Vec<p2p::Multiaddr>) {
    let hello = p2p::HelloSource::new(|| p2p::Hello { nonce: [0; 16], now: 0, features: Vec::new() });
    let config = p2p::Config {
        listen: vec!["/ip4/127.0.0.1/tcp/0".parse().unwrap()],
        mdns: false,
        quic: false,
        ..p2p::Config::new([seed; 32], hello)
    };
    let (handle, mut events) = p2p::spawn(config).await.unwrap();
    loop {
        if let p2p::Event::Listening { addrs } = timeout(LIMIT, events.recv()).await.unwrap().unwrap() {
            return (handle, events, addrs);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_does_not_fit_starts_the_stream_anew() {
    let (alice, bob) = (swarm(1).await, swarm(2).await);
    let peer = bob.0.local_peer();
    alice.0.set_peer(peer, bob.2, true);
    bob.0.set_peer(alice.0.local_peer(), alice.2, true);
    let (inputs, mut engine) = mpsc::channel(64);
    let paths = Paths::default();
    let (network, listener) =
        connect((alice.0, alice.1), &inputs, broadcast::channel(1).0, Arc::new(Ring::default()), paths);
    let listening = tokio::spawn(listener.run());
    let mut wait = async |up: bool| loop {
        match timeout(LIMIT, engine.recv()).await.unwrap().unwrap() {
            Input::PeerUp { .. } if up => return,
            Input::PeerDown(_) if !up => return,
            _ => {}
        }
    };
    wait(true).await;
    // Bob reads nothing: what he and the way hold is soon full, and so is the queue.
    let frame = Bytes::from(vec![0; 64 * 1024]);
    let sends = (0..2_000).map(|_| Send::Frame { peer, frame: frame.clone() }).collect();
    network.perform(Effects { sends, ..Effects::default() });
    wait(false).await;
    // He goes on, and both begin anew.
    let mut events = bob.1;
    let reading = tokio::spawn(async move { while events.recv().await.is_some() {} });
    wait(true).await;
    reading.abort();
    listening.abort();
}
