//! Contact and link streams, mostly between strangers.

use super::{Node, config, friends, tcp};
use crate::{ContactError, Event, OpenError, protocol};
use libp2p::{PeerId, bytes::Bytes};
use std::{collections::VecDeque, time::Duration};

/// Answers every contact request by its own frame, and counts them; runs until the node is shut down.
fn echo(node: Node) -> tokio::task::JoinHandle<VecDeque<usize>> {
    tokio::spawn(async move {
        let Node { handle: _keeps_the_swarm, mut events, .. } = node;
        let mut lengths = VecDeque::new();
        while let Some(event) = events.recv().await {
            if let Event::Contact { frame, reply, .. } = event {
                lengths.push_back(frame.len());
                // The asker may have given up; then the length is all we want.
                let _gone = reply.send(frame);
            }
        }
        lengths
    })
}

#[tokio::test]
async fn strangers_ask_and_answer() {
    let (alice, bob) = (Node::start(config(1)).await, Node::start(config(2)).await);
    let (peer, addrs, handle) = (alice.peer(), alice.addrs.clone(), alice.handle.clone());
    let echo = echo(alice);
    for question in ["one", "two", "three"] {
        // The second and third find the connection that stands.
        let addrs = if question == "one" { addrs.clone() } else { Vec::new() };
        let answer = bob.handle.contact(peer, addrs, Bytes::from(question)).await.unwrap();
        assert_eq!(answer, question);
    }
    handle.shutdown().await;
    assert_eq!(echo.await.unwrap(), [3, 3, 5]);
}

#[tokio::test]
async fn a_stranger_has_a_bucket_and_a_friend_the_whole_frame() {
    let (alice, mallory) = (Node::start(tcp(1)).await, Node::start(tcp(2)).await);
    let (peer, addrs, handle) = (alice.peer(), alice.addrs.clone(), alice.handle.clone());
    let echo_alice = echo(alice);
    let frame = |len: usize| Bytes::from(vec![7; len]);
    let ask = |len| mallory.handle.contact(peer, addrs.clone(), frame(len));
    let fits = ask(protocol::CONTACT_FRAME_STRANGER).await.unwrap();
    assert_eq!(fits.len(), protocol::CONTACT_FRAME_STRANGER);
    let refused = ask(protocol::CONTACT_FRAME_STRANGER + 1).await.unwrap_err();
    assert!(matches!(refused, ContactError::NoAnswer | ContactError::Frame(_)), "{refused}");
    handle.shutdown().await;
    assert_eq!(echo_alice.await.unwrap(), [protocol::CONTACT_FRAME_STRANGER], "the owner saw only what fits");

    let (alice, bob) = friends(tcp(3), tcp(4)).await;
    let peer = alice.peer();
    let echo_friend = echo(alice);
    let whole = bob.handle.contact(peer, Vec::new(), frame(protocol::CONTACT_FRAME)).await.unwrap();
    assert_eq!(whole.len(), protocol::CONTACT_FRAME);
    echo_friend.abort();
}

#[tokio::test]
async fn the_eleventh_frame_of_a_minute_is_refused() {
    let (alice, mallory) = (Node::start(tcp(1)).await, Node::start(tcp(2)).await);
    let (peer, addrs, handle) = (alice.peer(), alice.addrs.clone(), alice.handle.clone());
    let echo = echo(alice);
    let mut answers = 0;
    for _ in 0..12 {
        answers += usize::from(
            mallory.handle.contact(peer, addrs.clone(), Bytes::from_static(b"let me in")).await.is_ok(),
        );
    }
    assert_eq!(answers, 10);
    assert_eq!(handle.counts().streams_refused, 2);
    handle.shutdown().await;
    assert_eq!(echo.await.unwrap().len(), 10);
}

#[tokio::test]
async fn no_answer_and_no_peer_are_told_apart() {
    let (mut alice, bob) = (Node::start(tcp(1)).await, Node::start(tcp(2)).await);
    let asked = bob.handle.contact(alice.peer(), alice.addrs.clone(), Bytes::from_static(b"?"));
    let ignored = async {
        loop {
            if let Event::Contact { reply, .. } = alice.next("contact").await {
                return drop(reply);
            }
        }
    };
    let error = tokio::join!(asked, ignored).0.unwrap_err();
    assert!(matches!(error, ContactError::NoAnswer | ContactError::Frame(_)), "{error}");

    let nobody = bob.handle.contact(PeerId::random(), alice.addrs.clone(), Bytes::from_static(b"?")).await;
    assert!(matches!(nobody, Err(ContactError::Open(OpenError::Unreachable(_)))), "{nobody:?}");
    let nowhere = bob.handle.contact(PeerId::random(), Vec::new(), Bytes::from_static(b"?")).await;
    assert!(matches!(nowhere, Err(ContactError::Open(OpenError::Unreachable(_)))), "{nowhere:?}");
    bob.handle.clone().shutdown().await;
    let stopped = bob.handle.contact(alice.peer(), Vec::new(), Bytes::from_static(b"?")).await;
    assert!(matches!(stopped, Err(ContactError::Open(OpenError::Stopped))), "{stopped:?}");
}

#[tokio::test]
async fn link_streams_work_only_while_a_link_is_open() {
    let (mut alice, bob) = (Node::start(tcp(1)).await, Node::start(tcp(2)).await);
    let mut closed = bob.handle.link(alice.peer(), alice.addrs.clone()).await.unwrap();
    // The lazy negotiation tells of a refusal at the first read.
    closed.send(b"hello").await.unwrap();
    assert!(!matches!(closed.recv().await, Ok(Some(_))));
    assert_eq!(alice.handle.counts().streams_refused, 1);

    alice.handle.set_linking(true);
    // A wish is carried out by the swarm task; a moment later at the latest.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let mut new = bob.handle.link(alice.peer(), Vec::new()).await.unwrap();
    new.send(b"hello").await.unwrap();
    let mut old = loop {
        if let Event::Link { peer, stream } = alice.next("link").await {
            assert_eq!(peer, bob.peer());
            break stream;
        }
    };
    assert_eq!(old.recv().await.unwrap().unwrap(), "hello");
    let part = vec![5; protocol::LINK_FRAME];
    old.send(&part).await.unwrap();
    assert_eq!(new.recv().await.unwrap().unwrap(), part);
    assert!(old.send(&vec![5; protocol::LINK_FRAME + 1]).await.is_err());
    old.close().await.unwrap();
    assert!(new.recv().await.unwrap().is_none());
}
