//! What the owner wants: known peers, topics, relays.
//!
//! Owns: the wanted state and what of it has changed since the swarm task last looked.
//! Must not know: what is connected.
//! Invariant: a wish is written, not queued, so a burst of calls coalesces and none of them is lost or has to wait.

use libp2p::{Multiaddr, PeerId};
use std::collections::{BTreeMap, BTreeSet};

/// Addresses kept per peer or relay: 16 of its address record (protocol section 7.4).
pub(crate) const ADDRESSES: usize = 16;

/// A known peer as the owner wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WantedPeer {
    /// Where it may be reached, at most [`ADDRESSES`].
    pub(crate) addrs: Vec<Multiaddr>,
    /// Whether it is a gossip peer (protocol section 9.5).
    pub(crate) gossip: bool,
}

/// The wanted state.
#[derive(Debug, Default)]
pub(crate) struct Intent {
    peers: BTreeMap<PeerId, WantedPeer>,
    topics: BTreeSet<String>,
    relays: BTreeMap<PeerId, Vec<Multiaddr>>,
    linking: bool,
    changes: Changes,
}

/// What changed since the last look.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Peers to become known (`Some`) or to be forgotten.
    pub(crate) peers: BTreeMap<PeerId, Option<WantedPeer>>,
    /// Topics to join (`true`) or leave.
    pub(crate) topics: BTreeMap<String, bool>,
    /// Relays to keep (`Some`) or to drop.
    pub(crate) relays: BTreeMap<PeerId, Option<Vec<Multiaddr>>>,
    /// Whether link streams are accepted.
    pub(crate) linking: Option<bool>,
    /// Whether every peer and relay that is away is to be tried now.
    pub(crate) redial: bool,
    /// Whether every connection is to be closed and dialled again.
    pub(crate) reconnect: bool,
}

impl Intent {
    pub(crate) fn set_peer(&mut self, peer: PeerId, mut addrs: Vec<Multiaddr>, gossip: bool) {
        addrs.truncate(ADDRESSES);
        let wanted = WantedPeer { addrs, gossip };
        self.changes.peers.insert(peer, Some(wanted.clone()));
        self.peers.insert(peer, wanted);
    }

    pub(crate) fn forget_peer(&mut self, peer: PeerId) {
        if self.peers.remove(&peer).is_some() {
            self.changes.peers.insert(peer, None);
        }
    }

    pub(crate) fn subscribe(&mut self, topic: String) {
        if self.topics.insert(topic.clone()) {
            self.changes.topics.insert(topic, true);
        }
    }

    pub(crate) fn unsubscribe(&mut self, topic: String) {
        if self.topics.remove(&topic) {
            self.changes.topics.insert(topic, false);
        }
    }

    /// Adds an address to a relay, which is kept from now on.
    pub(crate) fn set_relay(&mut self, relay: PeerId, addr: Multiaddr) {
        let addrs = self.relays.entry(relay).or_default();
        if !addrs.contains(&addr) {
            addrs.push(addr);
            // The newest addresses are the likeliest to be right.
            let surplus = addrs.len().saturating_sub(ADDRESSES);
            addrs.drain(..surplus);
            self.changes.relays.insert(relay, Some(addrs.clone()));
        }
    }

    pub(crate) fn forget_relay(&mut self, relay: PeerId) {
        if self.relays.remove(&relay).is_some() {
            self.changes.relays.insert(relay, None);
        }
    }

    pub(crate) fn set_linking(&mut self, linking: bool) {
        if self.linking != linking {
            self.linking = linking;
            self.changes.linking = Some(linking);
        }
    }

    pub(crate) fn redial(&mut self) {
        self.changes.redial = true;
    }

    pub(crate) fn reconnect(&mut self) {
        self.changes.reconnect = true;
    }

    /// Takes what changed since the last call.
    pub(crate) fn take_changes(&mut self) -> Changes {
        std::mem::take(&mut self.changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_coalesce_and_are_taken_once() {
        let bob = PeerId::random();
        let mut intent = Intent::default();
        intent.set_peer(bob, Vec::new(), true);
        intent.forget_peer(bob);
        intent.subscribe("a".into());
        intent.subscribe("b".into());
        intent.unsubscribe("a".into());
        intent.unsubscribe("never".into());
        let changes = intent.take_changes();
        assert_eq!(changes.peers, BTreeMap::from([(bob, None)]));
        assert_eq!(changes.topics, BTreeMap::from([("a".into(), false), ("b".into(), true)]));
        let again = intent.take_changes();
        assert!(again.peers.is_empty() && again.topics.is_empty());
    }

    #[test]
    fn addresses_are_bounded() {
        let (bob, relay) = (PeerId::random(), PeerId::random());
        let addrs: Vec<Multiaddr> =
            (1..=40).map(|port| format!("/ip4/10.0.0.1/tcp/{port}").parse().unwrap()).collect();
        let mut intent = Intent::default();
        intent.set_peer(bob, addrs.clone(), false);
        for addr in &addrs {
            intent.set_relay(relay, addr.clone());
        }
        let changes = intent.take_changes();
        assert_eq!(changes.peers[&bob].as_ref().unwrap().addrs, addrs[..16]);
        assert_eq!(changes.relays[&relay].as_ref().unwrap(), &addrs[24..]);
    }
}
