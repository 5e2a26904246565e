//! The driver of the web engine: the program that takes orders for a window.
//!
//! Must not know what is driven. Invariant: it has folders of its own and ends with the value that owns it.

use std::{net::TcpListener, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::{Process, Screen, wait_until, webdriver::Window};

/// How long the driver may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running driver.
pub(crate) struct Driver {
    process: Process,
    port: u16,
    _folder: TempDir,
}

impl Driver {
    /// Starts it on `screen`; `dress` gives its windows an environment.
    ///
    /// # Errors
    /// When it does not start; `cargo xtask setup test` installs it.
    pub(crate) fn start(screen: &Screen, dress: impl FnOnce(&mut Command)) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let mut command = Command::new("WebKitWebDriver");
        command.args(["--host=127.0.0.1", &format!("--port={port}")]);
        screen.take(&mut command);
        for (name, place) in [
            ("HOME", "home"),
            ("XDG_CACHE_HOME", "cache"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_DATA_HOME", "data"),
        ] {
            command.env(name, folder.path().join(place));
        }
        dress(&mut command);
        let process = Process::start(&mut command)?;
        wait_until("the driver listens", PATIENCE, || {
            Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok())
        })?;
        Ok(Self { process, port, _folder: folder })
    }

    /// Opens a window of `program`.
    ///
    /// # Errors
    /// When it does not open.
    pub(crate) fn open(&self, program: &Path, args: &[&str]) -> Result<Window> {
        Window::open(self.port, program, args)
            .with_context(|| format!("no window opened; the driver says:\n{}", self.log()))
    }

    /// What the driver, and the program through it, wrote to standard error.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }
}

fn free_port() -> Result<u16> {
    // Nobody else is given the port between this and the driver's start, as the system hands them out in turn.
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
