//! Opening the desktop, once or twice side by side.
//!
//! Must not know what the desktop does. Invariant: the page is built before the desktop that embeds it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::setup::{self, Packages};
use crate::workspace::Workspace;
use crate::{binaries, demo, network, ui};

/// The command `run`: builds the desktop and opens it with `args`; without a screen it plays the demonstration.
///
/// # Errors
/// Fails when a build fails, or the desktop or the demonstration ends badly.
pub(crate) fn desktop(workspace: &Workspace, args: &[String]) -> Result<()> {
    if !has_screen() {
        println!("There is no screen to open a window on. The demonstration makes one for itself.");
        return demo::run(workspace);
    }
    let program = build(workspace)?;
    let status = Command::new(program).args(args).status().context("Cannot start the desktop")?;
    if !status.success() {
        bail!("The desktop ended with {status}");
    }
    Ok(())
}

/// The command `dev`: a relay and two desktops with homes of their own, kept between runs.
///
/// # Errors
/// Fails when a build fails or a desktop ends badly.
pub(crate) fn side_by_side(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join("artifacts/dev");
    std::fs::create_dir_all(&folder).context("Cannot make the folder of the two homes")?;
    let relay = binaries::relay(workspace)?;
    let (_relay, addr) = network::relay(&relay, &folder.join("relay"))?;
    println!("A relay listens at {addr}");
    windows(workspace, &[&folder.join("alice"), &folder.join("bob")])
}

/// Opens one desktop for each home and waits until all are closed.
///
/// # Errors
/// Fails when a build fails or a desktop ends badly.
fn windows(workspace: &Workspace, homes: &[&Path]) -> Result<()> {
    let program = build(workspace)?;
    let mut open = Vec::new();
    for home in homes {
        let mut command = Command::new(&program);
        command.env("MADANG_HOME", home).env("MADANG_PASSPHRASE", network::PASSPHRASE);
        open.push(command.spawn().context("Cannot start the desktop")?);
    }
    let mut failed = false;
    for mut child in open {
        failed |= !child.wait()?.success();
    }
    if failed {
        bail!("A desktop ended badly");
    }
    Ok(())
}

/// Whether a window can be shown.
fn has_screen() -> bool {
    ["WAYLAND_DISPLAY", "DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()))
}

fn build(workspace: &Workspace) -> Result<PathBuf> {
    if !workspace.has_desktop() {
        bail!("This tree has no desktop (src-tauri/tauri.conf.json is missing)");
    }
    setup::ensure(&[Packages::Base, Packages::Desktop])?;
    ui::build(workspace)?;
    binaries::desktop(workspace)
}
