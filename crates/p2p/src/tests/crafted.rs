//! Control frames of gossip that nobody's node makes, from a known peer: what has brought other nodes down, and what is
//! meant to fill a memory. None may disturb the talk with others.

use super::{
    Node, befriend,
    gossip::{swarm, tell},
    tcp,
};
use crate::Event;
use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _, future};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::{
        Endpoint, UpgradeInfo,
        transport::PortUse,
        upgrade::{InboundUpgrade, OutboundUpgrade},
    },
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, OneShotHandler,
        StreamUpgradeError, SubstreamProtocol, SwarmEvent, THandler, THandlerInEvent, THandlerOutEvent,
        ToSwarm,
    },
};
use std::{
    collections::VecDeque,
    convert::Infallible,
    iter::{Once, once},
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::timeout;

const MESHSUB: StreamProtocol = StreamProtocol::new("/meshsub/1.2.0");
/// The heart of gossip beats every second, and looks at what it was told.
const THREE_BEATS: Duration = Duration::from_millis(3_200);
const TOPIC: &[u8] = b"room";

/// A stream for gossip, as it is: what is said on it is up to the test.
#[derive(Debug)]
enum Talk {
    /// Opened by the other side, to be read.
    Theirs(Stream),
    /// To write on.
    Ours(Stream),
}

#[derive(Debug, Clone, Copy)]
struct Bare;

impl UpgradeInfo for Bare {
    type Info = StreamProtocol;
    type InfoIter = Once<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        once(MESHSUB)
    }
}

impl InboundUpgrade<Stream> for Bare {
    type Output = Talk;
    type Error = Infallible;
    type Future = future::Ready<Result<Talk, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, _: StreamProtocol) -> Self::Future {
        future::ready(Ok(Talk::Theirs(stream)))
    }
}

impl OutboundUpgrade<Stream> for Bare {
    type Output = Talk;
    type Error = Infallible;
    type Future = future::Ready<Result<Talk, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, _: StreamProtocol) -> Self::Future {
        future::ready(Ok(Talk::Ours(stream)))
    }
}

type Handler = OneShotHandler<Bare, Bare, Talk>;

/// Opens one stream for gossip on every connection and answers with whatever is opened.
#[derive(Default)]
struct Crafter {
    waiting: VecDeque<ToSwarm<Talk, Bare>>,
}

impl NetworkBehaviour for Crafter {
    type ConnectionHandler = Handler;
    type ToSwarm = Talk;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(OneShotHandler::new(SubstreamProtocol::new(Bare, ()), Default::default()))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(OneShotHandler::new(SubstreamProtocol::new(Bare, ()), Default::default()))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ConnectionEstablished(established) = event {
            self.waiting.push_back(ToSwarm::NotifyHandler {
                peer_id: established.peer_id,
                handler: NotifyHandler::One(established.connection_id),
                event: Bare,
            });
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        let opened: Result<Talk, StreamUpgradeError<Infallible>> = event;
        self.waiting.push_back(ToSwarm::GenerateEvent(opened.expect("gossip is spoken with a known peer")));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Talk, THandlerInEvent<Self>>> {
        self.waiting.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

fn number(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

/// A field of a protobuf message that holds bytes.
fn field(tag: u64, bytes: &[u8]) -> Vec<u8> {
    [number(tag << 3 | 2), number(bytes.len() as u64), bytes.to_vec()].concat()
}

fn control(body: &[u8]) -> Vec<u8> {
    field(3, body)
}

fn prune(backoff: u64, peers: usize) -> Vec<u8> {
    let peer = field(2, &[field(1, &[7; 39]), field(2, &[9; 80])].concat());
    control(&field(4, &[field(1, TOPIC), peer.repeat(peers), number(3 << 3), number(backoff)].concat()))
}

/// So many different ids of 16 bytes, each in its field.
fn ids(tag: u64, count: u128) -> Vec<u8> {
    (0..count).flat_map(|id| field(tag, &id.to_be_bytes())).collect()
}

fn subscriptions(count: usize, length: usize) -> Vec<u8> {
    let one = |id: usize| [vec![1 << 3, 1], field(2, format!("{id:0length$}").as_bytes())].concat();
    (0..count).flat_map(|id| field(1, &one(id))).collect()
}

/// Bodies that are framed by their true length.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let ihave = |count| control(&field(1, &[field(1, TOPIC), ids(2, count)].concat()));
    let grafts: Vec<u8> =
        (0..5_000).flat_map(|id: u32| field(3, &field(1, format!("unknown {id}").as_bytes()))).collect();
    vec![
        ("nothing", Vec::new()),
        // Two of the four advisories of 2026: a pause that no clock can be set forward by.
        ("a pause without end", prune(u64::MAX, 0)),
        ("a pause of half of that", prune(u64::MAX / 2, 0)),
        ("the longest pause in signed seconds", prune(i64::MAX as u64, 0)),
        ("a pause of some 290,000 years", prune(u64::MAX / 2_000_000, 0)),
        ("no pause at all", prune(0, 0)),
        ("peers that are none", prune(60, 2_000)),
        ("a pause in a topic that nobody follows", control(&field(4, &field(1, &[0xff; 64])))),
        ("grafts into unknown topics", control(&grafts)),
        ("announcements of messages that there are not", ihave(50_000)),
        ("requests for messages that there are not", control(&field(2, &ids(1, 50_000)))),
        ("many messages that are not wanted", control(&field(5, &ids(1, 50_000)))),
        ("more topics than a peer may follow", subscriptions(20_000, 40)),
        ("topics with long names", subscriptions(200, 5_000)),
        ("a message without a topic", field(2, &field(2, &[1; 100]))),
        ("a signed message", field(2, &[field(1, &[3; 39]), field(2, b"x"), field(4, TOPIC)].concat())),
        ("a field that is cut short", vec![0x1a, 0x7f, 1, 2]),
        ("noise", (0..4_096_u32).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect()),
    ]
}

/// What goes over the wire.
fn frames() -> Vec<(&'static str, Vec<u8>)> {
    let framed = |body: Vec<u8>| [number(body.len() as u64), body].concat();
    let mut frames: Vec<_> = bodies().into_iter().map(|(name, body)| (name, framed(body))).collect();
    frames.push(("a length of 2^64 - 1", number(u64::MAX)));
    frames.push(("a length that does not end", vec![0xff; 64]));
    frames.push(("1 GiB announced", [number(1 << 30), vec![0; 10_000]].concat()));
    frames
}

/// Says one frame to a node on a stream for gossip, and listens on until the time is over.
async fn say(to: &Node, seed: u8, (name, frame): (&str, Vec<u8>)) {
    let mut crafter = swarm(seed, Crafter::default());
    to.handle.set_peer(*crafter.local_peer_id(), Vec::new(), true);
    crafter.dial(to.addrs[0].clone()).unwrap();
    let (mut theirs, mut said) = (Vec::new(), false);
    let listen = async {
        loop {
            match crafter.select_next_some().await {
                SwarmEvent::Behaviour(Talk::Theirs(mut stream)) => {
                    theirs.push(tokio::spawn(async move {
                        let mut heard = Vec::new();
                        drop(stream.read_to_end(&mut heard).await);
                    }));
                }
                SwarmEvent::Behaviour(Talk::Ours(mut stream)) => {
                    // First to follow the topic, so that what is said of it counts.
                    let follow = field(1, &[vec![1 << 3, 1], field(2, TOPIC)].concat());
                    let bytes = [number(follow.len() as u64), follow, frame.clone()].concat();
                    stream.write_all(&bytes).await.unwrap();
                    stream.flush().await.unwrap();
                    said = true;
                    theirs.push(tokio::spawn(async move {
                        let mut heard = Vec::new();
                        drop(stream.read_to_end(&mut heard).await);
                    }));
                }
                _ => {}
            }
        }
    };
    let _over: Result<(), _> = timeout(THREE_BEATS, listen).await;
    theirs.iter().for_each(tokio::task::JoinHandle::abort);
    assert!(said, "{name} was said");
}

#[tokio::test]
async fn no_crafted_frame_of_gossip_disturbs_the_talk_with_others() {
    let mut alice = Node::start(tcp(1)).await;
    let mut bob = Node::start(tcp(2)).await;
    alice.handle.subscribe("room".into());
    bob.handle.subscribe("room".into());
    befriend(&alice, &bob);
    alice.up(bob.peer()).await;
    bob.up(alice.peer()).await;
    tell(&alice, &mut bob, true).await;
    let all = (10_u8..).zip(frames()).map(|(seed, frame)| say(&alice, seed, frame));
    future::join_all(all).await;
    tell(&alice, &mut bob, true).await;
    tell(&bob, &mut alice, true).await;
    let lost = |event: &Event| matches!(event, Event::PeerDown { peer } if *peer == bob.peer());
    assert!(!alice.passed.iter().any(lost), "their connection stood all the time");
}
