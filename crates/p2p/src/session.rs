//! One primary sync stream: handshake, pumping both ways, end.
//!
//! Owns: the task of a stream, and the order of its events.
//! Must not know: which of two streams is the primary one.
//! Invariant: the events of a stream come after the last event of the stream it replaced.
//!
//! Both sides send one empty frame first. The negotiation of a stream is lazy, so only the empty frame of the other
//! side proves that it accepted the stream; it also tells which stream it chose. Empty frames never reach the owner.

use crate::{
    event::Event,
    frame::{FrameError, read_frame, write_frame},
    handle::{SYNC_QUEUE, Shared},
    protocol::SYNC_FRAME,
    pump::{self, PumpError, Stop},
};
use futures::AsyncWriteExt as _;
use libp2p::{PeerId, Stream, bytes::Bytes};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::peers::Connection;

/// A stream whose other side does not say a word by then is given up.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What a session tells the swarm task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Ready in both directions.
    Up { peer: PeerId, serial: u64 },
    /// Over.
    Ended { peer: PeerId, serial: u64 },
}

/// One sync stream.
pub(crate) struct Session {
    pub(crate) peer: PeerId,
    /// Tells the sessions of one swarm apart.
    pub(crate) serial: u64,
    pub(crate) stream: Stream,
    pub(crate) connection: Connection,
    /// Dropping its sender stops the session at once.
    pub(crate) stop: oneshot::Receiver<Stop>,
    /// The session that this one replaces.
    pub(crate) previous: Option<JoinHandle<()>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) notices: mpsc::Sender<Notice>,
}

impl Session {
    /// Runs to the end of the stream.
    pub(crate) async fn run(mut self) {
        let greeted = tokio::select! {
            greeted = tokio::time::timeout(HANDSHAKE, greet(&mut self.stream)) => matches!(greeted, Ok(Ok(()))),
            _ = &mut self.stop => false,
        };
        if let Some(previous) = self.previous.take()
            && let Err(error) = previous.await
        {
            tracing::debug!(peer = %self.peer, %error, "the replaced session did not end by itself");
        }
        let (peer, serial, notices) = (self.peer, self.serial, self.notices.clone());
        if greeted {
            self.serve().await;
        }
        if notices.send(Notice::Ended { peer, serial }).await.is_err() {
            tracing::trace!(%peer, "session outlived its swarm");
        }
    }

    async fn serve(self) {
        let Self { peer, serial, stream, connection, stop, shared, events, notices, .. } = self;
        let (sender, queue) = mpsc::channel(SYNC_QUEUE);
        shared.peers().insert(peer, sender);
        let up = Event::PeerUp { peer, addr: connection.addr, relayed: connection.relayed };
        if events.send(up).await.is_ok() && notices.send(Notice::Up { peer, serial }).await.is_ok() {
            let wrap = |frame: Bytes| Event::Frame { peer, frame };
            let end = pump::run(stream, SYNC_FRAME, queue, &events, wrap, stopped(peer, stop, &shared)).await;
            if let Err(error) = &end {
                tracing::debug!(%peer, %error, "sync stream failed");
            }
            shared.peers().remove(&peer);
            if events.send(Event::PeerDown { peer }).await.is_err() {
                tracing::trace!(%peer, "owner has gone");
            }
        } else {
            shared.peers().remove(&peer);
        }
    }
}

/// Resolves when the session is told to stop; from then on it takes no more to send.
async fn stopped(peer: PeerId, stop: oneshot::Receiver<Stop>, shared: &Shared) -> Stop {
    let order = stop.await.unwrap_or(Stop::Now);
    shared.peers().remove(&peer);
    order
}

async fn greet(stream: &mut Stream) -> Result<(), PumpError> {
    write_frame(stream, &[], SYNC_FRAME).await?;
    stream.flush().await.map_err(FrameError::Io)?;
    match read_frame(stream, SYNC_FRAME).await? {
        Some(frame) if frame.is_empty() => Ok(()),
        _ => Err(FrameError::Io(io::Error::from(io::ErrorKind::InvalidData)).into()),
    }
}
