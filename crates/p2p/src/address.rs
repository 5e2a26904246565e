//! Multiaddresses: splitting, filtering and resolving names.
//!
//! Owns: what an address says about peer, path and transport, and the lookup of DNS names.
//! Must not know: which peer is who.
//! Invariant: the swarm only ever dials `/ip4` and `/ip6`; libp2p would dial `/dns` last and a second late.

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    time::Duration,
};

/// IP addresses taken from one DNS answer; more would only slow the race down.
const RESOLVED_MAX: usize = 8;
/// A name that does not resolve by then counts as unreachable for now.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why an address is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The address does not end in `/p2p/…`.
    #[error("address names no peer")]
    NoPeer,
    /// The DNS name did not resolve.
    #[error("name does not resolve")]
    Resolve(#[from] io::Error),
}

/// The address without its peer part, and the peer that it named, if any. For a path through a relay the peer is
/// the last one.
#[must_use]
pub fn split_peer(mut address: Multiaddr) -> (Multiaddr, Option<PeerId>) {
    match address.pop() {
        Some(Protocol::P2p(peer)) => (address, Some(peer)),
        Some(other) => {
            address.push(other);
            (address, None)
        }
        None => (address, None),
    }
}

/// Whether the address leads through a circuit of a relay.
#[must_use]
pub fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::P2pCircuit))
}

/// The IP address that a multiaddress starts with.
#[must_use]
pub fn ip(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => Some(IpAddr::V4(ip)),
        Some(Protocol::Ip6(ip)) => Some(IpAddr::V6(ip)),
        _ => None,
    }
}

/// The TCP or UDP port of a multiaddress.
#[must_use]
pub fn port(address: &Multiaddr) -> Option<u16> {
    address.iter().find_map(|part| match part {
        Protocol::Tcp(port) | Protocol::Udp(port) => Some(port),
        _ => None,
    })
}

/// Our own address in a connection with this one, as the system would choose it now. A datagram socket is asked, which
/// sends nothing. libp2p does not tell the own address of a connection that it dialled.
#[must_use]
pub fn source(remote: &Multiaddr) -> Option<IpAddr> {
    let remote = SocketAddr::new(ip(remote)?, port(remote)?);
    let any: IpAddr =
        if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(remote).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The same address with another TCP or UDP port.
#[must_use]
pub fn with_port(address: &Multiaddr, port: u16) -> Multiaddr {
    address
        .iter()
        .map(|part| match part {
            Protocol::Tcp(_) => Protocol::Tcp(port),
            Protocol::Udp(_) => Protocol::Udp(port),
            other => other,
        })
        .collect()
}

/// Turns `/dns`, `/dns4` and `/dns6` at the front into IP addresses; any other address comes back as it is.
///
/// # Errors
/// [`AddressError::Resolve`] when the name does not resolve in time.
pub async fn resolve(address: &Multiaddr) -> Result<Vec<Multiaddr>, AddressError> {
    let (name, want_v4, want_v6) = match address.iter().next() {
        Some(Protocol::Dns(name)) => (name.into_owned(), true, true),
        Some(Protocol::Dns4(name)) => (name.into_owned(), true, false),
        Some(Protocol::Dns6(name)) => (name.into_owned(), false, true),
        _ => return Ok(vec![address.clone()]),
    };
    let lookup = tokio::time::timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host((name.as_str(), 0)));
    let found = lookup.await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let ips: BTreeSet<IpAddr> = found
        .map(|socket| socket.ip())
        .filter(|ip| if ip.is_ipv4() { want_v4 } else { want_v6 })
        .take(RESOLVED_MAX)
        .collect();
    if ips.is_empty() {
        return Err(io::Error::from(io::ErrorKind::AddrNotAvailable).into());
    }
    Ok(ips.into_iter().map(|ip| with_ip(address, ip)).collect())
}

/// Resolves several addresses; those that fail are left out and logged.
pub async fn resolve_all(addresses: &[Multiaddr]) -> Vec<Multiaddr> {
    let mut resolved = Vec::new();
    for address in addresses {
        match resolve(address).await {
            Ok(found) => resolved.extend(found),
            Err(error) => tracing::debug!(%address, %error, "address left out"),
        }
    }
    resolved
}

fn with_ip(address: &Multiaddr, ip: IpAddr) -> Multiaddr {
    let mut resolved = Multiaddr::from(ip);
    for part in address.iter().skip(1) {
        resolved.push(part);
    }
    resolved
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    #[test]
    fn peer_port_and_path_are_read() {
        let alice = PeerId::random();
        let direct = address("/ip4/10.0.0.1/udp/7/quic-v1");
        assert_eq!(split_peer(direct.clone().with(Protocol::P2p(alice))), (direct.clone(), Some(alice)));
        assert_eq!(split_peer(direct.clone()), (direct.clone(), None));
        assert_eq!(port(&direct), Some(7));
        assert_eq!(with_port(&direct, 9), address("/ip4/10.0.0.1/udp/9/quic-v1"));
        assert_eq!(ip(&direct), Some("10.0.0.1".parse().unwrap()));
        assert!(!is_relayed(&direct));
        assert!(is_relayed(&direct.with(Protocol::P2p(alice)).with(Protocol::P2pCircuit)));
    }

    #[test]
    fn our_address_towards_a_neighbour_is_known() {
        assert_eq!(source(&address("/ip4/127.0.0.1/tcp/4001")), Some("127.0.0.1".parse().unwrap()));
        assert_eq!(source(&address("/dns4/localhost/tcp/4001")), None);
    }

    #[tokio::test]
    async fn names_become_ip_addresses_and_the_rest_stays() {
        let alice = PeerId::random();
        let named = address("/dns4/localhost/tcp/4001").with(Protocol::P2p(alice));
        let expected = address("/ip4/127.0.0.1/tcp/4001").with(Protocol::P2p(alice));
        assert_eq!(resolve(&named).await.unwrap(), vec![expected]);
        let plain = address("/ip6/::1/tcp/1");
        assert_eq!(resolve(&plain).await.unwrap(), vec![plain]);
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_is_left_out() {
        let bad = address("/dns4/nobody.invalid/tcp/1");
        assert!(matches!(resolve(&bad).await, Err(AddressError::Resolve(_))));
        let good = address("/ip4/127.0.0.1/tcp/1");
        assert_eq!(resolve_all(&[bad, good.clone()]).await, vec![good]);
    }
}
