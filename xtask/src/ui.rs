//! The web front end: its packages, build, checks and tests, by npm.
//!
//! Must not know its sources. Invariant: packages come from the lock file only (`npm ci`).

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use crate::workspace::Workspace;

/// The front end's folder.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.root.join("ui")
}

/// Installs the locked packages of `folder`, unless they are already those of the lock file.
///
/// # Errors
/// Fails when the lock file is missing or npm fails.
pub(crate) fn install(folder: &Path) -> Result<()> {
    let shell = Shell::new()?;
    shell.change_dir(folder);
    let lock = shell.read_file("package-lock.json").context("The lock file is missing")?;
    // A copy of the lock file inside the installed folder tells what was installed.
    let installed = folder.join("node_modules").join(".installed-lock.json");
    if shell.read_file(&installed).is_ok_and(|text| text == lock) {
        return Ok(());
    }
    cmd!(shell, "npm ci --no-audit --no-fund").run().context("Cannot install the npm packages")?;
    Ok(shell.write_file(&installed, lock)?)
}

/// Type and accessibility checks (`npm run check`).
///
/// # Errors
/// Fails when a check fails.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    script(workspace, "check")
}

/// Builds the page that the desktop embeds (`npm run build`).
///
/// # Errors
/// Fails when the build fails.
pub(crate) fn build(workspace: &Workspace) -> Result<()> {
    script(workspace, "build")
}

/// What the gallery needs: a build of the page whose node is in memory, and the checker of accessibility.
pub(crate) struct TestPage {
    /// The folder of the page.
    pub(crate) folder: PathBuf,
    /// The script of axe-core.
    pub(crate) axe: PathBuf,
}

impl TestPage {
    /// The environment variables that name them.
    pub(crate) fn variables(&self) -> [(&'static str, &Path); 2] {
        [("MADANG_PAGE_DIR", &self.folder), ("MADANG_AXE", &self.axe)]
    }
}

/// Builds the page for tests (`npm run build:test`).
///
/// # Errors
/// Fails when the build fails.
pub(crate) fn build_for_tests(workspace: &Workspace) -> Result<TestPage> {
    script(workspace, "build:test")?;
    let folder = folder(workspace);
    Ok(TestPage { folder: folder.join("dist-test"), axe: folder.join("node_modules/axe-core/axe.min.js") })
}

fn script(workspace: &Workspace, name: &str) -> Result<()> {
    let folder = folder(workspace);
    install(&folder)?;
    let shell = Shell::new()?;
    shell.change_dir(&folder);
    cmd!(shell, "npm run --silent {name}").run().with_context(|| format!("`npm run {name}` failed in ui"))
}
