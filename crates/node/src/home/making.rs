//! Making an account so that a crash leaves all of it or nothing.
//!
//! Everything is written into the directory `making`. Renaming it to `made` is the one moment at which the account
//! comes to be; moving its files into the home afterwards is repeated by whoever opens the home next, if a crash
//! came in between. Invariant: what lies in `made` is complete and durable.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::Error;

const MAKING: &str = "making";
const MADE: &str = "made";
/// The files of an account, in the order in which they move. The slots come last: with them the home counts as one
/// that has an account.
const FILES: &[&str] = &["store.check", "store.db", "key", "slots"];

/// An account that is being made. Dropped without [`Making::finish`] it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Making<'a> {
    home: &'a Path,
    dir: PathBuf,
    done: bool,
}

impl<'a> Making<'a> {
    /// Begins, removing what a crash left of an earlier try.
    pub(crate) fn begin(home: &'a Path) -> Result<Self, Error> {
        let dir = home.join(MAKING);
        sweep(home)?;
        DirBuilder::new()
            .mode(0o700)
            .create(&dir)
            .map_err(|error| Error::io("making the account", &error))?;
        Ok(Self { home, dir, done: false })
    }

    /// Path of a file of the account while it is made.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes a small file for its owner alone.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let write = || {
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path(name))?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(|error: io::Error| Error::io(&format!("writing {name}"), &error))
    }

    /// Makes the account come to be.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        let rename = || {
            for entry in fs::read_dir(&self.dir)? {
                File::open(entry?.path())?.sync_all()?;
            }
            File::open(&self.dir)?.sync_all()?;
            fs::rename(&self.dir, self.home.join(MADE))?;
            File::open(self.home)?.sync_all()
        };
        rename().map_err(|error: io::Error| Error::io("making the account", &error))?;
        self.done = true;
        settle(self.home)
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        if !self.done {
            // The failure that leads here is the one worth telling; the next try sweeps again.
            drop(fs::remove_dir_all(&self.dir));
        }
    }
}

/// Whether an account has come to be whose files still lie in `made`.
pub(crate) fn is_made(home: &Path) -> bool {
    home.join(MADE).join("slots").exists()
}

/// Moves the files of an account that has come to be into the home. May be repeated after a crash at any point.
pub(crate) fn settle(home: &Path) -> Result<(), Error> {
    let made = home.join(MADE);
    if !made.exists() {
        return Ok(());
    }
    let settle = || {
        for name in FILES {
            match fs::rename(made.join(name), home.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        File::open(home)?.sync_all()?;
        fs::remove_dir(&made)?;
        File::open(home)?.sync_all()
    };
    settle().map_err(|error| Error::io("moving the new account into its home", &error))
}

/// Removes what a crash left of an account that did not come to be.
fn sweep(home: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(home.join(MAKING)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("removing an unfinished account", &error))
        }
        _ => Ok(()),
    }
}
