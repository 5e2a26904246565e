//! The node and its relays.

use clap::{Args, Subcommand};

/// `run`
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  madang run --relay /ip4/192.0.2.7/tcp/4001/p2p/12D3…\n")]
pub(crate) struct Run {
    /// Listen here; may be repeated. Without it: every address, QUIC and TCP
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Vec<String>,
    /// Add this relay to the account; may be repeated
    #[arg(long, value_name = "ADDR")]
    pub(crate) relay: Vec<String>,
    /// Neither look for friends in the local network nor be found there
    #[arg(long)]
    pub(crate) no_mdns: bool,
    /// Tests: carry nothing over gossip
    #[arg(long, hide = true)]
    pub(crate) no_gossip: bool,
    /// Tests: carry no content over streams
    #[arg(long, hide = true)]
    pub(crate) no_stream: bool,
    /// Tests: no TCP
    #[arg(long, hide = true)]
    pub(crate) no_tcp: bool,
    /// Tests: no QUIC
    #[arg(long, hide = true)]
    pub(crate) no_quic: bool,
}

/// Verbs of paths.
#[derive(Debug, Subcommand)]
pub(crate) enum Net {
    /// The path by which the last message reached each machine, and how each is connected now
    Why,
}

/// Verbs of relays.
#[derive(Debug, Subcommand)]
pub(crate) enum Relay {
    /// Add a relay
    Add {
        /// Its address, as its operator gives it
        addr: String,
        /// Admission code of its operator
        #[arg(long)]
        code: Option<String>,
    },
    /// Remove a relay
    Remove {
        /// Its address as `relay list` shows it, or the id at its end alone
        addr: String,
    },
    /// All relays
    List,
}
