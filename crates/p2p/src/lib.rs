//! Peer-to-peer transport of Madang: bytes between PeerIds.
//!
//! One task owns the libp2p swarm; a cheap [`Handle`] takes orders and a bounded channel of [`Event`]s reports. The
//! crate can run several swarms in one process. It knows nothing of messages, rooms, friends or SQL.
//!
//! Without the feature `swarm` only the pieces that the relay server shares are built: transports and swarm settings
//! ([`transport`]), named streams ([`streams`]), framing ([`frame`]), names and caps ([`protocol`]), addresses.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice, clippy::arithmetic_side_effects))]

pub mod address;
pub mod frame;
pub mod protocol;
pub mod streams;
pub mod transport;

#[cfg(feature = "swarm")]
mod backoff;
#[cfg(feature = "swarm")]
mod behaviour;
#[cfg(feature = "swarm")]
mod config;
#[cfg(feature = "swarm")]
mod contact;
#[cfg(feature = "swarm")]
mod counters;
#[cfg(feature = "swarm")]
mod error;
#[cfg(feature = "swarm")]
mod event;
#[cfg(feature = "swarm")]
mod gossip;
#[cfg(feature = "swarm")]
mod handle;
#[cfg(feature = "swarm")]
mod hello;
#[cfg(feature = "swarm")]
mod intent;
#[cfg(feature = "swarm")]
mod known_only;
#[cfg(feature = "swarm")]
mod link;
#[cfg(feature = "swarm")]
mod listen;
#[cfg(feature = "swarm")]
mod open;
#[cfg(feature = "swarm")]
mod peers;
#[cfg(feature = "swarm")]
mod pump;
#[cfg(feature = "swarm")]
mod queue;
#[cfg(feature = "swarm")]
mod relay_client;
#[cfg(feature = "swarm")]
mod session;
#[cfg(feature = "swarm")]
mod sessions;
#[cfg(feature = "swarm")]
mod swarm;
#[cfg(feature = "swarm")]
#[cfg(test)]
mod tests;

pub use libp2p::{Multiaddr, PeerId, bytes::Bytes};

#[cfg(feature = "swarm")]
pub use self::{
    config::Config,
    counters::Counts,
    error::{ContactError, OpenError, PublishError, RelayError, SendError, StartError},
    event::{Event, Events, GossipId},
    handle::Handle,
    hello::{Hello, HelloSource},
    link::LinkStream,
    swarm::spawn,
};
