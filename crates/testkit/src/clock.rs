//! A wrong clock for one process, by libfaketime.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};

/// Where systems put the library.
const PLACES: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// How far the wall clock of a process is wrong. Timers keep running as they should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock(Source);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Offset(String),
    File(PathBuf),
}

impl Clock {
    /// As libfaketime writes it: `+9h`, `-2h`, `+10y`.
    pub fn offset(offset: &str) -> Self {
        Self(Source::Offset(offset.to_owned()))
    }

    /// The offset stands in a file and is read anew at every look at the clock, so that the clock of a running process
    /// can be set.
    pub fn kept_in(file: &Path) -> Self {
        Self(Source::File(file.to_owned()))
    }

    /// Gives the clock to a command.
    ///
    /// # Errors
    /// When libfaketime is not installed.
    pub fn apply(&self, command: &mut Command) -> Result<()> {
        let library = PLACES.iter().map(PathBuf::from).find(|path| path.exists());
        command
            .env("LD_PRELOAD", library.context("libfaketime is not installed (package faketime)")?)
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        match &self.0 {
            Source::Offset(offset) => command.env("FAKETIME", offset),
            Source::File(file) => command.env("FAKETIME_TIMESTAMP_FILE", file).env("FAKETIME_NO_CACHE", "1"),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_a_child_is_wrong_by_what_was_asked() {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let mut date = Command::new("date");
        date.arg("+%s");
        Clock::offset("+9h").apply(&mut date).unwrap();
        let told: u64 = String::from_utf8(date.output().unwrap().stdout).unwrap().trim().parse().unwrap();
        assert!((now + 32_390..now + 32_500).contains(&told), "{told} at {now}");
    }
}
