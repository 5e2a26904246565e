//! The command line of the desktop.
//!
//! Owns how the program is started. It must not know what a home holds. Invariant: a link is only ever
//! handed on, never followed here.

use std::path::PathBuf;

use clap::Parser;
use madang_node::Config;

/// Madang, a peer-to-peer, end-to-end encrypted messenger.
#[derive(Debug, Clone, Parser)]
#[command(name = "madang-desktop", version)]
pub(crate) struct Arguments {
    /// The home; one desktop or node at a time holds it.
    #[arg(long, env = "MADANG_HOME", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Listens on this address only; can be repeated.
    #[arg(long, value_name = "MULTIADDR")]
    listen: Vec<String>,
    /// Neither looks for friends on the local network nor is found there.
    #[arg(long)]
    no_mdns: bool,
    /// A `madang:` link; the window asks before anything is done with it.
    #[arg(value_name = "LINK")]
    pub(crate) link: Option<String>,
}

impl Arguments {
    /// How the node is to run.
    pub(crate) fn config(&self) -> Config {
        Config { listen: self.listen.clone(), mdns: !self.no_mdns, ..Config::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_sound() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_home_and_a_link_are_read() {
        let read = Arguments::try_parse_from(["madang-desktop", "--home", "/h", "--no-mdns", "madang://i#x"]);
        let arguments = read.unwrap();
        assert_eq!(arguments.home.as_deref(), Some(std::path::Path::new("/h")));
        assert_eq!(arguments.link.as_deref(), Some("madang://i#x"));
        assert!(!arguments.config().mdns);
    }
}
