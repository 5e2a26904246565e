//! The committed files that are generated, and how each is made and verified.
//!
//! Must not know their contents. Invariant: a generator is a test of the crate that owns the contents;
//! with `MADANG_GEN=1` it writes the file, without it fails when the file differs.

use anyhow::{Result, bail};
use xshell::cmd;

use crate::group::Group;
use crate::workspace::Workspace;

/// Name of the variable that turns a verifying test into a writing one.
const GEN: &str = "MADANG_GEN";

/// Whether files are written or only compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write the files.
    Write,
    /// Fail when a file is out of date.
    Check,
}

/// One generated file.
pub(crate) struct Step {
    /// The file, relative to the root.
    pub(crate) output: &'static str,
    /// Folder of the crate that owns its contents.
    folder: &'static str,
    /// Integration test of that crate which makes it: `FOLDER/tests/NAME.rs`.
    test: &'static str,
    /// Build group of that crate.
    group: Group,
}

/// Every generated file. A generator added here must exist or its output must not.
pub(crate) const STEPS: &[Step] = &[
    Step { output: "docs/schema.sql", folder: "crates/store", test: "schema_dump", group: Group::Core },
    Step { output: "ui/src/lib/api/bindings.ts", folder: "crates/api", test: "bindings", group: Group::Core },
    Step { output: "relay/relay.example.toml", folder: "relay", test: "example_config", group: Group::Relay },
];

/// The command `gen`.
///
/// # Errors
/// Fails when a generator fails, when (in check mode) a file is out of date, or when a generated file
/// has lost its generator.
pub(crate) fn run(workspace: &Workspace, mode: Mode) -> Result<()> {
    for group in [Group::Core, Group::Relay] {
        let mut tests = Vec::new();
        for step in STEPS.iter().filter(|step| step.group == group) {
            if present(workspace, step)? {
                tests.extend(["--test", step.test]);
            } else {
                eprintln!("{}: not in this tree yet", step.output);
            }
        }
        if !tests.is_empty() {
            cargo_test(workspace, group, &tests, mode)?;
        }
    }
    Ok(())
}

fn present(workspace: &Workspace, step: &Step) -> Result<bool> {
    let generator = format!("{}/tests/{}.rs", step.folder, step.test);
    match (workspace.has(&generator), workspace.has(step.output)) {
        (true, _) => Ok(true),
        (false, false) => Ok(false),
        (false, true) => bail!("{} is generated, but {generator} does not exist", step.output),
    }
}

fn cargo_test(workspace: &Workspace, group: Group, tests: &[&str], mode: Mode) -> Result<()> {
    let shell = workspace.shell()?;
    // The whole group is selected so that the features, and thus the artifacts, are those of the tests.
    let flags = group.flags(&workspace.metadata);
    let _variable = match mode {
        Mode::Write => Some(shell.push_env(GEN, "1")),
        Mode::Check => None,
    };
    let mut command = cmd!(shell, "cargo test --locked --quiet {flags...} {tests...}");
    if mode == Mode::Check {
        command = command.env_remove(GEN);
    }
    Ok(command.run()?)
}
