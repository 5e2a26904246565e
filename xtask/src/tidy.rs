//! The repository's own rules, each in one file of this folder.
//!
//! Must not know how the rules' subjects are built: it reads sources and `cargo metadata`.
//! Invariant: a rule is a pure function from text to findings, so that small fixtures test it.

mod borders;
mod dependencies;
mod edges;
mod finding;
mod forbidden;
mod length;
mod lexer;
mod names;
mod pins;
mod source;

use anyhow::{Result, bail};

use crate::workspace::Workspace;
use finding::Finding;
use source::Source;

/// The files that spell out what is forbidden, and may therefore contain it.
const RULES: &str = "xtask/src/tidy/";

/// The command `tidy`.
///
/// # Errors
/// Fails when any rule is broken, after printing every finding.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let sources = source::read(&workspace.root)?;
    let mut findings = Vec::new();
    for source in &sources {
        check(source, &mut findings);
    }
    let packages = edges::packages(&workspace.metadata);
    edges::check(&packages, &mut findings);
    borders::check_packages(&packages, &mut findings);
    dependencies::check(&sources, &mut findings)?;
    findings.sort();
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings in {} files looked at", findings.len(), sources.len());
    }
    eprintln!("{} files are tidy", sources.len());
    Ok(())
}

fn check(source: &Source, findings: &mut Vec<Finding>) {
    pins::check(source, findings);
    if source.path.starts_with(RULES) {
        return;
    }
    length::check(source, findings);
    names::check(source, findings);
    forbidden::check(source, findings);
    borders::check_source(source, findings);
}
