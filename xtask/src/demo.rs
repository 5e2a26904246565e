//! The demonstration: a relay and two people, each with a window, who become friends, speak, and miss nothing.
//!
//! Must not know the story: it is the one that the desktop's tests play, on a screen and a session bus of its
//! own. Invariant: it succeeds only when every step was seen in a window.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::setup::{self, Packages};
use crate::workspace::{DESKTOP, Workspace};
use crate::{binaries, ui};

/// The test that plays the story.
const STORY: &str = "two_windows_and_a_relay_never_miss_a_message";

/// The command `demo`: plays the story, prints what was said and keeps pictures in `artifacts/demo`.
///
/// # Errors
/// Fails when a build or any step of the story fails.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    setup::ensure(&[Packages::Base, Packages::Desktop, Packages::Test])?;
    ui::build(workspace)?;
    let relay = binaries::relay(workspace)?;
    let madang = binaries::command_line(workspace)?;
    let folder = workspace.root.join("artifacts/demo");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("Cannot remove the last demonstration")?;
    }
    std::fs::create_dir_all(&folder).context("Cannot make the folder of the demonstration")?;
    let mut story = Command::new("cargo");
    story.current_dir(&workspace.root).args(["test", "--locked", "-p", DESKTOP, "--test", "story"]);
    story.args(["--", "--exact", STORY, "--nocapture"]);
    story.env("MADANG_PICTURES", &folder).env("MADANG_BIN", &madang).env("MADANG_RELAY_BIN", &relay);
    if !story.status().context("Cannot start the story")?.success() {
        bail!("The demonstration did not come to its end");
    }
    let pictures = pictures(&folder)?;
    if pictures.is_empty() {
        bail!("The demonstration left no picture in {}", folder.display());
    }
    println!("\nThe two windows, as they were seen:");
    for name in pictures {
        println!("  {}", folder.join(name).display());
    }
    Ok(())
}

/// Names of the pictures, in the order of the story.
fn pictures(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).context("Cannot list the pictures")? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.ends_with(".png") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_come_in_the_order_of_the_story() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["02-b.png", "01-a.png", "notes.txt"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(pictures(folder.path()).unwrap(), ["01-a.png", "02-b.png"]);
    }
}
