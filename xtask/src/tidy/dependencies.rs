//! Every dependency of the workspace table has its reason in `docs/dependencies.md`, and no other has.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use toml::{Table, Value};

use super::finding::Finding;
use super::source::Source;

const PAGE: &str = "docs/dependencies.md";
const MANIFEST: &str = "Cargo.toml";

/// Compares the workspace table with the page.
///
/// # Errors
/// Fails when either file is missing or the manifest is no TOML.
pub(crate) fn check(sources: &[Source], findings: &mut Vec<Finding>) -> Result<()> {
    let text = |path: &str| {
        let source = sources.iter().find(|s| s.path == path);
        source.map(|s| s.text.as_str()).with_context(|| format!("{path} is missing"))
    };
    let used = used(&text(MANIFEST)?.parse().context("Cargo.toml is no TOML")?);
    let explained = explained(text(PAGE)?);
    for name in used.difference(&explained) {
        findings
            .push(Finding::whole(PAGE, format!("has no line for {name}: say in one line why it is here")));
    }
    for name in explained.difference(&used) {
        findings.push(Finding::whole(PAGE, format!("explains {name}, which is not in the workspace table")));
    }
    Ok(())
}

fn used(manifest: &Table) -> BTreeSet<String> {
    let shared = manifest.get("workspace").and_then(|w| w.get("dependencies")).and_then(Value::as_table);
    shared
        .into_iter()
        .flatten()
        .filter(|(_, value)| value.get("path").is_none())
        .map(|(name, _)| name.clone())
        .collect()
}

/// The names of lines of the form ``| `name` | why |``.
fn explained(page: &str) -> BTreeSet<String> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .filter(|(_, why)| why.trim_end_matches([' ', '|']).len() > 1)
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(manifest: &str, page: &str) -> Vec<String> {
        let mut findings = Vec::new();
        check(&[Source::new(MANIFEST, manifest), Source::new(PAGE, page)], &mut findings).unwrap();
        findings.into_iter().map(|f| f.text).collect()
    }

    const MANIFEST_TEXT: &str =
        "[workspace.dependencies]\nmadang-model = { path = \"crates/model\" }\nprost = \"=0.14.4\"\n";

    #[test]
    fn explained_dependencies_are_fine() {
        assert!(
            findings(MANIFEST_TEXT, "| crate | why |\n|---|---|\n| `prost` | the wire codec |\n").is_empty()
        );
    }

    #[test]
    fn missing_empty_and_stale_lines_are_found() {
        assert_eq!(findings(MANIFEST_TEXT, "nothing").len(), 1);
        assert_eq!(findings(MANIFEST_TEXT, "| `prost` | |\n").len(), 1);
        assert_eq!(findings(MANIFEST_TEXT, "| `prost` | codec |\n| `gone` | old |\n").len(), 1);
    }
}
