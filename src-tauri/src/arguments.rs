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

    /// The link that another start of the program was given, if there is one. What a browser starts is the program
    /// with nothing but the link; what a person types may have options beside it.
    pub(crate) fn link_of(arguments: &[String]) -> Option<String> {
        match Self::try_parse_from(arguments) {
            Ok(read) => read.link,
            Err(error) => {
                tracing::warn!(%error, "a second start was not understood");
                None
            }
        }
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

    #[test]
    fn every_way_to_start_the_program_again_hands_its_link_over() {
        let link_of = |arguments: &[&str]| {
            Arguments::link_of(&arguments.iter().map(|each| (*each).to_owned()).collect::<Vec<_>>())
        };
        let link = Some("madang://invite/1/Ab-_".to_owned());
        assert_eq!(link_of(&["/usr/bin/madang-desktop", "madang://invite/1/Ab-_"]), link, "from a browser");
        assert_eq!(link_of(&["madang-desktop", "--home", "/h", "madang://invite/1/Ab-_"]), link);
        assert_eq!(link_of(&["madang-desktop", "madang://invite/1/Ab-_", "--no-mdns"]), link);
        for without in
            [&["madang-desktop"][..], &["madang-desktop", "--home=/h"], &["madang-desktop", "--fly"], &[]]
        {
            assert_eq!(link_of(without), None, "{without:?}");
        }
    }
}
