//! Who is connected.
//!
//! Owns the table of connections and what a connection has proved. It must not know frames. Invariant: peer ids stay in
//! memory; they are written neither to disk nor to the log beside an address (protocol section 10.1).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

/// Bits of an IPv6 address that one customer of a provider usually gets.
const IPV6_PREFIX: u32 = 48;

/// Streams of one connection at once; a client needs one.
const STREAMS_MAX: u32 = 8;

/// The network a peer comes from: an IPv4 address or the first 48 bits of an IPv6 address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Network {
    V4([u8; 4]),
    V6([u8; 6]),
}

impl Network {
    /// The network of an address.
    pub(crate) fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::V4(ip.octets()),
            IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
                Some(ip) => Self::V4(ip.octets()),
                None => {
                    let kept = ip.to_bits().checked_shr(128_u32.saturating_sub(IPV6_PREFIX)).unwrap_or(0);
                    let [.., a, b, c, d, e, f] = kept.to_be_bytes();
                    Self::V6([a, b, c, d, e, f])
                }
            },
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::V4(bytes) => bytes,
            Self::V6(bytes) => bytes,
        }
    }
}

/// The network in a multiaddress, if it names an address.
fn network(address: &Multiaddr) -> Option<Network> {
    address.iter().find_map(|part| match part {
        Protocol::Ip4(ip) => Some(Network::of(ip.into())),
        Protocol::Ip6(ip) => Some(Network::of(ip.into())),
        _ => None,
    })
}

/// The other end of a connection.
pub(crate) struct Peer {
    /// Number in logs and traces, counted from 1 since the start.
    pub(crate) number: u64,
    /// Its libp2p id; for the allow list only.
    pub(crate) id: PeerId,
    /// Where the connection came from.
    pub(crate) network: Network,
    owner: Mutex<Option<[u8; 32]>>,
    streams: AtomicU32,
}

impl Peer {
    /// The owner key of the first inbox of this relay that the connection has authenticated.
    pub(crate) fn owner(&self) -> Option<[u8; 32]> {
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the connection has authenticated an inbox; the first one stays.
    pub(crate) fn admit(&self, owner: [u8; 32]) {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(owner);
    }

    /// Counts a stream in; `false` when the connection has enough.
    pub(crate) fn open_stream(&self) -> bool {
        self.streams
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| {
                (n < STREAMS_MAX).then(|| n.saturating_add(1))
            })
            .is_ok()
    }

    /// Counts a stream out.
    pub(crate) fn close_stream(&self) {
        self.streams.fetch_sub(1, Ordering::SeqCst);
    }
}

/// All connections.
#[derive(Default)]
pub(crate) struct Peers {
    table: Mutex<BTreeMap<ConnectionId, Arc<Peer>>>,
    numbers: AtomicU64,
}

impl Peers {
    /// A connection was made.
    pub(crate) fn connected(&self, connection: ConnectionId, id: PeerId, address: &Multiaddr) {
        // Without an address (memory transports) everybody shares one network.
        let network = network(address).unwrap_or(Network::V4([0; 4]));
        let number = self.numbers.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        let peer = Peer { number, id, network, owner: Mutex::new(None), streams: AtomicU32::new(0) };
        self.table().insert(connection, Arc::new(peer));
    }

    /// A connection is gone.
    pub(crate) fn disconnected(&self, connection: ConnectionId) {
        self.table().remove(&connection);
    }

    /// The peer behind a connection.
    pub(crate) fn get(&self, connection: ConnectionId) -> Option<Arc<Peer>> {
        self.table().get(&connection).cloned()
    }

    /// How many connections there are.
    pub(crate) fn len(&self) -> usize {
        self.table().len()
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, Arc<Peer>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_ipv4_address_or_a_48_of_ipv6() {
        let of = |text: &str| Network::of(text.parse().unwrap());
        assert_eq!(of("1.2.3.4"), of("::ffff:1.2.3.4"));
        assert_ne!(of("1.2.3.4"), of("1.2.3.5"));
        assert_eq!(of("2001:db8:7::1"), of("2001:db8:7:ffff::2"));
        assert_ne!(of("2001:db8:7::1"), of("2001:db8:8::1"));
        assert_eq!(of("2001:db8:7::1").bytes(), [0x20, 1, 0x0d, 0xb8, 0, 7]);
    }

    #[test]
    fn streams_of_a_connection_are_bounded_and_its_first_inbox_counts() {
        let peers = Peers::default();
        let alice = ConnectionId::new_unchecked(1);
        peers.connected(alice, PeerId::random(), &"/ip4/1.2.3.4/tcp/1".parse().unwrap());
        let peer = peers.get(alice).unwrap();
        let opened = (0..20).filter(|_| peer.open_stream()).count();
        assert_eq!(opened, 8);
        peer.close_stream();
        assert!(peer.open_stream());
        assert_eq!(peer.owner(), None);
        peer.admit([1; 32]);
        peer.admit([2; 32]);
        assert_eq!(peer.owner(), Some([1; 32]));
        peers.disconnected(alice);
        assert!(peers.get(alice).is_none() && peers.len() == 0);
    }
}
