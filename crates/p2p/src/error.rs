//! Errors of this crate, one enum per kind of call.
//!
//! Owns: why a call failed, in words of the network.
//! Must not know: what the caller does about it.
//! Invariant: no variant carries message bytes.

use crate::{address::AddressError, frame::FrameError, streams::StreamError, transport::TransportError};
use libp2p::Multiaddr;
use std::io;

/// Why a swarm did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The transports could not be built.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The gossip settings contradict each other.
    #[error("gossip settings were refused: {0}")]
    Gossip(String),
    /// mDNS was asked for and could not be started.
    #[error("mDNS did not start: {0}")]
    Mdns(#[source] io::Error),
    /// Somebody listens on a port that was asked for by its number.
    #[error("{address} is in use: {source}")]
    InUse {
        /// The address.
        address: Multiaddr,
        /// What the system said.
        source: io::Error,
    },
    /// Not one of the wanted addresses could be listened on; this is the first.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// What the system said.
        reason: String,
    },
}

/// Why a frame was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// There is no stream to this peer now.
    #[error("not connected")]
    NotConnected,
    /// The peer takes frames more slowly than they come. The frame is not on its way: hold it back, or restart the
    /// stream.
    #[error("queue is full")]
    Full,
    /// The frame is above the cap of its protocol.
    #[error("frame is too large")]
    TooLarge,
}

/// Why a gossip message was not handed to the swarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The message is above 32 KiB: it goes over the sync stream (protocol section 9.3).
    #[error("message is too large for gossip")]
    TooLarge,
    /// The swarm has more to do than it can: the stream takes over after 300 ms.
    #[error("queue is full")]
    Full,
}

/// Why a stream to a peer could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No address of this peer could be reached.
    #[error("peer cannot be reached: {0}")]
    Unreachable(String),
    /// The connection stands, the stream does not.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// Too many streams are being opened at once.
    #[error("too many pending streams")]
    Busy,
    /// The swarm has stopped.
    #[error("swarm has stopped")]
    Stopped,
}

/// Why a contact request got no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContactError {
    /// No stream to the peer.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The stream failed, or a frame was above its cap.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The peer closed the stream without an answer.
    #[error("no answer")]
    NoAnswer,
    /// Ten seconds passed.
    #[error("timed out")]
    TimedOut,
}

/// Why a relay was not taken up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The address is of no use.
    #[error(transparent)]
    Address(#[from] AddressError),
}
