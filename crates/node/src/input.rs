//! Everything of the network that can wake the engine: one closed list.

use bytes::Bytes;
use madang_p2p::{Multiaddr, PeerId};
use madang_wire::StreamBody;

use crate::{
    effect::{AskId, CallId},
    ingest::Arrival,
};

/// Something that happened outside.
#[derive(Debug)]
pub(crate) enum Input {
    /// The engine has started.
    Start,
    /// Addresses this node listens on.
    Listening(Vec<Multiaddr>),
    /// The sync stream with a peer is ready in both directions.
    PeerUp {
        /// The peer.
        peer: PeerId,
        /// Runs through a circuit of a relay.
        relayed: bool,
        /// Whether this side opened the stream; the peer sees the opposite.
        opener: bool,
        /// Nonce of the hello that was said here. The peer's hello follows as the first frame.
        nonce: [u8; 16],
    },
    /// The sync stream with a peer is gone.
    PeerDown(PeerId),
    /// A round trip was measured.
    Rtt {
        /// The peer.
        peer: PeerId,
        /// Milliseconds.
        ms: u32,
    },
    /// A frame on a sync stream, other than ops.
    Frame {
        /// The peer.
        peer: PeerId,
        /// The decoded frame.
        frame: StreamBody,
    },
    /// Sealed objects that were opened and checked on the pool.
    Arrival(Arrival),
    /// A frame of anybody on the contact protocol; it waits for an answer.
    Contact {
        /// The peer.
        peer: PeerId,
        /// Names the waiting answer.
        ask: AskId,
        /// Encoded `ContactFrame`.
        frame: Bytes,
    },
    /// The answer to an own contact frame.
    ContactAnswer {
        /// Which one.
        call: CallId,
        /// Encoded `ContactFrame`, or why there is none.
        result: Result<Bytes, String>,
    },
    /// The stream with a relay is ready.
    RelayUp {
        /// The relay.
        relay: PeerId,
    },
    /// A frame of a relay.
    RelayFrame {
        /// The relay.
        relay: PeerId,
        /// Encoded `RelayFrame`.
        frame: Bytes,
    },
    /// The stream with a relay is gone.
    RelayDown {
        /// The relay.
        relay: PeerId,
        /// Why.
        reason: String,
    },
    /// The wall clock ran ahead by so many ms: the machine woke up, or its clock was set.
    Woke(u64),
    /// The wall clock was set back by so many ms.
    SetBack(u64),
    /// The last turn: what would have waited a moment goes out now.
    Stopping,
}

impl Input {
    /// Whether it tells of the clock of this machine, by which everything else in the turn is stamped.
    pub(crate) fn is_of_clock(&self) -> bool {
        matches!(self, Self::Woke(_) | Self::SetBack(_))
    }

    /// Whether the network tells it again on the next connection, so that losing it with the power costs nothing: what
    /// others have committed, and how fast and where the network is.
    pub(crate) fn is_told_again(&self) -> bool {
        match self {
            Self::Frame { frame, .. } => matches!(frame, StreamBody::Heads(_)),
            Self::Rtt { .. } | Self::Listening(_) => true,
            _ => false,
        }
    }
}
