//! Sums of test results, read from what test runners print.
//!
//! Must not start anything. Invariant: a line counts only in the exact form its runner prints.

/// Counted results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
    /// Tests that did not run although they exist.
    pub(crate) skipped: u64,
}

impl Tally {
    /// Adds what one line of output says.
    pub(crate) fn read(&mut self, line: &str) {
        let plain = without_colour(line);
        let line = plain.trim();
        let counts = cargo(line).or_else(|| vitest(line)).or_else(|| mocha(line)).or_else(|| node(line));
        if let Some(counts) = counts {
            self.add(counts);
        }
    }

    /// Adds another tally.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// The line that ends every test run.
    pub(crate) fn summary(&self) -> String {
        format!("{} passed, {} failed", self.passed, self.failed)
    }
}

/// `test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s`
fn cargo(line: &str) -> Option<Tally> {
    let rest = line.strip_prefix("test result: ")?;
    let (_, counts) = rest.split_once(". ")?;
    Some(labelled(counts.split(';')))
}

/// `Tests  1 failed | 11 passed | 1 skipped (13)`
fn vitest(line: &str) -> Option<Tally> {
    let rest = line.strip_prefix("Tests ")?;
    let (counts, total) = rest.rsplit_once('(')?;
    total.strip_suffix(')')?.parse::<u64>().ok()?;
    Some(labelled(counts.split('|')))
}

/// `12 passing (3s)`, `1 failing`, `2 pending`, each alone on its line.
fn mocha(line: &str) -> Option<Tally> {
    let mut words = line.split_ascii_whitespace();
    let count = words.next()?.parse::<u64>().ok()?;
    let label = words.next()?;
    let duration = words.next();
    if words.next().is_some() || duration.is_some_and(|d| !d.starts_with('(')) {
        return None;
    }
    match label {
        "passing" => Some(Tally { passed: count, ..Tally::default() }),
        "failing" => Some(Tally { failed: count, ..Tally::default() }),
        "pending" => Some(Tally { skipped: count, ..Tally::default() }),
        _ => None,
    }
}

/// `ℹ pass 12`, `ℹ fail 0`, `ℹ skipped 0` and `ℹ todo 0`, or with `#` when the output is no terminal.
fn node(line: &str) -> Option<Tally> {
    let rest = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# "))?;
    let (label, count) = rest.split_once(' ')?;
    let count = count.parse::<u64>().ok()?;
    match label {
        "pass" => Some(Tally { passed: count, ..Tally::default() }),
        "fail" | "cancelled" => Some(Tally { failed: count, ..Tally::default() }),
        "skipped" | "todo" => Some(Tally { skipped: count, ..Tally::default() }),
        _ => None,
    }
}

fn labelled<'a>(parts: impl Iterator<Item = &'a str>) -> Tally {
    let mut tally = Tally::default();
    for part in parts {
        let mut words = part.split_ascii_whitespace();
        let (Some(count), Some(label)) = (words.next(), words.next()) else { continue };
        let Ok(count) = count.parse::<u64>() else { continue };
        match label {
            "passed" => tally.passed += count,
            "failed" => tally.failed += count,
            "ignored" | "skipped" | "todo" => tally.skipped += count,
            _ => {}
        }
    }
    tally
}

fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            // An escape sequence ends with a letter.
            for d in chars.by_ref() {
                if d.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> (u64, u64, u64) {
        let mut tally = Tally::default();
        for line in lines {
            tally.read(line);
        }
        (tally.passed, tally.failed, tally.skipped)
    }

    #[test]
    fn cargo_results_are_summed() {
        let lines = [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 1 passed; 2 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.00s",
        ];
        assert_eq!(tally(&lines), (4, 2, 1));
    }

    #[test]
    fn vitest_counts_tests_and_not_files() {
        let lines = [
            " Test Files  1 failed | 2 passed (3)",
            "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[31m1 failed\u{1b}[39m | 11 passed | 2 skipped (14)",
        ];
        assert_eq!(tally(&lines), (11, 1, 2));
    }

    #[test]
    fn mocha_and_node_lines_count() {
        assert_eq!(tally(&["  5 passing (2s)", "  1 failing", "  3 pending"]), (5, 1, 3));
        assert_eq!(tally(&["ℹ tests 4", "ℹ pass 3", "ℹ fail 1", "# skipped 2"]), (3, 1, 2));
    }

    #[test]
    fn prose_does_not_count() {
        assert_eq!(tally(&["12 passing ships in the night", "3 passed", "# pass the salt"]), (0, 0, 0));
    }

    #[test]
    fn the_summary_has_its_fixed_form() {
        let tally = Tally { passed: 7, failed: 1, skipped: 0 };
        assert_eq!(tally.summary(), "7 passed, 1 failed");
    }
}
