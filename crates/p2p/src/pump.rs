//! Moves frames between a stream and two bounded queues.
//!
//! Owns: reading and writing at the same time, and the flush.
//! Must not know: which protocol it carries.
//! Invariant: when the owner is slow the reader waits, so the peer is slowed down; the writer goes on.

use crate::{
    event::Event,
    frame::{FrameError, read_frame, write_frame},
};
use futures::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
    io::{BufReader, BufWriter},
};
use libp2p::bytes::Bytes;
use std::{future::Future, time::Duration};
use tokio::sync::mpsc;

/// Buffer of each direction, bytes: many small frames travel in one packet.
const BUFFER: usize = 16 * 1024;
/// Time for sending what is queued when a stream is closed in good order.
const DRAIN: Duration = Duration::from_millis(500);

/// Why a stream ended otherwise than by being closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PumpError {
    /// The stream failed.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The owner has gone.
    #[error("owner has gone")]
    OwnerGone,
}

/// Pumps until the other side closes, something fails, or `stop` resolves; if `stop` says so, what is queued is
/// sent first.
pub(crate) async fn run<S>(
    stream: S,
    cap: usize,
    mut queue: mpsc::Receiver<Bytes>,
    events: &mpsc::Sender<Event>,
    wrap: impl Fn(Bytes) -> Event,
    stop: impl Future<Output = bool>,
) -> Result<(), PumpError>
where
    S: AsyncRead + AsyncWrite,
{
    let (reader, writer) = stream.split();
    let mut reader = BufReader::with_capacity(BUFFER, reader);
    let mut writer = BufWriter::with_capacity(BUFFER, writer);
    let drain = tokio::select! {
        end = read(&mut reader, cap, events, wrap) => return end,
        end = write(&mut writer, cap, &mut queue) => return end,
        drain = stop => drain,
    };
    if drain {
        queue.close();
        let rest = async {
            write(&mut writer, cap, &mut queue).await?;
            writer.close().await.map_err(FrameError::Io)?;
            Ok(())
        };
        return tokio::time::timeout(DRAIN, rest).await.unwrap_or(Ok(()));
    }
    Ok(())
}

async fn read<R: AsyncRead + Unpin>(
    reader: &mut R,
    cap: usize,
    events: &mpsc::Sender<Event>,
    wrap: impl Fn(Bytes) -> Event,
) -> Result<(), PumpError> {
    while let Some(frame) = read_frame(reader, cap).await? {
        if frame.is_empty() {
            continue;
        }
        events.send(wrap(frame)).await.map_err(|_| PumpError::OwnerGone)?;
    }
    Ok(())
}

/// Flushes only when the queue is empty, so that a burst fills packets and a single frame leaves at once.
async fn write<W: AsyncWrite + Unpin>(
    writer: &mut W,
    cap: usize,
    queue: &mut mpsc::Receiver<Bytes>,
) -> Result<(), PumpError> {
    while let Some(frame) = queue.recv().await {
        write_frame(writer, &frame, cap).await?;
        while let Ok(more) = queue.try_recv() {
            write_frame(writer, &more, cap).await?;
        }
        writer.flush().await.map_err(FrameError::Io)?;
    }
    Ok(())
}
