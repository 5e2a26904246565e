//! The behaviours of a client swarm, put together.
//!
//! Owns: which behaviours run and with which limits.
//! Must not know: what the swarm task does with their events.
//! Invariant: gossip is reachable only through [`KnownOnly`].

use crate::{
    config::Config,
    error::StartError,
    gossip::{self, Gossip},
    known_only::KnownOnly,
    protocol, streams, transport,
};
use libp2p::{
    connection_limits::{self, ConnectionLimits},
    identify,
    identity::Keypair,
    mdns, ping,
    swarm::{NetworkBehaviour, behaviour::toggle::Toggle},
};

/// Inbound connections of strangers that may be in their handshake at once.
const PENDING_INBOUND: u32 = 64;
/// Connections being dialled at once; above the dials of [`crate::peers`] and of single requests together.
const PENDING_OUTBOUND: u32 = 256;
/// Established connections with strangers.
const STRANGERS: u32 = 512;
/// Established connections per stranger: two transports, twice.
const PER_STRANGER: u32 = 4;

/// All behaviours of a client. Known peers and relays are exempt from `limits`.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) limits: connection_limits::Behaviour,
    pub(crate) streams: streams::Behaviour,
    pub(crate) ping: ping::Behaviour,
    pub(crate) identify: identify::Behaviour,
    pub(crate) gossip: Toggle<KnownOnly<Gossip>>,
    pub(crate) mdns: Toggle<mdns::tokio::Behaviour>,
}

impl Behaviour {
    pub(crate) fn new(config: &Config, keypair: &Keypair) -> Result<Self, StartError> {
        let gossip = config.gossip.then(gossip::gossip).transpose()?.map(KnownOnly::new);
        let mdns = config
            .mdns
            .then(|| mdns::tokio::Behaviour::new(mdns::Config::default(), keypair.public().to_peer_id()));
        Ok(Self {
            limits: connection_limits::Behaviour::new(limits()),
            streams: streams::Behaviour::new(vec![protocol::CONTACT, protocol::LINK], vec![protocol::SYNC]),
            ping: transport::ping(),
            identify: transport::identify(keypair),
            gossip: gossip.into(),
            mdns: mdns.transpose().map_err(StartError::Mdns)?.into(),
        })
    }
}

fn limits() -> ConnectionLimits {
    ConnectionLimits::default()
        .with_max_pending_incoming(Some(PENDING_INBOUND))
        .with_max_pending_outgoing(Some(PENDING_OUTBOUND))
        .with_max_established(Some(STRANGERS))
        .with_max_established_per_peer(Some(PER_STRANGER))
}
