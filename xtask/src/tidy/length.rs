//! No file grows into a place where everything is.

use super::finding::Finding;
use super::source::Source;
use crate::generated;

/// Longest source file, in lines. The aim is half of it.
const LONGEST: usize = 600;
/// Files that are one long table, which is easier to read in one piece.
const TABLES: &[&str] = &[];

/// Checks one file.
pub(crate) fn check(source: &Source, findings: &mut Vec<Finding>) {
    let counted = matches!(source.extension(), "rs" | "ts" | "svelte" | "css");
    let generated = generated::STEPS.iter().any(|step| step.output == source.path);
    if !counted || generated || source.is_test() || TABLES.contains(&source.path.as_str()) {
        return;
    }
    let lines = source.lines_without_tests();
    if lines > LONGEST {
        let text = format!("{lines} lines, the most is {LONGEST}: split it by noun");
        findings.push(Finding::whole(&source.path, text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, lines: usize) -> usize {
        let mut findings = Vec::new();
        check(&Source::new(path, &"x\n".repeat(lines)), &mut findings);
        findings.len()
    }

    #[test]
    fn long_sources_are_found() {
        assert_eq!(findings("crates/model/src/op.rs", 601), 1);
        assert_eq!(findings("ui/src/app.svelte", 601), 1);
        assert_eq!(findings("crates/model/src/op.rs", 600), 0);
    }

    #[test]
    fn tests_prose_and_generated_files_may_be_long() {
        assert_eq!(findings("crates/model/src/op_tests.rs", 2000), 0);
        assert_eq!(findings("README.md", 2000), 0);
        assert_eq!(findings("ui/src/lib/api/bindings.ts", 2000), 0);
    }
}
