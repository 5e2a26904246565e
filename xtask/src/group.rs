//! The build groups: sets of packages that share one cargo call.
//!
//! Must not know what is done with a group. Invariant: the relay and the desktop are each alone, because
//! cargo unifies the features of everything in one call: a relay built beside a client would link
//! OpenSSL, and a client built beside the desktop would be compiled twice.

use anyhow::{Context as _, Result};
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
    ///
    /// # Errors
    /// Fails when the stories are not a member of the workspace.
    pub(crate) fn flags(self, metadata: &Metadata) -> Result<Vec<String>> {
        let mut names = Vec::new();
        match self {
            Self::Core => {
                names.extend(metadata.workspace_default_packages().iter().map(|p| p.name.to_string()));
                let stories = metadata.workspace_packages().into_iter().find(|p| p.name.as_str() == STORIES);
                names.push(stories.context("The workspace has no stories")?.name.to_string());
                names.dedup();
            }
            Self::Relay => names.push(RELAY.to_owned()),
            Self::Desktop => names.push(DESKTOP.to_owned()),
        }
        Ok(names.into_iter().flat_map(|name| ["-p".to_owned(), name]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    #[test]
    fn core_never_selects_relay_or_desktop() {
        let flags = Group::Core.flags(&Workspace::find().unwrap().metadata).unwrap();
        assert!(flags.iter().any(|f| f == "madang-model"));
        assert!(flags.iter().any(|f| f == STORIES));
        assert!(!flags.iter().any(|f| f == RELAY || f == DESKTOP));
    }
}
