//! Where things are: the repository's root, cargo's view of it, the target and tools directories.
//!
//! Must not know what is built. Invariant: every path it hands out is absolute.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use cargo_metadata::{Metadata, MetadataCommand};
use xshell::Shell;

/// Package name of the desktop.
pub(crate) const DESKTOP: &str = "madang-desktop";
/// Package name of the relay.
pub(crate) const RELAY: &str = "madang-relay";
/// Package name of the stories across processes.
pub(crate) const STORIES: &str = "madang-tests";

/// The repository as cargo sees it.
pub(crate) struct Workspace {
    /// Root folder of the repository.
    pub(crate) root: PathBuf,
    /// `cargo metadata --no-deps`: packages, declared dependencies, target directory.
    pub(crate) metadata: Metadata,
}

impl Workspace {
    /// Finds the workspace this program belongs to.
    ///
    /// # Errors
    /// Fails outside `cargo run` or when `cargo metadata` fails.
    pub(crate) fn find() -> Result<Self> {
        let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
            .context("CARGO_MANIFEST_DIR is not set: start this program with `cargo xtask`")?;
        let root =
            Path::new(&manifest).parent().context("The xtask package has no parent folder")?.to_owned();
        let metadata = MetadataCommand::new()
            .current_dir(&root)
            .no_deps()
            .other_options(vec!["--locked".to_owned()])
            .exec()
            .context("Cannot read `cargo metadata` (is Cargo.lock up to date?)")?;
        Ok(Self { root, metadata })
    }

    /// A shell whose current directory is the root.
    ///
    /// # Errors
    /// Fails when the current directory of this process is gone.
    pub(crate) fn shell(&self) -> Result<Shell> {
        let shell = Shell::new()?;
        shell.change_dir(&self.root);
        Ok(shell)
    }

    /// The path of a program built by cargo under `profile` (`debug` or `release`).
    pub(crate) fn program(&self, profile: &str, name: &str) -> PathBuf {
        self.metadata.target_directory.join(profile).join(name).into_std_path_buf()
    }

    /// Whether `relative` exists under the root.
    pub(crate) fn has(&self, relative: &str) -> bool {
        self.root.join(relative).exists()
    }

    /// Whether the desktop is part of this tree.
    pub(crate) fn has_desktop(&self) -> bool {
        self.has("src-tauri/tauri.conf.json")
    }
}

/// Folder for tools that outlive one clone: `$XDG_CACHE_HOME/madang/tools`.
///
/// # Errors
/// Fails when neither `XDG_CACHE_HOME` nor `HOME` is set.
pub(crate) fn tools_dir() -> Result<PathBuf> {
    let cache = match std::env::var_os("XDG_CACHE_HOME").filter(|v| !v.is_empty()) {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(&std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    Ok(cache.join("madang").join("tools"))
}
