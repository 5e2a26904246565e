//! A relay on this machine, as a real process, for those who try the product out.
//!
//! Must not know what the people say to each other. Invariant: no process outlives the value that owns it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// The unlock secret of these throw-away homes. They hold nothing of value.
pub(crate) const PASSPHRASE: &str = "demo";

/// A process whose first line on stdout said that it is ready; killed when dropped.
pub(crate) struct Running {
    child: Child,
    /// The parsed first line.
    pub(crate) ready: Value,
}

impl Running {
    /// Starts `command` and waits for its first line, which must be a `ready` event.
    ///
    /// # Errors
    /// Fails when the program cannot be started, ends first, or prints something else.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn().context("Cannot start the process")?;
        let output = child.stdout.take().context("The process has no output")?;
        let mut running = Self { child, ready: Value::Null };
        let mut reader = BufReader::new(output);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.is_empty() {
            bail!("The process ended before it was ready");
        }
        running.ready = serde_json::from_str(&line).with_context(|| format!("Not a ready event: {line}"))?;
        if running.ready["event"] != "ready" {
            bail!("Not a ready event: {line}");
        }
        // Whatever else it prints is read away, or the process would one day wait for a full pipe.
        std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when the process is already gone.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Starts a relay that keeps its data in `data`; returns it with the address that nodes are given.
///
/// # Errors
/// Fails when the relay does not become ready.
pub(crate) fn relay(program: &Path, data: &Path) -> Result<(Running, String)> {
    let mut command = Command::new(program);
    command.args(["run", "--dev", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    let running = Running::start(&mut command).context("The relay did not start")?;
    let addr = running.ready["addr"].as_str().context("The relay's ready event has no addr")?.to_owned();
    Ok((running, addr))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn printing(text: &str) -> Command {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{text}; exec sleep 30"));
        command
    }

    #[test]
    fn a_ready_event_is_waited_for_and_kept() {
        let running = Running::start(&mut printing(r#"echo '{"event":"ready","addr":"a"}'"#)).unwrap();
        assert_eq!(running.ready["addr"], "a");
    }

    #[test]
    fn anything_else_first_is_an_error() {
        assert!(Running::start(&mut printing("echo hello")).is_err());
        assert!(Running::start(&mut printing(r#"echo '{"event":"code"}'"#)).is_err());
        assert!(Running::start(Command::new("sh").args(["-c", "exit 1"])).is_err());
    }

    #[test]
    fn dropping_ends_the_process() {
        let running = Running::start(&mut printing(r#"echo '{"event":"ready"}'"#)).unwrap();
        let process = PathBuf::from(format!("/proc/{}", running.child.id()));
        assert!(process.exists());
        drop(running);
        assert!(!process.exists());
    }
}
