//! Work that a stream waits for.
//!
//! Owns the way from a storage call to the frames that answer it. Invariant: a frame is made after the commit of the
//! call it answers.

use futures::FutureExt;
use futures::future::BoxFuture;
use madang_wire::{RelayBody, RelayFrame};
use tokio::sync::oneshot;

use crate::answer::{Refusal, frame};
use crate::storage::{BoxId, Page, StorageError};

/// What a pending call leads to.
pub(super) enum Done {
    /// Answers for the client.
    Frames(Vec<RelayFrame>),
    /// The answer to a Fetch or SlotGet.
    Read(Box<RelayFrame>),
    /// A page for a subscription: its items follow `from`.
    Page { box_id: BoxId, id: u64, index: u32, outcome: Result<(u64, Page), Refusal> },
}

/// A call that has not been answered.
pub(super) type Pending = BoxFuture<'static, Done>;

/// Waits for a storage answer and makes the outcome of it.
pub(super) fn pending<T: Send + 'static>(
    answer: oneshot::Receiver<Result<T, StorageError>>,
    then: impl FnOnce(Result<T, Refusal>) -> Done + Send + 'static,
) -> Pending {
    async move {
        let outcome = answer.await.unwrap_or(Err(StorageError::Closed));
        then(outcome.map_err(Refusal::from))
    }
    .boxed()
}

/// One frame as an outcome.
pub(super) fn one(id: u64, outcome: Result<RelayBody, Refusal>) -> Done {
    Done::Frames(vec![answer(id, outcome)])
}

/// What was read as an outcome.
pub(super) fn read(id: u64, outcome: Result<RelayBody, Refusal>) -> Done {
    Done::Read(Box::new(answer(id, outcome)))
}

fn answer(id: u64, outcome: Result<RelayBody, Refusal>) -> RelayFrame {
    frame(id, outcome.unwrap_or_else(|refusal| refusal.body(0)))
}
