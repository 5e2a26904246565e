//! The desktop of a person, driven through its own web engine.
//!
//! Must not know what the window shows. Invariant: the window ends with the value that owns it, and leaves
//! nothing behind but the home.

use std::{
    fs,
    net::TcpListener,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{PASSPHRASE, Person, Process, Screen, wait_until, webdriver::Window};

/// How long the driver may take to listen, and the desktop to end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Arguments that keep a desktop to this machine.
const ALONE: [&str; 3] = ["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];

/// The same words on every machine.
const LOCALE: &str = "C.UTF-8";

/// A running desktop.
pub struct Desktop {
    window: Window,
    program: PathBuf,
    home: PathBuf,
    driver: Process,
    _folder: TempDir,
}

impl Desktop {
    /// Opens `program` on the home of `person`, without mDNS and on the loopback; `args` are added.
    ///
    /// # Errors
    /// When the driver or the desktop does not start.
    pub fn open(screen: &Screen, program: &Path, person: &Person, args: &[&str]) -> Result<Self> {
        Self::open_in(LOCALE, screen, program, person, args)
    }

    /// Opens it where `LANG` is `locale`; otherwise it is the same on every machine.
    ///
    /// # Errors
    /// When the driver or the desktop does not start.
    pub fn open_in(
        locale: &str,
        screen: &Screen,
        program: &Path,
        person: &Person,
        args: &[&str],
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let mut driver = Command::new("WebKitWebDriver");
        driver.args(["--host=127.0.0.1", &format!("--port={port}")]);
        screen.take(&mut driver);
        dress(&mut driver, folder.path(), locale);
        let driver = Process::start(&mut driver)?;
        wait_until("the driver listens", PATIENCE, || {
            Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok())
        })?;
        let home = person.home().to_str().context("the home has a name that is no text")?;
        let mut all = vec!["--home", home];
        all.extend(ALONE);
        all.extend(args);
        let window = Window::open(port, program, &all).with_context(|| {
            format!("the desktop of {} did not open; the driver says:\n{}", person.name(), driver.log())
        })?;
        let desktop = Self {
            window,
            program: program.to_owned(),
            home: person.home().to_owned(),
            driver,
            _folder: folder,
        };
        Ok(desktop)
    }

    /// The window.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// What the driver, and the desktop through it, wrote to standard error.
    pub fn log(&self) -> String {
        self.driver.log()
    }

    /// Ends the desktop as the system does when the person logs out, and waits until it has ended.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn quit(self) -> Result<()> {
        let pid = self.pid()?;
        kill_process(pid, Signal::TERM).context("the desktop is gone already")?;
        wait_until("the desktop has ended", PATIENCE, || Ok(self.pid().is_err().then_some(())))
    }

    /// The process of the desktop: the driver starts it and does not say its number.
    fn pid(&self) -> Result<Pid> {
        for entry in fs::read_dir("/proc")? {
            let entry = entry?;
            let number = entry.file_name().to_str().and_then(|name| name.parse().ok());
            let Some(pid) = number.and_then(Pid::from_raw) else { continue };
            // A process may end between two looks.
            let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
            let mut words = line.split(|byte| *byte == 0);
            let ours = words.next() == Some(self.program.as_os_str().as_bytes());
            if ours && words.any(|word| word == self.home.as_os_str().as_bytes()) {
                return Ok(pid);
            }
        }
        anyhow::bail!("no desktop runs on {}", self.home.display())
    }
}

/// Folders of the window's own, and what makes its engine take orders.
fn dress(command: &mut Command, folder: &Path, locale: &str) {
    for (name, place) in [
        ("HOME", "home"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
    ] {
        command.env(name, folder.join(place));
    }
    command.env("TAURI_AUTOMATION", "true").env("TAURI_WEBVIEW_AUTOMATION", "true");
    command.env("MADANG_PASSPHRASE", PASSPHRASE).env_remove("MADANG_HOME");
    command.env("LANG", locale);
    for other in ["LC_ALL", "LC_MESSAGES", "LANGUAGE"] {
        command.env_remove(other);
    }
}

fn free_port() -> Result<u16> {
    // Nobody else is given the port between this and the driver's start, as the system hands them out in turn.
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
