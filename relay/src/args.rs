//! What can be typed: commands and options.
//!
//! Owns their definition with the English help. It must not know what they do. Invariant: each has its Korean help in
//! `words/help.rs`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// The Madang relay: keeps sealed messages until their recipients come.
#[derive(Parser)]
#[command(name = "madang-relay", version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Runs the relay in the foreground; prints one JSON line when it is ready.
    Run(Run),
    /// Writes a commented configuration and a key, and prints the address for clients.
    Init(Init),
    /// Checks, shows or documents the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Prints the state of the running relay as JSON.
    Status(Place),
    /// Exit code 0 when the running relay can serve, 1 otherwise.
    Healthcheck(Place),
}

#[derive(Args)]
pub(crate) struct Run {
    /// For tests: open to everybody, loopback only unless --listen says otherwise, free ports, no rates, no
    /// configuration needed.
    #[arg(long)]
    pub(crate) dev: bool,
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Address and port for clients, over TCP and QUIC; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Writes one JSON line per decoded frame; only with --dev.
    #[arg(long, value_name = "FILE")]
    pub(crate) trace_frames: Option<PathBuf>,
    /// Boxes are made only with this code.
    #[arg(long, value_name = "CODE")]
    pub(crate) admission: Option<String>,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Init {
    /// Name under which clients find this machine.
    #[arg(long, value_name = "NAME")]
    pub(crate) domain: String,
    /// Directory for relay.toml and relay.key.
    #[arg(long, value_name = "DIR", default_value = "/etc/madang-relay")]
    pub(crate) dir: PathBuf,
}

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Says whether the configuration is in order.
    Check(File),
    /// Prints the configuration in force, defaults included, codes hidden.
    Show(File),
    /// Prints the commented example file.
    Example,
}

#[derive(Args)]
pub(crate) struct File {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Place {
    /// The data directory of the running relay.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}
