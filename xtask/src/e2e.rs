//! The stories through the window: the desktop as it is shipped, in its real web engine.
//!
//! Must not know the stories. Invariant: they run on a screen and a session bus of their own, never on
//! those of the person who starts them; the tests see to that themselves.

use std::process::Command;

use anyhow::Result;

use crate::setup::{self, Packages};
use crate::suite::Report;
use crate::test::Programs;
use crate::workspace::{DESKTOP, Workspace};
use crate::{binaries, ui};

/// The command `e2e`: builds what the stories need and runs them alone.
///
/// # Errors
/// Fails when a story failed.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut report = Report::default();
    report.prepare("system packages", || setup::ensure(&[Packages::Base, Packages::Desktop, Packages::Test]));
    let relay = report.prepare("build relay", || binaries::relay(workspace));
    let madang = report.prepare("build command line", || binaries::command_line(workspace));
    report.prepare("build page", || ui::build(workspace));
    let programs = Programs { madang: madang.as_deref(), relay: relay.as_deref(), ..Programs::default() };
    let mut command = Command::new("cargo");
    command.current_dir(&workspace.root).args(["test", "--locked", "-p", DESKTOP, "--test", "story"]);
    command.envs(programs.variables());
    report.suite("stories of the desktop", &mut command);
    report.finish()
}
