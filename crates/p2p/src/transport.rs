//! Building blocks of a swarm, shared by the client and the relay server.
//!
//! Owns: transports with their handshakes and time-outs, swarm settings, ping and identify.
//! Must not know: which peers are known, or what runs on the streams.
//! Invariant: a default of libp2p that is wrong for us is corrected here once, for both programs.

use futures::future::Either;
use libp2p::{
    Multiaddr, PeerId, Transport as _,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, OptionalTransport, timeout::TransportTimeout},
        upgrade::Version,
    },
    identify,
    identity::Keypair,
    multiaddr::Protocol,
    noise, ping, quic, swarm, tcp, yamux,
};
use std::{
    net::{SocketAddr, TcpListener, UdpSocket},
    time::Duration,
};

use crate::address::{ip, port};

/// An attempt that is not through its handshakes by then has failed.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection without any stream is closed after this time; an open stream keeps it alive by itself.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Time between two pings of a connection.
pub const PING_INTERVAL: Duration = Duration::from_secs(15);
/// A ping not answered by then means that the connection is dead.
pub const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// QUIC gives a silent connection up after this many milliseconds: long enough for a Wi-Fi roam.
const QUIC_IDLE_MS: u32 = 30_000;
/// QUIC keeps the path through a NAT open at this pace.
const QUIC_KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Inbound streams of one connection that may negotiate at once; more wait in the multiplexer.
const NEGOTIATING_STREAMS: usize = 256;

/// Which transports are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transports {
    /// TCP with Noise and Yamux.
    pub tcp: bool,
    /// QUIC version 1.
    pub quic: bool,
}

impl Transports {
    /// Whether one of these transports carries the address itself, without a name to resolve or a relay between.
    #[must_use]
    pub fn carry(self, address: &Multiaddr) -> bool {
        let mut parts = address.iter();
        if !matches!(parts.next(), Some(Protocol::Ip4(_) | Protocol::Ip6(_))) {
            return false;
        }
        let carried = match parts.next() {
            Some(Protocol::Tcp(_)) => self.tcp,
            Some(Protocol::Udp(_)) => self.quic && matches!(parts.next(), Some(Protocol::QuicV1)),
            _ => false,
        };
        carried && matches!(parts.next(), None | Some(Protocol::P2p(_))) && parts.next().is_none()
    }
}

/// Why the transports could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The secret is not an Ed25519 key.
    #[error("node key is not an Ed25519 secret")]
    Key(#[from] libp2p::identity::DecodingError),
    /// The key cannot sign the Noise handshake.
    #[error("handshake key was refused")]
    Noise(#[from] noise::Error),
    /// Both transports are switched off.
    #[error("no transport is switched on")]
    Nothing,
}

/// Why an address cannot be listened on, in the words of whoever knows best: the layers above the system say little,
/// and some of them nothing.
#[must_use]
pub fn refusal(error: &libp2p::TransportError<std::io::Error>) -> String {
    let libp2p::TransportError::Other(error) = error else {
        return "this kind of address is not known".to_owned();
    };
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |cause| cause.source());
    let told = causes.map(ToString::to_string).filter(|text| !text.trim().is_empty()).last();
    told.unwrap_or_else(|| error.kind().to_string())
}

/// Why a peer was not reached, address by address, each cause once: libp2p writes the whole chain of them, which holds
/// the same words several times.
#[must_use]
pub fn dial_failure(error: &swarm::DialError) -> String {
    let swarm::DialError::Transport(failures) = error else { return error.to_string() };
    let each = |(addr, error): &(Multiaddr, _)| {
        let (addr, _) = crate::address::split_peer(addr.clone());
        format!("{addr}: {}", refusal(error))
    };
    failures.iter().map(each).collect::<Vec<_>>().join("; ")
}

/// Refuses an address on which somebody listens already. libp2p sets `SO_REUSEPORT`, with which a second process of
/// the same user would share the port and take half of the connections without any error; so it is tried here without.
/// A port on which only old connections wait for their end is free.
///
/// # Errors
/// `AddrInUse` when the port is taken. Anything else is left to whoever listens.
pub fn unshared(address: &Multiaddr) -> std::io::Result<()> {
    let Some((ip, number)) = ip(address).zip(port(address)).filter(|(_, number)| *number != 0) else {
        return Ok(());
    };
    let socket = SocketAddr::new(ip, number);
    let udp = address.iter().any(|part| matches!(part, Protocol::Udp(_)));
    let tried = if udp { UdpSocket::bind(socket).map(drop) } else { TcpListener::bind(socket).map(drop) };
    tried.or_else(|error| if error.kind() == std::io::ErrorKind::AddrInUse { Err(error) } else { Ok(()) })
}

/// The libp2p key of this machine. The secret is overwritten with zeros.
///
/// # Errors
/// [`TransportError::Key`] when the bytes are not an Ed25519 secret.
pub fn keypair(secret: &mut [u8; 32]) -> Result<Keypair, TransportError> {
    Ok(Keypair::ed25519_from_bytes(secret)?)
}

/// Transports with encryption and multiplexing, ready for a swarm.
///
/// # Errors
/// [`TransportError::Nothing`] when both are off, [`TransportError::Noise`] when the key is refused.
pub fn transport(
    keypair: &Keypair,
    which: Transports,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, TransportError> {
    let tcp = if which.tcp {
        let upgraded = tcp::tokio::Transport::new(tcp::Config::default())
            .upgrade(Version::V1Lazy)
            .authenticate(noise::Config::new(keypair)?)
            .multiplex(yamux::Config::default())
            .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
        OptionalTransport::some(upgraded)
    } else {
        OptionalTransport::none()
    };
    let quic = if which.quic {
        let built = quic::tokio::Transport::new(quic_config(keypair))
            .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
        OptionalTransport::some(built)
    } else {
        OptionalTransport::none()
    };
    if !which.tcp && !which.quic {
        return Err(TransportError::Nothing);
    }
    let either = quic.or_transport(tcp).map(|output, _| match output {
        Either::Left(connection) | Either::Right(connection) => connection,
    });
    Ok(TransportTimeout::new(either, CONNECT_TIMEOUT).boxed())
}

fn quic_config(keypair: &Keypair) -> quic::Config {
    let mut config = quic::Config::new(keypair);
    config.handshake_timeout = CONNECT_TIMEOUT;
    config.max_idle_timeout = QUIC_IDLE_MS;
    config.keep_alive_interval = QUIC_KEEP_ALIVE;
    config
}

/// Swarm settings for client and relay: raced addresses, a sane idle time and one round trip less per stream.
#[must_use]
pub fn swarm_config() -> swarm::Config {
    swarm::Config::with_tokio_executor()
        .with_smart_dial()
        .with_idle_connection_timeout(IDLE_TIMEOUT)
        .with_max_negotiating_inbound_streams(NEGOTIATING_STREAMS)
        .with_substream_upgrade_protocol_override(Version::V1Lazy)
}

/// Ping of every connection. It only reports: whoever runs the swarm closes the connection that failed.
#[must_use]
pub fn ping() -> ping::Behaviour {
    ping::Behaviour::new(ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT))
}

/// Identify without our listen addresses: they would tell every peer the private addresses of this network.
#[must_use]
pub fn identify(keypair: &Keypair) -> identify::Behaviour {
    identify::Behaviour::new(
        identify::Config::new(crate::protocol::IDENTIFY.to_owned(), keypair.public())
            .with_agent_version(concat!("madang/", env!("CARGO_PKG_VERSION")).to_owned())
            .with_hide_listen_addrs(true)
            .with_cache_size(0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_addresses_of_switched_on_transports_are_carried() {
        let both = Transports { tcp: true, quic: true };
        let tcp = Transports { tcp: true, quic: false };
        let quic = Transports { tcp: false, quic: true };
        for (text, by_tcp, by_quic) in [
            ("/ip4/127.0.0.1/tcp/1", true, false),
            ("/ip6/::1/udp/1/quic-v1", false, true),
            ("/ip4/1.2.3.4/udp/1", false, false),
            ("/ip4/1.2.3.4/tcp/1/ws", false, false),
            ("/dns4/relay.example/tcp/1", false, false),
        ] {
            let address: Multiaddr = text.parse().unwrap();
            assert_eq!(tcp.carry(&address), by_tcp, "{text}");
            assert_eq!(quic.carry(&address), by_quic, "{text}");
            assert_eq!(both.carry(&address), by_tcp || by_quic, "{text}");
        }
    }

    #[test]
    fn the_key_is_zeroed_and_stable() {
        let mut secret = [7; 32];
        let first = keypair(&mut secret).unwrap().public().to_peer_id();
        assert_eq!(secret, [0; 32]);
        assert_eq!(keypair(&mut [7; 32]).unwrap().public().to_peer_id(), first);
    }

    #[test]
    fn a_port_is_not_shared_and_free_again_at_once() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let number = taken.local_addr().unwrap().port();
        let address: Multiaddr = format!("/ip4/127.0.0.1/tcp/{number}").parse().unwrap();
        assert_eq!(unshared(&address).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
        // The end that closes first keeps its connection for a while.
        let client = std::net::TcpStream::connect(taken.local_addr().unwrap()).unwrap();
        drop(taken.accept().unwrap());
        drop((client, taken));
        unshared(&address).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = format!("/ip4/127.0.0.1/udp/{}/quic-v1", udp.local_addr().unwrap().port());
        assert!(unshared(&address.parse().unwrap()).is_err());
        unshared(&"/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
        unshared(&"/ip4/192.0.2.1/tcp/7".parse().unwrap()).unwrap();
    }

    #[tokio::test]
    async fn no_transport_at_all_is_refused() {
        let key = keypair(&mut [1; 32]).unwrap();
        let error = transport(&key, Transports { tcp: false, quic: false }).err().unwrap();
        assert!(matches!(error, TransportError::Nothing));
    }
}
