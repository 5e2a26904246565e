//! A child process: its lines, its log, its signals and its end.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, sync_channel},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::wait_until;

/// Lines of standard output that wait to be read; then the process waits.
const LINES_CAP: usize = 100_000;
/// Lines of standard error that are kept for a failure's message.
const LOG_CAP: usize = 400;

/// Why there is no next line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// Nothing came in time.
    Late,
    /// Standard output was closed.
    Closed,
}

/// A running program; killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    log: Arc<Mutex<VecDeque<String>>>,
}

impl Process {
    /// Starts `command`, without standard input.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{command:?} does not start"))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (send, lines) = sync_channel(LINES_CAP);
        read_lines(stdout.context("no standard output")?, move |line| send.send(line).is_ok());
        let log = Arc::new(Mutex::new(VecDeque::new()));
        let kept = Arc::clone(&log);
        read_lines(stderr.context("no standard error")?, move |line| {
            let Ok(mut kept) = kept.lock() else { return false };
            if kept.len() >= LOG_CAP {
                kept.pop_front();
            }
            kept.push_back(line);
            true
        });
        Ok(Self { child, lines, log })
    }

    /// The next line of standard output.
    ///
    /// # Errors
    /// [`LineEnd`].
    pub fn line(&self, patience: Duration) -> Result<String, LineEnd> {
        self.lines.recv_timeout(patience).map_err(|error| match error {
            RecvTimeoutError::Timeout => LineEnd::Late,
            RecvTimeoutError::Disconnected => LineEnd::Closed,
        })
    }

    /// The next line of standard output as JSON.
    ///
    /// # Errors
    /// When none comes in time, or it is no JSON; with the log of the process.
    pub fn json(&self, patience: Duration) -> Result<Value> {
        match self.line(patience) {
            Ok(line) => serde_json::from_str(&line).with_context(|| format!("no JSON: {line}")),
            Err(end) => bail!("no line ({end:?}); the process says:\n{}", self.log()),
        }
    }

    /// Waits for a line of JSON that `wanted` accepts; others are passed over.
    ///
    /// # Errors
    /// As [`Process::json`].
    pub fn json_where(&self, patience: Duration, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let start = std::time::Instant::now();
        loop {
            let value = self.json(patience.saturating_sub(start.elapsed()))?;
            if wanted(&value) {
                return Ok(value);
            }
        }
    }

    /// The last lines of standard error.
    pub fn log(&self) -> String {
        let lines = self.log.lock().map(|log| log.iter().cloned().collect::<Vec<_>>());
        lines.unwrap_or_default().join("\n")
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).context("no process id")?;
        kill_process(pid, signal).with_context(|| format!("{signal:?} does not reach the process"))
    }

    /// Stops it where it is (SIGSTOP), as a machine that sleeps.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    /// When the process is gone.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Kills it at once (SIGKILL), as a power cut.
    ///
    /// # Errors
    /// When it is gone already.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill().context("the process is gone already")?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end (SIGTERM) and waits.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn stop(self, patience: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.ended(patience)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end in time.
    pub fn ended(mut self, patience: Duration) -> Result<ExitStatus> {
        wait_until("the process has ended", patience, || Ok(self.child.try_wait()?))
            .with_context(|| format!("it says:\n{}", self.log()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only when the process is already gone.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Reads lines on a thread until the end, or until nobody wants them.
fn read_lines(from: impl Read + Send + 'static, mut take: impl FnMut(String) -> bool + Send + 'static) {
    thread::spawn(move || {
        let mut reader = BufReader::new(from);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
            line.clear();
            if !take(text) {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    fn sh(script: &str) -> Process {
        Process::start(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn lines_json_and_log_are_kept_apart() {
        let process = sh("echo '{\"event\":\"ready\"}'; echo plain; echo trouble >&2");
        assert_eq!(process.json(SOON).unwrap()["event"], "ready");
        assert_eq!(process.line(SOON).unwrap(), "plain");
        assert_eq!(process.line(SOON), Err(LineEnd::Closed));
        wait_until("the log is read", SOON, || Ok((process.log() == "trouble").then_some(()))).unwrap();
        assert!(process.ended(SOON).unwrap().success());
    }

    #[test]
    fn a_paused_process_says_nothing_until_it_goes_on() {
        let process = sh("echo first; read -r _ < /dev/null; sleep 0.3; echo second; sleep 60");
        assert_eq!(process.line(SOON).unwrap(), "first");
        process.pause().unwrap();
        assert_eq!(process.line(Duration::from_millis(800)), Err(LineEnd::Late));
        process.resume().unwrap();
        assert_eq!(process.line(SOON).unwrap(), "second");
        process.kill().unwrap();
    }

    #[test]
    fn dropping_kills() {
        let process = sh("echo $$; exec sleep 60");
        let pid = process.line(SOON).unwrap();
        drop(process);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }
}
