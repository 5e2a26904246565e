//! Round trips between two swarms on loopback: a frame on the sync stream, and a gossip message.
//!
//! Prints the median and the 99th percentile; half a round trip is one way. `cargo bench -p madang-p2p`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a program of measurements"
)]

use libp2p::bytes::Bytes;
use madang_p2p::{Config, Event, Events, Handle, Hello, HelloSource, Multiaddr, PeerId, spawn};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5_000;
const BYTES: usize = 500;
const TOPIC: &str = "room";
const LIMIT: Duration = Duration::from_secs(30);

struct Node {
    handle: Handle,
    events: Events,
    addrs: Vec<Multiaddr>,
}

async fn node(seed: u8, quic: bool) -> Node {
    let hello = HelloSource::new(|| Hello { nonce: [0; 16], now: 0, features: Vec::new() });
    let listen = if quic { "/ip4/127.0.0.1/udp/0/quic-v1" } else { "/ip4/127.0.0.1/tcp/0" };
    let config = Config {
        listen: vec![listen.parse().unwrap()],
        mdns: false,
        tcp: !quic,
        quic,
        ..Config::new([seed; 32], hello)
    };
    let (handle, mut events) = spawn(config).await.unwrap();
    loop {
        if let Event::Listening { addrs } = next(&mut events).await {
            return Node { handle, events, addrs };
        }
    }
}

async fn next(events: &mut Events) -> Event {
    tokio::time::timeout(LIMIT, events.recv()).await.unwrap().unwrap()
}

/// Takes everything up to the hello of the peer.
async fn up(node: &mut Node) {
    loop {
        if let Event::Frame { .. } = next(&mut node.events).await {
            return;
        }
    }
}

/// Sends back every frame, and every gossip message with its first byte turned.
async fn echo(mut node: Node, peer: PeerId) {
    while let Some(event) = node.events.recv().await {
        match event {
            Event::Frame { frame, .. } => node.handle.send(peer, frame).unwrap(),
            Event::Gossip { data, id, .. } => {
                node.handle.gossip_verdict(id, true);
                let mut data = data.to_vec();
                data[0] ^= 0xff;
                node.handle.publish(TOPIC.to_owned(), data.into()).unwrap();
            }
            _ => {}
        }
    }
}

fn payload(number: usize) -> Bytes {
    // A first byte with which nothing reads as a message.
    let mut bytes = vec![0xff; BYTES];
    bytes[1..9].copy_from_slice(&(number as u64).to_be_bytes());
    bytes.into()
}

async fn frame_back(node: &mut Node) {
    while !matches!(next(&mut node.events).await, Event::Frame { .. }) {}
}

async fn gossip_back(node: &mut Node) {
    loop {
        if let Event::Gossip { id, .. } = next(&mut node.events).await {
            return node.handle.gossip_verdict(id, true);
        }
    }
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: usize| times[times.len() * part / 100].as_secs_f64() * 1e6;
    println!(
        "{what}: round trip p50 {:.0} µs, p99 {:.0} µs; one way about {:.0} µs",
        at(50),
        at(99),
        at(50) / 2.0
    );
}

async fn measure(name: &str, quic: bool, pause: Duration) {
    let (mut alice, mut bob) = (node(1, quic).await, node(2, quic).await);
    let (a, b) = (alice.handle.local_peer(), bob.handle.local_peer());
    alice.handle.subscribe(TOPIC.to_owned());
    bob.handle.subscribe(TOPIC.to_owned());
    alice.handle.set_peer(b, bob.addrs.clone(), true);
    bob.handle.set_peer(a, Vec::new(), true);
    up(&mut alice).await;
    up(&mut bob).await;
    let echo = tokio::spawn(echo(bob, a));
    // Both know by now that the other follows the topic.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let rounds = if pause.is_zero() { ROUNDS } else { 200 };
    let (mut frames, mut messages) = (Vec::new(), Vec::new());
    for number in 0..rounds {
        tokio::time::sleep(pause).await;
        let start = Instant::now();
        alice.handle.send(b, payload(number)).unwrap();
        frame_back(&mut alice).await;
        frames.push(start.elapsed());
    }
    for number in 0..rounds {
        tokio::time::sleep(pause).await;
        let start = Instant::now();
        alice.handle.publish(TOPIC.to_owned(), payload(number)).unwrap();
        gossip_back(&mut alice).await;
        messages.push(start.elapsed());
    }
    report(&format!("{name} stream"), frames);
    report(&format!("{name} gossip"), messages);
    echo.abort();
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    for (name, quic) in [("TCP", false), ("QUIC", true)] {
        measure(&format!("{name}, one after the other,"), quic, Duration::ZERO).await;
        measure(&format!("{name}, every 10 ms,"), quic, Duration::from_millis(10)).await;
    }
}
