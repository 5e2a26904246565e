//! Gossip: the two silent cliffs of gossipsub, strangers, forwarding.

use super::{LIMIT, Node, befriend, config, tcp};
use crate::{
    Config, Event, PublishError,
    gossip::{Gossip, gossip, gossip_remembering, message_hash},
    known_only::KnownOnly,
    protocol,
    transport::{self, Transports},
};
use futures::{StreamExt as _, future::Either as Side};
use libp2p::{
    Multiaddr, Swarm,
    bytes::Bytes,
    gossipsub::{self, IdentTopic},
    swarm::{NetworkBehaviour, SwarmEvent},
};
use std::time::Duration;

const TCP: Transports = Transports { tcp: true, quic: false };
const QUIC: Transports = Transports { tcp: false, quic: true };

pub(super) fn swarm<B: NetworkBehaviour>(seed: u8, behaviour: B) -> Swarm<B> {
    swarm_over(TCP, seed, behaviour)
}

fn swarm_over<B: NetworkBehaviour>(transports: Transports, seed: u8, behaviour: B) -> Swarm<B> {
    let key = transport::keypair(&mut [seed; 32]).unwrap();
    let built = transport::transport(&key, transports).unwrap();
    Swarm::new(built, behaviour, key.public().to_peer_id(), transport::swarm_config())
}

pub(super) async fn listen<B: NetworkBehaviour>(swarm: &mut Swarm<B>) -> Multiaddr {
    let tcp = swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap());
    if tcp.is_err() {
        swarm.listen_on("/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()).unwrap();
    }
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            return address;
        }
    }
}

/// Drives two swarms until `see` is satisfied by an event of either, or `time` is over; returns whether it was.
pub(super) async fn drive<A: NetworkBehaviour, B: NetworkBehaviour>(
    time: Duration,
    left: &mut Swarm<A>,
    right: &mut Swarm<B>,
    mut see: impl FnMut(Side<SwarmEvent<A::ToSwarm>, SwarmEvent<B::ToSwarm>>) -> bool,
) -> bool {
    let end = tokio::time::sleep(time);
    tokio::pin!(end);
    loop {
        let event = tokio::select! {
            event = left.select_next_some() => Side::Left(event),
            event = right.select_next_some() => Side::Right(event),
            () = &mut end => return false,
        };
        if see(event) {
            return true;
        }
    }
}

fn topic(number: usize) -> IdentTopic {
    IdentTopic::new(format!("{number:064x}"))
}

/// How many of alice's topics bob sees. Stops early when he sees all.
async fn seen<A, S>(mut alice: Swarm<A>, subscribe: S, before: usize, after: usize, wait: Duration) -> usize
where
    A: NetworkBehaviour,
    S: Fn(&mut A, &IdentTopic),
{
    let mut bob = swarm(2, gossip().unwrap());
    for number in 0..before {
        subscribe(alice.behaviour_mut(), &topic(number));
    }
    let addr = listen(&mut alice).await;
    bob.dial(addr).unwrap();
    assert!(
        drive(LIMIT, &mut alice, &mut bob, |event| matches!(
            event,
            Side::Right(SwarmEvent::ConnectionEstablished { .. })
        ))
        .await
    );
    let mut count = 0;
    for (target, topics) in [(before, before..before), (before + after, before..before + after)] {
        for number in topics {
            subscribe(alice.behaviour_mut(), &topic(number));
        }
        // For a stranger the full time passes, or this would prove nothing.
        let complete = count >= target;
        drive(if complete { Duration::ZERO } else { wait }, &mut alice, &mut bob, |event| {
            if let Side::Right(SwarmEvent::Behaviour(gossipsub::Event::Subscribed { .. })) = event {
                count += 1;
            }
            count >= target
        })
        .await;
    }
    count
}

fn subscribe(gossip: &mut Gossip, topic: &IdentTopic) {
    gossip.subscribe(topic).unwrap();
}

#[tokio::test]
async fn a_stranger_sees_no_topic_neither_old_nor_new() {
    let wrapped = swarm(1, KnownOnly::new(gossip().unwrap()));
    let wait = Duration::from_secs(1);
    let hidden = seen(wrapped, |known, topic| subscribe(known.inner_mut(), topic), 3, 2, wait).await;
    assert_eq!(hidden, 0, "the stranger sees topics");
    // The same measurement sees all five without the wrapper, and for a peer that is allowed.
    assert_eq!(seen(swarm(1, gossip().unwrap()), subscribe, 3, 2, LIMIT).await, 5);
    let mut allowed = swarm(1, KnownOnly::new(gossip().unwrap()));
    let bob = transport::keypair(&mut [2; 32]).unwrap().public().to_peer_id();
    allowed.behaviour_mut().set_allowed(bob, true);
    assert_eq!(seen(allowed, |known, topic| subscribe(known.inner_mut(), topic), 3, 2, LIMIT).await, 5);
}

#[tokio::test]
async fn a_hundred_and_one_topics_are_seen() {
    assert_eq!(seen(swarm(1, gossip().unwrap()), subscribe, 101, 1, LIMIT).await, 102);
}

#[tokio::test]
async fn a_thousand_topics_are_seen() {
    assert_eq!(seen(swarm(1, gossip().unwrap()), subscribe, 1_000, 0, LIMIT).await, 1_000);
}

#[tokio::test]
async fn several_thousand_topics_are_seen() {
    assert_eq!(seen(swarm(1, gossip().unwrap()), subscribe, 3_000, 1, LIMIT).await, 3_001);
}

#[tokio::test]
async fn a_burst_of_large_messages_leaves_the_connection_alive() {
    burst(TCP).await;
}

#[tokio::test]
async fn a_burst_over_quic_leaves_the_connection_alive() {
    burst(QUIC).await;
}

async fn burst(transports: Transports) {
    let mut alice = swarm_over(transports, 1, gossip().unwrap());
    let mut bob = swarm_over(transports, 2, gossip().unwrap());
    subscribe(alice.behaviour_mut(), &topic(0));
    subscribe(bob.behaviour_mut(), &topic(0));
    let addr = listen(&mut alice).await;
    bob.dial(addr).unwrap();
    let subscribed = drive(LIMIT, &mut alice, &mut bob, |event| {
        matches!(event, Side::Left(SwarmEvent::Behaviour(gossipsub::Event::Subscribed { .. })))
    });
    assert!(subscribed.await, "the two never met");
    // 60,000 bytes is above the cliff of the default settings; then small ones, to see that bob still hears.
    let sizes = std::iter::repeat_n(60_000, 20).chain(std::iter::repeat_n(64, 20));
    for (number, size) in sizes.enumerate() {
        let data = vec![u8::try_from(number).unwrap(); size];
        alice.behaviour_mut().publish(topic(0), data).unwrap();
    }
    let mut heard = 0;
    let all = drive(LIMIT, &mut alice, &mut bob, |event| {
        if let Side::Right(SwarmEvent::Behaviour(gossipsub::Event::Message { .. })) = event {
            heard += 1;
        }
        heard == 40
    });
    assert!(all.await, "bob heard {heard} of 40");
}

#[tokio::test]
async fn a_message_above_the_cap_is_refused() {
    let alice = Node::start(tcp(1)).await;
    let data = Bytes::from(vec![0; 33 * 1024]);
    assert_eq!(alice.handle.publish("room".into(), data), Err(PublishError::TooLarge));
    let fits = Bytes::from(vec![0; protocol::GOSSIP_MESSAGE]);
    assert_eq!(alice.handle.publish("room".into(), fits), Ok(()));
}

#[tokio::test]
async fn a_copy_that_comes_after_the_cache_forgot_it_has_the_same_id() {
    let remembering = || gossip_remembering(Duration::from_millis(500)).unwrap();
    let (mut alice, mut bob) = (swarm(1, remembering()), swarm(2, remembering()));
    subscribe(alice.behaviour_mut(), &topic(0));
    subscribe(bob.behaviour_mut(), &topic(0));
    let addr = listen(&mut alice).await;
    bob.dial(addr).unwrap();
    let subscribed = drive(LIMIT, &mut alice, &mut bob, |event| {
        matches!(event, Side::Left(SwarmEvent::Behaviour(gossipsub::Event::Subscribed { .. })))
    });
    assert!(subscribed.await, "the two never met");
    let mut ids = Vec::new();
    for round in 0..2 {
        // The cache drops what is old when something new comes.
        alice.behaviour_mut().publish(topic(0), vec![round]).unwrap();
        alice.behaviour_mut().publish(topic(0), b"once".to_vec()).unwrap();
        let again = alice.behaviour_mut().publish(topic(0), b"once".to_vec());
        assert!(matches!(again, Err(gossipsub::PublishError::Duplicate)), "{again:?}");
        drive(Duration::from_secs(1), &mut alice, &mut bob, |event| {
            if let Side::Right(SwarmEvent::Behaviour(gossipsub::Event::Message {
                message, message_id, ..
            })) = event
                && message.data == b"once"
            {
                ids.push(message_id);
            }
            false
        })
        .await;
    }
    let id = gossipsub::MessageId::new(&message_hash(b"once"));
    assert_eq!(ids, [id.clone(), id], "each was heard once, under the id by which the owner knows it");
}

#[tokio::test]
async fn a_message_above_the_cap_is_not_delivered_and_the_next_one_is() {
    let mut alice = Node::start(tcp(1)).await;
    alice.handle.subscribe("room".into());
    let mut mallory = swarm(2, gossip().unwrap());
    let (peer, room) = (*mallory.local_peer_id(), IdentTopic::new("room"));
    subscribe(mallory.behaviour_mut(), &room);
    let addr = listen(&mut mallory).await;
    alice.handle.set_peer(peer, vec![addr], true);
    let sends = async {
        loop {
            if let SwarmEvent::Behaviour(gossipsub::Event::Subscribed { .. }) =
                mallory.select_next_some().await
            {
                break;
            }
        }
        for len in [protocol::GOSSIP_MESSAGE + 1, 60_000, protocol::GOSSIP_MESSAGE] {
            mallory.behaviour_mut().publish(room.clone(), vec![3; len]).unwrap();
        }
        loop {
            mallory.select_next_some().await;
        }
    };
    let heard = alice.until("gossip", |event| match event {
        Event::Gossip { data, .. } => Some(data.len()),
        _ => None,
    });
    tokio::select! {
        heard = heard => assert_eq!(heard, protocol::GOSSIP_MESSAGE),
        () = sends => unreachable!("sends for ever"),
    }
}

/// Publishes ever new messages until `to` hears one, and answers with its bytes and its verdict.
pub(super) async fn tell(from: &Node, to: &mut Node, verdict: bool) -> Bytes {
    for number in 0..200_u32 {
        let data = [b"news ".as_slice(), &number.to_be_bytes()].concat();
        from.handle.publish("room".into(), data.into()).unwrap();
        for event in to.during(Duration::from_millis(200)).await {
            if let Event::Gossip { topic, data, id, from: hop } = event {
                assert_eq!((topic.as_str(), hop), ("room", from.peer()));
                assert_eq!(id.hash(), message_hash(&data));
                to.handle.gossip_verdict(id, verdict);
                return data;
            }
        }
    }
    panic!("nothing was heard");
}

#[tokio::test]
async fn only_approved_messages_travel_on() {
    // Alice and carol both know bob, and not each other.
    let mut alice = Node::start(tcp(1)).await;
    let mut bob = Node::start(tcp(2)).await;
    let mut carol = Node::start(tcp(3)).await;
    for node in [&alice, &bob, &carol] {
        node.handle.subscribe("room".into());
    }
    befriend(&alice, &bob);
    befriend(&carol, &bob);
    alice.up(bob.peer()).await;
    carol.up(bob.peer()).await;
    tell(&carol, &mut bob, false).await;
    let refused = tell(&alice, &mut bob, false).await;
    let approved = tell(&alice, &mut bob, true).await;
    let heard = carol
        .until("gossip", |event| match event {
            Event::Gossip { data, from, .. } => Some((data.clone(), *from)),
            _ => None,
        })
        .await;
    assert_eq!(heard, (approved, bob.peer()));
    assert_ne!(heard.0, refused);
    assert!(!alice.passed.iter().any(|event| matches!(event, Event::Gossip { .. })));
}

#[tokio::test]
async fn a_stranger_who_becomes_known_takes_part_in_gossip() {
    let (alice, mut bob) = (Node::start(config(1)).await, Node::start(config(2)).await);
    alice.handle.subscribe("room".into());
    bob.handle.subscribe("room".into());
    bob.handle.set_peer(alice.peer(), alice.addrs.clone(), true);
    // The connection stands: an exchange with the stranger proves it.
    let asked = bob.handle.contact(alice.peer(), Vec::new(), Bytes::from_static(b"who?"));
    let mut alice = alice;
    let answered = async {
        let reply = loop {
            if let Event::Contact { reply, .. } = alice.next("contact").await {
                break reply;
            }
        };
        reply.send(Bytes::from_static(b"me")).unwrap();
    };
    assert_eq!(tokio::join!(asked, answered).0.unwrap(), "me");
    alice.handle.set_peer(bob.peer(), bob.addrs.clone(), true);
    alice.up(bob.peer()).await;
    bob.up(alice.peer()).await;
    tell(&alice, &mut bob, true).await;
    tell(&bob, &mut alice, true).await;
}

#[tokio::test]
async fn a_known_peer_without_the_right_to_gossip_hears_nothing() {
    let (mut alice, mut bob) = (Node::start(tcp(1)).await, Node::start(tcp(2)).await);
    alice.handle.subscribe("room".into());
    bob.handle.subscribe("room".into());
    alice.handle.set_peer(bob.peer(), bob.addrs.clone(), false);
    bob.handle.set_peer(alice.peer(), alice.addrs.clone(), true);
    alice.up(bob.peer()).await;
    bob.up(alice.peer()).await;
    for number in 0..10_u8 {
        alice.handle.publish("room".into(), vec![number; 32].into()).unwrap();
        let heard = bob.during(Duration::from_millis(100)).await;
        assert!(!heard.iter().any(|event| matches!(event, Event::Gossip { .. })), "{heard:?}");
    }
    // With the right, the same two hear each other.
    alice.handle.set_peer(bob.peer(), bob.addrs.clone(), true);
    alice.down(bob.peer()).await;
    alice.up(bob.peer()).await;
    tell(&alice, &mut bob, true).await;
}

#[tokio::test]
async fn a_swarm_without_gossip_runs_beside_one_with_it() {
    let mut alice = Node::start(tcp(1)).await;
    let quiet = Config { gossip: false, listen: Vec::new(), ..tcp(2) };
    let (persona, _events) = crate::spawn(quiet).await.unwrap();
    persona.subscribe("room".into());
    persona.publish("room".into(), Bytes::from_static(b"unheard")).unwrap();
    let asked = persona.contact(alice.peer(), alice.addrs.clone(), Bytes::from_static(b"hello"));
    let answered = async {
        loop {
            if let Event::Contact { peer, frame, reply } = alice.next("contact").await {
                reply.send(frame).unwrap();
                break peer;
            }
        }
    };
    let (answer, from) = tokio::join!(asked, answered);
    assert_eq!((answer.unwrap(), from), (Bytes::from_static(b"hello"), persona.local_peer()));
}
