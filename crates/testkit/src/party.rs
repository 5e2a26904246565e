//! Somebody whose node runs, and two of them who are friends: where most stories begin.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{Node, Person, Process, wait_until};

/// How long friends may take to find each other, on a busy machine with a debug build.
const PATIENCE: Duration = Duration::from_secs(30);
/// A node that only this machine can reach.
pub(crate) const LOOPBACK: &[&str] = &["--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];
/// Most messages that one call answers.
const PAGE: usize = 1_000;

/// Somebody with an account, and the node that runs on the home unless it was stopped.
#[derive(Debug)]
pub struct Party {
    /// The person.
    pub person: Person,
    /// Id of the account.
    pub account: String,
    /// Id of the machine.
    pub device: String,
    args: Vec<String>,
    node: Option<Node>,
}

impl Party {
    /// Makes the account and runs the node; `args` are added now and at every later start.
    ///
    /// # Errors
    /// When the node does not become ready.
    pub fn new(name: &str, args: &[&str]) -> Result<Self> {
        Self::of(Person::new(name)?, args)
    }

    /// The same for a person who has been prepared, for example with a wrong clock.
    ///
    /// # Errors
    /// As [`Party::new`].
    pub fn of(person: Person, args: &[&str]) -> Result<Self> {
        Self::with(person, &[LOOPBACK, args].concat())
    }

    /// The same with nothing but `args`: the node listens everywhere and looks around in the local network, unless they
    /// say otherwise.
    ///
    /// # Errors
    /// As [`Party::new`].
    pub fn with(person: Person, args: &[&str]) -> Result<Self> {
        let made = person.create()?;
        let id = |field: &str| made[field].as_str().map(str::to_owned).with_context(|| format!("{made}"));
        let (account, device) = (id("account")?, id("device")?);
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let mut party = Self { person, account, device, args, node: None };
        party.start()?;
        Ok(party)
    }

    /// Runs the node again.
    ///
    /// # Errors
    /// When it runs already or does not become ready.
    pub fn start(&mut self) -> Result<()> {
        anyhow::ensure!(self.node.is_none(), "{} runs already", self.person.name());
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        self.node = Some(self.person.run_with(&args)?);
        Ok(())
    }

    /// Ends the node as a person does.
    ///
    /// # Errors
    /// When it does not run or does not end well.
    pub fn stop(&mut self) -> Result<()> {
        self.node.take().with_context(|| format!("{} does not run", self.person.name()))?.stop()
    }

    /// Kills the node at once (SIGKILL).
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill(&mut self) -> Result<()> {
        self.node.take().with_context(|| format!("{} does not run", self.person.name()))?.kill()
    }

    /// The process of the node, for signals.
    ///
    /// # Errors
    /// When it does not run.
    pub fn process(&self) -> Result<&Process> {
        Ok(self.node.as_ref().with_context(|| format!("{} does not run", self.person.name()))?.process())
    }

    /// Runs a command that must succeed.
    ///
    /// # Errors
    /// When it fails, with the end of the node's log.
    pub fn say(&self, args: &[&str]) -> Result<Value> {
        self.person.say(args).with_context(|| self.log())
    }

    /// Exit code and error code of a command that must be refused.
    ///
    /// # Errors
    /// When it is not refused.
    pub fn refused(&self, args: &[&str]) -> Result<(i32, String)> {
        self.person.ask(args)?.refusal().with_context(|| format!("{}: {args:?}", self.person.name()))
    }

    /// The text behind `field` of a command's answer.
    ///
    /// # Errors
    /// When the command fails or its answer has no such text.
    pub fn text(&self, args: &[&str], field: &str) -> Result<String> {
        let answer = self.say(args)?;
        answer[field].as_str().map(str::to_owned).with_context(|| format!("no {field} in {answer}"))
    }

    /// The list that a command answers.
    ///
    /// # Errors
    /// When the command fails or answers no list.
    pub fn list(&self, args: &[&str]) -> Result<Vec<Value>> {
        match self.say(args)? {
            Value::Array(list) => Ok(list),
            other => anyhow::bail!("no list: {other}"),
        }
    }

    /// Sends one message and answers its id.
    ///
    /// # Errors
    /// When it is refused.
    pub fn send(&self, room: &str, text: &str) -> Result<String> {
        self.text(&["send", room, text], "message")
    }

    /// Starts `tail` and waits until events come.
    ///
    /// # Errors
    /// When it does not start.
    pub fn tail(&self) -> Result<Process> {
        let mut command = self.person.command()?;
        Process::start(command.args(["--json", "tail"]))
    }

    /// Every message of a room, oldest first.
    ///
    /// # Errors
    /// When a page cannot be had.
    pub fn messages(&self, room: &str) -> Result<Vec<Value>> {
        let limit = PAGE.to_string();
        let mut all = self.list(&["messages", room, "--limit", &limit])?;
        let mut fresh = all.len();
        while fresh == PAGE {
            let first =
                all.first().and_then(|m| m["message"].as_str()).context("a page without ids")?.to_owned();
            let mut page = self.list(&["messages", room, "--limit", &limit, "--before", &first])?;
            fresh = page.len();
            page.append(&mut all);
            all = page;
        }
        Ok(all)
    }

    /// The texts of a room, oldest first.
    ///
    /// # Errors
    /// As [`Party::messages`].
    pub fn texts(&self, room: &str) -> Result<Vec<String>> {
        let text = |message: &Value| message["text"].as_str().unwrap_or("(deleted)").to_owned();
        Ok(self.messages(room)?.iter().map(text).collect())
    }

    /// One message of a room.
    ///
    /// # Errors
    /// When the room does not hold it.
    pub fn message(&self, room: &str, id: &str) -> Result<Value> {
        let found = self.messages(room)?.into_iter().find(|message| message["message"] == id);
        found.with_context(|| format!("{} has no message {id}", self.person.name()))
    }

    /// Waits until `done` holds, and names what was waited for with the end of the node's log otherwise.
    ///
    /// # Errors
    /// When time is up or `done` fails.
    pub fn wait(&self, what: &str, mut done: impl FnMut(&Self) -> Result<bool>) -> Result<()> {
        let what = format!("{what} at {}", self.person.name());
        wait_until(&what, PATIENCE, || Ok(done(self)?.then_some(()))).with_context(|| self.log())
    }

    /// Waits until an own message has one of these states.
    ///
    /// # Errors
    /// When it does not get there in time.
    pub fn wait_state(&self, room: &str, id: &str, states: &[&str]) -> Result<()> {
        self.wait(&format!("a message is {states:?}"), |me| {
            Ok(me.message(room, id)?["state"].as_str().is_some_and(|state| states.contains(&state)))
        })
    }

    /// Waits until a device of this account is connected.
    ///
    /// # Errors
    /// When it is not in time.
    pub fn wait_connected(&self, account: &str) -> Result<()> {
        self.wait("a friend is connected", |me| {
            let status = me.say(&["status"])?;
            Ok(status["peers"].as_array().is_some_and(|peers| peers.iter().any(|p| p["account"] == account)))
        })
    }

    /// Waits until this account is a friend.
    ///
    /// # Errors
    /// When it is not in time.
    pub fn wait_friend(&self, account: &str) -> Result<()> {
        self.wait("a friend is listed", |me| {
            Ok(me.list(&["friend", "list"])?.iter().any(|friend| friend["account"] == account))
        })
    }

    /// Makes somebody else a friend, by a link for one person, and answers their 1:1 room.
    ///
    /// # Errors
    /// When they do not become friends.
    pub fn befriend(&self, guest: &Self) -> Result<String> {
        let link = self.text(&["invite", "create", "--once"], "link")?;
        guest.say(&["friend", "add", &link]).with_context(|| self.log())?;
        guest.wait_friend(&self.account).with_context(|| self.log())?;
        self.wait_friend(&guest.account)?;
        self.text(&["room", "direct", &guest.account], "room")
    }

    fn log(&self) -> String {
        let log = self.node.as_ref().map(|node| node.process().log()).unwrap_or_default();
        format!("the node of {} says:\n{log}", self.person.name())
    }
}

/// Two friends, Alice and Bob, and their 1:1 room.
#[derive(Debug)]
pub struct Pair {
    /// She made the link.
    pub alice: Party,
    /// He used it.
    pub bob: Party,
    /// Their 1:1 room.
    pub room: String,
}

impl Pair {
    /// Two new friends who are connected; `args` are added to both nodes.
    ///
    /// # Errors
    /// When they do not become friends.
    pub fn new(args: &[&str]) -> Result<Self> {
        Self::of(Party::new("Alice", args)?, Party::new("Bob", args)?)
    }

    /// Makes two people friends by a link for one person, and waits until they are connected.
    ///
    /// # Errors
    /// When they do not become friends.
    pub fn of(alice: Party, bob: Party) -> Result<Self> {
        let room = alice.befriend(&bob)?;
        let pair = Self { alice, bob, room };
        pair.wait_connected()?;
        Ok(pair)
    }

    /// Waits until both see each other.
    ///
    /// # Errors
    /// When they do not in time.
    pub fn wait_connected(&self) -> Result<()> {
        self.alice.wait_connected(&self.bob.account).with_context(|| self.bob.log())?;
        self.bob.wait_connected(&self.alice.account).with_context(|| self.alice.log())
    }

    /// Waits until both list the same messages in the same order and `count` of them, and answers the texts.
    ///
    /// # Errors
    /// When they do not in time, telling both numbers.
    pub fn wait_same(&self, count: usize, patience: Duration) -> Result<Vec<String>> {
        let ids = |party: &Party| -> Result<Vec<String>> {
            let id = |message: &Value| message["message"].as_str().unwrap_or_default().to_owned();
            Ok(party.messages(&self.room)?.iter().map(id).collect())
        };
        let mut seen = (0, 0);
        let same = wait_until(&format!("both have the same {count} messages"), patience, || {
            let (alice, bob) = (ids(&self.alice)?, ids(&self.bob)?);
            seen = (alice.len(), bob.len());
            Ok((alice.len() == count && alice == bob).then_some(()))
        });
        same.with_context(|| format!("alice has {}, bob has {}", seen.0, seen.1))
            .with_context(|| self.alice.log())
            .with_context(|| self.bob.log())?;
        self.alice.texts(&self.room)
    }
}
