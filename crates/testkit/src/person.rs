//! A person with a home, the command line that talks to it, and the node that runs on it.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::{Clock, Process, programs::madang};

/// How long a node may take to start or end.
const PATIENCE: Duration = Duration::from_secs(60);
/// Passphrase of homes in tests. It guards nothing.
pub const PASSPHRASE: &str = "correct horse battery staple";
/// Variables of the developer's own session that would change what a test sees.
const FOREIGN: &[&str] = &[
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "LANG",
    "LC_ALL",
    "LC_MESSAGES",
    "MADANG_HOME",
    "MADANG_PASSPHRASE",
    "NO_COLOR",
    "RUST_LOG",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
];

/// Somebody with a home of his own.
#[derive(Debug)]
pub struct Person {
    name: String,
    home: PathBuf,
    variables: BTreeMap<OsString, OsString>,
    clock: Option<Clock>,
    wrapper: Vec<OsString>,
    program: Option<PathBuf>,
    _folder: Option<TempDir>,
}

impl Person {
    /// A person without an account yet, whose home locks with [`PASSPHRASE`].
    ///
    /// # Errors
    /// When no temporary directory can be made.
    pub fn new(name: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut person = Self::at(name, &folder.path().join("home"));
        person._folder = Some(folder);
        Ok(person)
    }

    /// A person whose home lies at a place of the test's own.
    pub fn at(name: &str, home: &Path) -> Self {
        let mut person = Self {
            name: name.to_owned(),
            home: home.to_owned(),
            variables: BTreeMap::new(),
            clock: None,
            wrapper: Vec::new(),
            program: None,
            _folder: None,
        };
        person.set("MADANG_PASSPHRASE", PASSPHRASE);
        person
    }

    /// Name on the card.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The home.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Sets a variable for everything that this person starts from now on.
    pub fn set(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
        self.variables.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
    }

    /// Removes a variable again, for example the passphrase.
    pub fn unset(&mut self, name: impl AsRef<OsStr>) {
        self.variables.remove(name.as_ref());
    }

    /// Sets the clock of this person's machine wrong, or right with `None`.
    pub fn set_clock(&mut self, clock: Option<Clock>) {
        self.clock = clock;
    }

    /// Moves the person to a host of a lab: whatever is started from now on runs there. `inside` is a command of that
    /// host, to which the program and its arguments are added.
    pub fn set_host(&mut self, inside: &Command) {
        self.wrapper =
            std::iter::once(inside.get_program()).chain(inside.get_args()).map(OsStr::to_owned).collect();
    }

    /// Uses another build of the command line from now on.
    pub fn set_program(&mut self, program: &Path) {
        self.program = Some(program.to_owned());
    }

    fn program(&self) -> Result<&Path> {
        match &self.program {
            Some(program) => Ok(program),
            None => madang(),
        }
    }

    /// The command line with this person's home and nothing of the developer's session.
    ///
    /// # Errors
    /// When the program cannot be built, or the clock not be set.
    pub fn command(&self) -> Result<Command> {
        let Some((first, rest)) = self.wrapper.split_first() else {
            return self.prepare(Command::new(self.program()?));
        };
        let mut wrapper = Command::new(first);
        wrapper.args(rest);
        self.command_through(wrapper)
    }

    /// The same, started by another program, such as [`crate::Host::command`] or `prlimit`.
    ///
    /// # Errors
    /// As [`Person::command`].
    pub fn command_through(&self, mut wrapper: Command) -> Result<Command> {
        wrapper.arg(self.program()?);
        self.prepare(wrapper)
    }

    fn prepare(&self, mut command: Command) -> Result<Command> {
        for name in FOREIGN {
            command.env_remove(name);
        }
        // Without it a library would look for the keyring in the usual place of the developer.
        command.env("XDG_RUNTIME_DIR", self.home.join("no-runtime-dir"));
        command.envs(&self.variables).arg("--home").arg(&self.home);
        if let Some(clock) = &self.clock {
            clock.apply(&mut command)?;
        }
        Ok(command)
    }

    /// Runs one command with `--json` to its end.
    ///
    /// # Errors
    /// When the program cannot be run. How it ended is in the answer.
    pub fn ask(&self, args: &[&str]) -> Result<Answer> {
        let mut command = self.command()?;
        command.arg("--json").args(args);
        Answer::of(&mut command)
    }

    /// Runs one command that must succeed, and answers its value.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn say(&self, args: &[&str]) -> Result<Value> {
        self.ask(args)?.value().with_context(|| format!("{}: {args:?}", self.name))
    }

    /// Makes the account.
    ///
    /// # Errors
    /// When it is not made.
    pub fn create(&self) -> Result<Value> {
        self.say(&["account", "create", "--name", &self.name])
    }

    /// Runs the node, without mDNS, on the loopback, and waits until it answers commands; `args` are added.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn run(&self, args: &[&str]) -> Result<Node> {
        self.run_with(&[crate::party::LOOPBACK, args].concat())
    }

    /// Runs the node with nothing but `args`: it listens everywhere and looks around in the local network, unless they
    /// say otherwise.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn run_with(&self, args: &[&str]) -> Result<Node> {
        let mut command = self.command()?;
        Node::start(command.arg("run").args(args))
    }
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Answer {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Answer {
    /// Runs a command to its end.
    ///
    /// # Errors
    /// When it does not start.
    pub fn of(command: &mut Command) -> Result<Self> {
        let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
        Ok(Self {
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// The value on standard output of a command that succeeded.
    ///
    /// # Errors
    /// When it failed, or printed something else than one line of JSON.
    pub fn value(&self) -> Result<Value> {
        if !self.status.success() {
            bail!("{}: {}{}", self.status, self.stdout, self.stderr);
        }
        let mut lines = self.stdout.lines();
        match (lines.next(), lines.next()) {
            (Some(line), None) => serde_json::from_str(line).with_context(|| format!("no JSON: {line}")),
            _ => bail!("not one line: {:?}", self.stdout),
        }
    }

    /// Exit code and error code of a command that failed as the contract says.
    ///
    /// # Errors
    /// When it succeeded, printed data, or its last line on standard error is no error object.
    pub fn refusal(&self) -> Result<(i32, String)> {
        let code = self.status.code().with_context(|| format!("ended by a signal: {}", self.status))?;
        anyhow::ensure!(code != 0 && self.stdout.is_empty(), "no failure: {self:?}");
        let last = self.stderr.lines().last().unwrap_or_default();
        let error: Value = serde_json::from_str(last).with_context(|| format!("no error object: {last}"))?;
        let name = error["error"]["code"].as_str().with_context(|| format!("no code: {last}"))?;
        anyhow::ensure!(error["error"]["message"].is_string(), "no message: {last}");
        Ok((code, name.to_owned()))
    }
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    process: Process,
    ready: Value,
}

impl Node {
    /// Starts a command that runs a node, and waits for its first line.
    ///
    /// # Errors
    /// When it does not become ready.
    pub fn start(command: &mut Command) -> Result<Self> {
        let process = Process::start(command)?;
        let ready = process.json(PATIENCE).context("the node did not become ready")?;
        anyhow::ensure!(ready["event"] == "ready", "no ready line: {ready}");
        Ok(Self { process, ready })
    }

    /// Its first line.
    pub fn ready(&self) -> &Value {
        &self.ready
    }

    /// The process, for signals.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Asks it to end, which it must do well.
    ///
    /// # Errors
    /// When it does not end in time, or with another exit code than 0.
    pub fn stop(self) -> Result<()> {
        let status = self.process.stop(PATIENCE)?;
        anyhow::ensure!(status.code() == Some(0), "the node ended with {status}");
        Ok(())
    }

    /// Kills it at once.
    ///
    /// # Errors
    /// When it is gone already.
    pub fn kill(self) -> Result<()> {
        self.process.kill()
    }
}
