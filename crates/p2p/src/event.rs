//! What a swarm tells its owner.
//!
//! Owns: the closed list of events.
//! Must not know: what the bytes mean.
//! Invariant: for one peer the order is `PeerUp`, `Frame`…, `PeerDown`; for one relay the same with `Relay…`.

use crate::link::LinkStream;
use libp2p::{Multiaddr, PeerId, bytes::Bytes};
use tokio::sync::{mpsc, oneshot};

/// Events that may wait for the owner. A full channel stops the stream readers, so that peers are slowed down; with
/// the largest frames it holds 16 MiB of sync traffic.
pub(crate) const EVENTS: usize = 256;

/// Receiving end of the events of one swarm.
pub type Events = mpsc::Receiver<Event>;

/// Names one received gossip message towards [`crate::Handle::gossip_verdict`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GossipId {
    /// `SHA-256(message)[..16]`, the same on every node (protocol section 9.5).
    pub(crate) hash: [u8; 16],
    /// The peer that handed the message to us.
    pub(crate) from: PeerId,
}

impl GossipId {
    /// `SHA-256(message)[..16]`.
    #[must_use]
    pub fn hash(&self) -> [u8; 16] {
        self.hash
    }
}

/// Everything that a swarm reports.
#[derive(Debug)]
pub enum Event {
    /// The addresses we listen on now, every interface by itself. Reported again after each change.
    Listening {
        /// Addresses without a peer part.
        addrs: Vec<Multiaddr>,
    },
    /// The primary sync stream of a known peer is ready in both directions. The first [`Event::Frame`] after it is the
    /// peer's hello, whole and of our version (protocol section 9.1); no later frame is one.
    PeerUp {
        /// The peer.
        peer: PeerId,
        /// Remote address of the connection.
        addr: Multiaddr,
        /// Whether the connection leads through a relay.
        relayed: bool,
        /// Whether this stream was opened by us; the other side sees the opposite, also when both opened one.
        opener: bool,
        /// The nonce of the hello that we said on this stream.
        nonce: [u8; 16],
    },
    /// The primary sync stream is gone. What was queued on it may or may not have arrived.
    PeerDown {
        /// The peer.
        peer: PeerId,
    },
    /// A round trip to a connected known peer or relay was measured, every 15 s.
    Rtt {
        /// The peer.
        peer: PeerId,
        /// Milliseconds, rounded up.
        ms: u32,
    },
    /// A frame came on the primary sync stream.
    Frame {
        /// The peer.
        peer: PeerId,
        /// At most 64 KiB, never empty.
        frame: Bytes,
    },
    /// A gossip message came. It is forwarded only after [`crate::Handle::gossip_verdict`].
    Gossip {
        /// The topic.
        topic: String,
        /// Who handed it to us; not the author.
        from: PeerId,
        /// The message, at most 32 KiB.
        data: Bytes,
        /// Names the message in the verdict.
        id: GossipId,
    },
    /// Somebody, known or not, asks on the contact protocol.
    Contact {
        /// Who asks.
        peer: PeerId,
        /// The question; at most one 16 KiB bucket and its framing from an unknown peer.
        frame: Bytes,
        /// Takes the answer within 10 s; dropping it closes the stream without one.
        reply: oneshot::Sender<Bytes>,
    },
    /// Somebody opened a link stream while [`crate::Handle::set_linking`] allows it.
    Link {
        /// Who opened it.
        peer: PeerId,
        /// The stream.
        stream: LinkStream,
    },
    /// mDNS found a peer on the LAN, known or not.
    Found {
        /// The peer.
        peer: PeerId,
        /// Its addresses.
        addrs: Vec<Multiaddr>,
    },
    /// A stream to a relay is open.
    RelayUp {
        /// The relay.
        relay: PeerId,
        /// Remote address of the connection.
        addr: Multiaddr,
    },
    /// A relay sent a frame.
    RelayFrame {
        /// The relay.
        relay: PeerId,
        /// At most 256 KiB, never empty.
        frame: Bytes,
    },
    /// The stream to a relay is gone, or one more attempt to reach it failed. Attempts go on.
    RelayDown {
        /// The relay.
        relay: PeerId,
        /// For logs and diagnosis, in English.
        reason: String,
    },
}
