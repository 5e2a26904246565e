//! Licences, bans and sources of all dependencies, by `cargo-deny`.
//!
//! Must not know the rules: `deny.toml` holds them. Invariant: the tool's version is exact, and it is
//! built once in a folder that outlives the clone.

use anyhow::{Context as _, Result};
use xshell::cmd;

use crate::workspace::{Workspace, tools_dir};

const VERSION: &str = "0.20.2";

/// The command `deny`.
///
/// # Errors
/// Fails when the tool cannot be installed or finds something.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let shell = workspace.shell()?;
    let tools = tools_dir()?;
    let deny = tools.join("bin/cargo-deny");
    let installed = cmd!(shell, "{deny} --version").quiet().ignore_stderr().read().unwrap_or_default();
    if installed.trim() != format!("cargo-deny {VERSION}") {
        let target = tools.join("target");
        let pin = format!("={VERSION}");
        cmd!(shell, "cargo install --locked cargo-deny --version {pin} --root {tools}")
            .env("CARGO_TARGET_DIR", target)
            .run()
            .context("Cannot install cargo-deny")?;
    }
    cmd!(shell, "{deny} --locked check licenses bans sources").run().context("cargo-deny found something")
}
