//! One primary sync stream: handshake, pumping both ways, end.
//!
//! Owns: the task of a stream, and the order of its events.
//! Must not know: which of two streams is the primary one.
//! Invariant: the events of a stream come after the last event of the stream it replaced.
//!
//! Both sides say hello first. The negotiation of a stream is lazy, so only the hello of the other side proves that it
//! accepted the stream; it also tells which stream it chose. A side that drops a stream in an election has not said
//! hello on it. Nothing reaches the owner before that frame, and it comes only once.

use crate::{
    event::Event,
    frame::{FrameError, read_frame, write_frame},
    handle::Shared,
    hello::{self, Hello, HelloError},
    protocol::SYNC_FRAME,
    pump::{self, PumpError, Stop},
    queue::queue,
    sessions::Opener,
};
use futures::AsyncWriteExt as _;
use libp2p::{PeerId, Stream, bytes::Bytes};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, mpsc, oneshot},
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
    /// Who opened the stream.
    pub(crate) opener: Opener,
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
        let ours = self.shared.hello.next();
        let theirs = tokio::select! {
            greeted = tokio::time::timeout(HANDSHAKE, greet(&mut self.stream, &ours)) => {
                greeted.unwrap_or(Err(PumpError::Protocol("no hello in time")))
            }
            _ = &mut self.stop => Err(PumpError::Protocol("another stream was chosen")),
        };
        if let Some(previous) = self.previous.take()
            && let Err(error) = previous.await
        {
            tracing::debug!(peer = %self.peer, %error, "the replaced session did not end by itself");
        }
        let (peer, serial, notices) = (self.peer, self.serial, self.notices.clone());
        match theirs {
            Ok(theirs) => self.serve(&ours, theirs).await,
            Err(error) => tracing::debug!(%peer, %error, "sync stream was not taken up"),
        }
        if notices.send(Notice::Ended { peer, serial }).await.is_err() {
            tracing::trace!(%peer, "session outlived its swarm");
        }
    }

    async fn serve(self, ours: &Hello, theirs: Bytes) {
        let Self { peer, serial, opener, stream, connection, stop, shared, events, notices, .. } = self;
        let (sender, queued, restart) = queue();
        shared.peers().insert(peer, sender);
        let up = Event::PeerUp {
            peer,
            addr: connection.addr,
            relayed: connection.relayed,
            opener: opener == Opener::Us,
            nonce: ours.nonce,
        };
        let hello = Event::Frame { peer, frame: theirs };
        if events.send(up).await.is_ok()
            && events.send(hello).await.is_ok()
            && notices.send(Notice::Up { peer, serial }).await.is_ok()
        {
            let wrap = |frame: Bytes| match hello::is_hello(&frame) {
                true => Err(PumpError::Protocol("a second hello")),
                false => Ok(Event::Frame { peer, frame }),
            };
            let stopped = stopped(peer, stop, &restart, &shared);
            let end = pump::run(stream, SYNC_FRAME, queued, &events, wrap, stopped).await;
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
async fn stopped(peer: PeerId, stop: oneshot::Receiver<Stop>, restart: &Notify, shared: &Shared) -> Stop {
    let order = tokio::select! {
        order = stop => order.unwrap_or(Stop::Now),
        () = restart.notified() => Stop::Now,
    };
    shared.peers().remove(&peer);
    order
}

/// Says hello and waits for the hello of the other side, which is returned as it came.
async fn greet(stream: &mut Stream, ours: &Hello) -> Result<Bytes, PumpError> {
    say(stream, &hello::encode(ours)).await?;
    let theirs =
        read_frame(stream, SYNC_FRAME).await?.ok_or(PumpError::Protocol("closed without a hello"))?;
    match hello::check(&theirs) {
        Ok(()) => Ok(theirs),
        Err(HelloError::NoHello) => Err(PumpError::Protocol("the first frame is no hello")),
        Err(HelloError::Version) => {
            say(stream, &hello::refusal()).await?;
            Err(PumpError::Protocol("another version"))
        }
    }
}

async fn say(stream: &mut Stream, frame: &[u8]) -> Result<(), FrameError> {
    write_frame(stream, frame, SYNC_FRAME).await?;
    stream.flush().await?;
    Ok(())
}
