//! Events of the network: connections, streams, pings, gossip, mDNS.

use super::Task;
use crate::{
    address,
    behaviour::BehaviourEvent,
    contact,
    event::{Event, GossipId},
    gossip::message_hash,
    link::LinkStream,
    protocol,
    session::{Notice, Session},
    sessions::Opener,
    streams,
};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::ConnectedPoint,
    gossipsub, mdns, ping,
    swarm::{ConnectionId, SwarmEvent},
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::time::Instant;

impl Task {
    pub(super) fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        let now = Instant::now();
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event, now),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint, now);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, cause, .. } => {
                tracing::debug!(peer = %peer_id, cause = cause.map(tracing::field::display), "connection closed");
                let last = self.peers.disconnected(&peer_id, connection_id, now);
                self.sessions.disconnected(&peer_id, connection_id, last);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                if let Some(peer) = self.dials.remove(&connection_id) {
                    tracing::debug!(%peer, %error, "cannot be reached");
                    self.peers.dial_failed(&peer, now);
                }
                self.opens.dial_failed(connection_id, &crate::transport::dial_failure(&error));
            }
            SwarmEvent::NewListenAddr { address, .. } => self.on_address_new(address, now),
            SwarmEvent::ExpiredListenAddr { address, .. } => self.on_address_lost(&address, now),
            SwarmEvent::ListenerClosed { listener_id, addresses, reason } => {
                tracing::warn!(?reason, "listener closed");
                self.listening.closed(listener_id, &addresses, now);
            }
            // It goes on listening. Strangers can cause such errors, so they must not make us open it anew.
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "listener failed"),
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent, now: Instant) {
        match event {
            BehaviourEvent::Streams(event) => self.on_stream(event, now),
            BehaviourEvent::Ping(event) => self.on_ping(&event),
            BehaviourEvent::Gossip(event) => self.on_gossip(event),
            BehaviourEvent::Mdns(event) => self.on_mdns(event, now),
            BehaviourEvent::Identify(_) => {}
        }
    }

    fn on_connected(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint, now: Instant) {
        self.dials.remove(&id);
        let addr = endpoint.get_remote_address().clone();
        let (addr, _) = address::split_peer(addr);
        tracing::debug!(%peer, %addr, "connected");
        let local = match endpoint {
            // QUIC names the address of its socket, which may be that of every interface.
            ConnectedPoint::Listener { local_addr, .. } => {
                address::ip(local_addr).filter(|ip| !ip.is_unspecified()).or_else(|| address::source(&addr))
            }
            ConnectedPoint::Dialer { .. } => address::source(&addr),
        };
        self.peers.connected(peer, id, addr, local);
        if self.peers.is_known(&peer) {
            self.sessions.connected(peer, now);
        }
        for wanted in self.opens.take_connected(&peer) {
            self.open(wanted);
        }
    }

    fn on_address_new(&mut self, address: Multiaddr, now: Instant) {
        if self.listening.add(address, now) {
            // The network has come back or is another one: what was out of reach may be near.
            self.try_everything(now);
        }
    }

    /// An interface has lost its address: connections from it are dead, whatever they look like.
    fn on_address_lost(&mut self, lost: &Multiaddr, now: Instant) {
        self.listening.remove(lost, now);
        if let Some(ip) = address::ip(lost) {
            for connection in self.peers.bound_to(ip) {
                self.swarm.close_connection(connection);
            }
        }
    }

    fn on_stream(&mut self, event: streams::Event, now: Instant) {
        match event {
            streams::Event::Inbound { peer, connection, protocol, stream } => {
                self.on_inbound(peer, connection, &protocol, stream, now);
            }
            streams::Event::Outbound { ticket, result } => {
                let Some(result) = self.opens.on_stream(ticket, result) else { return };
                let Some((peer, connection)) = self.sessions.take_opening(ticket) else { return };
                match result {
                    Ok(stream) => self.start_session(peer, connection, Opener::Us, stream),
                    Err(error) => {
                        tracing::debug!(%peer, %error, "sync stream was not opened");
                        self.sessions.open_failed(peer, now);
                    }
                }
            }
        }
    }

    fn on_inbound(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        protocol: &StreamProtocol,
        stream: Stream,
        now: Instant,
    ) {
        if *protocol == protocol::SYNC {
            // Known when the connection was made, and perhaps forgotten since.
            if self.peers.is_known(&peer) {
                self.start_session(peer, connection, Opener::Peer, stream);
            }
        } else if *protocol == protocol::CONTACT {
            self.on_contact(peer, stream, now);
        } else if *protocol == protocol::LINK {
            if self.linking {
                self.offer(Event::Link { peer, stream: LinkStream::new(stream) });
            } else {
                self.shared.counters.stream_refused();
            }
        }
    }

    fn on_contact(&mut self, peer: PeerId, stream: Stream, now: Instant) {
        let known = self.peers.is_known(&peer);
        let places = if known { &self.exchanges_known } else { &self.exchanges_stranger };
        let permit = Arc::clone(places).try_acquire_owned().ok();
        match permit {
            Some(permit) if known || self.gate.admit(peer, now) => {
                self.errands.spawn(contact::answer(peer, stream, known, self.events.clone(), permit));
            }
            // The stream is reset by its drop.
            _ => self.shared.counters.stream_refused(),
        }
    }

    fn start_session(&mut self, peer: PeerId, id: ConnectionId, opener: Opener, stream: Stream) {
        let Some(connection) = self.peers.connection(&peer, id).cloned() else { return };
        let Some(elected) = self.sessions.elect(peer, opener, id, Instant::now()) else { return };
        let session = Session {
            peer,
            serial: elected.serial,
            opener,
            stream,
            connection,
            stop: elected.stop,
            previous: elected.previous,
            shared: Arc::clone(&self.shared),
            events: self.events.clone(),
            notices: self.notify.clone(),
        };
        self.sessions.started(peer, tokio::spawn(session.run()));
    }

    pub(super) fn on_notice(&mut self, notice: Notice) {
        match notice {
            Notice::Up { peer, serial } => {
                if self.sessions.up(&peer, serial, Instant::now()) {
                    self.peers.proved(&peer);
                }
            }
            Notice::Ended { peer, serial } => {
                let connected = self.peers.is_known(&peer) && self.peers.is_connected(&peer);
                self.sessions.ended(peer, serial, connected, Instant::now());
            }
        }
    }

    fn on_ping(&mut self, event: &ping::Event) {
        match &event.result {
            Ok(time) => {
                if self.peers.is_known(&event.peer) || self.relays.contains_key(&event.peer) {
                    let ms = u32::try_from(time.as_micros().div_ceil(1_000)).unwrap_or(u32::MAX);
                    self.offer(Event::Rtt { peer: event.peer, ms });
                }
            }
            Err(ping::Failure::Unsupported) => {}
            Err(failure) => {
                tracing::debug!(peer = %event.peer, %failure, "connection is dead");
                self.swarm.close_connection(event.connection);
            }
        }
    }

    fn on_gossip(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message { propagation_source, message, .. } => {
                let id = GossipId { hash: message_hash(&message.data), from: propagation_source };
                if message.data.len() > protocol::GOSSIP_MESSAGE {
                    tracing::debug!(from = %propagation_source, "gossip message above the cap");
                    return self.judge(id, gossipsub::MessageAcceptance::Reject);
                }
                self.offer_gossip(message.topic.into_string(), message.data, id);
            }
            gossipsub::Event::SlowPeer { peer_id, .. } => {
                tracing::debug!(peer = %peer_id, "takes gossip too slowly");
            }
            _ => {}
        }
    }

    fn on_mdns(&mut self, event: mdns::Event, now: Instant) {
        match event {
            mdns::Event::Discovered(list) => {
                let mut found: BTreeMap<PeerId, Vec<Multiaddr>> = BTreeMap::new();
                for (peer, addr) in list {
                    let (addr, _) = address::split_peer(addr);
                    self.peers.found(peer, addr.clone(), now);
                    found.entry(peer).or_default().push(addr);
                }
                for (peer, addrs) in found {
                    self.offer(Event::Found { peer, addrs });
                }
            }
            mdns::Event::Expired(list) => {
                for (peer, addr) in list {
                    self.peers.expired(&peer, addr);
                }
            }
        }
    }
}
