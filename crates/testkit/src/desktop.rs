//! The desktop of a person, driven through its own web engine.
//!
//! Must not know what the window shows. Invariant: the window ends with the value that owns it, and leaves
//! nothing behind but the home.

use std::{
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::{PASSPHRASE, Person, Screen, driver::Driver, wait_until, webdriver::Window};

/// How long the desktop may take to end.
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
    driver: Driver,
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
        let driver = Driver::start(screen, |command| dress(command, locale))?;
        let home = person.home().to_str().context("the home has a name that is no text")?;
        let mut all = vec!["--home", home];
        all.extend(ALONE);
        all.extend(args);
        let window = driver
            .open(program, &all)
            .with_context(|| format!("the desktop of {} did not open", person.name()))?;
        let desktop = Self { window, program: program.to_owned(), home: person.home().to_owned(), driver };
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

/// What makes the engine take orders, and the same surroundings on every machine.
fn dress(command: &mut Command, locale: &str) {
    command.env("TAURI_AUTOMATION", "true").env("TAURI_WEBVIEW_AUTOMATION", "true");
    command.env("MADANG_PASSPHRASE", PASSPHRASE).env_remove("MADANG_HOME");
    command.env("LANG", locale);
    for other in ["LC_ALL", "LC_MESSAGES", "LANGUAGE"] {
        command.env_remove(other);
    }
}
