//! Named streams: opens and accepts them on chosen connections.
//!
//! Owns: which protocols a peer may open towards us, and the hand-over of fresh streams to the swarm task.
//! Must not know: what runs on a stream.
//! Invariant: a negotiated inbound stream of an allowed protocol always reaches the swarm task: it travels as a
//! behaviour event, whose channel waits when it is full instead of dropping.

use futures::future::{Ready, ready};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::{Endpoint, InboundUpgrade, OutboundUpgrade, UpgradeInfo, transport::PortUse},
    swarm::{
        ConnectionClosed, ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId,
        FromSwarm, NetworkBehaviour, NotifyHandler, StreamUpgradeError, SubstreamProtocol, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm,
        handler::{ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    convert::Infallible,
    task::{Context, Poll},
};

/// Correlates [`Behaviour::open`] with its [`Event::Outbound`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Why a stream could not be opened on a live connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// The connection closed first.
    #[error("connection closed")]
    Closed,
    /// The peer does not offer this protocol to us.
    #[error("protocol refused")]
    Refused,
    /// The stream failed while it was negotiated.
    #[error("stream failed: {0}")]
    Failed(String),
}

/// What the behaviour reports.
#[derive(Debug)]
pub enum Event {
    /// The peer opened a stream.
    Inbound {
        /// Who opened it; proved by the handshake of the connection.
        peer: PeerId,
        /// The connection that carries it.
        connection: ConnectionId,
        /// The negotiated protocol.
        protocol: StreamProtocol,
        /// The stream; dropping it resets it.
        stream: Stream,
    },
    /// The answer to [`Behaviour::open`]. A stream may still turn out to be refused at its first read, because the
    /// negotiation is lazy.
    Outbound {
        /// What `open` returned.
        ticket: Ticket,
        /// The stream, or why there is none.
        result: Result<Stream, StreamError>,
    },
}

/// Network behaviour for named streams.
pub struct Behaviour {
    /// Protocols anybody may open.
    anybody: Vec<StreamProtocol>,
    /// Protocols known peers may open besides.
    known_only: Vec<StreamProtocol>,
    known: BTreeSet<PeerId>,
    next_ticket: u64,
    waiting: BTreeMap<Ticket, ConnectionId>,
    queue: VecDeque<ToSwarm<Event, Open>>,
}

impl Behaviour {
    /// Accepts the protocols `anybody` from every peer and `known_only` besides from the peers named by
    /// [`Behaviour::set_known`].
    #[must_use]
    pub fn new(anybody: Vec<StreamProtocol>, known_only: Vec<StreamProtocol>) -> Self {
        Self {
            anybody,
            known_only,
            known: BTreeSet::new(),
            next_ticket: 0,
            waiting: BTreeMap::new(),
            queue: VecDeque::new(),
        }
    }

    /// Makes a peer known or unknown, for connections made from now on.
    pub fn set_known(&mut self, peer: PeerId, known: bool) {
        if known {
            self.known.insert(peer);
        } else {
            self.known.remove(&peer);
        }
    }

    /// Opens a stream on one connection. The answer is an [`Event::Outbound`] with the returned ticket, always.
    pub fn open(&mut self, peer: PeerId, connection: ConnectionId, protocol: StreamProtocol) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.wrapping_add(1);
        self.waiting.insert(ticket, connection);
        self.queue.push_back(ToSwarm::NotifyHandler {
            peer_id: peer,
            handler: NotifyHandler::One(connection),
            event: Open { ticket, protocol },
        });
        ticket
    }

    fn handler(&self, peer: &PeerId) -> Handler {
        let mut accept = self.anybody.clone();
        if self.known.contains(peer) {
            accept.extend(self.known_only.iter().cloned());
        }
        Handler { accept, queue: VecDeque::new() }
    }

    fn on_closed(&mut self, connection: ConnectionId) {
        let lost: Vec<Ticket> =
            self.waiting.iter().filter(|(_, on)| **on == connection).map(|(ticket, _)| *ticket).collect();
        for ticket in lost {
            self.waiting.remove(&ticket);
            let result = Err(StreamError::Closed);
            self.queue.push_back(ToSwarm::GenerateEvent(Event::Outbound { ticket, result }));
        }
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Event;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(&peer))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(&peer))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) = event {
            self.on_closed(connection_id);
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        let event = match event {
            Fresh::Inbound { protocol, stream } => Event::Inbound { peer, connection, protocol, stream },
            Fresh::Outbound { ticket, result } => {
                // The connection may have closed first; then the answer was given already.
                if self.waiting.remove(&ticket).is_none() {
                    return;
                }
                Event::Outbound { ticket, result }
            }
        };
        self.queue.push_back(ToSwarm::GenerateEvent(event));
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.queue.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Order to a handler: open a stream.
#[derive(Debug)]
pub struct Open {
    ticket: Ticket,
    protocol: StreamProtocol,
}

/// Report of a handler.
#[derive(Debug)]
pub enum Fresh {
    /// The peer opened a stream.
    Inbound {
        /// The negotiated protocol.
        protocol: StreamProtocol,
        /// The stream.
        stream: Stream,
    },
    /// The answer to an [`Open`].
    Outbound {
        /// The ticket of the order.
        ticket: Ticket,
        /// The stream, or why there is none.
        result: Result<Stream, StreamError>,
    },
}

/// Handler of one connection. What it accepts is fixed when the connection is made: a stranger who becomes known is
/// dialled again.
pub struct Handler {
    accept: Vec<StreamProtocol>,
    queue: VecDeque<ConnectionHandlerEvent<Named, Ticket, Fresh>>,
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Open;
    type ToBehaviour = Fresh;
    type InboundProtocol = Named;
    type OutboundProtocol = Named;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Ticket;

    fn listen_protocol(&self) -> SubstreamProtocol<Named> {
        SubstreamProtocol::new(Named(self.accept.clone()), ())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Named, Ticket, Fresh>> {
        self.queue.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn on_behaviour_event(&mut self, Open { ticket, protocol }: Open) {
        let protocol = SubstreamProtocol::new(Named(vec![protocol]), ticket);
        self.queue.push_back(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Named, Named, (), Ticket>) {
        let fresh = match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (stream, protocol),
                ..
            }) => Fresh::Inbound { protocol, stream },
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol: (stream, _),
                info: ticket,
            }) => Fresh::Outbound { ticket, result: Ok(stream) },
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info: ticket, error }) => {
                let error = match error {
                    StreamUpgradeError::NegotiationFailed => StreamError::Refused,
                    other => StreamError::Failed(other.to_string()),
                };
                Fresh::Outbound { ticket, result: Err(error) }
            }
            _ => return,
        };
        self.queue.push_back(ConnectionHandlerEvent::NotifyBehaviour(fresh));
    }
}

/// Upgrade that hands the stream over as it is, with the name that was agreed on.
#[derive(Debug)]
pub struct Named(Vec<StreamProtocol>);

impl UpgradeInfo for Named {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.clone().into_iter()
    }
}

impl InboundUpgrade<Stream> for Named {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}

impl OutboundUpgrade<Stream> for Named {
    type Output = (Stream, StreamProtocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, protocol: StreamProtocol) -> Self::Future {
        ready(Ok((stream, protocol)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{self, Transports};
    use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
    use libp2p::{Swarm, swarm::SwarmEvent};
    use std::time::Duration;

    const PUBLIC: StreamProtocol = StreamProtocol::new("/test/public/1");
    const FRIENDS: StreamProtocol = StreamProtocol::new("/test/friends/1");

    fn swarm(seed: u8) -> Swarm<Behaviour> {
        let key = transport::keypair(&mut [seed; 32]).unwrap();
        let built = transport::transport(&key, Transports { tcp: true, quic: false }).unwrap();
        let behaviour = Behaviour::new(vec![PUBLIC], vec![FRIENDS]);
        Swarm::new(built, behaviour, key.public().to_peer_id(), transport::swarm_config())
    }

    /// Connects bob to alice; returns his connection.
    async fn connect(alice: &mut Swarm<Behaviour>, bob: &mut Swarm<Behaviour>) -> ConnectionId {
        alice.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
        loop {
            tokio::select! {
                event = alice.select_next_some() => if let SwarmEvent::NewListenAddr { address, .. } = event {
                    bob.dial(address).unwrap();
                },
                event = bob.select_next_some() => if let SwarmEvent::ConnectionEstablished { connection_id, .. } = event {
                    return connection_id;
                },
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_flood_of_streams_at_a_busy_node_loses_none() {
        const STREAMS: usize = 400;
        let (mut alice, mut bob) = (swarm(1), swarm(2));
        let connection = connect(&mut alice, &mut bob).await;
        let peer = *alice.local_peer_id();
        for _ in 0..STREAMS {
            bob.behaviour_mut().open(peer, connection, PUBLIC);
        }
        let flood = tokio::spawn(async move {
            let mut writes = tokio::task::JoinSet::new();
            loop {
                if let SwarmEvent::Behaviour(Event::Outbound { result, .. }) = bob.select_next_some().await {
                    let mut stream = result.unwrap();
                    writes.spawn(async move {
                        stream.write_all(b"x").await.unwrap();
                        stream.flush().await.unwrap();
                        stream
                    });
                }
            }
        });
        // Alice is busy with something else while they come.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let (mut arrived, mut reads) = (0, tokio::task::JoinSet::new());
        let all = async {
            while arrived < STREAMS {
                if let SwarmEvent::Behaviour(Event::Inbound { mut stream, .. }) =
                    alice.select_next_some().await
                {
                    arrived += 1;
                    reads.spawn(async move {
                        let mut byte = [0];
                        stream.read_exact(&mut byte).await.unwrap();
                        assert_eq!(byte, *b"x");
                        stream
                    });
                }
            }
        };
        let all = tokio::time::timeout(Duration::from_secs(30), all).await;
        assert!(all.is_ok(), "{arrived} of {STREAMS} streams arrived");
        let read = tokio::time::timeout(Duration::from_secs(30), reads.join_all()).await;
        assert_eq!(read.unwrap().len(), STREAMS);
        flood.abort();
    }

    /// What comes of bob's stream with this protocol: what alice gets, and whether bob's read shows a refusal.
    async fn offered(known: bool, protocol: StreamProtocol) -> bool {
        let (mut alice, mut bob) = (swarm(1), swarm(2));
        alice.behaviour_mut().set_known(*bob.local_peer_id(), known);
        let connection = connect(&mut alice, &mut bob).await;
        bob.behaviour_mut().open(*alice.local_peer_id(), connection, protocol.clone());
        let mut reads = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                event = alice.select_next_some() => if let SwarmEvent::Behaviour(Event::Inbound { .. }) = event {
                    return true;
                },
                event = bob.select_next_some() => {
                    if let SwarmEvent::Behaviour(Event::Outbound { result: Ok(mut stream), .. }) = event {
                        reads.spawn(async move {
                            stream.write_all(b"x").await.unwrap();
                            stream.flush().await.unwrap();
                            stream.read(&mut [0]).await.is_err()
                        });
                    }
                }
                Some(refused) = reads.join_next() => {
                    assert!(refused.unwrap(), "the stream neither came nor was refused");
                    return false;
                }
            }
        }
    }

    #[tokio::test]
    async fn a_stranger_is_offered_only_what_is_for_anybody() {
        assert!(offered(false, PUBLIC).await);
        assert!(!offered(false, FRIENDS).await);
        assert!(offered(true, FRIENDS).await);
    }

    #[tokio::test]
    async fn a_ticket_is_answered_also_when_the_connection_closes() {
        let (mut alice, mut bob) = (swarm(1), swarm(2));
        let connection = connect(&mut alice, &mut bob).await;
        drop(alice);
        let peer = *swarm(1).local_peer_id();
        bob.close_connection(connection);
        let ticket = bob.behaviour_mut().open(peer, connection, PUBLIC);
        let answer = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                if let SwarmEvent::Behaviour(Event::Outbound { ticket, result }) =
                    bob.select_next_some().await
                {
                    return (ticket, result.is_ok());
                }
            }
        });
        assert_eq!(answer.await.unwrap(), (ticket, false));
    }
}
