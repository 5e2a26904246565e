//! Sync streams between known peers.

use super::{Node, befriend, config, friends, tcp};
use crate::{Config, Event, Handle, SendError, config::Timing, protocol, queue::QUEUE_BYTES};
use libp2p::{PeerId, bytes::Bytes};
use madang_wire::{StreamBody, StreamFrame};
use std::{net::TcpListener, time::Duration};

/// A frame with a number: field 1 as four bytes, so that it reads as a frame and as no hello.
fn numbered(number: u32) -> Bytes {
    [&[0x0d], number.to_le_bytes().as_slice()].concat().into()
}

/// Sends numbered frames, waiting whenever the queue is full.
async fn send_numbered(handle: Handle, peer: PeerId, count: u32) {
    for number in 0..count {
        let frame = numbered(number);
        while let Err(error) = handle.send(peer, frame.clone()) {
            assert_eq!(error, SendError::Full);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

async fn expect_numbered(node: &mut Node, peer: PeerId, count: u32) {
    for number in 0..count {
        let frame = node.frame(peer).await;
        assert_eq!(frame, numbered(number));
    }
}

async fn exchange(alice: &mut Node, bob: &mut Node, count: u32) {
    let (a, b) = (alice.peer(), bob.peer());
    let sends = [
        tokio::spawn(send_numbered(alice.handle.clone(), b, count)),
        tokio::spawn(send_numbered(bob.handle.clone(), a, count)),
    ];
    tokio::join!(expect_numbered(alice, b, count), expect_numbered(bob, a, count));
    for send in sends {
        send.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_frames_arrive_in_order_both_ways() {
    let (mut alice, mut bob) = friends(config(1), config(2)).await;
    exchange(&mut alice, &mut bob, 10_000).await;
}

#[tokio::test]
async fn tcp_alone_and_quic_alone_carry() {
    let quic = |seed| Config { tcp: false, ..config(seed) };
    for (one, two, part) in [(tcp(1), tcp(2), "/tcp/"), (quic(3), quic(4), "/quic-v1")] {
        let (mut alice, mut bob) = (Node::start(one).await, Node::start(two).await);
        befriend(&alice, &bob);
        let addr = alice.up(bob.peer()).await;
        assert!(addr.to_string().contains(part), "{addr}");
        bob.up(alice.peer()).await;
        exchange(&mut alice, &mut bob, 100).await;
    }
}

/// Ups minus downs of one peer among the events.
fn balance(events: &[Event], peer: PeerId) -> i32 {
    let weigh = |event: &Event| match event {
        Event::PeerUp { peer: up, .. } if *up == peer => 1,
        Event::PeerDown { peer: down } if *down == peer => -1,
        _ => 0,
    };
    events.iter().map(weigh).sum()
}

/// One side of a stream.
struct Side {
    opener: bool,
    /// The nonce of the own hello, and that of the other side.
    said: [u8; 16],
    heard: [u8; 16],
}

fn last_up(events: &[Event], peer: PeerId) -> Side {
    let is_up = |event: &Event| matches!(event, Event::PeerUp { peer: up, .. } if *up == peer);
    let at = events.iter().rposition(is_up).unwrap();
    let Event::PeerUp { opener, nonce: said, .. } = events[at] else { unreachable!() };
    let first = events[at..].iter().find_map(|event| match event {
        Event::Frame { peer: from, frame } if *from == peer => Some(frame),
        _ => None,
    });
    let hello: StreamFrame = madang_wire::decode(first.unwrap()).unwrap();
    let Some(StreamBody::Hello(hello)) = hello.body else { panic!("{hello:?}") };
    Side { opener, said, heard: hello.nonce.try_into().unwrap() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_open_at_once_and_exactly_one_stream_is_primary() {
    // Without grace the higher PeerId opens its stream at the same moment as the lower one.
    let timing = Timing { grace: Duration::ZERO, ..Timing::default() };
    for seed in 0..3 {
        let mut alice = Node::start_timed(config(10 + seed), timing).await;
        let mut bob = Node::start_timed(config(20 + seed), timing).await;
        befriend(&alice, &bob);
        let (a, b) = (alice.peer(), bob.peer());
        let (at_alice, at_bob) =
            tokio::join!(alice.during(Duration::from_secs(2)), bob.during(Duration::from_secs(2)));
        assert_eq!(balance(&at_alice, b), 1, "{at_alice:?}");
        assert_eq!(balance(&at_bob, a), 1, "{at_bob:?}");
        let (ours, theirs) = (last_up(&at_alice, b), last_up(&at_bob, a));
        // Whose it is depends on who was faster: the lower one opens none when that of the higher has come.
        assert_ne!(ours.opener, theirs.opener);
        assert_eq!((ours.said, ours.heard), (theirs.heard, theirs.said), "both mean the same stream");
        exchange(&mut alice, &mut bob, 50).await;
    }
}

#[tokio::test]
async fn a_killed_peer_goes_down_and_comes_back_on_its_port() {
    // On QUIC she would notice only after 30 s of silence, so TCP alone.
    let mut alice = Node::start(tcp(1)).await;
    // Bob has a runtime of his own: when it goes, he goes in the middle of everything.
    let life = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut bob = life.spawn(Node::start(tcp(2))).await.unwrap();
    befriend(&alice, &bob);
    let (peer, port) = (bob.peer(), bob.port());
    alice.up(peer).await;
    bob.up(alice.peer()).await;
    life.shutdown_background();
    alice.down(peer).await;
    // The system takes a moment to give his port back.
    while TcpListener::bind(("127.0.0.1", port)).is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(alice.handle.send(peer, Bytes::from_static(b"x")), Err(SendError::NotConnected));
    let mut bob = Node::start(Config { port: Some(port), ..tcp(2) }).await;
    assert_eq!((bob.peer(), bob.port()), (peer, port));
    // He has no address of hers: she finds him where he was.
    bob.handle.set_peer(alice.peer(), Vec::new(), true);
    alice.up(peer).await;
    bob.up(alice.peer()).await;
    exchange(&mut alice, &mut bob, 10).await;
}

#[tokio::test]
async fn a_taken_port_is_not_shared() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let alice = Node::start(Config { port: Some(port), ..config(1) }).await;
    assert_ne!(alice.port(), port);
    let bob = Node::start(Config { port: Some(alice.port()), ..config(2) }).await;
    assert_ne!(bob.port(), alice.port(), "libp2p alone would share the port");
}

#[tokio::test]
async fn a_slow_owner_slows_the_peer_and_loses_nothing() {
    let (alice, mut bob) = friends(tcp(1), tcp(2)).await;
    let frame = |number: u32| {
        let mut frame = vec![0; protocol::SYNC_FRAME];
        frame[..4].copy_from_slice(&number.to_be_bytes());
        Bytes::from(frame)
    };
    let mut sent = 0;
    let mut refused = 0;
    // Full for a whole second means that everything between the two owners is full.
    while refused < 100 {
        match alice.handle.send(bob.peer(), frame(sent)) {
            Ok(()) => (sent, refused) = (sent + 1, 0),
            Err(error) => {
                assert_eq!(error, SendError::Full);
                refused += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        assert!(sent < 5_000, "nothing held the sender back");
    }
    assert!(alice.handle.free_bytes(bob.peer()).unwrap() < protocol::SYNC_FRAME);
    for number in 0..sent {
        assert_eq!(bob.frame(alice.peer()).await[..4], number.to_be_bytes());
    }
}

#[tokio::test]
async fn too_large_and_unconnected_are_told_apart() {
    let (alice, bob) = friends(tcp(1), tcp(2)).await;
    let large = Bytes::from(vec![0; protocol::SYNC_FRAME + 1]);
    assert_eq!(alice.handle.send(bob.peer(), large.clone()), Err(SendError::TooLarge));
    let small = Bytes::from_static(b"x");
    assert_eq!(alice.handle.send(PeerId::random(), small), Err(SendError::NotConnected));
}

#[tokio::test]
async fn a_stranger_gets_no_sync_stream_until_he_is_known() {
    let (mut alice, mut bob) = (Node::start(tcp(1)).await, Node::start(tcp(2)).await);
    bob.handle.set_peer(alice.peer(), alice.addrs.clone(), true);
    for seen in bob.during(Duration::from_secs(2)).await {
        assert!(!matches!(seen, Event::PeerUp { .. }), "{seen:?}");
    }
    assert_eq!(balance(&alice.during(Duration::from_millis(1)).await, bob.peer()), 0);
    alice.handle.set_peer(bob.peer(), bob.addrs.clone(), true);
    alice.up(bob.peer()).await;
    bob.up(alice.peer()).await;
    exchange(&mut alice, &mut bob, 10).await;
}

#[tokio::test]
async fn a_forgotten_peer_is_closed_and_stays_out() {
    let (mut alice, mut bob) = friends(tcp(1), tcp(2)).await;
    alice.handle.forget_peer(bob.peer());
    alice.down(bob.peer()).await;
    bob.down(alice.peer()).await;
    let later = bob.during(Duration::from_secs(2)).await;
    assert_eq!(balance(&later, alice.peer()), 0, "{later:?}");
    alice.handle.set_peer(bob.peer(), bob.addrs.clone(), true);
    alice.up(bob.peer()).await;
    bob.up(alice.peer()).await;
}

#[tokio::test]
async fn reconnect_closes_and_dials_again_and_redial_leaves_alone() {
    let (mut alice, mut bob) = friends(config(1), config(2)).await;
    alice.handle.redial();
    let quiet = alice.during(Duration::from_millis(500)).await;
    assert!(!quiet.iter().any(|event| matches!(event, Event::PeerDown { .. })), "{quiet:?}");
    alice.handle.reconnect();
    alice.down(bob.peer()).await;
    alice.up(bob.peer()).await;
    bob.down(alice.peer()).await;
    bob.up(alice.peer()).await;
    exchange(&mut alice, &mut bob, 10).await;
}

#[tokio::test]
async fn shutdown_sends_what_is_queued() {
    for (one, two) in [(tcp(1), tcp(2)), (config(3), config(4))] {
        let (alice, mut bob) = friends(one, two).await;
        let a = alice.peer();
        for number in 0..200_u32 {
            alice.handle.send(bob.peer(), numbered(number)).unwrap();
        }
        alice.handle.clone().shutdown().await;
        expect_numbered(&mut bob, a, 200).await;
        bob.down(a).await;
        assert_eq!(alice.handle.send(bob.peer(), Bytes::new()), Err(SendError::NotConnected));
    }
}

#[tokio::test]
async fn a_restart_that_was_not_noticed_is_answered_by_the_new_stream() {
    let timing = Timing { settled: Duration::from_millis(100), ..Timing::default() };
    // Either of the two may have the lower PeerId.
    for (stays, falls) in [(1, 2), (2, 1)] {
        let mut alice = Node::start_timed(tcp(stays), timing).await;
        let mut bob = Node::start_timed(tcp(falls), timing).await;
        befriend(&alice, &bob);
        alice.up(bob.peer()).await;
        bob.up(alice.peer()).await;
        // His process is gone without a word, as after a power cut: he never closes his side.
        let (a, b, addrs) = (alice.peer(), bob.peer(), alice.addrs.clone());
        let mut again = Node::start_timed(tcp(falls), timing).await;
        assert_eq!(again.peer(), b);
        again.handle.set_peer(a, addrs, true);
        alice.down(b).await;
        alice.up(b).await;
        again.up(a).await;
        exchange(&mut alice, &mut again, 10).await;
        drop(bob);
    }
}

#[tokio::test]
async fn a_restarted_stream_drops_what_waited_and_comes_back() {
    let (mut alice, mut bob) = friends(tcp(1), tcp(2)).await;
    let (a, b) = (alice.peer(), bob.peer());
    let large = Bytes::from(vec![0; protocol::SYNC_FRAME]);
    while alice.handle.send(b, large.clone()).is_ok() {}
    alice.handle.restart(b);
    alice.down(b).await;
    bob.down(a).await;
    alice.up(b).await;
    bob.up(a).await;
    assert_eq!(alice.handle.free_bytes(b), Some(QUEUE_BYTES));
    exchange(&mut alice, &mut bob, 10).await;
}
