//! Peers that do not keep to the beginning of a sync stream.

use super::{Node, tcp};
use crate::{
    Event, Hello,
    frame::{read_frame, write_frame},
    hello::{check, encode},
    protocol, streams,
    transport::{self, Transports},
};
use futures::{AsyncWriteExt as _, StreamExt as _};
use libp2p::{PeerId, Stream, Swarm, bytes::Bytes, swarm::SwarmEvent};
use madang_wire::{Heads, Message as _, StreamBody, StreamFrame};
use std::time::Duration;
use tokio::{
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};

/// What a stranger of the protocol read on one stream until it ended.
type Read = Vec<Bytes>;

/// Writes `script` on a stream, and reads until its end.
async fn play(mut stream: Stream, script: Vec<Bytes>) -> Read {
    let mut read = Vec::new();
    for frame in script {
        if write_frame(&mut stream, &frame, protocol::SYNC_FRAME).await.is_err() {
            return read;
        }
    }
    // The other side may have closed already; what it wrote can still be read.
    let _gone = stream.flush().await;
    while let Ok(Some(frame)) = read_frame(&mut stream, protocol::SYNC_FRAME).await {
        read.push(frame);
    }
    read
}

/// Mallory answers each sync stream of alice by `script`. Returns what she read on each.
async fn mallory(alice: &Node, script: Vec<Bytes>) -> (PeerId, mpsc::Receiver<Read>, JoinHandle<()>) {
    let key = transport::keypair(&mut [99; 32]).unwrap();
    let built = transport::transport(&key, Transports { tcp: true, quic: false }).unwrap();
    let peer = key.public().to_peer_id();
    let behaviour = streams::Behaviour::new(vec![protocol::SYNC], Vec::new());
    let mut swarm = Swarm::new(built, behaviour, peer, transport::swarm_config());
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
    let addr = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            break address;
        }
    };
    alice.handle.set_peer(peer, vec![addr], false);
    let (sender, reads) = mpsc::channel(64);
    let task = tokio::spawn(async move {
        let mut plays = JoinSet::new();
        loop {
            tokio::select! {
                event = swarm.select_next_some() => {
                    if let SwarmEvent::Behaviour(streams::Event::Inbound { stream, .. }) = event {
                        plays.spawn(play(stream, script.clone()));
                    }
                }
                Some(read) = plays.join_next() => sender.send(read.unwrap()).await.unwrap(),
            }
        }
    });
    (peer, reads, task)
}

fn heads() -> Bytes {
    let heads = Heads { tag: vec![1; 16], ..Heads::default() };
    StreamFrame { id: 1, body: Some(StreamBody::Heads(heads)) }.encode_to_vec().into()
}

fn hello() -> Bytes {
    encode(&Hello { nonce: [5; 16], now: 1, features: Vec::new() }).into()
}

#[tokio::test]
async fn the_first_frame_of_a_stream_is_our_hello_and_nothing_stands_before_it() {
    let mut alice = Node::start(tcp(1)).await;
    let (peer, mut reads, task) = mallory(&alice, vec![hello()]).await;
    let nonce = alice
        .until("peer up", |event| match event {
            Event::PeerUp { nonce, opener, .. } => opener.then_some(*nonce),
            _ => None,
        })
        .await;
    assert_eq!(alice.frame(peer).await, hello());
    alice.handle.forget_peer(peer);
    let read = tokio::time::timeout(super::LIMIT, reads.recv()).await.unwrap().unwrap();
    assert_eq!(check(&read[0]), Ok(()));
    let decoded: StreamFrame = madang_wire::decode(&read[0]).unwrap();
    let Some(StreamBody::Hello(said)) = decoded.body else { panic!("{decoded:?}") };
    assert_eq!(said.nonce, nonce);
    task.abort();
}

#[tokio::test]
async fn nothing_is_delivered_before_a_hello() {
    let junk = Bytes::from_static(&[0xff; 20]);
    let old = StreamFrame { id: 0, body: Some(StreamBody::Hello(madang_wire::StreamHello::default())) };
    for first in [heads(), Bytes::new(), junk, old.encode_to_vec().into()] {
        let mut alice = Node::start(tcp(1)).await;
        let (_, mut reads, task) = mallory(&alice, vec![first, heads()]).await;
        // Alice gives the stream up by herself.
        tokio::time::timeout(super::LIMIT, reads.recv()).await.unwrap().unwrap();
        let events = alice.during(Duration::from_millis(200)).await;
        let told = |event: &Event| matches!(event, Event::PeerUp { .. } | Event::Frame { .. });
        assert!(!events.iter().any(told), "{events:?}");
        task.abort();
    }
}

#[tokio::test]
async fn a_version_that_is_none_is_told_so() {
    let alice = Node::start(tcp(1)).await;
    let old = StreamFrame { id: 0, body: Some(StreamBody::Hello(madang_wire::StreamHello::default())) };
    let (_, mut reads, task) = mallory(&alice, vec![old.encode_to_vec().into()]).await;
    let read = tokio::time::timeout(super::LIMIT, reads.recv()).await.unwrap().unwrap();
    let answer: StreamFrame = madang_wire::decode(&read[1]).unwrap();
    assert!(matches!(answer.body, Some(StreamBody::Err(error)) if error.code == "version"));
    task.abort();
}

#[tokio::test]
async fn a_second_hello_ends_the_stream() {
    let mut alice = Node::start(tcp(1)).await;
    let (peer, _reads, task) = mallory(&alice, vec![hello(), heads(), hello(), heads()]).await;
    alice.up(peer).await;
    assert_eq!(alice.frame(peer).await, heads());
    match alice.next("peer down").await {
        Event::PeerDown { peer: down } => assert_eq!(down, peer),
        other => panic!("{other:?}"),
    }
    task.abort();
}
