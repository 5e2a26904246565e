//! A real relay on the loopback.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::Duration,
};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Process, programs::relay_program};

/// How long a relay may take to start or end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running relay with a data directory of its own.
#[derive(Debug)]
pub struct Relay {
    process: Process,
    ready: Value,
    args: Vec<String>,
    folder: TempDir,
}

impl Relay {
    /// Starts one that admits everybody, on a free port; `args` are added.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start(args: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let (process, ready) = launch(folder.path(), "127.0.0.1:0", &args)?;
        Ok(Self { process, ready, args, folder })
    }

    /// Its address, as nodes are given it.
    ///
    /// # Errors
    /// When its first line did not say.
    pub fn addr(&self) -> Result<&str> {
        self.ready["addr"].as_str().with_context(|| format!("no addr in {}", self.ready))
    }

    /// Host and port of its pages (`/healthz`, `/metrics`, …).
    ///
    /// # Errors
    /// When its first line did not say.
    pub fn http(&self) -> Result<&str> {
        self.ready["http"].as_str().with_context(|| format!("no http in {}", self.ready))
    }

    /// Its data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The process, for signals.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Ends it as an operator does, and answers how it ended. Its data go with it.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn stop(self) -> Result<ExitStatus> {
        self.process.stop(PATIENCE)
    }

    /// Kills it and starts it again on the same port with the same data, or with none when `wipe` is set.
    ///
    /// # Errors
    /// When it does not become ready again.
    pub fn restart(self, wipe: bool) -> Result<Self> {
        let args = self.args.clone();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        self.restart_with(wipe, &args)
    }

    /// The same with other arguments, as an operator who changes his mind.
    ///
    /// # Errors
    /// As [`Relay::restart`].
    pub fn restart_with(self, wipe: bool, args: &[&str]) -> Result<Self> {
        let Self { process, ready, folder, .. } = self;
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let port = port(&ready).with_context(|| format!("no port in {ready}"))?;
        process.kill()?;
        if wipe {
            std::fs::remove_dir_all(folder.path().join("data"))?;
        }
        let (process, ready) = launch(folder.path(), &format!("127.0.0.1:{port}"), &args)?;
        Ok(Self { process, ready, args, folder })
    }
}

fn launch(folder: &Path, listen: &str, args: &[String]) -> Result<(Process, Value)> {
    let mut command = Command::new(relay_program()?);
    command.args(["run", "--dev", "--listen", listen, "--data"]).arg(folder.join("data")).args(args);
    let process = Process::start(&mut command)?;
    let ready = process.json(PATIENCE).context("the relay did not become ready")?;
    anyhow::ensure!(ready["event"] == "ready", "no ready line: {ready}");
    Ok((process, ready))
}

fn port(ready: &Value) -> Option<&str> {
    let mut parts = ready["addr"].as_str()?.split('/');
    parts.find(|part| *part == "tcp")?;
    parts.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_address() {
        let ready = serde_json::json!({ "addr": "/ip4/127.0.0.1/tcp/4001/p2p/12D3" });
        assert_eq!(port(&ready), Some("4001"));
    }
}
