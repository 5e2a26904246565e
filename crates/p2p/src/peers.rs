//! The table of peers: who is known, where, who is connected, and when to dial.
//!
//! Owns: known peers, their addresses, all live connections, and the time of the next attempt.
//! Must not know: sockets and streams. Time comes in as an argument.
//! Invariant: a known peer with an address that is not connected either is being dialled or has a time for it.

use crate::{
    address::{is_relayed, split_peer},
    backoff,
    intent::WantedPeer,
};
use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};
use tokio::time::Instant;

/// Known peers dialled at once; the rest wait their turn.
const DIALS: usize = 32;
/// Peers found on the LAN whose addresses are kept.
const FOUND_PEERS: usize = 256;
/// Addresses kept per peer found on the LAN.
const FOUND_ADDRESSES: usize = 8;

/// A live connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Connection {
    /// Remote address.
    pub(crate) addr: Multiaddr,
    /// Whether it leads through a relay.
    pub(crate) relayed: bool,
    /// Our own address, where it is known.
    local: Option<IpAddr>,
}

#[derive(Debug)]
struct Known {
    wanted: WantedPeer,
    /// Attempts that failed since the last success.
    failed: u32,
    dial: Dial,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dial {
    /// Connected, or without any address.
    Rest,
    At(Instant),
    Running,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Peers {
    local: PeerId,
    known: BTreeMap<PeerId, Known>,
    found: BTreeMap<PeerId, BTreeSet<Multiaddr>>,
    connections: BTreeMap<PeerId, BTreeMap<ConnectionId, Connection>>,
}

impl Peers {
    pub(crate) fn new(local: PeerId) -> Self {
        Self { local, known: BTreeMap::new(), found: BTreeMap::new(), connections: BTreeMap::new() }
    }

    pub(crate) fn is_known(&self, peer: &PeerId) -> bool {
        self.known.contains_key(peer)
    }

    pub(crate) fn is_connected(&self, peer: &PeerId) -> bool {
        self.connections.contains_key(peer)
    }

    pub(crate) fn known_peers(&self) -> Vec<PeerId> {
        self.known.keys().copied().collect()
    }

    /// Makes a peer known or changes it. Returns whether its connections must be closed, because they were made
    /// while it was a stranger or had another right to gossip.
    pub(crate) fn set(&mut self, peer: PeerId, wanted: WantedPeer, now: Instant) -> bool {
        let was = self.known.get(&peer).map(|known| known.wanted.gossip);
        let outdated = was != Some(wanted.gossip) && self.is_connected(&peer);
        let running = self.known.get(&peer).is_some_and(|known| known.dial == Dial::Running);
        let dial = if running { Dial::Running } else { Dial::Rest };
        self.known.insert(peer, Known { wanted, failed: 0, dial });
        self.dial_now(peer, now);
        outdated
    }

    /// Makes a peer unknown. Returns whether it was known.
    pub(crate) fn forget(&mut self, peer: &PeerId) -> bool {
        self.known.remove(peer).is_some()
    }

    /// Remembers an address from the LAN and dials a known peer there at once.
    pub(crate) fn found(&mut self, peer: PeerId, addr: Multiaddr, now: Instant) {
        let (addr, _) = split_peer(addr);
        let room = self.found.len() < FOUND_PEERS || self.found.contains_key(&peer) || self.is_known(&peer);
        if !room {
            return;
        }
        let addrs = self.found.entry(peer).or_default();
        if addrs.len() < FOUND_ADDRESSES && addrs.insert(addr) {
            self.dial_now(peer, now);
        }
    }

    /// Forgets an address from the LAN, and only the address: an expired record does not mean that the peer is away.
    pub(crate) fn expired(&mut self, peer: &PeerId, addr: Multiaddr) {
        let (addr, _) = split_peer(addr);
        if let Some(addrs) = self.found.get_mut(peer) {
            addrs.remove(&addr);
            if addrs.is_empty() {
                self.found.remove(peer);
            }
        }
    }

    /// Addresses of a peer, those given first and those of the LAN after them.
    pub(crate) fn addresses(&self, peer: &PeerId) -> Vec<Multiaddr> {
        let given = self.known.get(peer).into_iter().flat_map(|known| known.wanted.addrs.iter());
        let found = self.found.get(peer).into_iter().flatten();
        let mut all = Vec::new();
        for addr in given.chain(found) {
            if !all.contains(addr) {
                all.push(addr.clone());
            }
        }
        all
    }

    /// Lets a known peer that is away be dialled now.
    pub(crate) fn dial_now(&mut self, peer: PeerId, now: Instant) {
        let ready = !self.is_connected(&peer) && !self.addresses(&peer).is_empty();
        if let Some(known) = self.known.get_mut(&peer)
            && ready
            && known.dial != Dial::Running
        {
            known.failed = 0;
            known.dial = Dial::At(now);
        }
    }

    /// Lets every known peer that is away be dialled now.
    pub(crate) fn dial_all_now(&mut self, now: Instant) {
        for peer in self.known_peers() {
            self.dial_now(peer, now);
        }
    }

    fn running(&self) -> usize {
        self.known.values().filter(|known| known.dial == Dial::Running).count()
    }

    /// When [`Peers::take_due`] will next have something; `None` while nothing waits or all dials are taken.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        if self.running() >= DIALS {
            return None;
        }
        let times = self.known.values().filter_map(|known| match known.dial {
            Dial::At(at) => Some(at),
            Dial::Rest | Dial::Running => None,
        });
        times.min()
    }

    /// Peers to dial now, the longest overdue first; they count as being dialled from here on.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<PeerId> {
        let mut due: Vec<(Instant, PeerId)> = self
            .known
            .iter()
            .filter_map(|(peer, known)| match known.dial {
                Dial::At(at) if at <= now => Some((at, *peer)),
                _ => None,
            })
            .collect();
        due.sort_unstable();
        due.truncate(DIALS.saturating_sub(self.running()));
        let peers: Vec<PeerId> = due.into_iter().map(|(_, peer)| peer).collect();
        for peer in &peers {
            if let Some(known) = self.known.get_mut(peer) {
                known.dial = Dial::Running;
            }
        }
        peers
    }

    /// The attempt to dial a peer has failed.
    pub(crate) fn dial_failed(&mut self, peer: &PeerId, now: Instant) {
        let (local, connected) = (self.local, self.is_connected(peer));
        if let Some(known) = self.known.get_mut(peer)
            && known.dial == Dial::Running
        {
            known.failed = known.failed.saturating_add(1);
            let later = now.checked_add(backoff::delay(&local, peer, known.failed)).unwrap_or(now);
            known.dial = if connected { Dial::Rest } else { Dial::At(later) };
        }
    }

    /// The sync stream of a peer came up: its next loss is met by a fast attempt again.
    pub(crate) fn proved(&mut self, peer: &PeerId) {
        if let Some(known) = self.known.get_mut(peer) {
            known.failed = 0;
        }
    }

    /// A connection was made.
    pub(crate) fn connected(
        &mut self,
        peer: PeerId,
        id: ConnectionId,
        addr: Multiaddr,
        local: Option<IpAddr>,
    ) {
        let relayed = is_relayed(&addr);
        let connection = Connection { addr, relayed, local };
        self.connections.entry(peer).or_default().insert(id, connection);
        if let Some(known) = self.known.get_mut(&peer) {
            known.dial = Dial::Rest;
        }
    }

    /// A connection was closed. Returns whether it was the last one with this peer.
    pub(crate) fn disconnected(&mut self, peer: &PeerId, id: ConnectionId, now: Instant) -> bool {
        if let Some(connections) = self.connections.get_mut(peer) {
            connections.remove(&id);
            if !connections.is_empty() {
                return false;
            }
            self.connections.remove(peer);
        }
        let (local, reachable) = (self.local, !self.addresses(peer).is_empty());
        if let Some(known) = self.known.get_mut(peer)
            && reachable
            && known.dial != Dial::Running
        {
            let later = now.checked_add(backoff::delay(&local, peer, known.failed)).unwrap_or(now);
            // Counted as failed until a sync stream proves it: a peer that drops us each time is not hammered.
            known.failed = known.failed.saturating_add(1);
            known.dial = Dial::At(later);
        }
        true
    }

    /// Live connections of a peer, oldest first.
    pub(crate) fn connections(&self, peer: &PeerId) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        self.connections.get(peer).into_iter().flatten().map(|(id, connection)| (*id, connection))
    }

    /// One live connection.
    pub(crate) fn connection(&self, peer: &PeerId, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(peer)?.get(&id)
    }

    /// Live connections from this address of ours, whoever dialled.
    pub(crate) fn bound_to(&self, ip: IpAddr) -> Vec<ConnectionId> {
        let all = self.connections.values().flatten();
        all.filter(|(_, connection)| connection.local == Some(ip)).map(|(id, _)| *id).collect()
    }

    /// Every live connection.
    pub(crate) fn all_connections(&self) -> Vec<ConnectionId> {
        self.connections.values().flat_map(|connections| connections.keys().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn addr(port: u16) -> Multiaddr {
        format!("/ip4/10.0.0.1/tcp/{port}").parse().unwrap()
    }

    fn wanted(addrs: Vec<Multiaddr>) -> WantedPeer {
        WantedPeer { addrs, gossip: true }
    }

    fn id(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    #[test]
    fn a_known_peer_is_dialled_at_once_and_then_ever_more_rarely() {
        let (alice, bob) = (PeerId::random(), PeerId::random());
        let (mut peers, mut now) = (Peers::new(alice), Instant::now());
        assert!(!peers.set(bob, wanted(vec![addr(1)]), now));
        assert_eq!(peers.take_due(now), [bob]);
        assert!(peers.take_due(now).is_empty(), "it is being dialled");
        let mut waits = Vec::new();
        for _ in 0..10 {
            peers.dial_failed(&bob, now);
            let next = peers.next_due().unwrap();
            waits.push(next - now);
            now = next;
            assert_eq!(peers.take_due(now), [bob]);
        }
        assert!(waits[0] >= Duration::from_millis(500) && waits[0] <= Duration::from_millis(1_500));
        assert!(waits[9] >= Duration::from_secs(30) && waits[9] <= Duration::from_secs(60), "{waits:?}");
        peers.dial_failed(&bob, now);
        peers.dial_all_now(now);
        assert_eq!(peers.take_due(now), [bob], "an order does not wait");
    }

    #[test]
    fn a_lost_connection_is_met_by_a_fast_attempt_only_if_it_worked() {
        let (alice, bob) = (PeerId::random(), PeerId::random());
        let (mut peers, now) = (Peers::new(alice), Instant::now());
        peers.set(bob, wanted(vec![addr(1)]), now);
        assert_eq!(peers.take_due(now), [bob]);
        peers.connected(bob, id(1), addr(1), None);
        peers.proved(&bob);
        assert!(peers.next_due().is_none());
        assert!(peers.disconnected(&bob, id(1), now));
        assert!(peers.next_due().unwrap() - now <= Duration::from_millis(250));
        // The next connections close before a stream was up: the waits grow.
        for round in 2..8 {
            let at = peers.next_due().unwrap();
            assert_eq!(peers.take_due(at), [bob]);
            peers.connected(bob, id(round), addr(1), None);
            peers.disconnected(&bob, id(round), now);
        }
        assert!(peers.next_due().unwrap() - now >= Duration::from_secs(16));
    }

    #[test]
    fn a_stranger_or_a_changed_right_means_new_connections() {
        let (alice, bob) = (PeerId::random(), PeerId::random());
        let (mut peers, now) = (Peers::new(alice), Instant::now());
        peers.connected(bob, id(1), addr(1), None);
        assert!(peers.set(bob, wanted(vec![addr(1)]), now), "he was a stranger");
        assert!(!peers.set(bob, wanted(vec![addr(2)]), now), "only his address changed");
        assert!(peers.set(bob, WantedPeer { addrs: vec![], gossip: false }, now));
        assert!(peers.forget(&bob) && !peers.forget(&bob));
    }

    #[test]
    fn the_lan_adds_addresses_and_takes_only_those_away() {
        let (alice, bob) = (PeerId::random(), PeerId::random());
        let (mut peers, now) = (Peers::new(alice), Instant::now());
        peers.set(bob, wanted(vec![]), now);
        assert!(peers.next_due().is_none(), "nowhere to go");
        for port in 1..=20 {
            peers.found(bob, addr(port), now);
        }
        assert_eq!(peers.take_due(now), [bob]);
        assert_eq!(peers.addresses(&bob).len(), FOUND_ADDRESSES);
        for port in 1..=20 {
            peers.expired(&bob, addr(port));
        }
        assert!(peers.addresses(&bob).is_empty() && peers.is_known(&bob));
        for _ in 0..400 {
            peers.found(PeerId::random(), addr(1), now);
        }
        assert_eq!(peers.found.len(), FOUND_PEERS);
    }

    #[test]
    fn many_peers_are_dialled_in_turns() {
        let (mut peers, now) = (Peers::new(PeerId::random()), Instant::now());
        for _ in 0..100 {
            peers.set(PeerId::random(), wanted(vec![addr(1)]), now);
        }
        let first = peers.take_due(now);
        assert_eq!(first.len(), DIALS);
        assert!(peers.next_due().is_none() && peers.take_due(now).is_empty());
        peers.dial_failed(&first[0], now);
        assert_eq!(peers.take_due(now).len(), 1);
    }

    #[test]
    fn connections_on_a_lost_address_are_named() {
        let (mut peers, bob) = (Peers::new(PeerId::random()), PeerId::random());
        let ours: IpAddr = "10.0.0.9".parse().unwrap();
        peers.connected(bob, id(1), addr(1), Some(ours));
        peers.connected(bob, id(2), addr(1), None);
        assert_eq!(peers.bound_to(ours), [id(1)]);
        assert!(!peers.disconnected(&bob, id(1), Instant::now()));
        assert!(peers.is_connected(&bob));
    }
}
