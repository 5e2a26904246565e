//! A relay process and its place on disk.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Patience on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_madang-relay"));
    command.args(args).stdin(Stdio::null()).env_clear();
    command
}

/// Runs a command to its end.
pub(crate) fn output(args: &[&str]) -> Output {
    ended(&mut command(args))
}

/// Runs a command to its end where people speak Korean.
pub(crate) fn output_in_korean(args: &[&str]) -> Output {
    ended(command(args).env("LANG", "ko_KR.UTF-8"))
}

/// Runs a command that ends by itself; a relay that starts against expectation is killed, and its test fails.
pub(crate) fn ended(command: &mut Command) -> Output {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

pub(crate) struct Relay {
    child: Child,
    pub(crate) addr: String,
    pub(crate) http: String,
    pub(crate) first_line: String,
}

impl Relay {
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[], &[])
    }

    /// Starts `run --dev` with more arguments and environment variables.
    pub(crate) fn start_with(data: &Path, args: &[&str], env: &[(&str, &str)]) -> Self {
        let data = data.to_str().unwrap();
        Self::run(&[&["run", "--dev", "--data", data][..], args].concat(), env)
    }

    /// Starts `run` without `--dev` on the loopback interface, with data and configuration in `dir`; the invite code is
    /// `acorn`. `options` are further sections of the configuration.
    pub(crate) fn start_real(dir: &Path, options: &str) -> Self {
        let config = dir.join("relay.toml");
        let data = dir.join("data");
        let text = format!(
            "[network]\nlisten = \"127.0.0.1:0\"\n[http]\nlisten = \"127.0.0.1:0\"\n\
             [storage]\ndata = {data:?}\n[access]\ncodes = [\"acorn\"]\n{options}"
        );
        std::fs::write(&config, text).unwrap();
        Self::run(&["run", "--config", config.to_str().unwrap()], &[])
    }

    fn run(args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = command(args)
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut first_line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut first_line).unwrap();
        let ready: Value = serde_json::from_str(&first_line).unwrap();
        assert_eq!(ready["event"], "ready");
        let text = |key: &str| ready[key].as_str().unwrap().to_owned();
        Self { child, addr: text("addr"), http: text("http"), first_line }
    }

    pub(crate) fn port(&self) -> String {
        self.addr.split('/').nth(4).unwrap().to_owned()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Ends it without any warning.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end and returns its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal(rustix::process::Signal::TERM);
        self.wait()
    }

    pub(crate) fn wait(&mut self) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the relay does not end");
    }

    /// GET over the web server: status code and body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        use std::io::Write;
        let mut stream = std::net::TcpStream::connect(&self.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // It may have ended already; what matters is that none is left behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
