//! What a stranger's node sees of a real one over gossip: nothing, over each transport, also after having been known, and
//! also when there are many of them.

use super::{LIMIT, Node, befriend, config};
use crate::{
    Config,
    gossip::{Gossip, gossip},
    transport::{self, Transports},
};
use futures::StreamExt as _;
use libp2p::{
    Multiaddr, PeerId, Swarm,
    bytes::Bytes,
    gossipsub::{self, IdentTopic},
    swarm::SwarmEvent,
};
use std::{collections::BTreeSet, time::Duration};
use tokio::{sync::mpsc, time::Instant};

const BOTH: Transports = Transports { tcp: true, quic: true };
/// Time in which a peer that may see topics has seen them many times over.
const LONG: Duration = Duration::from_secs(1);
/// Fake peers; the limit for strangers lies above.
const FAKES: u16 = 500;

/// Somebody who speaks gossip and nothing else, as a curious person would: without any of our manners.
struct Mallory {
    swarm: Swarm<Gossip>,
    /// Topics of the other side since the last connection.
    seen: BTreeSet<String>,
    /// Messages that came.
    heard: usize,
    /// Connections that stand.
    connections: i32,
}

impl Mallory {
    fn new(seed: [u8; 32], which: Transports) -> Self {
        let key = transport::keypair(&mut seed.clone()).unwrap();
        let built = transport::transport(&key, which).unwrap();
        let peer = key.public().to_peer_id();
        let mut swarm = Swarm::new(built, gossip().unwrap(), peer, transport::swarm_config());
        for number in 0..4 {
            // Even the names are known.
            swarm.behaviour_mut().subscribe(&IdentTopic::new(room(number))).unwrap();
        }
        Self { swarm, seen: BTreeSet::new(), heard: 0, connections: 0 }
    }

    async fn listen(&mut self, addr: &str) -> Multiaddr {
        self.swarm.listen_on(addr.parse().unwrap()).unwrap();
        loop {
            if let SwarmEvent::NewListenAddr { address, .. } = self.swarm.select_next_some().await {
                return address;
            }
        }
    }

    fn take(&mut self, event: SwarmEvent<gossipsub::Event>) {
        match event {
            SwarmEvent::Behaviour(gossipsub::Event::Subscribed { topic, .. }) => {
                self.seen.insert(topic.into_string());
            }
            SwarmEvent::Behaviour(gossipsub::Event::Message { .. }) => self.heard += 1,
            SwarmEvent::ConnectionEstablished { .. } => {
                if self.connections == 0 {
                    self.seen.clear();
                }
                self.connections += 1;
            }
            SwarmEvent::ConnectionClosed { .. } => self.connections -= 1,
            _ => {}
        }
    }

    /// Lives until `done` holds, for at most `time`; answers whether it held.
    async fn live(&mut self, time: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = Instant::now() + time;
        while !done(self) {
            match tokio::time::timeout_at(end, self.swarm.select_next_some()).await {
                Ok(event) => self.take(event),
                Err(_) => return false,
            }
        }
        true
    }

    /// Dials until a connection stands.
    async fn reach(&mut self, addr: &Multiaddr) {
        let end = Instant::now() + LIMIT;
        while self.connections == 0 {
            assert!(Instant::now() < end, "{addr} is not reached");
            self.swarm.dial(addr.clone()).unwrap();
            let came = tokio::time::timeout_at(end, async {
                loop {
                    let event = self.swarm.select_next_some().await;
                    let ended = matches!(
                        event,
                        SwarmEvent::ConnectionEstablished { .. } | SwarmEvent::OutgoingConnectionError { .. }
                    );
                    self.take(event);
                    if ended {
                        return;
                    }
                }
            });
            came.await.unwrap();
        }
    }
}

fn room(number: usize) -> String {
    format!("room {number}")
}

/// Publishes something new in every room.
fn speak(alice: &Node, words: &str) {
    for number in 0..4 {
        let data = Bytes::from(format!("{words} in {number}"));
        alice.handle.publish(room(number), data).unwrap();
    }
}

async fn alone(which: Transports, listen: &str) {
    let config =
        Config { tcp: which.tcp, quic: which.quic, listen: vec![listen.parse().unwrap()], ..config(1) };
    let alice = Node::start(config).await;
    alice.handle.subscribe(room(0));
    let mut mallory = Mallory::new([2; 32], which);
    mallory.reach(&alice.addrs[0]).await;
    alice.handle.subscribe(room(1));
    speak(&alice, "secret");
    assert!(!mallory.live(LONG, |me| !me.seen.is_empty() || me.heard > 0).await, "{:?}", mallory.seen);
    assert_eq!(mallory.connections, 1, "the connection stood all the time");
}

#[tokio::test]
async fn a_node_tells_a_stranger_nothing_over_tcp() {
    alone(Transports { tcp: true, quic: false }, "/ip4/127.0.0.1/tcp/0").await;
}

#[tokio::test]
async fn a_node_tells_a_stranger_nothing_over_quic() {
    alone(Transports { tcp: false, quic: true }, "/ip4/127.0.0.1/udp/0/quic-v1").await;
}

async fn known_for_a_while(listen: &str) {
    let mut alice = Node::start(config(1)).await;
    let mut mallory = Mallory::new([2; 32], BOTH);
    let (peer, addr) = (*mallory.swarm.local_peer_id(), mallory.listen(listen).await);
    alice.handle.subscribe(room(0));
    mallory.reach(&alice.addrs[0]).await;
    assert!(!mallory.live(LONG, |me| !me.seen.is_empty()).await, "a stranger sees {:?}", mallory.seen);

    // Known: told everything, of before and of now, and hears what is said.
    alice.handle.set_peer(peer, vec![addr.clone()], true);
    let first = BTreeSet::from([room(0)]);
    assert!(mallory.live(LIMIT, |me| me.seen == first).await, "{:?}", mallory.seen);
    alice.handle.subscribe(room(1));
    let both = BTreeSet::from([room(0), room(1)]);
    assert!(mallory.live(LIMIT, |me| me.seen == both).await, "{:?}", mallory.seen);
    let mut words = 0;
    while !mallory.live(Duration::from_millis(200), |me| me.heard > 0).await {
        words += 1;
        assert!(words < 200, "nothing was heard");
        speak(&alice, &format!("welcome {words}"));
    }

    // A stranger again: the connection ends, and a new one shows neither old nor new topics.
    alice.handle.forget_peer(peer);
    assert!(mallory.live(LIMIT, |me| me.connections == 0).await, "the old connection stands");
    mallory.heard = 0;
    mallory.reach(&alice.addrs[0]).await;
    alice.handle.subscribe(room(2));
    speak(&alice, "secret");
    assert!(!mallory.live(LONG, |me| !me.seen.is_empty() || me.heard > 0).await, "{:?}", mallory.seen);
    assert!(mallory.connections > 0, "the connection stood");

    // And once more known, as if nothing had been.
    alice.handle.set_peer(peer, vec![addr], true);
    let all = BTreeSet::from([room(0), room(1), room(2)]);
    assert!(mallory.live(LIMIT, |me| me.seen == all).await, "{:?}", mallory.seen);
    assert!(alice.during(Duration::ZERO).await.len() < 1_000);
}

#[tokio::test]
async fn topics_are_told_only_while_a_peer_is_known_over_tcp() {
    known_for_a_while("/ip4/127.0.0.1/tcp/0").await;
}

#[tokio::test]
async fn topics_are_told_only_while_a_peer_is_known_over_quic() {
    known_for_a_while("/ip4/127.0.0.1/udp/0/quic-v1").await;
}

/// A fake peer that stays connected until it is told to stop; answers what it saw and heard.
async fn fake(
    number: u16,
    addr: Multiaddr,
    there: mpsc::Sender<PeerId>,
    mut stop: mpsc::Receiver<()>,
) -> Mallory {
    let mut seed = [9; 32];
    seed[..2].copy_from_slice(&number.to_be_bytes());
    let mut mallory = Mallory::new(seed, Transports { tcp: true, quic: false });
    mallory.reach(&addr).await;
    there.send(*mallory.swarm.local_peer_id()).await.unwrap();
    loop {
        tokio::select! {
            event = mallory.swarm.select_next_some() => mallory.take(event),
            _ = stop.recv() => return mallory,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_fake_peers_learn_nothing_and_crowd_no_friend_out() {
    let mut alice = Node::start(config(1)).await;
    alice.handle.subscribe(room(0));
    let tcp = alice.addrs.iter().find(|addr| addr.to_string().contains("/tcp/")).unwrap().clone();
    let (there, mut arrivals) = mpsc::channel(usize::from(FAKES));
    let (stops, fakes): (Vec<_>, Vec<_>) = (0..FAKES)
        .map(|number| {
            let (stop, stopped) = mpsc::channel::<()>(1);
            (stop, tokio::spawn(fake(number, tcp.clone(), there.clone(), stopped)))
        })
        .unzip();
    let mut peers = BTreeSet::new();
    while peers.len() < usize::from(FAKES) {
        peers.insert(tokio::time::timeout(LIMIT, arrivals.recv()).await.unwrap().unwrap());
    }

    // A friend comes late, and both speak on stream and gossip as if they were alone.
    let mut bob = Node::start(config(2)).await;
    bob.handle.subscribe(room(0));
    befriend(&alice, &bob);
    alice.up(bob.peer()).await;
    bob.up(alice.peer()).await;
    alice.handle.send(bob.peer(), Bytes::from_static(b"through the crowd")).unwrap();
    assert_eq!(bob.frame(alice.peer()).await, "through the crowd");
    let mut heard = false;
    for number in 0..200 {
        alice.handle.publish(room(0), Bytes::from(format!("to friends {number}"))).unwrap();
        let events = bob.during(Duration::from_millis(200)).await;
        heard = events.iter().any(|event| matches!(event, crate::Event::Gossip { .. }));
        if heard {
            break;
        }
    }
    assert!(heard, "the friend hears nothing");

    drop(stops);
    for fake in fakes {
        let fake = fake.await.unwrap();
        assert_eq!((fake.seen.len(), fake.heard), (0, 0));
        assert_eq!(fake.connections, 1, "a fake peer that was thrown out proves nothing");
    }
}
