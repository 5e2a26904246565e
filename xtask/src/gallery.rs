//! Pictures of every view of the page, in both languages and themes.
//!
//! Must not know the views. Invariant: the folder holds the pictures of this run alone.

use std::fs;
use std::io::ErrorKind;
use std::process::Command;

use anyhow::Result;

use crate::setup::{self, Packages};
use crate::suite::Report;
use crate::ui;
use crate::workspace::{DESKTOP, Workspace};

/// The command `gallery`: looks at every view and writes its pictures to `docs/screenshots/gallery`.
///
/// # Errors
/// Fails when a view throws, logs an error or has a serious finding of axe-core.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut report = Report::default();
    report.prepare("system packages", || setup::ensure(&[Packages::Base, Packages::Desktop, Packages::Test]));
    report.prepare("build page", || ui::build(workspace));
    let page = report.prepare("build page for tests", || ui::build_for_tests(workspace));
    let mut command = Command::new("cargo");
    command.current_dir(&workspace.root).args(["test", "--locked", "-p", DESKTOP, "--test", "gallery"]);
    command.envs(page.iter().flat_map(ui::TestPage::variables));
    let pictures = workspace.root.join("docs/screenshots/gallery");
    report.prepare("pictures of before", || match fs::remove_dir_all(&pictures) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    });
    command.env("MADANG_GALLERY", &pictures);
    report.suite("gallery", &mut command);
    report.finish()
}
