//! Streams for linking a machine.
//!
//! Owns: a framed stream of `/madang/link/1` that its holder reads and writes by itself.
//! Must not know: the steps of linking.
//! Invariant: frames above 64 KiB are neither sent nor taken.

use crate::{
    frame::{FrameError, read_frame, write_frame},
    protocol::LINK_FRAME,
};
use futures::AsyncWriteExt as _;
use libp2p::{Stream, bytes::Bytes};

/// A framed stream between a new machine and an existing one (protocol section 8). Dropping it resets the stream.
#[derive(Debug)]
pub struct LinkStream {
    stream: Stream,
}

impl LinkStream {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream }
    }

    /// Sends one frame.
    ///
    /// # Errors
    /// [`FrameError`]: the frame is above 64 KiB, or the stream failed.
    pub async fn send(&mut self, frame: &[u8]) -> Result<(), FrameError> {
        write_frame(&mut self.stream, frame, LINK_FRAME).await?;
        self.stream.flush().await?;
        Ok(())
    }

    /// Waits for one frame; `None` after the other side closed.
    ///
    /// # Errors
    /// [`FrameError`]: the frame is above 64 KiB, or the stream failed.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, FrameError> {
        read_frame(&mut self.stream, LINK_FRAME).await
    }

    /// Closes the sending side after everything was sent.
    ///
    /// # Errors
    /// [`FrameError::Io`] when the stream failed.
    pub async fn close(mut self) -> Result<(), FrameError> {
        self.stream.close().await?;
        Ok(())
    }
}
