//! Settings of one swarm.
//!
//! Owns: what a caller chooses before start.
//! Must not know: where the choice is stored.
//! Invariant: the secret never appears in a log.

use crate::{
    hello::HelloSource,
    transport::{self, Transports},
};
use libp2p::Multiaddr;
use std::{fmt, time::Duration};

/// Settings of one swarm. A process may run several swarms, each with its own.
pub struct Config {
    /// libp2p Ed25519 secret of this machine; neither the device key nor the root key. [`crate::spawn`] overwrites
    /// it with zeros after use.
    pub secret: [u8; 32],
    /// Addresses to listen on; port 0 stands for [`Config::port`] or a random one. May be empty.
    pub listen: Vec<Multiaddr>,
    /// Port of the last run, tried first for TCP and UDP (protocol section 7.4).
    pub port: Option<u16>,
    /// Whether to find peers on the LAN by mDNS, and be found.
    pub mdns: bool,
    /// Whether to speak gossipsub with known peers; off for personas (protocol section 9.3).
    pub gossip: bool,
    /// Whether TCP is used.
    pub tcp: bool,
    /// Whether QUIC is used.
    pub quic: bool,
    /// Makes what this node says first on each sync stream.
    pub hello: HelloSource,
}

impl Config {
    /// Settings for a node that listens on every IPv4 and IPv6 interface with both transports, mDNS and gossip.
    #[must_use]
    pub fn new(secret: [u8; 32], hello: HelloSource) -> Self {
        let listen =
            ["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1", "/ip6/::/tcp/0", "/ip6/::/udp/0/quic-v1"]
                .iter()
                .filter_map(|address| address.parse().ok())
                .collect();
        Self { secret, listen, port: None, mdns: true, gossip: true, tcp: true, quic: true, hello }
    }

    pub(crate) fn transports(&self) -> Transports {
        Transports { tcp: self.tcp, quic: self.quic }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("port", &self.port)
            .field("mdns", &self.mdns)
            .field("gossip", &self.gossip)
            .field("tcp", &self.tcp)
            .field("quic", &self.quic)
            .finish_non_exhaustive()
    }
}

/// Times that tests shorten; the product runs with [`Timing::default`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// How long the higher PeerId waits for the lower one to open the sync stream.
    pub(crate) grace: Duration,
    /// How long a stream must have stood before one of the other side shows that it was lost there.
    pub(crate) settled: Duration,
    /// How long a connection without any stream stays.
    pub(crate) idle: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { grace: Duration::from_secs(1), settled: Duration::from_secs(5), idle: transport::IDLE_TIMEOUT }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_stays_out_of_logs_and_all_interfaces_are_listened_on() {
        let config = Config::new(
            [211; 32],
            HelloSource::new(|| crate::Hello { nonce: [1; 16], now: 0, features: Vec::new() }),
        );
        assert!(!format!("{config:?}").contains("211"));
        assert_eq!(config.listen.len(), 4);
    }
}
