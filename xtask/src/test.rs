//! Every test of the repository, in an order in which nothing is compiled twice.
//!
//! Must not know what is tested. Invariant: the last line on stdout is `N passed, N failed`, and the
//! exit code is 0 only when something passed and nothing failed or was skipped.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::group::Group;
use crate::setup::{self, Packages};
use crate::suite::Report;
use crate::workspace::Workspace;
use crate::{binaries, ui};

/// The command `test`.
///
/// # Errors
/// Fails when a test failed, was skipped, or when none ran.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut report = Report::default();
    report.prepare("system packages", || packages(workspace));
    // The relay's own tests come first: they may leave a relay with test features in the target
    // directory, which the build after them replaces by the one that is shipped.
    cargo(&mut report, workspace, Group::Relay, &[]);
    let relay = report.prepare("build relay", || binaries::relay(workspace));
    let unsealed = report.prepare("build command line that seals nothing", || binaries::unsealed(workspace));
    let madang =
        report.prepare("build command line and tests", || binaries::command_line_with_tests(workspace));
    let programs =
        Programs { madang: madang.as_deref(), relay: relay.as_deref(), unsealed: unsealed.as_deref() };
    cargo(&mut report, workspace, Group::Core, &programs.variables());
    if workspace.has("ui/package.json") {
        front_end(&mut report, workspace);
    }
    // Its tests build the desktop themselves, around the page that is built before.
    if workspace.has_desktop() && report.prepare("build page", || ui::build(workspace)).is_some() {
        let page = report.prepare("build page for tests", || ui::build_for_tests(workspace));
        let mut variables = programs.variables();
        variables.extend(page.iter().flat_map(ui::TestPage::variables));
        cargo(&mut report, workspace, Group::Desktop, &variables);
    }
    report.finish()
}

/// The programs that stories start.
#[derive(Clone, Copy, Default)]
pub(crate) struct Programs<'a> {
    /// The command line.
    pub(crate) madang: Option<&'a Path>,
    /// The relay.
    pub(crate) relay: Option<&'a Path>,
    /// The command line that seals nothing.
    pub(crate) unsealed: Option<&'a Path>,
}

impl<'a> Programs<'a> {
    /// The environment variables that name them; a program that could not be built is not named, and the
    /// tests that need it fail.
    pub(crate) fn variables(&self) -> Vec<(&'static str, &'a Path)> {
        let named = [
            ("MADANG_BIN", self.madang),
            ("MADANG_RELAY_BIN", self.relay),
            ("MADANG_UNSEALED_BIN", self.unsealed),
        ];
        named.into_iter().filter_map(|(name, path)| Some((name, path?))).collect()
    }
}

fn packages(workspace: &Workspace) -> Result<()> {
    let mut groups = vec![Packages::Base, Packages::Test];
    if workspace.has_desktop() {
        groups.push(Packages::Desktop);
    }
    setup::ensure(&groups)
}

fn cargo(report: &mut Report, workspace: &Workspace, group: Group, variables: &[(&str, &Path)]) {
    let name = format!("cargo test {}", group.name());
    let flags = group.flags(&workspace.metadata);
    let mut command = Command::new("cargo");
    command.current_dir(&workspace.root).args(["test", "--locked", "--no-fail-fast"]).args(flags);
    command.envs(variables.iter().copied());
    report.suite(&name, &mut command);
}

fn front_end(report: &mut Report, workspace: &Workspace) {
    let folder = ui::folder(workspace);
    if report.prepare("ui packages", || ui::install(&folder)).is_none() {
        return;
    }
    report.prepare("ui check", || ui::check(workspace));
    report.suite("ui test", &mut npm_test(&folder));
}

fn npm_test(folder: &Path) -> Command {
    let mut command = Command::new("npm");
    command.current_dir(folder).args(["test", "--silent"]).env("CI", "1").env("NO_COLOR", "1");
    command
}
