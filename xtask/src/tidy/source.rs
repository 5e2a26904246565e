//! The text files of the repository.
//!
//! Must not know any rule. Invariant: files come in the order of their paths, without what builds leave.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::lexer::{Language, Views};

/// Folders that builds and tools fill.
const SKIPPED: &[&str] =
    &[".git", "target", "node_modules", "dist", ".svelte-kit", "artifacts", "paraglide", "cache"];

/// One text file.
pub(crate) struct Source {
    /// Path from the root, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
    /// Its language.
    pub(crate) language: Language,
    /// Code apart from comments and literals.
    pub(crate) views: Views,
}

impl Source {
    /// A source of the given path and text.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let language = match extension(path) {
            "rs" => Language::Rust,
            "ts" | "js" | "mjs" | "cjs" | "svelte" => Language::Script,
            "css" => Language::Style,
            _ => Language::Text,
        };
        Self { path: path.to_owned(), text: text.to_owned(), language, views: Views::of(text, language) }
    }

    /// The part after the last dot.
    pub(crate) fn extension(&self) -> &str {
        extension(&self.path)
    }

    /// Whether the file holds tests or what only tests use.
    pub(crate) fn is_test(&self) -> bool {
        let (folders, name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        let stem = name.split('.').next().unwrap_or_default();
        folders.split('/').any(|folder| folder == "tests" || folder == "benches")
            || self.path.starts_with("crates/testkit/")
            || stem == "tests"
            || stem.ends_with("_tests")
            || name.contains(".test.")
            || name.contains(".spec.")
    }

    /// The lines before an inline `#[cfg(test)] mod tests {` at the end of a Rust file.
    pub(crate) fn lines_without_tests(&self) -> usize {
        let lines: Vec<&str> = self.text.lines().collect();
        let inline = lines.windows(2).position(|pair| match pair {
            [attribute, module] => {
                *attribute == "#[cfg(test)]" && module.starts_with("mod ") && module.ends_with('{')
            }
            _ => false,
        });
        inline.unwrap_or(lines.len())
    }
}

fn extension(path: &str) -> &str {
    path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, extension)| extension)
}

/// Reads every text file under `root`.
///
/// # Errors
/// Fails when a folder or file cannot be read.
pub(crate) fn read(root: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    walk(root, "", &mut sources)?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

fn walk(folder: &Path, prefix: &str, sources: &mut Vec<Source>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("Cannot list {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() && !SKIPPED.contains(&name.as_str()) {
            walk(&entry.path(), &path, sources)?;
        } else if kind.is_file() && name != ".git" {
            let bytes = fs::read(entry.path()).with_context(|| format!("Cannot read {path}"))?;
            // What is no UTF-8 is a picture or a font.
            if let Ok(text) = String::from_utf8(bytes) {
                sources.push(Source::new(&path, &text));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_known_by_their_place_or_name() {
        let is_test = |path| Source::new(path, "").is_test();
        assert!(is_test("crates/model/src/op_tests.rs"));
        assert!(is_test("crates/node/src/tests/send.rs"));
        assert!(is_test("tests/tests/offline.rs"));
        assert!(is_test("ui/src/lib/time.test.ts"));
        assert!(!is_test("crates/model/src/op.rs"));
        assert!(!is_test("ui/src/lib/contest.ts"));
    }

    #[test]
    fn inline_tests_do_not_count_as_lines() {
        let text = "fn f() {}\n\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(Source::new("a.rs", text).lines_without_tests(), 2);
        assert_eq!(Source::new("a.rs", "#[cfg(test)]\nmod tests;\n").lines_without_tests(), 2);
    }

    #[test]
    fn walking_skips_what_builds_leave_and_what_is_no_text() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["src", "target", "ui/node_modules"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("src/b.rs"), "b").unwrap();
        fs::write(root.path().join("a.toml"), "a").unwrap();
        fs::write(root.path().join("icon.png"), [0x89, 0xff]).unwrap();
        fs::write(root.path().join("target/c.rs"), "c").unwrap();
        fs::write(root.path().join("ui/node_modules/d.ts"), "d").unwrap();
        let paths: Vec<String> = read(root.path()).unwrap().into_iter().map(|s| s.path).collect();
        assert_eq!(paths, ["a.toml", "src/b.rs"]);
    }
}
