//! Everything that is verified without running the product.
//!
//! Must not know the rules themselves (`tidy`, `deny`, `generated`, `ui` own them).
//! Invariant: clippy runs once for each build group, with warnings as errors.

use anyhow::Result;
use xshell::cmd;

use crate::group::Group;
use crate::setup::{self, Packages};
use crate::steps::Steps;
use crate::workspace::Workspace;
use crate::{binaries, deny, generated, test, tidy, ui};

/// The command `check`.
///
/// # Errors
/// Fails when any check failed, after running all of them.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    setup::ensure(&[Packages::Base])?;
    let mut steps = Steps::default();
    steps.step("fmt", || {
        let shell = workspace.shell()?;
        Ok(cmd!(shell, "cargo fmt --all --check").run()?)
    });
    steps.step("tidy", || tidy::run(workspace));
    for group in [Group::Core, Group::Relay] {
        steps.step(&format!("clippy {}", group.name()), || clippy(workspace, group));
    }
    if workspace.has("ui/package.json") {
        steps.step("ui", || ui::check(workspace));
    }
    if workspace.has_desktop() {
        steps.step("clippy desktop", || {
            setup::ensure(&[Packages::Desktop])?;
            // The desktop embeds the built page at compile time.
            ui::build(workspace)?;
            clippy(workspace, Group::Desktop)
        });
    }
    steps.step("gen --check", || generated::run(workspace, generated::Mode::Check));
    steps.step("relay without OpenSSL", || binaries::relay_has_no_openssl(workspace));
    steps.step("deny", || deny::run(workspace));
    steps.finish()
}

/// The command `ci`: the tests, then the checks.
///
/// # Errors
/// Fails when a test or a check failed, after running both.
pub(crate) fn ci(workspace: &Workspace) -> Result<()> {
    let mut steps = Steps::default();
    steps.step("test", || test::run(workspace));
    steps.step("check", || run(workspace));
    steps.finish()
}

fn clippy(workspace: &Workspace, group: Group) -> Result<()> {
    let shell = workspace.shell()?;
    let flags = group.flags(&workspace.metadata);
    Ok(cmd!(shell, "cargo clippy --locked {flags...} --all-targets -- -D warnings").run()?)
}
