//! Libraries and languages that have one home: SQL, the wire codec, serialisation, the network, the shell.

use super::edges::Package;
use super::finding::Finding;
use super::lexer::Language;
use super::source::Source;

/// Libraries with the crates that may name them, apart from tests.
const HOMES: &[(&str, &[&str])] = &[
    ("rusqlite", &["madang-store", "madang-relay"]),
    ("rusqlite_migration", &["madang-store", "madang-relay"]),
    ("prost", &["madang-wire"]),
    ("serde", &["madang-api", "madang-cli", "madang-relay", "madang-desktop", "xtask"]),
    ("serde_json", JSON_HOMES),
    ("libp2p", &["madang-p2p", "madang-relay"]),
    ("libp2p-stream", &["madang-p2p", "madang-relay"]),
    ("tauri", &["madang-desktop"]),
];
/// The contract and the programs; and crypto, because vodozemac gives its sessions away only through serde:
/// they leave crypto as bytes.
const JSON_HOMES: &[&str] = &[
    "madang-api",
    "madang-socket",
    "madang-cli",
    "madang-relay",
    "madang-desktop",
    "madang-crypto",
    "xtask",
];
/// Crates made of tests: they look behind every border.
const TESTING: &[&str] = &["madang-testkit", "madang-tests"];

/// Where SQL may be written.
const SQL_HOMES: &[&str] = &["crates/store/", "relay/src/storage"];
/// What SQL looks like in a literal.
const SQL: &[&str] =
    &["SELECT ", "INSERT INTO ", "INSERT OR ", "DELETE FROM ", "CREATE TABLE ", "CREATE INDEX ", "PRAGMA "];

/// Folder of the front end and the only place in it that knows the desktop shell.
const UI: &str = "ui/src/";
const HOST: &str = "ui/src/lib/host/";

/// Checks what packages depend on.
pub(crate) fn check_packages(packages: &[Package], findings: &mut Vec<Finding>) {
    for package in packages.iter().filter(|p| !TESTING.contains(&p.name.as_str())) {
        for (name, test_only) in &package.dependencies {
            let Some((_, homes)) = HOMES.iter().find(|(library, _)| library == name) else { continue };
            if !test_only && !homes.contains(&package.name.as_str()) {
                let text = format!("may not depend on {name}: its home is {}", homes.join(", "));
                findings.push(Finding::whole(&package.name, text));
            }
        }
    }
}

/// Checks one file.
pub(crate) fn check_source(source: &Source, findings: &mut Vec<Finding>) {
    match source.language {
        Language::Rust => sql(source, findings),
        Language::Script => shell(source, findings),
        Language::Style | Language::Text => {}
    }
}

fn sql(source: &Source, findings: &mut Vec<Finding>) {
    if source.is_test() || SQL_HOMES.iter().any(|home| source.path.starts_with(home)) {
        return;
    }
    let production = source.lines_without_tests();
    let lines = source.views.literals.lines().zip(source.views.code.lines()).take(production);
    for (index, (literal, code)) in lines.enumerate() {
        if SQL.iter().any(|word| literal.contains(word)) || code.contains("rusqlite::") {
            let text = format!("SQL lives in {}", SQL_HOMES.join(" and "));
            findings.push(Finding::at(&source.path, index + 1, text));
        }
    }
}

fn shell(source: &Source, findings: &mut Vec<Finding>) {
    if !source.path.starts_with(UI) || source.path.starts_with(HOST) {
        return;
    }
    for (index, line) in source.views.uncommented.lines().enumerate() {
        if line.contains("@tauri-apps") {
            findings.push(Finding::at(
                &source.path,
                index + 1,
                format!("only {HOST} knows the desktop shell"),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_source(path: &str, text: &str) -> Vec<usize> {
        let mut findings = Vec::new();
        check_source(&Source::new(path, text), &mut findings);
        findings.into_iter().map(|f| f.line).collect()
    }

    fn in_package(name: &str, library: &str, test_only: bool) -> usize {
        let dependencies = [(library.to_owned(), test_only)].into();
        let mut findings = Vec::new();
        check_packages(&[Package { name: name.to_owned(), dependencies }], &mut findings);
        findings.len()
    }

    #[test]
    fn sql_outside_its_homes_is_found() {
        let text = "fn f() {\n    run(\"SELECT id FROM rooms\");\n}\n";
        assert_eq!(in_source("crates/node/src/rooms.rs", text), [2]);
        assert_eq!(in_source("relay/src/quota.rs", text), [2]);
        for home in ["crates/store/src/rooms.rs", "relay/src/storage/log.rs", "tests/tests/repair.rs"] {
            assert!(in_source(home, text).is_empty(), "{home}");
        }
        assert!(
            in_source("crates/node/src/a.rs", "// SELECT a colour\nlet s = \"Select a room\";").is_empty()
        );
    }

    #[test]
    fn the_desktop_shell_has_one_door() {
        let text = "import { invoke } from '@tauri-apps/api/core';";
        assert_eq!(in_source("ui/src/features/rooms/List.svelte", text), [1]);
        assert!(in_source("ui/src/lib/host/tauri.ts", text).is_empty());
        assert!(in_source("ui/src/a.ts", "// not @tauri-apps").is_empty());
    }

    #[test]
    fn libraries_stay_in_their_homes() {
        assert_eq!(in_package("madang-node", "rusqlite", false), 1);
        assert_eq!(in_package("madang-model", "serde", false), 1);
        assert_eq!(in_package("madang-crypto", "prost", false), 1);
        assert_eq!(in_package("madang-model", "serde_json", true), 0);
        assert_eq!(in_package("madang-wire", "prost", false), 0);
        assert_eq!(in_package("madang-testkit", "rusqlite", false), 0);
    }
}
