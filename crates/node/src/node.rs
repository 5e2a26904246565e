//! Starting a node on an opened home.

use std::{net::SocketAddr, sync::Arc};

use madang_crypto::{os_rng, random};
use madang_model::OpId;
use madang_p2p::{self as p2p, Multiaddr, PeerId};
use madang_store::meta;
use tokio::sync::{Notify, broadcast, mpsc};

use crate::{
    clock::{Clock, SystemClock},
    core::{Core, Me, Settings},
    engine::Engine,
    handle::{Handle, Inner},
    home::{Opened, Secrets},
    network::{self, Paths},
    ring::Ring,
    turn::Now,
    view,
};

/// Commands that may wait for the engine: a burst of a shell.
const COMMANDS: usize = 256;
/// Inputs that may wait for the engine; a full queue slows the network down.
const INPUTS: usize = 1_024;
/// Announcements kept for a slow listener before it is told to ask again.
const EVENTS: usize = 4_096;

/// Every address of this machine, on a port that is free.
const ANYWHERE: &str = "/ip4/0.0.0.0/tcp/0";

/// How a node is to run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Addresses to listen on; empty means all interfaces on a random port that is remembered.
    pub listen: Vec<String>,
    /// Whether to find friends on the LAN by mDNS, and be found.
    pub mdns: bool,
    /// Whether TCP is used.
    pub tcp: bool,
    /// Whether QUIC is used.
    pub quic: bool,
    /// Live paths in use.
    pub paths: Paths,
}

impl Default for Config {
    fn default() -> Self {
        Self { listen: Vec::new(), mdns: true, tcp: true, quic: true, paths: Paths::default() }
    }
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address to listen on does not read.
    #[error("{given} is no address to listen on. Write it as {form}")]
    Listen {
        /// As it was given.
        given: String,
        /// The form that it has to have.
        form: String,
    },
    /// A port that was asked for is taken.
    #[error("Another program listens on this port already: {address}")]
    InUse {
        /// The address.
        address: String,
    },
    /// None of the addresses to listen on can be had.
    #[error(
        "This machine cannot listen on {address}: {reason}. Give an address of its own, such as {ANYWHERE}"
    )]
    Refused {
        /// The first of them.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// The network did not start.
    #[error("The network did not start: {0}")]
    Network(p2p::StartError),
    /// The store did not answer.
    #[error("The store did not answer: {0}")]
    Store(#[from] madang_store::Error),
    /// A thread could not be started.
    #[error("The engine did not start: {0}")]
    Thread(#[from] std::io::Error),
}

impl From<p2p::StartError> for StartError {
    fn from(error: p2p::StartError) -> Self {
        match error {
            p2p::StartError::InUse { address, .. } => Self::InUse { address: address.to_string() },
            p2p::StartError::Listen { address, reason } => {
                Self::Refused { address: address.to_string(), reason }
            }
            other => Self::Network(other),
        }
    }
}

/// Starts a node on an opened home. It runs until [`Handle::shutdown`].
///
/// # Errors
/// [`StartError`].
pub async fn start(opened: Opened, config: Config) -> Result<Handle, StartError> {
    let Opened { store, me: secrets, .. } = opened;
    let madang_store::Store { writer, readers } = store;
    let port = meta::get(writer.conn(), "network.port")?
        .and_then(|bytes| <[u8; 2]>::try_from(bytes).ok())
        .map(u16::from_be_bytes);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let swarm = p2p::spawn(p2p::Config {
        secret: *secrets.network,
        listen: listen(&config)?,
        port,
        mdns: config.mdns,
        gossip: true,
        tcp: config.tcp,
        quic: config.quic,
        hello: hello(Arc::clone(&clock)),
    })
    .await?;
    let network_handle = swarm.0.clone();
    let (commands, commands_rx) = mpsc::channel(COMMANDS);
    let (inputs, inputs_rx) = mpsc::channel(INPUTS);
    let (events, _) = broadcast::channel(EVENTS);
    let ring = Arc::new(Ring::default());
    let (network, listener) =
        network::connect(swarm, &inputs, events.clone(), Arc::clone(&ring), config.paths);
    let account = view::Account {
        account: secrets.account,
        device: secrets.device,
        name: secrets.card.name.clone(),
        relays: Vec::new(),
    };
    let core = Core::new(me(secrets, network_handle.local_peer()), Settings { paths: config.paths }, ring);
    let stop = Arc::new(Notify::new());
    let engine = Engine {
        writer,
        core,
        network,
        clock: Arc::clone(&clock),
        commands: commands_rx,
        inputs: inputs_rx,
        stop: Arc::clone(&stop),
        seen: Now::default(),
        failed: 0,
        undone: false,
    };
    let engine = std::thread::Builder::new().name("engine".to_owned()).spawn(move || engine.run())?;
    tokio::spawn(listener.run());
    let inner = Inner {
        commands,
        events,
        readers,
        clock,
        account,
        network: network_handle,
        stop,
        engine: tokio::sync::Mutex::new(Some(engine)),
    };
    Ok(Handle { inner: Arc::new(inner) })
}

/// What this node says first on a stream (protocol section 9.1).
fn hello(clock: Arc<dyn Clock>) -> p2p::HelloSource {
    p2p::HelloSource::new(move || p2p::Hello {
        nonce: random(&mut os_rng()),
        now: clock.wall_ms(),
        features: Vec::new(),
    })
}

/// Who the node with these secrets is.
pub(crate) fn me(secrets: Secrets, peer: PeerId) -> Me {
    Me {
        account: secrets.account,
        device: secrets.device,
        // The first device of an account is admitted by its genesis, whose id is the account's.
        add_op: OpId::from_bytes(secrets.account.to_bytes()),
        peer,
        card: secrets.card.clone(),
        token_key: *secrets.token_key,
        delete_key: *secrets.delete_key,
        key: secrets.key,
    }
}

fn listen(config: &Config) -> Result<Vec<Multiaddr>, StartError> {
    if config.listen.is_empty() {
        let defaults = [(config.tcp, "/ip4/0.0.0.0/tcp/0"), (config.quic, "/ip4/0.0.0.0/udp/0/quic-v1")];
        return Ok(defaults.iter().filter(|(on, _)| *on).filter_map(|(_, addr)| addr.parse().ok()).collect());
    }
    config.listen.iter().map(|text| listen_on(text)).collect()
}

/// An address to listen on; every form but those that a transport carries is refused, or nobody would hear of it.
fn listen_on(text: &str) -> Result<Multiaddr, StartError> {
    let both = p2p::transport::Transports { tcp: true, quic: true };
    let parsed = text.trim().parse().ok().filter(|addr| both.carry(addr));
    parsed.ok_or_else(|| StartError::Listen { given: text.to_owned(), form: form(text.trim()) })
}

/// How an address has to be written: that which was meant, where that can be seen.
fn form(text: &str) -> String {
    let socket = text.parse::<SocketAddr>().ok();
    match socket.or_else(|| Some(SocketAddr::new(text.parse().ok()?, 0))) {
        Some(SocketAddr::V4(meant)) => format!("/ip4/{}/tcp/{}", meant.ip(), meant.port()),
        Some(SocketAddr::V6(meant)) => format!("/ip6/{}/tcp/{}", meant.ip(), meant.port()),
        None => format!("{ANYWHERE} or /ip4/0.0.0.0/udp/0/quic-v1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_nobody_can_listen_on_is_told_in_the_right_form() {
        for good in [ANYWHERE, "/ip4/127.0.0.1/udp/4001/quic-v1", "/ip6/::1/tcp/4001"] {
            assert_eq!(listen_on(good).unwrap().to_string(), good);
        }
        for (bad, right) in [
            ("8.8.8.8", "/ip4/8.8.8.8/tcp/0"),
            ("192.0.2.7:4001", "/ip4/192.0.2.7/tcp/4001"),
            ("::1", "/ip6/::1/tcp/0"),
            ("/dns4/hanok.example/tcp/4001", ANYWHERE),
            ("/ip4/127.0.0.1", ANYWHERE),
            ("everywhere", ANYWHERE),
        ] {
            let said = listen_on(bad).unwrap_err().to_string();
            assert!(said.starts_with(bad) && said.contains(right), "{said}");
        }
    }
}
