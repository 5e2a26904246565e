//! A run of named steps that goes on after a failure and names all of them at the end.
//!
//! Must not know what a step does. Invariant: a failed step always makes the whole run fail.

use std::time::Instant;

use anyhow::{Result, bail};

/// Collects the outcome of steps.
#[derive(Default)]
pub(crate) struct Steps {
    failed: Vec<String>,
}

impl Steps {
    /// Runs one step and notes whether it failed.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<()>) {
        eprintln!("\n── {name}");
        let start = Instant::now();
        match work() {
            Ok(()) => eprintln!("── {name}: ok ({:.1} s)", start.elapsed().as_secs_f32()),
            Err(error) => {
                eprintln!("── {name}: FAILED: {error:#}");
                self.failed.push(name.to_owned());
            }
        }
    }

    /// Ends the run.
    ///
    /// # Errors
    /// Fails when any step failed, naming them.
    pub(crate) fn finish(self) -> Result<()> {
        if self.failed.is_empty() {
            return Ok(());
        }
        bail!("Failed: {}", self.failed.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_on_after_a_failure_and_names_it() {
        let mut steps = Steps::default();
        let mut last_ran = false;
        steps.step("first", || bail!("broken"));
        steps.step("second", || {
            last_ran = true;
            Ok(())
        });
        assert!(last_ran);
        assert_eq!(steps.finish().unwrap_err().to_string(), "Failed: first");
    }
}
