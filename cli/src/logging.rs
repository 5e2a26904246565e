//! The log: on standard error, quiet unless something is wrong.

use std::io;

use tracing_subscriber::EnvFilter;

/// Starts the log. `RUST_LOG` counts before `-v`.
pub(crate) fn start(verbose: u8) {
    let default = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug,libp2p=info,quinn=info,rustls=info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
}
