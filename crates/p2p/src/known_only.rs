//! KnownOnly: a behaviour that strangers cannot see.
//!
//! Owns: the allow set, and which connections are hidden from the wrapped behaviour.
//! Must not know: what the wrapped behaviour speaks.
//! Invariant: a peer outside the allow set gets a dummy handler, and the wrapped behaviour never hears of its
//! connection. gossipsub tells its topics to every connected peer, blacklisted or not; this is the only way to keep
//! them from a stranger (protocol section 9.5).

use either::Either;
use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionClosed, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm, behaviour::ConnectionEstablished, dummy,
    },
};
use std::{
    collections::BTreeSet,
    task::{Context, Poll},
};

/// Wraps a behaviour so that only allowed peers take part in it.
pub(crate) struct KnownOnly<B> {
    inner: B,
    allowed: BTreeSet<PeerId>,
    hidden: BTreeSet<ConnectionId>,
}

impl<B: NetworkBehaviour> KnownOnly<B> {
    pub(crate) fn new(inner: B) -> Self {
        Self { inner, allowed: BTreeSet::new(), hidden: BTreeSet::new() }
    }

    pub(crate) fn inner_mut(&mut self) -> &mut B {
        &mut self.inner
    }

    /// Lets a peer take part, or not, on connections made from now on: close and redial after a change.
    pub(crate) fn set_allowed(&mut self, peer: PeerId, allowed: bool) {
        if allowed {
            self.allowed.insert(peer);
        } else {
            self.allowed.remove(&peer);
        }
    }

    fn hide(&mut self, peer: &PeerId, connection: ConnectionId) -> bool {
        let stranger = !self.allowed.contains(peer);
        if stranger {
            self.hidden.insert(connection);
        }
        stranger
    }
}

impl<B: NetworkBehaviour> NetworkBehaviour for KnownOnly<B> {
    type ConnectionHandler = Either<THandler<B>, dummy::ConnectionHandler>;
    type ToSwarm = B::ToSwarm;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if self.hide(&peer, connection) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        let handler = self.inner.handle_established_inbound_connection(connection, peer, local, remote)?;
        Ok(Either::Left(handler))
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        if self.hide(&peer, connection) {
            return Ok(Either::Right(dummy::ConnectionHandler));
        }
        let handler =
            self.inner.handle_established_outbound_connection(connection, peer, address, role, port)?;
        Ok(Either::Left(handler))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        let hidden = match &event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { connection_id, .. }) => {
                self.hidden.contains(connection_id)
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) => {
                self.hidden.remove(connection_id)
            }
            FromSwarm::AddressChange(change) => self.hidden.contains(&change.connection_id),
            // A connection that another behaviour denied is never established nor closed.
            FromSwarm::ListenFailure(failure) => {
                self.hidden.remove(&failure.connection_id);
                false
            }
            FromSwarm::DialFailure(failure) => {
                self.hidden.remove(&failure.connection_id);
                false
            }
            _ => false,
        };
        if !hidden {
            self.inner.on_swarm_event(event);
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {
            Either::Left(event) => self.inner.on_connection_handler_event(peer, connection, event),
            Either::Right(never) => match never {},
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        self.inner.poll(cx).map(|action| action.map_in(Either::Left))
    }
}
