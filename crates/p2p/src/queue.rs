//! Frames on their way to one stream.
//!
//! Owns: a queue that is bounded by bytes.
//! Must not know: what a frame means, or how it is written.
//! Invariant: what was taken is written in order, or the whole stream ends.

use crate::error::SendError;
use libp2p::bytes::Bytes;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};
use tokio::sync::{Notify, mpsc};

/// Bytes that may wait on one stream. A slow peer costs so much memory and not more.
pub(crate) const QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// Frames that may wait on one stream. Right after it came up a node says a few small things about each of several
/// thousand rooms; these must fit.
const QUEUE_FRAMES: usize = 16 * 1024;

/// Sending end.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    frames: mpsc::Sender<Bytes>,
    waiting: Arc<AtomicUsize>,
    restart: Arc<Notify>,
}

/// Receiving end, held by the task that writes.
#[derive(Debug)]
pub(crate) struct Queued {
    frames: mpsc::Receiver<Bytes>,
    waiting: Arc<AtomicUsize>,
}

/// A new queue, and what tells that its owner wants the stream to start anew.
pub(crate) fn queue() -> (Queue, Queued, Arc<Notify>) {
    let (sender, receiver) = mpsc::channel(QUEUE_FRAMES);
    let (waiting, restart) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let queue = Queue { frames: sender, waiting: Arc::clone(&waiting), restart: Arc::clone(&restart) };
    (queue, Queued { frames: receiver, waiting }, restart)
}

impl Queue {
    /// Takes a frame, or says at once that it cannot.
    pub(crate) fn push(&self, frame: Bytes) -> Result<(), SendError> {
        let len = frame.len();
        let fits = |waiting: usize| waiting.checked_add(len).filter(|sum| *sum <= QUEUE_BYTES);
        self.waiting.fetch_update(Relaxed, Relaxed, fits).map_err(|_| SendError::Full)?;
        self.frames.try_send(frame).map_err(|error| {
            self.waiting.fetch_sub(len, Relaxed);
            match error {
                mpsc::error::TrySendError::Full(_) => SendError::Full,
                mpsc::error::TrySendError::Closed(_) => SendError::NotConnected,
            }
        })
    }

    /// Bytes that still fit; 0 when too many small frames wait. Whoever sends keeps account of what is on its way, and
    /// is not asked to look here first.
    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        if self.frames.capacity() == 0 {
            return 0;
        }
        QUEUE_BYTES.saturating_sub(self.waiting.load(Relaxed))
    }

    /// Ends the stream; what waits is dropped.
    pub(crate) fn restart(&self) {
        self.restart.notify_one();
    }
}

impl Queued {
    /// The next frame; `None` when every sending end is gone and nothing waits.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        let frame = self.frames.recv().await;
        self.count(frame)
    }

    /// The next frame, if one waits.
    pub(crate) fn waiting(&mut self) -> Option<Bytes> {
        let frame = self.frames.try_recv().ok();
        self.count(frame)
    }

    fn count(&self, frame: Option<Bytes>) -> Option<Bytes> {
        if let Some(frame) = &frame {
            self.waiting.fetch_sub(frame.len(), Relaxed);
        }
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_bytes_that_wait_are_bounded_and_told() {
        let (queue, mut queued, _) = queue();
        assert_eq!(queue.free(), QUEUE_BYTES);
        let frame = Bytes::from(vec![0; 64 * 1024]);
        let mut taken = 0;
        while queue.push(frame.clone()).is_ok() {
            taken += 1;
        }
        assert_eq!(taken, QUEUE_BYTES / frame.len());
        assert_eq!(queue.free(), 0);
        assert_eq!(queue.push(frame.clone()), Err(SendError::Full));
        assert_eq!(queued.next().await.unwrap().len(), frame.len());
        assert_eq!(queue.free(), frame.len());
        assert_eq!(queue.push(frame), Ok(()));
        drop(queued);
        let small = Bytes::from_static(b"x");
        assert!(queue.push(small).is_err());
    }

    #[test]
    fn ten_thousand_small_frames_fit_and_their_number_is_bounded_too() {
        let (queue, mut queued, _) = queue();
        let small = Bytes::from_static(b"x");
        let taken = (0..20_000).take_while(|_| queue.push(small.clone()).is_ok()).count();
        assert_eq!(taken, QUEUE_FRAMES);
        assert_eq!(queue.free(), 0);
        assert_eq!(queued.waiting().unwrap(), small);
        assert_eq!(queue.free(), QUEUE_BYTES - (QUEUE_FRAMES - 1));
    }
}
