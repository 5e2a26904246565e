//! The first configuration of an operator.
//!
//! Owns the files that `init` writes. Invariant: nothing that exists is overwritten.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;
use madang_p2p::transport;

use crate::config::{self, Config, is_domain};
use crate::data_dir::{DataDirError, read_or_make_key, whole};

/// What was written, and what to tell people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The configuration file.
    pub config: PathBuf,
    /// The key file, mode 0600.
    pub key: PathBuf,
    /// Address for clients, with the peer id.
    pub addr: String,
    /// A first invite code.
    pub code: String,
}

/// Why nothing was set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The name cannot be one of a machine.
    #[error("{domain:?} is not a name of a machine")]
    Domain {
        /// The name as given.
        domain: String,
    },
    /// There is a configuration.
    #[error("{path} exists already and is left as it is")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file or the directory could not be made.
    #[error("Cannot make {path}: {source}")]
    Make {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The key could not be read or made.
    #[error(transparent)]
    Key(#[from] DataDirError),
    /// The key was read and is none that the network takes.
    #[error(transparent)]
    Transport(#[from] transport::TransportError),
    /// The system gives no random bytes.
    #[error("The random source failed: {0}")]
    Random(String),
}

/// Writes `relay.toml` and `relay.key` into a directory.
///
/// # Errors
/// When the configuration exists already, or a file cannot be written.
pub fn init(dir: &Path, domain: &str) -> Result<Made, InitError> {
    if !is_domain(domain) {
        return Err(InitError::Domain { domain: domain.to_owned() });
    }
    let config = dir.join("relay.toml");
    if config.exists() {
        return Err(InitError::Exists { path: config });
    }
    let key = dir.join("relay.key");
    DirBuilder::new().recursive(true).mode(0o755).create(dir).map_err(cannot_make(dir))?;
    let key = std::path::absolute(&key).map_err(cannot_make(&key))?;
    let mut secret = read_or_make_key(&key)?;
    let peer = transport::keypair(&mut secret)?.public().to_peer_id();
    let port = Config::default().network.listen.port();
    let addr =
        Multiaddr::from(Protocol::Dns(domain.into())).with(Protocol::Tcp(port)).with(Protocol::P2p(peer));
    let code = code()?;
    write(&config, &text(domain, &key, &code))?;
    Ok(Made { config, key, addr: addr.to_string(), code })
}

/// The example with three of its options set.
fn text(domain: &str, key: &Path, code: &str) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let key = key.to_string_lossy();
    let set = [
        ("#domain = ", format!("domain = {}", quoted(domain))),
        ("#key_file = ", format!("key_file = {}", quoted(&key))),
        ("#codes = ", format!("codes = [{}]", quoted(code))),
    ];
    let example = config::example();
    let lines = example.lines().map(|line| {
        let new = set.iter().find(|(start, _)| line.starts_with(start)).map(|(_, new)| new.as_str());
        format!("{}\n", new.unwrap_or(line))
    });
    lines.collect()
}

fn write(path: &Path, text: &str) -> Result<(), InitError> {
    // The file holds an invite code.
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.and_then(|mut file| whole(path, file.write_all(text.as_bytes()))).map_err(cannot_make(path))
}

fn cannot_make(path: &Path) -> impl FnOnce(std::io::Error) -> InitError {
    let path = path.to_owned();
    move |source| InitError::Make { path, source }
}

/// An invite code of 80 random bits.
fn code() -> Result<String, InitError> {
    let mut bytes = [0u8; 10];
    getrandom::fill(&mut bytes).map_err(|error| InitError::Random(error.to_string()))?;
    Ok(data_encoding::BASE32_NOPAD.encode(&bytes).to_lowercase())
}
