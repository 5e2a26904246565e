//! Exact versions: what was tested is what is built.
//!
//! The workspace table pins every crate; the crates themselves only refer to it. npm packages are pinned
//! in the same way.

use toml::{Table, Value};

use super::finding::Finding;
use super::source::Source;

/// The crates of which only pre-releases exist.
const PRE_RELEASES: &[&str] = &["libp2p-stream"];
/// Tables of a manifest that list dependencies.
const TABLES: &[&str] = &["dependencies", "dev-dependencies", "build-dependencies"];
/// Tables of `package.json` that list packages.
const NPM_TABLES: &[&str] = &["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

/// Checks one file, when it is a manifest.
pub(crate) fn check(source: &Source, findings: &mut Vec<Finding>) {
    let mut note = |text: String| findings.push(Finding::whole(&source.path, text));
    match source.path.rsplit('/').next() {
        Some("Cargo.toml") => match source.text.parse::<Table>() {
            Ok(manifest) => cargo(&manifest, &mut note),
            Err(error) => note(format!("is no TOML: {error}")),
        },
        Some("package.json") => match serde_json::from_str(&source.text) {
            Ok(manifest) => npm(&manifest, &mut note),
            Err(error) => note(format!("is no JSON: {error}")),
        },
        _ => {}
    }
}

fn cargo(manifest: &Table, note: &mut dyn FnMut(String)) {
    let empty = Table::new();
    let table = |parent: &'_ Table, name: &str| parent.get(name).and_then(Value::as_table).cloned();
    if let Some(shared) = table(manifest, "workspace").and_then(|w| table(&w, "dependencies")) {
        for (name, value) in &shared {
            shared_crate(name, value, note);
        }
    }
    let targets = table(manifest, "target").unwrap_or(empty);
    let targets = targets.values().filter_map(Value::as_table).cloned();
    for parent in std::iter::once(manifest.clone()).chain(targets) {
        for (name, value) in TABLES.iter().filter_map(|name| table(&parent, name)).flatten() {
            if value.get("workspace").and_then(Value::as_bool) != Some(true) {
                note(format!("{name} must come from the workspace table (`{name}.workspace = true`)"));
            }
        }
    }
}

fn shared_crate(name: &str, value: &Value, note: &mut dyn FnMut(String)) {
    if value.get("path").is_some() {
        return;
    }
    if value.get("git").is_some() {
        note(format!("{name} comes from git: take a released version"));
        return;
    }
    let version = value.as_str().or_else(|| value.get("version").and_then(Value::as_str)).unwrap_or_default();
    let Some(exact) = version.strip_prefix('=') else {
        note(format!("{name} = \"{version}\" is no exact pin (`=x.y.z`)"));
        return;
    };
    let pre_release_allowed = PRE_RELEASES.contains(&name);
    if !is_exact(exact, pre_release_allowed) {
        note(format!("{name} = \"{version}\" is no exact pin of a release (`=x.y.z`)"));
    }
}

fn npm(manifest: &serde_json::Value, note: &mut dyn FnMut(String)) {
    for table in NPM_TABLES {
        let Some(packages) = manifest.get(table).and_then(serde_json::Value::as_object) else { continue };
        for (name, version) in packages {
            if !is_exact(version.as_str().unwrap_or_default(), false) {
                note(format!("{name}: {version} is no exact pin of a release"));
            }
        }
    }
}

/// Whether `version` is `x.y.z`, or also `x.y.z-pre` when `pre_release` allows it. Build data after `+` is
/// part of some releases' names.
fn is_exact(version: &str, pre_release: bool) -> bool {
    let version = version.split_once('+').map_or(version, |(version, _)| version);
    let (numbers, pre) = version.split_once('-').map_or((version, None), |(n, p)| (n, Some(p)));
    let numbers: Vec<&str> = numbers.split('.').collect();
    let numeric = numbers.iter().all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    numbers.len() == 3 && numeric && (pre.is_none() || pre_release)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<String> {
        let mut findings = Vec::new();
        check(&Source::new(path, text), &mut findings);
        findings.into_iter().map(|f| f.text).collect()
    }

    #[test]
    fn exact_pins_and_references_are_fine() {
        let root = "[workspace.dependencies]\nmadang-model = { path = \"crates/model\" }\n\
                    prost = \"=0.14.4\"\nrand = { version = \"=0.10.3\" }\nlibp2p-stream = \"=0.5.0-alpha\"\n";
        assert!(findings("Cargo.toml", root).is_empty());
        let member = "[dependencies]\nprost.workspace = true\n[target.'cfg(unix)'.dependencies]\nrand = { workspace = true }\n";
        assert!(findings("crates/wire/Cargo.toml", member).is_empty());
    }

    #[test]
    fn ranges_stars_partial_versions_and_pre_releases_are_found() {
        for version in ["1.2.3", "*", "^1.2.3", "=1.2", "=1", "=1.2.*", "=1.2.3-rc.1", ""] {
            let root = format!("[workspace.dependencies]\nfoo = \"{version}\"\n");
            assert_eq!(findings("Cargo.toml", &root).len(), 1, "{version}");
        }
        assert_eq!(findings("Cargo.toml", "[workspace.dependencies]\nfoo = { git = \"x\" }\n").len(), 1);
    }

    #[test]
    fn a_version_of_its_own_is_found_in_a_member() {
        let member = "[dev-dependencies]\nproptest = \"=1.12.0\"\n[target.'cfg(unix)'.dependencies]\nrand = \"=0.10.3\"\n";
        assert_eq!(findings("crates/wire/Cargo.toml", member).len(), 2);
    }

    #[test]
    fn npm_packages_are_pinned_too() {
        let good = r#"{ "dependencies": { "virtua": "0.54.2" }, "devDependencies": {} }"#;
        assert!(findings("ui/package.json", good).is_empty());
        let bad = r#"{ "dependencies": { "a": "^1.0.0", "b": "1.0.0" }, "devDependencies": { "c": "2.0.0-rc.1" } }"#;
        assert_eq!(findings("ui/package.json", bad).len(), 2);
        assert_eq!(findings("ui/package.json", "{").len(), 1);
    }
}
