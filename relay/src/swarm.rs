//! The swarm of the relay.
//!
//! Owns listening, connections and the acceptance of streams. It must not know frames. Invariant: the loop awaits
//! nothing but its own select, and accepting a stream only spawns.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Stream, Swarm, connection_limits, identify, multiaddr::Protocol, ping};
use madang_p2p::{protocol, streams, transport};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::config::NetworkConfig;
use crate::drain;
use crate::peers::{Peer, Peers};
use crate::session;
use crate::state::State;

/// Connections that may be in their handshakes at once.
const PENDING_CONNECTIONS: u32 = 512;

/// Events of one connection that wait for the swarm; a small buffer stalls all connections.
const EVENT_BUFFER: usize = 64;

/// Events from the swarm that wait for one connection.
const HANDLER_BUFFER: NonZeroUsize = NonZeroUsize::MIN.saturating_add(127);

/// Attempts to find a port that is free for TCP and UDP alike.
const PORT_ATTEMPTS: usize = 16;

/// Time streams have to end in order when the relay ends.
const DRAIN: Duration = Duration::from_secs(7);

/// Why the relay cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The transports could not be built.
    #[error("the transports could not be built: {0}")]
    Transport(String),
    /// An address is not free.
    #[error("cannot listen on {address}: {source}")]
    Address {
        /// The address.
        address: String,
        /// What the system says.
        source: std::io::Error,
    },
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    limits: connection_limits::Behaviour,
    ping: ping::Behaviour,
    identify: identify::Behaviour,
    streams: streams::Behaviour,
}

/// A swarm that listens.
pub(crate) struct Listening {
    swarm: Swarm<Behaviour>,
    /// Where clients reach it, with the peer id.
    pub(crate) addr: Multiaddr,
}

/// Starts to listen on TCP and QUIC with the same port number. `secret` is the key of the relay; it is overwritten with
/// zeros.
pub(crate) async fn listen(secret: &mut [u8; 32], config: &NetworkConfig) -> Result<Listening, ListenError> {
    let failed = |error: &dyn std::fmt::Display| ListenError::Transport(error.to_string());
    let keypair = transport::keypair(secret).map_err(|error| failed(&error))?;
    let built = transport::transport(&keypair, transport::Transports { tcp: true, quic: true })
        .map_err(|error| failed(&error))?;
    let limits = connection_limits::ConnectionLimits::default()
        .with_max_pending_incoming(Some(PENDING_CONNECTIONS))
        .with_max_established_incoming(Some(config.max_connections))
        .with_max_established_per_peer(Some(config.max_connections_per_peer));
    let behaviour = Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        ping: transport::ping(),
        identify: transport::identify(&keypair),
        streams: streams::Behaviour::new(vec![protocol::RELAY], Vec::new()),
    };
    let settings = transport::swarm_config()
        .with_per_connection_event_buffer_size(EVENT_BUFFER)
        .with_notify_handler_buffer_size(HANDLER_BUFFER);
    let mut swarm = Swarm::new(built, behaviour, keypair.public().to_peer_id(), settings);
    let port = bind(&mut swarm, config.listen).await?;
    let addr = public_address(config, port, *swarm.local_peer_id());
    Ok(Listening { swarm, addr })
}

/// Binds TCP and UDP; with port 0 until a port is free for both.
async fn bind(swarm: &mut Swarm<Behaviour>, address: SocketAddr) -> Result<u16, ListenError> {
    let wanted = Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()));
    transport::unshared(&wanted)
        .map_err(|source| ListenError::Address { address: wanted.to_string(), source })?;
    let mut attempts = if address.port() == 0 { PORT_ATTEMPTS } else { 1 };
    loop {
        let tcp = Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()));
        let (tcp_id, port) = bind_one(swarm, tcp).await?;
        let quic = Multiaddr::from(address.ip()).with(Protocol::Udp(port)).with(Protocol::QuicV1);
        attempts = attempts.saturating_sub(1);
        match bind_one(swarm, quic).await {
            Ok(_) => return Ok(port),
            Err(error) if attempts == 0 => return Err(error),
            Err(_) => swarm.remove_listener(tcp_id),
        };
    }
}

async fn bind_one(
    swarm: &mut Swarm<Behaviour>,
    address: Multiaddr,
) -> Result<(libp2p::core::transport::ListenerId, u16), ListenError> {
    let failed = |said: &str| ListenError::Address { address: address.to_string(), source: system(said) };
    let id = swarm.listen_on(address.clone()).map_err(|error| failed(&transport::refusal(&error)))?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { listener_id, address, .. } if listener_id == id => {
                let port = address.iter().find_map(|part| match part {
                    Protocol::Tcp(port) | Protocol::Udp(port) => Some(port),
                    _ => None,
                });
                return Ok((id, port.unwrap_or(0)));
            }
            SwarmEvent::ListenerClosed { listener_id, reason, .. } if listener_id == id => {
                let said = reason.err().map(|error| error.to_string());
                return Err(failed(said.as_deref().unwrap_or("the listener was closed")));
            }
            SwarmEvent::ListenerError { listener_id, error } if listener_id == id => {
                return Err(failed(&error.to_string()));
            }
            _ => {}
        }
    }
}

/// What the system says, as its own error again: the layers between wrap it until only its text is left, and that ends
/// with its number.
fn system(said: &str) -> std::io::Error {
    let number = said.rsplit_once("(os error ").and_then(|(_, rest)| rest.strip_suffix(')')?.parse().ok());
    number.map_or_else(|| std::io::Error::other(said.to_owned()), std::io::Error::from_raw_os_error)
}

/// The address printed for clients.
fn public_address(config: &NetworkConfig, port: u16, peer: PeerId) -> Multiaddr {
    let host = if config.domain.is_empty() {
        match config.listen.ip() {
            ip if ip.is_unspecified() => Multiaddr::from(outward(ip)),
            ip => Multiaddr::from(ip),
        }
    } else {
        Multiaddr::from(Protocol::Dns(config.domain.as_str().into()))
    };
    host.with(Protocol::Tcp(port)).with(Protocol::P2p(peer))
}

/// The address of this machine in the network that it reaches others by; that of the loopback when there is none.
fn outward(unspecified: IpAddr) -> IpAddr {
    // Connecting a UDP socket sends nothing; it only asks the system which way it would go. The addresses are those
    // that are set aside for documentation.
    let (elsewhere, loopback) = match unspecified {
        IpAddr::V4(_) => (IpAddr::from(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::from(Ipv4Addr::LOCALHOST)),
        IpAddr::V6(_) => {
            (IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), IpAddr::from(Ipv6Addr::LOCALHOST))
        }
    };
    let way = UdpSocket::bind((unspecified, 0)).and_then(|socket| {
        socket.connect((elsewhere, 9))?;
        socket.local_addr()
    });
    way.ok().map(|address| address.ip()).filter(|ip| !ip.is_unspecified()).unwrap_or(loopback)
}

impl Listening {
    /// Serves until the relay drains and its streams have ended.
    pub(crate) async fn serve(
        mut self,
        state: Arc<State>,
        peers: Arc<Peers>,
        mut draining: watch::Receiver<bool>,
    ) {
        let mut sessions = JoinSet::new();
        let told = draining.clone();
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => {
                    if let Some((peer, stream)) = on_event(&mut self.swarm, event, &peers, &state) {
                        sessions.spawn(serve_stream(Arc::clone(&state), peer, stream, told.clone()));
                    }
                }
                Some(ended) = sessions.join_next(), if !sessions.is_empty() => report(ended),
                () = drain::requested(&mut draining) => break,
            }
        }
        // New streams are dropped from here; the swarm goes on, or nothing could be written any more.
        let deadline = Instant::now().checked_add(DRAIN).unwrap_or_else(Instant::now);
        while !sessions.is_empty() {
            tokio::select! {
                event = self.swarm.select_next_some() => drop(on_event(&mut self.swarm, event, &peers, &state)),
                Some(ended) = sessions.join_next() => report(ended),
                () = sleep_until(deadline) => {
                    tracing::warn!(streams = sessions.len(), "streams did not end in time and are cut");
                    break;
                }
            }
        }
        sessions.shutdown().await;
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!("a stream ended by a panic");
    }
}

/// Handles an event; returns a stream that was opened to the relay and the peer behind it.
fn on_event(
    swarm: &mut Swarm<Behaviour>,
    event: SwarmEvent<BehaviourEvent>,
    peers: &Peers,
    state: &State,
) -> Option<(Arc<Peer>, Stream)> {
    match event {
        SwarmEvent::Behaviour(BehaviourEvent::Streams(streams::Event::Inbound {
            connection,
            stream,
            ..
        })) => {
            return peers.get(connection).map(|peer| (peer, stream));
        }
        SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
            peers.connected(connection_id, peer_id, endpoint.get_remote_address());
            state.metrics.connections(peers.len());
        }
        SwarmEvent::ConnectionClosed { connection_id, .. } => {
            peers.disconnected(connection_id);
            state.metrics.connections(peers.len());
        }
        SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event {
            connection,
            result: Err(ping::Failure::Timeout),
            ..
        })) => {
            // Ping only reports; a connection that does not answer would stay for ever.
            swarm.close_connection(connection);
        }
        SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "a listener reports an error"),
        SwarmEvent::ListenerClosed { reason: Err(error), .. } => {
            tracing::error!(%error, "a listener has ended");
        }
        _ => {}
    }
    None
}

/// Serves one stream unless its connection has too many.
async fn serve_stream(state: Arc<State>, peer: Arc<Peer>, stream: Stream, draining: watch::Receiver<bool>) {
    if !peer.open_stream() {
        tracing::debug!(connection = peer.number, "too many streams on one connection");
        return;
    }
    session::serve(state, Arc::clone(&peer), stream, draining).await;
    peer.close_stream();
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::TcpListener;

    use super::*;

    async fn refused(listen: SocketAddr) -> (String, std::io::Error) {
        let config = NetworkConfig { listen, ..NetworkConfig::default() };
        match super::listen(&mut [1; 32], &config).await {
            Err(ListenError::Address { address, source }) => (address, source),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("the address was free"),
        }
    }

    #[tokio::test]
    async fn whoever_holds_the_port_over_tcp_or_udp_the_reason_keeps_its_kind() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = tcp.local_addr().unwrap();
        let (address, source) = refused(taken).await;
        assert_eq!(address, format!("/ip4/127.0.0.1/tcp/{}", taken.port()));
        assert_eq!(source.kind(), ErrorKind::AddrInUse, "{source}");
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let taken = udp.local_addr().unwrap();
        let (address, source) = refused(taken).await;
        assert_eq!(address, format!("/ip4/127.0.0.1/udp/{}/quic-v1", taken.port()));
        assert_eq!(source.kind(), ErrorKind::AddrInUse, "{source}");
    }

    #[tokio::test]
    async fn a_second_relay_does_not_share_the_port_of_the_first() {
        let config = NetworkConfig { listen: "127.0.0.1:0".parse().unwrap(), ..NetworkConfig::default() };
        let Ok(first) = super::listen(&mut [1; 32], &config).await else { panic!("no port is free") };
        let port = first.addr.iter().find_map(|part| match part {
            Protocol::Tcp(port) => Some(port),
            _ => None,
        });
        let (address, source) = refused(SocketAddr::from(([127, 0, 0, 1], port.unwrap()))).await;
        assert!(address.ends_with(&format!("/tcp/{}", port.unwrap())), "{address}");
        assert_eq!(source.kind(), ErrorKind::AddrInUse, "{source}");
    }

    #[test]
    fn the_words_of_the_system_stay_what_they_are() {
        let taken = std::io::Error::from_raw_os_error(98);
        assert_eq!(system(&taken.to_string()).to_string(), taken.to_string());
        assert_eq!(system("the listener was closed").to_string(), "the listener was closed");
    }
}
