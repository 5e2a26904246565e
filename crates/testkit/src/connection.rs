//! A connection to the socket of a node: many calls without a process each, and events as they come.

use std::{
    collections::VecDeque,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::Person;

/// JSON-RPC lines with one node.
#[derive(Debug)]
pub struct Connection {
    write: UnixStream,
    read: BufReader<UnixStream>,
    next: u64,
    answers: VecDeque<Value>,
    events: VecDeque<Value>,
}

impl Connection {
    /// Connects to the node that runs on the home of a person.
    ///
    /// # Errors
    /// When none runs there.
    pub fn new(person: &Person) -> Result<Self> {
        let write = UnixStream::connect(madang_node::home::socket_path(person.home())?)?;
        let read = BufReader::new(write.try_clone()?);
        Ok(Self { write, read, next: 0, answers: VecDeque::new(), events: VecDeque::new() })
    }

    /// Sends a call without waiting for its answer.
    ///
    /// # Errors
    /// When the node is gone.
    pub fn begin(&mut self, method: &str, params: &Value) -> Result<()> {
        self.next += 1;
        let call = json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params });
        Ok(self.write.write_all(format!("{call}\n").as_bytes())?)
    }

    /// The next answer, whichever call it belongs to.
    ///
    /// # Errors
    /// When the call failed, or nothing comes in time.
    pub fn answer(&mut self, patience: Duration) -> Result<Value> {
        while self.answers.is_empty() {
            self.line(patience)?;
        }
        let mut answer = self.answers.pop_front().context("no answer")?;
        if !answer["error"].is_null() {
            bail!("{}", answer["error"]);
        }
        Ok(answer["result"].take())
    }

    /// Sends a call, with no other under way, and waits for its answer.
    ///
    /// # Errors
    /// As [`Connection::answer`].
    pub fn call(&mut self, method: &str, params: &Value, patience: Duration) -> Result<Value> {
        self.begin(method, params)?;
        self.answer(patience)
    }

    /// Asks for events; they come from now on.
    ///
    /// # Errors
    /// As [`Connection::answer`].
    pub fn subscribe(&mut self) -> Result<()> {
        self.call("subscribe", &json!({}), Duration::from_secs(10)).map(drop)
    }

    /// The next event.
    ///
    /// # Errors
    /// When none comes in time.
    pub fn event(&mut self, patience: Duration) -> Result<Value> {
        while self.events.is_empty() {
            self.line(patience)?;
        }
        self.events.pop_front().context("no event")
    }

    fn line(&mut self, patience: Duration) -> Result<()> {
        self.write.set_read_timeout(Some(patience))?;
        let mut line = String::new();
        anyhow::ensure!(self.read.read_line(&mut line)? > 0, "the node has ended");
        let mut value: Value = serde_json::from_str(&line)?;
        if value["method"] == "event" {
            self.events.push_back(value["params"].take());
        } else {
            self.answers.push_back(value);
        }
        Ok(())
    }
}
