//! The media worker: the same executable, started again to decode one picture and die.
//!
//! A program calls [`requested`] first thing in its `main` and, when it is true, returns what [`main`]
//! returns. Must not know what the picture is for. Invariant: the worker has no environment, opens no file,
//! maps at most [`MEMORY_MAX`] more than the program itself, and lives at most [`PATIENCE`].

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};

use crate::{Avatar, MediaError, avatar, frame};

/// First argument of a program that is to be a worker.
pub const FLAG: &str = "--media-worker";
/// Most bytes of a picture's file: 32 MiB, more than cameras make within the pixel limit.
pub const INPUT_MAX: usize = 32 * 1024 * 1024;
/// Memory the worker may map beyond the program's own code: 512 MiB.
pub const MEMORY_MAX: u64 = 512 * 1024 * 1024;
/// How long a worker may take before it is killed.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Whether this process was started as a worker.
#[must_use]
pub fn requested() -> bool {
    std::env::args_os().nth(1).is_some_and(|argument| argument == FLAG)
}

/// The worker's whole life: one picture from stdin, one reply to stdout.
#[must_use]
pub fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        // The parent reads the missing reply as a failure; nobody reads what the worker might print.
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    confine()?;
    let bytes = frame::read_bytes(&mut io::stdin().lock(), INPUT_MAX)?;
    frame::write_reply(&mut io::stdout().lock(), &avatar(&bytes))
}

/// Gives up everything that decoding does not need, before the first foreign byte is read.
fn confine() -> io::Result<()> {
    let limit = |resource, value| setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) });
    // What the program itself maps is not the picture's fault: the desktop links a whole web engine.
    limit(Resource::As, mapped()?.saturating_add(MEMORY_MAX))?;
    limit(Resource::Cpu, PATIENCE.as_secs())?;
    // No picture in a core dump, no file opened or written by a decoder that was taken over.
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    limit(Resource::Nofile, 0)?;
    Ok(())
}

/// Bytes of address space this process has mapped.
fn mapped() -> io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    parse_mapped(&status).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn parse_mapped(status: &str) -> Option<u64> {
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"))?;
    size.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
}

/// Starts workers and gives up on those that take too long.
#[derive(Clone, Debug)]
pub struct Worker {
    program: PathBuf,
    patience: Duration,
}

impl Worker {
    /// Workers of `program`, normally the path of the running executable. It must honour [`FLAG`].
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), patience: PATIENCE }
    }

    /// The same with another patience than [`PATIENCE`].
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Makes an avatar in a worker. This blocks for up to the patience: call it on a thread that may wait.
    ///
    /// # Errors
    /// [`MediaError::TooManyBytes`] before anything is started, the worker's own refusals,
    /// [`MediaError::TimedOut`], [`MediaError::WorkerFailed`] when it died or answered nonsense, and
    /// [`MediaError::Start`] when there was no process.
    pub fn avatar(&self, bytes: &[u8]) -> Result<Avatar, MediaError> {
        if bytes.len() > INPUT_MAX {
            return Err(MediaError::TooManyBytes);
        }
        let mut child = Command::new(&self.program)
            .arg(FLAG)
            // The environment may hold an unlock secret.
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(MediaError::Start)?;
        let reply = self.exchange(&mut child, bytes);
        // Killing fails only for a worker that has ended; waiting frees its entry in the process table.
        let _ended = child.kill();
        child.wait().map_err(MediaError::Start)?;
        reply
    }

    fn exchange(&self, child: &mut Child, bytes: &[u8]) -> Result<Avatar, MediaError> {
        let (Some(mut input), Some(mut output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(MediaError::WorkerFailed);
        };
        // One reply and no more, so the sender never waits.
        let (sender, receiver) = mpsc::sync_channel(1);
        thread::scope(|scope| {
            // A worker that ends early breaks the pipe; its reply, or the lack of one, says why.
            scope.spawn(move || frame::write_bytes(&mut input, bytes).and_then(|()| input.flush()));
            scope.spawn(move || sender.send(frame::read_reply(&mut output)));
            let reply = receiver.recv_timeout(self.patience);
            if reply.is_err() {
                // Both threads wait on pipes of the worker: they end only with it.
                let _ended = child.kill();
            }
            match reply {
                Ok(Ok(reply)) => reply,
                Ok(Err(_)) | Err(mpsc::RecvTimeoutError::Disconnected) => Err(MediaError::WorkerFailed),
                Err(mpsc::RecvTimeoutError::Timeout) => Err(MediaError::TimedOut),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mapped_size_is_read_from_the_status() {
        assert_eq!(parse_mapped("Name:\tx\nVmSize:\t    2048 kB\n"), Some(2 * 1024 * 1024));
        assert_eq!(parse_mapped("Name:\tx\n"), None);
        assert_eq!(parse_mapped("VmSize:\tmany kB\n"), None);
        assert!(mapped().unwrap() > 0);
    }
}
