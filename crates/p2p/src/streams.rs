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
