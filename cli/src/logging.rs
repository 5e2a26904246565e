//! The log: on standard error, quiet unless something is wrong.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::output::may_color;

/// Starts the log. `RUST_LOG` counts before `-v`. Only a terminal gets colours: a file would keep their codes.
pub(crate) fn start(verbose: u8, no_color: bool) {
    let default = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug,libp2p=info,quinn=info,rustls=info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let color = io::stderr().is_terminal() && may_color(no_color);
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(color).with_writer(io::stderr).init();
}
