//! Swarms of named people on loopback, in real time. Every wait is for an event, with a generous limit.

mod contact;
mod crafted;
mod gossip;
mod hello;
mod identify;
mod relay;
mod strangers;
mod sync;

use crate::hello::is_hello;
use crate::{
    Config, Event, Events, Handle, Hello, HelloSource, address::port, config::Timing, swarm::spawn_timed,
};
use libp2p::{Multiaddr, PeerId, bytes::Bytes};
use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};
use tokio::time::Instant;

/// A loaded machine may be slow; only a test that fails takes this long.
pub(crate) const LIMIT: Duration = Duration::from_secs(40);

/// One running swarm.
pub(crate) struct Node {
    pub(crate) handle: Handle,
    pub(crate) events: Events,
    pub(crate) addrs: Vec<Multiaddr>,
    /// Events that a wait has passed over.
    pub(crate) passed: VecDeque<Event>,
}

/// A config for loopback: TCP and QUIC, gossip, no mDNS.
pub(crate) fn config(seed: u8) -> Config {
    let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"];
    Config {
        secret: [seed; 32],
        listen: listen.iter().map(|addr| addr.parse().unwrap()).collect(),
        port: None,
        mdns: false,
        gossip: true,
        tcp: true,
        quic: true,
        hello: hello(),
    }
}

/// A new nonce for each stream; the time is of no use here.
pub(crate) fn hello() -> HelloSource {
    let number = AtomicU64::new(0);
    HelloSource::new(move || {
        let mut nonce = [7; 16];
        nonce[..8].copy_from_slice(&number.fetch_add(1, Relaxed).to_be_bytes());
        Hello { nonce, now: 0, features: Vec::new() }
    })
}

/// TCP alone: the quickest to start.
pub(crate) fn tcp(seed: u8) -> Config {
    Config { quic: false, ..config(seed) }
}

impl Node {
    pub(crate) async fn start(config: Config) -> Self {
        Self::start_timed(config, Timing::default()).await
    }

    pub(crate) async fn start_timed(config: Config, timing: Timing) -> Self {
        let carried = config.listen.iter().filter(|addr| config.transports().carry(addr)).count();
        let (handle, events) = spawn_timed(config, timing).unwrap();
        let mut node = Self { handle, events, addrs: Vec::new(), passed: VecDeque::new() };
        node.addrs = node
            .until("listen", |event| match event {
                Event::Listening { addrs } if addrs.len() == carried => Some(addrs.clone()),
                _ => None,
            })
            .await;
        node
    }

    pub(crate) fn peer(&self) -> PeerId {
        self.handle.local_peer()
    }

    pub(crate) fn port(&self) -> u16 {
        port(&self.addrs[0]).unwrap()
    }

    /// The next event, within the limit.
    pub(crate) async fn next(&mut self, what: &str) -> Event {
        self.next_by(Instant::now() + LIMIT, what).await
    }

    async fn next_by(&mut self, end: Instant, what: &str) -> Event {
        match tokio::time::timeout_at(end, self.events.recv()).await {
            Ok(Some(event)) => event,
            Ok(None) => panic!("swarm ended while waiting: {what}"),
            Err(_) => panic!("timed out waiting: {what}; passed over {:?}", self.passed),
        }
    }

    /// Waits until an event yields something; the events before it are kept in `passed`.
    pub(crate) async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        let end = Instant::now() + LIMIT;
        loop {
            let event = self.next_by(end, what).await;
            if let Some(found) = pick(&event) {
                return found;
            }
            self.passed.push_back(event);
        }
    }

    /// Waits until the stream with a peer is up, and takes its hello.
    pub(crate) async fn up(&mut self, peer: PeerId) -> Multiaddr {
        let addr = self
            .until("peer up", |event| match event {
                Event::PeerUp { peer: up, addr, .. } if *up == peer => Some(addr.clone()),
                _ => None,
            })
            .await;
        assert!(is_hello(&self.frame(peer).await));
        addr
    }

    pub(crate) async fn down(&mut self, peer: PeerId) {
        self.until("peer down", |event| {
            matches!(event, Event::PeerDown { peer: down } if *down == peer).then_some(())
        })
        .await;
    }

    pub(crate) async fn frame(&mut self, peer: PeerId) -> Bytes {
        self.until("frame", |event| match event {
            Event::Frame { peer: from, frame } if *from == peer => Some(frame.clone()),
            _ => None,
        })
        .await
    }

    /// All events that come within `time`.
    pub(crate) async fn during(&mut self, time: Duration) -> Vec<Event> {
        let mut seen = Vec::new();
        let end = Instant::now() + time;
        while let Ok(Some(event)) = tokio::time::timeout_at(end, self.events.recv()).await {
            seen.push(event);
            assert!(seen.len() < 10_000, "a storm of events: {:?}", &seen[seen.len() - 8..]);
        }
        seen
    }
}

/// Makes two nodes known to each other.
pub(crate) fn befriend(alice: &Node, bob: &Node) {
    alice.handle.set_peer(bob.peer(), bob.addrs.clone(), true);
    bob.handle.set_peer(alice.peer(), alice.addrs.clone(), true);
}

/// Two nodes known to each other with their sync stream up.
pub(crate) async fn friends(alice: Config, bob: Config) -> (Node, Node) {
    let (mut alice, mut bob) = (Node::start(alice).await, Node::start(bob).await);
    befriend(&alice, &bob);
    alice.up(bob.peer()).await;
    bob.up(alice.peer()).await;
    (alice, bob)
}

#[tokio::test]
async fn an_address_of_another_machine_is_refused_with_the_reason() {
    // Set aside for documentation: no machine has it.
    for listen in ["/ip4/192.0.2.1/tcp/0", "/ip4/192.0.2.1/udp/0/quic-v1"] {
        let refused =
            spawn_timed(Config { listen: vec![listen.parse().unwrap()], ..config(1) }, Timing::default());
        let Err(crate::StartError::Listen { address, reason }) = refused else { panic!("{listen}") };
        assert_eq!(address.to_string(), listen);
        assert!(reason.contains("assign requested address"), "{listen}: {reason:?}");
    }
}

#[tokio::test]
async fn why_a_peer_is_not_reached_is_said_once() {
    use libp2p::{core::transport::TransportError, swarm::DialError};

    let addr: Multiaddr = format!("/ip4/192.0.2.1/tcp/4001/p2p/{}", PeerId::random()).parse().unwrap();
    let refused = || std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "Connection refused");
    let wrapped = TransportError::Other(std::io::Error::other(refused()));
    let said = crate::transport::dial_failure(&DialError::Transport(vec![(addr, wrapped)]));
    assert_eq!(said, "/ip4/192.0.2.1/tcp/4001: Connection refused");
    assert_eq!(crate::transport::dial_failure(&DialError::NoAddresses), "Dial error: no addresses for peer.");
}

#[tokio::test]
async fn a_port_asked_for_is_not_shared_and_a_remembered_one_is_given_up() {
    let first = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let number = first.local_addr().unwrap().port();
    drop(first);
    let asked = |key: u8, port: u16| Config {
        listen: vec![format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()],
        port: Some(number),
        ..config(key)
    };
    let holds = spawn_timed(asked(1, number), Timing::default()).unwrap();
    let Err(crate::StartError::InUse { address, source }) = spawn_timed(asked(2, number), Timing::default())
    else {
        panic!("two listen on one port")
    };
    assert_eq!(address.to_string(), format!("/ip4/127.0.0.1/tcp/{number}"));
    assert_eq!(source.kind(), std::io::ErrorKind::AddrInUse);
    assert!(spawn_timed(asked(2, 0), Timing::default()).is_ok(), "any other port will do");
    drop(holds);
}
