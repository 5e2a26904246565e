//! The thread that owns the database, and group commit.
//!
//! Owns the queue of calls and the batches. Must not know what a call does. Invariant: the answer to a call is given
//! after the commit that made it durable; what arrived while the last commit ran is committed together, and nobody
//! waits for more (protocol section 2.5).

use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::{Storage, StorageError};

/// Calls that wait for the thread; beyond it the sessions wait and their clients are slowed by the stream.
const CALLS_CAP: usize = 4096;

/// Calls committed together; bounds how long the first of them waits.
const BATCH_CAP: usize = 1024;

/// Whether a call writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It only reads; alone it needs no commit.
    Read,
    /// It writes; it is answered after its commit.
    Write,
    /// It must not run inside a transaction; it runs after the batch (folding in the write-ahead log).
    Apart,
}

/// Sends calls to the storage thread. The thread ends when the last handle is dropped.
#[derive(Clone)]
pub struct StorageHandle {
    calls: mpsc::Sender<Box<dyn Call>>,
}

/// The running thread; joined at shutdown.
pub struct StorageThread {
    thread: JoinHandle<()>,
}

impl StorageThread {
    /// Waits until every queued call is done and the database is closed. Drop all handles first.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the storage thread ended by a panic");
        }
    }
}

/// Starts the thread. `observe` is told the number of calls of each batch.
///
/// # Errors
/// When the system gives no thread.
pub fn spawn(
    storage: Box<dyn Storage>,
    observe: impl Fn(usize) + Send + 'static,
) -> std::io::Result<(StorageHandle, StorageThread)> {
    let (calls, queue) = mpsc::channel(CALLS_CAP);
    let thread =
        std::thread::Builder::new().name("storage".into()).spawn(move || run(storage, queue, observe))?;
    Ok((StorageHandle { calls }, StorageThread { thread }))
}

impl StorageHandle {
    /// Queues a call and returns where its answer will come. Calls run in the order in which they were queued.
    ///
    /// `work` may run a second time when the batch it was part of failed, so it must not count on running once.
    /// `after` runs on the storage thread once the call is durable, before the answer is given.
    ///
    /// # Errors
    /// `Closed` when the thread has ended.
    pub async fn submit<T, F, A>(
        &self,
        access: Access,
        work: F,
        after: A,
    ) -> Result<oneshot::Receiver<Result<T, StorageError>>, StorageError>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Storage) -> Result<T, StorageError> + Send + 'static,
        A: FnOnce(&T) + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let call = TypedCall { access, work, after: Some(after), outcome: None, reply: Some(reply) };
        self.calls.send(Box::new(call)).await.map_err(|_| StorageError::Closed)?;
        Ok(answer)
    }

    /// Queues a call and waits for its answer.
    ///
    /// # Errors
    /// What the call returned, or `Closed`.
    pub async fn call<T, F>(&self, access: Access, work: F) -> Result<T, StorageError>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Storage) -> Result<T, StorageError> + Send + 'static,
    {
        self.submit(access, work, |_: &T| ()).await?.await.map_err(|_| StorageError::Closed)?
    }
}

trait Call: Send {
    fn access(&self) -> Access;
    /// Runs the work and keeps its outcome; `false` when it failed.
    fn run(&mut self, storage: &mut dyn Storage) -> bool;
    /// Replaces the outcome: what had been done is not durable.
    fn fail(&mut self, error: StorageError);
    fn answer(&mut self);
}

struct TypedCall<T, F, A> {
    access: Access,
    work: F,
    after: Option<A>,
    outcome: Option<Result<T, StorageError>>,
    reply: Option<oneshot::Sender<Result<T, StorageError>>>,
}

impl<T, F, A> Call for TypedCall<T, F, A>
where
    T: Send,
    F: FnMut(&mut dyn Storage) -> Result<T, StorageError> + Send,
    A: FnOnce(&T) + Send,
{
    fn access(&self) -> Access {
        self.access
    }

    fn run(&mut self, storage: &mut dyn Storage) -> bool {
        let outcome = (self.work)(storage);
        let done = outcome.is_ok();
        self.outcome = Some(outcome);
        done
    }

    fn fail(&mut self, error: StorageError) {
        self.outcome = Some(Err(error));
    }

    fn answer(&mut self) {
        let (Some(outcome), Some(reply)) = (self.outcome.take(), self.reply.take()) else { return };
        if let (Ok(value), Some(after)) = (&outcome, self.after.take()) {
            after(value);
        }
        // A session that is gone has no use for its answer.
        drop(reply.send(outcome));
    }
}

fn run(mut storage: Box<dyn Storage>, mut queue: mpsc::Receiver<Box<dyn Call>>, observe: impl Fn(usize)) {
    let mut batch: Vec<Box<dyn Call>> = Vec::with_capacity(BATCH_CAP);
    while queue.blocking_recv_many(&mut batch, BATCH_CAP) > 0 {
        observe(batch.len());
        perform(storage.as_mut(), &mut batch);
        for call in &mut batch {
            call.answer();
        }
        batch.clear();
    }
    if let Err(error) = storage.checkpoint() {
        tracing::warn!(%error, "the write-ahead log could not be folded in at the end");
    }
}

/// Runs a batch; when one of its calls or the commit fails, each call alone, so that one deposit that finds no room
/// does not take the others with it.
fn perform(storage: &mut dyn Storage, batch: &mut [Box<dyn Call>]) {
    if batch.iter().any(|call| call.access() == Access::Write) {
        if let Err(error) = together(storage, batch) {
            if let Some(error) = error {
                tracing::error!(%error, calls = batch.len(), "a batch was not committed, each call is tried alone");
            }
            for call in batch.iter_mut().filter(|call| call.access() != Access::Apart) {
                alone(storage, call.as_mut());
            }
        }
    } else {
        for call in batch.iter_mut().filter(|call| call.access() == Access::Read) {
            call.run(storage);
        }
    }
    for call in batch.iter_mut().filter(|call| call.access() == Access::Apart) {
        call.run(storage);
    }
}

/// `Err(None)`: a call failed and keeps its own error; `Err(Some)`: the transaction failed.
fn together(storage: &mut dyn Storage, batch: &mut [Box<dyn Call>]) -> Result<(), Option<StorageError>> {
    storage.begin().map_err(Some)?;
    for call in batch.iter_mut().filter(|call| call.access() != Access::Apart) {
        if !call.run(storage) {
            storage.rollback();
            return Err(None);
        }
    }
    storage.commit().map_err(|error| {
        storage.rollback();
        Some(error)
    })
}

fn alone(storage: &mut dyn Storage, call: &mut dyn Call) {
    if call.access() == Access::Read {
        call.run(storage);
        return;
    }
    if let Err(error) = storage.begin() {
        call.fail(error);
        return;
    }
    if !call.run(storage) {
        storage.rollback();
        return;
    }
    if let Err(error) = storage.commit() {
        storage.rollback();
        call.fail(error);
    }
}
