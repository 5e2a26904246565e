//! Words that never belong into the repository: unfinished work, unbounded channels, somebody's machine.

use super::finding::Finding;
use super::lexer::Language;
use super::source::Source;

/// Rejected in Rust code.
const RUST: &[(&str, &str)] = &[
    ("todo!(", "unfinished: write it or leave it out"),
    ("unimplemented!(", "unfinished: write it or leave it out"),
    ("#[ignore", "a test that does not run proves nothing"),
    ("#![ignore", "a test that does not run proves nothing"),
    ("dbg!(", "left over from debugging"),
    ("unbounded_channel", "an unbounded channel has no backpressure"),
    ("UnboundedSender", "an unbounded channel has no backpressure"),
    ("UnboundedReceiver", "an unbounded channel has no backpressure"),
    ("::unbounded(", "an unbounded channel has no backpressure"),
    ("::unbounded::<", "an unbounded channel has no backpressure"),
    ("mpsc::channel()", "an unbounded channel has no backpressure: use sync_channel"),
];
/// Rejected in scripts.
const SCRIPT: &[(&str, &str)] = &[
    ("it.skip(", "a test that does not run proves nothing"),
    ("test.skip(", "a test that does not run proves nothing"),
    ("describe.skip(", "a test that does not run proves nothing"),
    ("it.todo(", "a test that does not run proves nothing"),
    ("test.todo(", "a test that does not run proves nothing"),
    ("it.only(", "it keeps the other tests from running"),
    ("test.only(", "it keeps the other tests from running"),
    ("describe.only(", "it keeps the other tests from running"),
];
/// Rejected everywhere, comments included: paths of one machine.
const ANYWHERE: &[&str] = &["/work/", "/tmp/wt", "/root/"];

/// Checks one file.
pub(crate) fn check(source: &Source, findings: &mut Vec<Finding>) {
    let words = match source.language {
        Language::Rust => RUST,
        Language::Script => SCRIPT,
        Language::Style | Language::Text => &[],
    };
    for (index, line) in source.views.code.lines().enumerate() {
        for (word, reason) in words.iter().filter(|(word, _)| line.contains(word)) {
            findings.push(Finding::at(&source.path, index + 1, format!("{word} — {reason}")));
        }
    }
    for (index, line) in source.text.lines().enumerate() {
        for word in ANYWHERE.iter().filter(|word| line.contains(**word)) {
            findings.push(Finding::at(&source.path, index + 1, format!("{word} is a path of one machine")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<usize> {
        let mut findings = Vec::new();
        check(&Source::new(path, text), &mut findings);
        findings.into_iter().map(|f| f.line).collect()
    }

    #[test]
    fn unfinished_work_and_sleeping_tests_are_found() {
        assert_eq!(findings("a.rs", "fn f() {\n    todo!()\n}\n#[ignore = \"slow\"]\n"), [2, 4]);
        assert_eq!(findings("a.test.ts", "it.skip('x', () => {});"), [1]);
        assert_eq!(findings("a.rs", "// todo!(later)\nlet s = \"dbg!(x)\";\n"), Vec::<usize>::new());
    }

    #[test]
    fn unbounded_channels_are_found() {
        assert_eq!(findings("a.rs", "let (a, b) = mpsc::unbounded_channel();"), [1]);
        assert_eq!(findings("a.rs", "let (a, b) = crossbeam_channel::unbounded();"), [1]);
        assert_eq!(findings("a.rs", "let (a, b) = std::sync::mpsc::channel();"), [1]);
        assert_eq!(findings("a.rs", "let (a, b) = mpsc::channel(COMMANDS_CAP);"), Vec::<usize>::new());
    }

    #[test]
    fn paths_of_one_machine_are_found_in_any_file() {
        assert_eq!(findings("README.md", "see /work/x\nand /root/y\nand network/z"), [1, 2]);
        assert_eq!(findings("a.rs", "// /tmp/wt"), [1]);
    }
}
