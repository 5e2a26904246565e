//! The stories through the window: the page in the real web engine, and the desktop as it is shipped.
//!
//! Must not know the stories. Invariant: they run on a screen and a session bus of their own, never on
//! those of the person who starts them.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::setup::{self, Packages};
use crate::suite::Report;
use crate::test::Programs;
use crate::workspace::Workspace;
use crate::{binaries, ui};

/// Folders of the stories, each an npm package whose `test` script runs them.
const FOLDERS: &[&str] = &["tests/ui", "tests/app"];
/// The virtual screen: large enough for two windows side by side.
const SCREEN: &str = "-screen 0 1600x1000x24";

/// The command `e2e`: builds what the stories need and runs them alone.
///
/// # Errors
/// Fails when a story failed or when there is none.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut report = Report::default();
    report.prepare("system packages", || setup::ensure(&[Packages::Base, Packages::Desktop, Packages::Test]));
    let relay = report.prepare("build relay", || binaries::relay(workspace));
    let madang = report.prepare("build command line", || binaries::command_line(workspace));
    let mut desktop = None;
    if workspace.has_desktop() {
        desktop = report.prepare("build desktop", || {
            ui::build(workspace)?;
            binaries::desktop(workspace)
        });
    }
    let programs =
        Programs { madang: madang.as_deref(), relay: relay.as_deref(), desktop: desktop.as_deref() };
    suites(&mut report, workspace, &programs.variables());
    report.finish()
}

/// Runs every story folder of this tree.
pub(crate) fn suites(report: &mut Report, workspace: &Workspace, variables: &[(&str, &Path)]) {
    for relative in FOLDERS {
        let folder = workspace.root.join(relative);
        if !folder.join("package.json").exists() {
            continue;
        }
        if folder.join("package-lock.json").exists()
            && report.prepare(&format!("{relative} packages"), || ui::install(&folder)).is_none()
        {
            continue;
        }
        let mut command = Command::new("dbus-run-session");
        command.current_dir(&folder).args(["--", "xvfb-run", "-a", "-s", SCREEN, "npm", "test", "--silent"]);
        command.env("CI", "1").env("NO_COLOR", "1").envs(variables.iter().copied());
        report.suite(relative, &mut command);
    }
}
