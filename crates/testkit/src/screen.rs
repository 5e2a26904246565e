//! A screen and a session bus that nobody else uses.
//!
//! Must not know what is shown. Invariant: nothing on the bus is started by itself, so that no keyring and no
//! notification server of the machine answers.

use std::{process::Command, time::Duration};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::{LineEnd, Process};

/// How long the screen and the bus may take to start.
const PATIENCE: Duration = Duration::from_secs(30);
/// Size and depth of the screen: one window fits.
const SIZE: &str = "1280x900x24";

/// A virtual screen with a session bus of its own.
#[derive(Debug)]
pub struct Screen {
    display: String,
    bus: String,
    _server: Process,
    _daemon: Process,
    _folder: TempDir,
}

impl Screen {
    /// Starts both.
    ///
    /// # Errors
    /// When one of them does not start; `cargo xtask setup test` installs them.
    pub fn start() -> Result<Self> {
        let mut server = Command::new("Xvfb");
        server.args(["-displayfd", "1", "-screen", "0", SIZE, "-nolisten", "tcp"]);
        let server = Process::start(&mut server)?;
        let number = first_line(&server, "the screen")?;

        let folder = tempfile::tempdir()?;
        let rules = folder.path().join("bus.conf");
        std::fs::write(&rules, rules_of(&folder.path().join("bus").display().to_string()))?;
        let mut daemon = Command::new("dbus-daemon");
        daemon.args(["--nofork", "--nopidfile", "--print-address=1"]).arg("--config-file").arg(&rules);
        let daemon = Process::start(&mut daemon)?;
        let bus = first_line(&daemon, "the session bus")?;
        Ok(Self { display: format!(":{number}"), bus, _server: server, _daemon: daemon, _folder: folder })
    }

    /// Address of the session bus.
    pub fn bus(&self) -> &str {
        &self.bus
    }

    /// Puts a program on this screen and this bus.
    pub fn take(&self, command: &mut Command) {
        command.env("DISPLAY", &self.display).env("DBUS_SESSION_BUS_ADDRESS", &self.bus);
        command.env_remove("WAYLAND_DISPLAY").env("GDK_BACKEND", "x11").env("NO_AT_BRIDGE", "1");
    }
}

fn first_line(process: &Process, what: &str) -> Result<String> {
    process
        .line(PATIENCE)
        .map_err(|end: LineEnd| {
            anyhow::anyhow!("{what} did not start ({end:?}); it says:\n{}", process.log())
        })
        .context("a program of the tests is missing or broken")
}

/// Everybody may own names and send; there are no folders of programs to start.
fn rules_of(socket: &str) -> String {
    format!(
        r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#
    )
}
