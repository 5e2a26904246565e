//! Running test suites and keeping their results.
//!
//! Must not know which suites exist. Invariant: a suite that ends badly is counted as at least one
//! failure, whatever it printed.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::tally::Tally;

/// The results of all suites so far.
#[derive(Default)]
pub(crate) struct Report {
    total: Tally,
    broken: Vec<String>,
}

impl Report {
    /// Runs one suite, passes its output on and counts its results.
    pub(crate) fn suite(&mut self, name: &str, command: &mut Command) {
        eprintln!("\n── {name}");
        match counted(command) {
            Ok((tally, success)) => self.note(name, tally, success),
            Err(error) => self.broken(name, &error),
        }
    }

    /// Runs a preparation; a failure counts as one failed test. Returns what it made.
    pub(crate) fn prepare<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Option<T> {
        eprintln!("\n── {name}");
        match work() {
            Ok(made) => Some(made),
            Err(error) => {
                self.broken(name, &error);
                None
            }
        }
    }

    fn broken(&mut self, name: &str, error: &anyhow::Error) {
        eprintln!("{name}: {error:#}");
        self.note(name, Tally::default(), false);
    }

    fn note(&mut self, name: &str, mut tally: Tally, success: bool) {
        if !success && tally.failed == 0 {
            tally.failed = 1;
        }
        if tally.failed > 0 {
            self.broken.push(name.to_owned());
        }
        self.total.add(tally);
    }

    /// Prints the summary line and ends the run.
    ///
    /// # Errors
    /// Fails when a test failed or was skipped, and when no test ran at all.
    pub(crate) fn finish(self) -> Result<()> {
        let verdict = self.verdict();
        if let Err(error) = &verdict {
            eprintln!("\n{error}");
        }
        println!("\n{}", self.total.summary());
        verdict
    }

    fn verdict(&self) -> Result<()> {
        if !self.broken.is_empty() {
            bail!("Failed suites: {}", self.broken.join(", "));
        }
        if self.total.skipped > 0 {
            bail!("{} tests were skipped; a test that does not run proves nothing", self.total.skipped);
        }
        if self.total.passed == 0 {
            bail!("No test ran");
        }
        Ok(())
    }
}

fn counted(command: &mut Command) -> Result<(Tally, bool)> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("Cannot start the suite")?;
    let output = child.stdout.take().context("The suite has no output")?;
    let mut tally = Tally::default();
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    // Bytes, because a test may print what is no UTF-8.
    while reader.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        print!("{text}");
        tally.read(&text);
        line.clear();
    }
    Ok((tally, child.wait()?.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printing(text: &str, code: u8) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("echo '{text}'; exit {code}"));
        command
    }

    const OK: &str = "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out";
    const SKIPPED: &str = "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out";

    #[test]
    fn good_suites_are_summed() {
        let mut report = Report::default();
        report.suite("one", &mut printing(OK, 0));
        report.suite("two", &mut printing(OK, 0));
        assert_eq!(report.total.summary(), "4 passed, 0 failed");
        assert!(report.verdict().is_ok());
    }

    #[test]
    fn a_suite_that_dies_is_a_failure_whatever_it_printed() {
        let mut report = Report::default();
        report.suite("one", &mut printing(OK, 101));
        assert_eq!(report.total.summary(), "2 passed, 1 failed");
        assert!(report.verdict().unwrap_err().to_string().contains("one"));
    }

    #[test]
    fn a_missing_runner_is_a_failure() {
        let mut report = Report::default();
        report.suite("one", &mut Command::new("/nonexistent/runner"));
        assert_eq!(report.total.summary(), "0 passed, 1 failed");
    }

    #[test]
    fn no_test_at_all_is_an_error() {
        let mut report = Report::default();
        report.suite("one", &mut printing("nothing", 0));
        assert_eq!(report.verdict().unwrap_err().to_string(), "No test ran");
    }

    #[test]
    fn a_skipped_test_is_an_error() {
        let mut report = Report::default();
        report.suite("one", &mut printing(SKIPPED, 0));
        assert!(report.verdict().unwrap_err().to_string().contains("skipped"));
    }
}
