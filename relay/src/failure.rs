//! How a command ends when it does not end well, and with which exit code.
//!
//! Owns the closed list of what an operator may meet. It must not know the words in Korean, nor what to do about a
//! failure: those are in `words`. Invariant: each names the path, address or option that it is about.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::ConfigError;
use crate::data_dir::DataDirError;
use crate::init::InitError;
use crate::probe::ProbeError;
use crate::storage::StorageError;
use crate::swarm::ListenError;

/// Exit code of a wrong combination of flags.
const USAGE: u8 = 2;

/// Why a command stopped.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A trace was asked for without `--dev`.
    #[error("--trace-frames shows what clients send and is allowed with --dev only")]
    TraceWithoutDev,
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] DataDirError),
    /// The database cannot be used.
    #[error("Cannot open {path}: {source}")]
    Storage {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: StorageError,
    },
    /// Clients cannot be listened to.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The web server cannot listen.
    #[error("Cannot listen on {address} for the web server: {source}")]
    Web {
        /// Its address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The trace of frames cannot be written.
    #[error("Cannot write {path}: {source}")]
    Trace {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing was set up.
    #[error(transparent)]
    Init(#[from] InitError),
    /// No relay runs on a directory.
    #[error("No relay runs on {data}")]
    NotRunning {
        /// The data directory.
        data: PathBuf,
    },
    /// The relay that runs on a directory is not reached yet.
    #[error("The relay on {data} is starting")]
    Starting {
        /// The data directory.
        data: PathBuf,
    },
    /// A running relay could not be asked.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// A running relay gave no figures.
    #[error("The relay answers with status {status}")]
    Status {
        /// Status code of HTTP.
        status: u16,
    },
    /// A running relay cannot serve.
    #[error("The relay is not ready: {said}")]
    NotReady {
        /// What it says about that.
        said: String,
    },
    /// Standard output cannot be written.
    #[error("The output could not be written: {0}")]
    Output(std::io::Error),
    /// What no operator causes.
    #[error(transparent)]
    Internal(#[from] anyhow::Error),
}

impl Failure {
    /// 2 for a wrong use, 1 for anything else.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::TraceWithoutDev => USAGE,
            _ => 1,
        }
    }

    /// All of it in English, with its causes, each of which is said once: some errors name theirs already.
    #[must_use]
    pub fn whole(&self) -> String {
        let causes = std::iter::successors(Some(self as &dyn std::error::Error), |cause| cause.source());
        causes.map(ToString::to_string).fold(String::new(), |said, cause| match said.as_str() {
            "" => cause,
            known if known.contains(&cause) => said,
            _ => format!("{said}: {cause}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let missing = || std::io::Error::new(std::io::ErrorKind::NotFound, "no such file");
        let read = ConfigError::Read { path: "relay.toml".into(), source: missing() };
        assert_eq!(Failure::from(read).whole(), "Cannot read relay.toml: no such file");
        let wrapped = anyhow::Error::new(missing()).context("Cannot start the storage thread");
        assert_eq!(Failure::from(wrapped).whole(), "Cannot start the storage thread: no such file");
    }
}
