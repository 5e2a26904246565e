//! Moves frames between a stream and two bounded queues.
//!
//! Owns: reading and writing at the same time, and the flush.
//! Must not know: which protocol it carries.
//! Invariant: when the owner is slow the reader waits, so the peer is slowed down; the writer goes on.

use crate::{
    event::Event,
    frame::{FrameError, read_frame, write_frame},
    queue::Queued,
};
use futures::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
    io::{BufReader, BufWriter},
};
use libp2p::bytes::Bytes;
use std::{
    pin::Pin,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::Duration,
};
use tokio::sync::mpsc;

/// Buffer of each direction, bytes: many small frames travel in one packet.
const BUFFER: usize = 16 * 1024;
/// Time for sending what is queued when a stream is closed in good order.
const DRAIN: Duration = Duration::from_millis(500);

/// A broken stream that yields nothing for this time has nothing left.
const QUIET: Duration = Duration::from_millis(100);

/// Why a stream ended otherwise than by being closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PumpError {
    /// The stream failed.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The owner has gone.
    #[error("owner has gone")]
    OwnerGone,
    /// The other side sent what this protocol does not allow.
    #[error("protocol error: {0}")]
    Protocol(&'static str),
}

/// How a pump is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Send what is queued; whoever stops the pump has dropped the sender of the queue.
    Drain,
    /// The connection has closed: deliver what had arrived before.
    Broken,
    /// End at once.
    Now,
}

/// Pumps until the other side closes, something fails, or `stop` resolves.
pub(crate) async fn run<S>(
    stream: S,
    cap: usize,
    queue: Queued,
    events: &mpsc::Sender<Event>,
    wrap: impl Fn(Bytes) -> Result<Event, PumpError>,
    stop: impl Future<Output = Stop>,
) -> Result<(), PumpError>
where
    S: AsyncRead + AsyncWrite,
{
    let (reader, writer) = stream.split();
    let progress = Progress::default();
    let read = read(reader, cap, events, wrap, &progress);
    // Never cancelled in the middle of a frame, except when the whole stream is given up.
    let write = write(writer, cap, queue);
    tokio::pin!(read, write, stop);
    tokio::select! {
        end = &mut read => end,
        end = &mut write => {
            // What the other side sent before it went is still to be delivered.
            tokio::select! {
                last = deliver_rest(read, &progress) => end.and(last),
                _ = stop => end,
            }
        }
        order = &mut stop => match order {
            Stop::Drain => tokio::time::timeout(DRAIN, write).await.unwrap_or(Ok(())),
            Stop::Broken => deliver_rest(read, &progress).await,
            Stop::Now => Ok(()),
        },
    }
}

/// How far a reader is.
#[derive(Debug, Default)]
struct Progress {
    frames: AtomicU64,
    /// Whether it waits for the owner, not for the stream.
    delivering: AtomicBool,
}

/// Goes on reading a stream whose connection is gone until nothing comes any more. A stream of a connection that was
/// closed from this side may wait for ever instead of ending.
async fn deliver_rest(
    mut read: Pin<&mut impl Future<Output = Result<(), PumpError>>>,
    progress: &Progress,
) -> Result<(), PumpError> {
    loop {
        let before = progress.frames.load(Relaxed);
        if let Ok(end) = tokio::time::timeout(QUIET, read.as_mut()).await {
            return end;
        }
        if progress.frames.load(Relaxed) == before && !progress.delivering.load(Relaxed) {
            return Ok(());
        }
    }
}

async fn read<R: AsyncRead + Unpin>(
    reader: R,
    cap: usize,
    events: &mpsc::Sender<Event>,
    wrap: impl Fn(Bytes) -> Result<Event, PumpError>,
    progress: &Progress,
) -> Result<(), PumpError> {
    let mut reader = BufReader::with_capacity(BUFFER, reader);
    while let Some(frame) = read_frame(&mut reader, cap).await? {
        progress.frames.fetch_add(1, Relaxed);
        if frame.is_empty() {
            continue;
        }
        let event = wrap(frame)?;
        progress.delivering.store(true, Relaxed);
        events.send(event).await.map_err(|_| PumpError::OwnerGone)?;
        progress.delivering.store(false, Relaxed);
    }
    Ok(())
}

/// Writes until the sender of the queue is dropped, then closes. Flushes only when the queue is empty, so that a burst
/// fills packets and a single frame leaves at once.
async fn write<W: AsyncWrite + Unpin>(writer: W, cap: usize, mut queue: Queued) -> Result<(), PumpError> {
    let mut writer = BufWriter::with_capacity(BUFFER, writer);
    while let Some(frame) = queue.next().await {
        write_frame(&mut writer, &frame, cap).await?;
        while let Some(more) = queue.waiting() {
            write_frame(&mut writer, &more, cap).await?;
        }
        writer.flush().await.map_err(FrameError::Io)?;
    }
    writer.close().await.map_err(FrameError::Io)?;
    Ok(())
}
