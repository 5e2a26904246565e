//! The swarm task and what libp2p tells it, with events that do not come by themselves on loopback.

use super::{Task, build};
use crate::{
    Config, Event,
    behaviour::BehaviourEvent,
    config::Timing,
    tests::{LIMIT, Node, config, tcp},
};
use libp2p::{Multiaddr, PeerId, bytes::Bytes, core::transport::ListenerId, ping, swarm::SwarmEvent};
use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};
use tokio::time::Instant;

/// Runs the task until `end` resolves.
async fn drive<T>(task: &mut Task, end: impl Future<Output = T>) -> T {
    tokio::select! {
        _ = task.serve() => panic!("the swarm has ended"),
        end = end => end,
    }
}

/// Runs the task until `done` says so.
async fn drive_until(task: &mut Task, what: &str, done: impl Fn(&Task) -> bool) {
    let end = Instant::now() + LIMIT;
    while !done(task) {
        assert!(Instant::now() < end, "{what}");
        drive(task, tokio::time::sleep(Duration::from_millis(10))).await;
    }
}

/// A node whose task is in the hands of the test.
async fn started(config: Config, timing: Timing) -> (Task, Node) {
    let count = config.listen.iter().filter(|addr| config.transports().carry(addr)).count();
    let (mut task, handle, events) = build(config, timing).unwrap();
    let mut node = Node { handle, events, addrs: Vec::new(), passed: VecDeque::new() };
    node.addrs = drive(&mut task, listening(&mut node, count)).await;
    (task, node)
}

/// The addresses of the first report that has so many.
async fn listening(node: &mut Node, count: usize) -> Vec<Multiaddr> {
    node.until("listen", |event| match event {
        Event::Listening { addrs } if addrs.len() == count => Some(addrs.clone()),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn a_listener_that_closed_is_opened_again_at_its_address() {
    let (mut task, mut alice) = started(config(1), Timing::default()).await;
    let addrs: BTreeSet<Multiaddr> = alice.addrs.iter().cloned().collect();
    for listener in task.listening.listeners() {
        assert!(task.swarm.remove_listener(listener));
    }
    // Each is reported as gone, or both the loss and the return fall into one report.
    drive_until(&mut task, "listeners did not close", |task| task.listening.listeners().is_empty()).await;
    drive_until(&mut task, "listeners did not return", |task| task.listening.listeners().len() == 2).await;
    let again = drive(&mut task, listening(&mut alice, 2)).await;
    assert_eq!(again.into_iter().collect::<BTreeSet<_>>(), addrs);
    // It is no empty word: strangers get through.
    for (seed, addr) in (2..).zip(addrs) {
        let bob = Node::start(config(seed)).await;
        let asked = bob.handle.contact(alice.peer(), vec![addr], Bytes::from_static(b"here?"));
        let answered = async {
            loop {
                if let Event::Contact { frame, reply, .. } = alice.next("contact").await {
                    reply.send(frame).unwrap();
                    break;
                }
            }
        };
        let both = async { tokio::join!(asked, answered).0 };
        assert_eq!(drive(&mut task, both).await.unwrap(), "here?");
    }
}

/// Alice in our hands and bob, friends over one connection that one of them dialled.
async fn connected(make: fn(u8) -> Config, alice_dials: bool) -> (Task, Node, Node) {
    let (mut task, mut alice) = started(make(1), Timing::default()).await;
    let mut bob = Node::start(make(2)).await;
    let dial = |addrs: &[Multiaddr], dials: bool| if dials { addrs.to_vec() } else { Vec::new() };
    alice.handle.set_peer(bob.peer(), dial(&bob.addrs, alice_dials), true);
    bob.handle.set_peer(alice.peer(), dial(&alice.addrs, !alice_dials), true);
    let (a, b) = (alice.peer(), bob.peer());
    drive(&mut task, async { tokio::join!(alice.up(b), bob.up(a)) }).await;
    (task, alice, bob)
}

fn quic(seed: u8) -> Config {
    Config { tcp: false, ..config(seed) }
}

#[tokio::test]
async fn connections_from_a_lost_address_are_closed_at_once_whoever_dialled() {
    for make in [tcp, quic] {
        for alice_dials in [true, false] {
            let (mut task, mut alice, bob) = connected(make, alice_dials).await;
            let lost = |address: &str| SwarmEvent::ExpiredListenAddr {
                listener_id: ListenerId::next(),
                address: address.parse().unwrap(),
            };
            // The address of another interface is nothing to these.
            task.on_swarm(lost("/ip4/192.0.2.1/tcp/4001"));
            let quiet = drive(&mut task, alice.during(Duration::from_millis(100))).await;
            assert!(!quiet.iter().any(|event| matches!(event, Event::PeerDown { .. })), "{quiet:?}");
            task.on_swarm(lost("/ip4/127.0.0.1/tcp/4001"));
            let start = Instant::now();
            drive(&mut task, alice.down(bob.peer())).await;
            assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        }
    }
}

#[tokio::test]
async fn a_connection_whose_ping_fails_is_closed() {
    let (mut task, mut alice, bob) = connected(tcp, true).await;
    let connection = task.peers.all_connections()[0];
    let result = Err(ping::Failure::Timeout);
    let event = ping::Event { peer: bob.peer(), connection, result };
    task.on_swarm(SwarmEvent::Behaviour(BehaviourEvent::Ping(event)));
    drive(&mut task, alice.down(bob.peer())).await;
}

#[tokio::test]
async fn an_interface_that_comes_up_is_reason_to_try_everybody() {
    let (mut task, alice) = started(tcp(1), Timing::default()).await;
    let (away, nowhere) = (PeerId::random(), "/ip4/127.0.0.1/tcp/1");
    alice.handle.set_peer(away, vec![nowhere.parse().unwrap()], true);
    let waits = |task: &Task| task.peers.next_due().is_some_and(|due| due > Instant::now());
    drive_until(&mut task, "nobody waits", waits).await;
    let listener_id = ListenerId::next();
    let address = "/ip4/192.0.2.1/tcp/4001".parse().unwrap();
    task.on_swarm(SwarmEvent::NewListenAddr { listener_id, address });
    assert!(task.peers.next_due().unwrap() <= Instant::now());
}

#[tokio::test]
async fn a_connection_without_streams_goes_and_one_with_a_sync_stream_stays() {
    let timing = Timing { idle: Duration::from_millis(300), ..Timing::default() };
    let (mut task, mut alice) = started(tcp(1), timing).await;
    let (mut friend, stranger) = (Node::start(tcp(2)).await, Node::start(tcp(3)).await);
    alice.handle.set_peer(friend.peer(), friend.addrs.clone(), false);
    friend.handle.set_peer(alice.peer(), Vec::new(), false);
    let (a, b) = (alice.peer(), friend.peer());
    drive(&mut task, async { tokio::join!(alice.up(b), friend.up(a)) }).await;
    let asked = stranger.handle.contact(a, alice.addrs.clone(), Bytes::from_static(b"hello"));
    let answered = async {
        loop {
            if let Event::Contact { frame, reply, .. } = alice.next("contact").await {
                break reply.send(frame).unwrap();
            }
        }
    };
    let both = async { tokio::join!(asked, answered).0 };
    drive(&mut task, both).await.unwrap();
    assert!(task.peers.is_connected(&stranger.peer()));
    let gone = stranger.peer();
    drive_until(&mut task, "the stranger stays", move |task| !task.peers.is_connected(&gone)).await;
    let events = drive(&mut task, alice.during(Duration::from_secs(1))).await;
    assert!(!events.iter().any(|event| matches!(event, Event::PeerDown { .. })), "{events:?}");
    assert!(task.peers.is_connected(&b));
}
