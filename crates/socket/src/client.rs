//! The calling side: any number of calls at one time over one connection, and a stream of events.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use madang_api::{Code, Error};
use parking_lot::Mutex;
use rustix::process::geteuid;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Mutex as AsyncMutex, mpsc, oneshot},
    task::JoinHandle,
};

use crate::{line, message, server};

/// Events that wait for a reader of [`Client::subscribe`]; then the connection waits, and the node counts
/// what is lost.
pub const EVENTS_CAP: usize = 256;
/// Longest line that is read from the node, in bytes; its own bound is the same.
const LINE_CAP: usize = server::ANSWER_CAP;

type Waiting = BTreeMap<u64, oneshot::Sender<Result<Value, Error>>>;

/// What the reading task shares with the callers. `None` once the connection has ended.
#[derive(Debug)]
struct Shared {
    waiting: Mutex<Option<Waiting>>,
    events: Mutex<Option<mpsc::Sender<Value>>>,
}

/// A connection to the node of a home. Dropping it ends the connection.
#[derive(Debug)]
pub struct Client {
    shared: Arc<Shared>,
    write: AsyncMutex<OwnedWriteHalf>,
    next: AtomicU64,
    reader: JoinHandle<()>,
}

impl Client {
    /// Connects to the socket `path`.
    ///
    /// # Errors
    /// `not_running` when nobody serves it, `denied` when it belongs to somebody else.
    pub async fn connect(path: &Path) -> Result<Self, Error> {
        let stream = UnixStream::connect(path).await.map_err(|error| connect_error(path, &error))?;
        let peer = stream.peer_cred().map_err(|error| connect_error(path, &error))?;
        if peer.uid() != geteuid().as_raw() {
            return Err(Error::new(Code::Denied, format!("{} is served by another user", path.display())));
        }
        let (read, write) = stream.into_split();
        let shared = Arc::new(Shared { waiting: Mutex::new(Some(Waiting::new())), events: Mutex::new(None) });
        let reader = tokio::spawn(read_lines(read, Arc::clone(&shared)));
        Ok(Self { shared, write: AsyncMutex::new(write), next: AtomicU64::new(1), reader })
    }

    /// Calls `method` with `params`, an object, and waits for its answer.
    ///
    /// # Errors
    /// The error of the call; `not_running` when the node goes away before it answers.
    pub async fn call(&self, method: &str, params: &Value) -> Result<Value, Error> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.shared.waiting.lock().as_mut().ok_or_else(gone)?.insert(id, answer);
        let mut text = message::call(id, method, params).to_string();
        if text.len() > server::LINE_CAP {
            self.forget(id);
            return Err(Error::new(Code::TooLarge, "The call is larger than 1 MiB"));
        }
        text.push('\n');
        let written = self.write.lock().await.write_all(text.as_bytes()).await;
        if let Err(error) = written {
            tracing::debug!(%error, "the node does not read");
            self.forget(id);
            return Err(gone());
        }
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Starts the events; the stream ends with the connection. A second call takes the place of the first.
    /// Events are left as the node wrote them, so that a newer node's events pass unharmed.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn subscribe(&self) -> Result<mpsc::Receiver<Value>, Error> {
        let (sender, events) = mpsc::channel(EVENTS_CAP);
        *self.shared.events.lock() = Some(sender);
        self.call("subscribe", &json!({})).await?;
        Ok(events)
    }

    fn forget(&self, id: u64) {
        if let Some(waiting) = self.shared.waiting.lock().as_mut() {
            waiting.remove(&id);
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read_lines(read: OwnedReadHalf, shared: Arc<Shared>) {
    let mut read = BufReader::new(read);
    loop {
        match line::next(&mut read, LINE_CAP).await {
            Ok(Some(text)) => match message::incoming(&text) {
                Some(message::Incoming::Answer(id, result)) => {
                    let waiting = shared.waiting.lock().as_mut().and_then(|waiting| waiting.remove(&id));
                    if let Some(answer) = waiting {
                        // The caller has stopped waiting: that is its right.
                        drop(answer.send(result));
                    }
                }
                Some(message::Incoming::Event(event)) => {
                    let events = shared.events.lock().clone();
                    if let Some(events) = events {
                        // The reader has gone away; calls go on.
                        drop(events.send(event).await);
                    }
                }
                None => tracing::warn!("the node wrote a line that is neither answer nor event"),
            },
            Ok(None) => break,
            Err(error) => {
                tracing::debug!(%error, "the connection to the node broke");
                break;
            }
        }
    }
    // Dropping the senders tells every caller and the reader of events.
    shared.waiting.lock().take();
    shared.events.lock().take();
}

fn gone() -> Error {
    Error::new(Code::NotRunning, "The node has stopped. Start it with `madang run` or open the desktop")
}

fn connect_error(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory => {
            Error::new(
                Code::NotRunning,
                "No node runs on this home. Start it with `madang run` or open the desktop",
            )
        }
        // It went away between the connect and the first look.
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::NotConnected => gone(),
        io::ErrorKind::PermissionDenied => {
            Error::new(Code::Denied, format!("You may not use the socket {}", path.display()))
        }
        _ => Error::new(Code::Internal, format!("Cannot connect to {}: {error}", path.display())),
    }
}
