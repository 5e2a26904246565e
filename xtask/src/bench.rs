//! Benchmarks of the release build: `tests/benches/NAME.rs`, each with a runner of its own.
//!
//! Must not know what is measured. Invariant: the programs measured are release builds, and the relay is
//! built alone.

use anyhow::{Context as _, Result, bail};
use xshell::cmd;

use crate::group::Group;
use crate::setup::{self, Packages};
use crate::workspace::{RELAY, STORIES, Workspace};

/// The command `bench`.
///
/// # Errors
/// Fails for an unknown benchmark and when a build or the benchmark fails.
pub(crate) fn run(workspace: &Workspace, names: &[String]) -> Result<()> {
    let known = known(workspace)?;
    let Some((name, rest)) = names.split_first() else {
        for name in known {
            println!("{name}");
        }
        return Ok(());
    };
    if !known.contains(name) {
        bail!("Unknown benchmark: {name} (known: {})", known.join(", "));
    }
    setup::ensure(&[Packages::Base])?;
    let shell = workspace.shell()?;
    let relay = Group::Relay.flags(&workspace.metadata);
    cmd!(shell, "cargo build --locked --release {relay...} --bins")
        .run()
        .context("Cannot build the relay")?;
    let command_line = "madang-cli";
    cmd!(shell, "cargo build --locked --release -p {command_line} --bins")
        .run()
        .context("Cannot build the command line")?;
    let _madang = shell.push_env("MADANG_BIN", workspace.program("release", "madang"));
    let _relay = shell.push_env("MADANG_RELAY_BIN", workspace.program("release", RELAY));
    let stories = STORIES;
    cmd!(shell, "cargo bench --locked -p {stories} --bench {name} -- {rest...}")
        .run()
        .context("The benchmark failed")
}

fn known(workspace: &Workspace) -> Result<Vec<String>> {
    let folder = workspace.root.join("tests/benches");
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).context("Cannot list the benchmarks")? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}
