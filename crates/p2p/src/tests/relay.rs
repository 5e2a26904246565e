//! The relay keeper, against a relay that sends every frame back.

use super::{Node, tcp};
use crate::{
    Event, RelayError, SendError,
    frame::{read_frame, write_frame},
    protocol,
    queue::QUEUE_BYTES,
    streams,
    transport::{self, Transports},
};
use futures::{AsyncWriteExt as _, StreamExt as _};
use libp2p::{Multiaddr, PeerId, Stream, Swarm, bytes::Bytes, multiaddr::Protocol, swarm::SwarmEvent};
use tokio::task::{JoinHandle, JoinSet};

async fn echo(mut stream: Stream) {
    while let Ok(Some(frame)) = read_frame(&mut stream, protocol::RELAY_FRAME).await {
        if write_frame(&mut stream, &frame, protocol::RELAY_FRAME).await.is_err()
            || stream.flush().await.is_err()
        {
            return;
        }
    }
}

/// A tiny relay on loopback, made of the pieces that the relay server shares.
async fn relay(seed: u8, port: u16) -> (u16, PeerId, JoinHandle<()>) {
    let key = transport::keypair(&mut [seed; 32]).unwrap();
    let built = transport::transport(&key, Transports { tcp: true, quic: false }).unwrap();
    let behaviour = streams::Behaviour::new(vec![protocol::RELAY], Vec::new());
    let peer = key.public().to_peer_id();
    let mut swarm = Swarm::new(built, behaviour, peer, transport::swarm_config());
    swarm.listen_on(format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()).unwrap();
    let port = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
            break crate::address::port(&address).unwrap();
        }
    };
    let task = tokio::spawn(async move {
        let mut echoes = JoinSet::new();
        loop {
            if let SwarmEvent::Behaviour(streams::Event::Inbound { stream, .. }) =
                swarm.select_next_some().await
            {
                echoes.spawn(echo(stream));
            }
        }
    });
    (port, peer, task)
}

async fn relay_up(node: &mut Node, relay: PeerId) -> Multiaddr {
    node.until("relay up", |event| match event {
        Event::RelayUp { relay: up, addr } if *up == relay => Some(addr.clone()),
        _ => None,
    })
    .await
}

async fn echoed(node: &mut Node, relay: PeerId, frame: Bytes) {
    node.handle.relay_send(relay, frame.clone()).unwrap();
    let back = node
        .until("relay frame", |event| match event {
            Event::RelayFrame { relay: from, frame } if *from == relay => Some(frame.clone()),
            _ => None,
        })
        .await;
    assert_eq!(back, frame);
}

#[tokio::test]
async fn the_stream_to_a_relay_comes_back_after_its_restart() {
    let (port, peer, server) = relay(9, 0).await;
    let mut alice = Node::start(tcp(1)).await;
    // The name is resolved by us, not by libp2p.
    let addr: Multiaddr = format!("/dns4/localhost/tcp/{port}").parse().unwrap();
    assert!(matches!(alice.handle.set_relay(addr.clone()), Err(RelayError::Address(_))));
    assert_eq!(alice.handle.set_relay(addr.with(Protocol::P2p(peer))).unwrap(), peer);
    assert_eq!(relay_up(&mut alice, peer).await, format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap());
    echoed(&mut alice, peer, Bytes::from_static(b"first")).await;
    echoed(&mut alice, peer, Bytes::from(vec![3; protocol::RELAY_FRAME])).await;
    let large = Bytes::from(vec![3; protocol::RELAY_FRAME + 1]);
    assert_eq!(alice.handle.relay_send(peer, large), Err(SendError::TooLarge));

    server.abort();
    alice.until("relay down", |event| matches!(event, Event::RelayDown { .. }).then_some(())).await;
    assert_eq!(alice.handle.relay_send(peer, Bytes::from_static(b"x")), Err(SendError::NotConnected));
    // One attempt at least fails while nobody is there.
    alice.until("failed attempt", |event| matches!(event, Event::RelayDown { .. }).then_some(())).await;
    let (again, same, server) = relay(9, port).await;
    assert_eq!((again, same), (port, peer));
    relay_up(&mut alice, peer).await;
    echoed(&mut alice, peer, Bytes::from_static(b"second")).await;
    server.abort();
}

#[tokio::test]
async fn a_forgotten_relay_is_closed_and_redial_cuts_the_wait_short() {
    let (port, peer, server) = relay(9, 0).await;
    server.abort();
    let gone = server.await;
    assert!(gone.unwrap_err().is_cancelled());
    let mut alice = Node::start(tcp(1)).await;
    let addr: Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}/p2p/{peer}").parse().unwrap();
    alice.handle.set_relay(addr).unwrap();
    // After four failures the next attempt is four seconds away or more.
    for _ in 0..4 {
        alice.until("failed attempt", |event| matches!(event, Event::RelayDown { .. }).then_some(())).await;
    }
    let (_, _, server) = relay(9, port).await;
    let start = std::time::Instant::now();
    alice.handle.redial();
    relay_up(&mut alice, peer).await;
    assert!(start.elapsed().as_secs() < 2, "redial waited {:?}", start.elapsed());
    echoed(&mut alice, peer, Bytes::from_static(b"hello")).await;
    alice.handle.forget_relay(peer);
    alice.until("relay down", |event| matches!(event, Event::RelayDown { .. }).then_some(())).await;
    assert_eq!(alice.handle.relay_send(peer, Bytes::from_static(b"x")), Err(SendError::NotConnected));
    server.abort();
}

#[tokio::test]
async fn a_reconnect_and_a_restart_bring_the_stream_to_a_relay_back_at_once() {
    let (port, peer, server) = relay(9, 0).await;
    let mut alice = Node::start(tcp(1)).await;
    alice.handle.set_relay(format!("/ip4/127.0.0.1/tcp/{port}/p2p/{peer}").parse().unwrap()).unwrap();
    relay_up(&mut alice, peer).await;
    assert_eq!(alice.handle.relay_free_bytes(peer), Some(QUEUE_BYTES));
    for asleep in [true, false] {
        let start = std::time::Instant::now();
        if asleep {
            alice.handle.reconnect();
        } else {
            alice.handle.restart_relay(peer);
        }
        alice.until("relay down", |event| matches!(event, Event::RelayDown { .. }).then_some(())).await;
        relay_up(&mut alice, peer).await;
        assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
        echoed(&mut alice, peer, Bytes::from_static(b"again")).await;
    }
    server.abort();
}
