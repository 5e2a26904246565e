//! The build groups: sets of packages that share one cargo call.
//!
//! Must not know what is done with a group. Invariant: the relay and the desktop are each alone, because
//! cargo unifies the features of everything in one call: a relay built beside a client would link
//! OpenSSL, and a client built beside the desktop would be compiled twice.

use cargo_metadata::Metadata;

use crate::workspace::{DESKTOP, RELAY, STORIES};

/// One set of packages that is built together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    /// The default members and the stories, which have the same features.
    Core,
    /// The relay alone.
    Relay,
    /// The desktop alone.
    Desktop,
}

impl Group {
    /// Name for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Core => "core",
            Self::Relay => "relay",
            Self::Desktop => "desktop",
        }
    }

    /// The `-p` flags that select this group.
    pub(crate) fn flags(self, metadata: &Metadata) -> Vec<String> {
        let names = match self {
            Self::Core => {
                let mut names: Vec<String> =
                    metadata.workspace_default_packages().iter().map(|p| p.name.to_string()).collect();
                names.push(STORIES.to_owned());
                names
            }
            Self::Relay => vec![RELAY.to_owned()],
            Self::Desktop => vec![DESKTOP.to_owned()],
        };
        names.into_iter().flat_map(|name| ["-p".to_owned(), name]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn core_never_selects_relay_or_desktop() {
        let flags = Group::Core.flags(&Workspace::find().unwrap().metadata);
        assert!(flags.iter().any(|f| f == "madang-model"));
        assert!(flags.iter().any(|f| f == STORIES));
        assert!(!flags.iter().any(|f| f == RELAY || f == DESKTOP));
    }
}
