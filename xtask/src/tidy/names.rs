//! A name says what a thing is; these words only say that it exists.

use super::finding::Finding;
use super::source::Source;

/// Rejected as a part of a file, folder or type name, also in the plural.
const VAGUE: &[&str] = &["manager", "service", "helper", "util", "common", "misc"];
/// Names that contain such a word and mean something: a thing of another program, and the benchmark of the workload
/// that all systems have in common.
const PROPER: &[&[&str]] = &[&["secret", "service"], &["benches", "common"]];
/// Words after which a type or module name follows.
const DECLARING: &[&str] = &["struct", "enum", "trait", "type", "union", "mod", "class", "interface"];

/// Checks one file: its path and what it declares.
pub(crate) fn check(source: &Source, findings: &mut Vec<Finding>) {
    if !matches!(source.extension(), "rs" | "ts" | "js" | "mjs" | "svelte" | "css") {
        return;
    }
    if let Some(word) = vague(&source.path) {
        findings
            .push(Finding::whole(&source.path, format!("“{word}” in a path says nothing: name the noun")));
    }
    for (index, line) in source.views.code.lines().enumerate() {
        let mut words =
            line.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).peekable();
        while let Some(word) = words.next() {
            let Some(name) = words.peek().filter(|_| DECLARING.contains(&word)) else { continue };
            if let Some(word) = vague(name) {
                let text = format!("“{word}” in the name {name} says nothing: name the noun");
                findings.push(Finding::at(&source.path, index + 1, text));
            }
        }
    }
}

fn vague(name: &str) -> Option<&'static str> {
    let parts = parts(name);
    parts.iter().enumerate().find_map(|(index, part)| {
        let word = VAGUE.iter().find(|vague| part == *vague || part.strip_suffix('s') == Some(vague))?;
        let proper = PROPER.iter().any(|name| {
            name.last() == Some(word)
                && index.checked_sub(1).and_then(|i| parts.get(i)).map(String::as_str)
                    == name.first().copied()
        });
        (!proper).then_some(*word)
    })
}

/// `FooBar_baz/qux.rs` → `foo bar baz qux rs`
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for c in name.chars() {
        if !c.is_alphanumeric() || c.is_uppercase() {
            parts.push(String::new());
        }
        if let Some(last) = parts.last_mut().filter(|_| c.is_alphanumeric()) {
            last.extend(c.to_lowercase());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        let mut findings = Vec::new();
        check(&Source::new(path, text), &mut findings);
        findings.len()
    }

    #[test]
    fn vague_paths_and_types_are_found() {
        assert_eq!(findings("crates/node/src/utils.rs", ""), 1);
        assert_eq!(findings("ui/src/lib/helpers/time.ts", ""), 1);
        assert_eq!(findings("ui/src/lib/RoomManager.svelte", ""), 1);
        assert_eq!(findings("a.rs", "pub struct RoomService;\nmod common;\n"), 2);
        assert_eq!(findings("a.ts", "export interface SendHelper {}"), 1);
    }

    #[test]
    fn nouns_words_inside_words_and_prose_are_fine() {
        assert_eq!(findings("crates/node/src/rooms.rs", "struct Commonwealth; // a manager\n"), 0);
        assert_eq!(findings("a.rs", "let s = \"struct Manager\"; use tower::Service;"), 0);
        assert_eq!(findings("docs/common.md", "x"), 0);
    }

    #[test]
    fn the_secret_service_is_a_proper_name() {
        assert_eq!(findings("crates/crypto/src/secret_service.rs", "struct SecretServiceSlot;"), 0);
    }
}
