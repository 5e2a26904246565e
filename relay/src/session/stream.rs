//! The loop of a stream.
//!
//! Owns reading, writing, time-outs and the end. It must not know what a request means. Invariant: a client that does
//! not read is not read from; nothing queues without a bound.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, FuturesUnordered};
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Stream, StreamExt};
use madang_p2p::frame::{FrameError, read_frame, write_frame};
use madang_wire::{DecodeError, Items, Message, RelayBody, RelayFrame, decode};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::boxes::Cost;
use super::parts::{self, Asked};
use super::reply::{Done, Pending};
use super::subscription::{Push, Subscriptions};
use crate::answer::{Code, Refusal, frame, name};
use crate::drain;
use crate::hub::{News, NewsFeed};
use crate::peers::Peer;
use crate::rates::Exceeded;
use crate::state::{FRAME_BYTES, State};
use crate::storage::{BoxId, StorageError};
use crate::trace::Direction;

/// Frames that wait to be written; with full-size frames 4 MiB a stream.
const OUT_CAP: usize = 16;

/// Requests of one stream that wait for the database; then nothing more is read from it.
const PENDING_CAP: usize = 512;

/// Reads (Fetch, SlotGet) of one stream that have not been answered; then nothing more is read from it. The answer to
/// a small request may be a whole page, so that with the frames that wait to be written these bound what a client
/// that asks and does not read makes the relay hold.
pub(crate) const READS_CAP: usize = 4;

/// Malformed frames until the stream is closed.
const STRIKES: u32 = 3;

/// Time to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(30);

/// Time for the client to take a frame.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// News taken into one round before the stream looks at other things.
const NEWS_PER_ROUND: usize = 64;

/// Largest Credit or RAck that is let through whatever the rates say, bytes: 1,024 sequences take less.
const FREE_BYTES: usize = 12 * 1024;

/// Bytes of bodies in one Items frame, so that it stays below the frame limit with its framing.
pub(super) const ITEMS_BYTES: u64 = 160 * 1024;

/// A stream and everything its client has proved and asked for.
pub(super) struct Session {
    pub(super) state: Arc<State>,
    pub(super) peer: Arc<Peer>,
    pub(super) feed: NewsFeed,
    pub(super) challenge: [u8; 32],
    pub(super) greeted: bool,
    /// Keys proved on this stream, by the id of their box.
    pub(super) proved: BTreeMap<BoxId, [u8; 32]>,
    pub(super) subscriptions: Subscriptions,
    pub(super) pending: FuturesUnordered<Pending>,
    /// How many of the pending ones are reads.
    pub(super) reads: usize,
    out: mpsc::Sender<Vec<u8>>,
    strikes: u32,
}

/// Why a stream ends; a label of the figures.
pub(super) type Cause = &'static str;

/// Serves a stream until its client or the relay ends it.
pub(crate) async fn serve<S>(
    state: Arc<State>,
    peer: Arc<Peer>,
    stream: S,
    mut draining: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut challenge = [0u8; 32];
    if let Err(error) = getrandom::fill(&mut challenge) {
        tracing::error!(%error, "no challenge could be made");
        return;
    }
    state.metrics.stream_opened();
    let (reader, writer) = stream.split();
    let (out, queue) = mpsc::channel(OUT_CAP);
    let writing = tokio::spawn(write(writer, queue));
    let feed = state.hub.feed();
    let mut session = Session {
        state: Arc::clone(&state),
        peer,
        feed,
        challenge,
        greeted: false,
        proved: BTreeMap::new(),
        subscriptions: Subscriptions::default(),
        pending: FuturesUnordered::new(),
        reads: 0,
        out,
        strikes: 0,
    };
    let cause = session.run(frames(reader), &mut draining).await.err().unwrap_or("client");
    let boxes: Vec<BoxId> = session.subscriptions.boxes().collect();
    state.hub.unsubscribe(boxes.into_iter(), &session.feed);
    session.finish().await;
    drop(session);
    // The writer ends by itself when nothing is left to be written, or by its own time-out.
    if writing.await.is_err() {
        tracing::error!("the writer of a stream ended by a panic");
    }
    state.metrics.stream_closed(cause);
}

type Frame = Result<libp2p::bytes::Bytes, FrameError>;

fn frames<R: AsyncRead + Send + Unpin>(reader: R) -> impl Stream<Item = Frame> + Send {
    stream::unfold(Some(reader), |reader| async move {
        let mut reader = reader?;
        match read_frame(&mut reader, FRAME_BYTES).await {
            Ok(None) => None,
            Ok(Some(bytes)) => Some((Ok(bytes), Some(reader))),
            // After an error the stream is out of step.
            Err(error) => Some((Err(error), None)),
        }
    })
}

async fn write<W: AsyncWrite + Unpin>(mut writer: W, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(bytes) = queue.recv().await {
        let written = async {
            write_frame(&mut writer, &bytes, FRAME_BYTES).await?;
            if queue.is_empty() {
                writer.flush().await?;
            }
            Ok::<_, FrameError>(())
        };
        if !matches!(timeout(WRITE_TIMEOUT, written).await, Ok(Ok(()))) {
            return;
        }
    }
    if !matches!(timeout(WRITE_TIMEOUT, writer.close()).await, Ok(Ok(()))) {
        tracing::debug!("a stream was not closed in order");
    }
}

impl Session {
    async fn run(
        &mut self,
        frames: impl Stream<Item = Frame> + Send,
        draining: &mut watch::Receiver<bool>,
    ) -> Result<(), Cause> {
        let mut frames = pin!(frames);
        let hello_by = Instant::now().checked_add(HELLO_TIMEOUT).unwrap_or_else(Instant::now);
        let lag = Arc::clone(&self.feed.lag);
        loop {
            tokio::select! {
                () = drain::requested(draining) => return Err("drain"),
                () = sleep_until(hello_by), if !self.greeted => return Err("no_hello"),
                Some(done) = self.pending.next(), if !self.pending.is_empty() => self.on_done(done).await?,
                Some(news) = self.feed.news.recv() => self.on_news(news).await?,
                () = lag.lost() => {
                    self.subscriptions.on_lost_news();
                    self.read_more().await?;
                }
                frame = frames.next(), if self.has_room() => match frame {
                    None => return Ok(()),
                    Some(frame) => self.on_frame(frame).await?,
                },
            }
        }
    }

    /// Whether another request may be read from the client.
    fn has_room(&self) -> bool {
        self.pending.len() < PENDING_CAP && self.reads < READS_CAP
    }

    /// Answers what is still under way; what was taken in is answered even when the relay ends.
    async fn finish(&mut self) {
        while let Some(done) = self.pending.next().await {
            let frames = match done {
                Done::Frames(frames) => frames,
                Done::Read(frame) => vec![*frame],
                Done::Page { .. } => Vec::new(),
            };
            for frame in frames {
                if self.send(frame).await.is_err() {
                    return;
                }
            }
        }
    }

    async fn on_frame(&mut self, frame: Frame) -> Result<(), Cause> {
        let bytes = match frame {
            Ok(bytes) => bytes,
            Err(FrameError::TooLarge { .. }) => {
                // Nothing of it was read, its id neither.
                self.refuse(0, Code::TooLarge.into()).await?;
                return Err("too_large");
            }
            Err(_) => return Err("io"),
        };
        let decoded: Result<RelayFrame, DecodeError> = decode(&bytes);
        let (id, body) = match decoded {
            Ok(RelayFrame { id, body: Some(body) }) => (id, body),
            Ok(RelayFrame { id, body: None }) => {
                return self.strike(Asked { id, parts: 1 }, Code::BadFrame).await;
            }
            Err(DecodeError::TooMany { .. } | DecodeError::FieldTooLong { .. }) => {
                return self.strike(parts::of_broken(&bytes), Code::TooLarge).await;
            }
            Err(_) => return self.strike(parts::of_broken(&bytes), Code::BadFrame).await,
        };
        let name = name(&body);
        self.state.metrics.received(name, bytes.len());
        self.trace(Direction::In, name, &bytes);
        if let Err(exceeded) = self.count(&body, bytes.len()) {
            return self.refuse_parts(parts::of(id, &body), exceeded.into()).await;
        }
        self.request(id, body).await
    }

    /// Counts a frame on the network it comes from.
    fn count(&self, body: &RelayBody, bytes: usize) -> Result<(), Exceeded> {
        let (terms, network) = (self.state.terms(), self.peer.network);
        let rates = &terms.rates;
        match body {
            // A refused Credit would make the window smaller for ever, and a refused RAck brings its items again. Credit
            // is bounded by `CREDIT_MAX`, RAck by the requests that may wait for the database.
            RelayBody::Credit(_) | RelayBody::Ack(_) if bytes <= FREE_BYTES => Ok(()),
            // Their parts count as requests one by one.
            RelayBody::PutMany(_) | RelayBody::Subscribe(_) => rates.bytes(network, bytes),
            _ => {
                rates.request(network)?;
                rates.bytes(network, bytes)
            }
        }
    }

    /// Refuses a malformed frame; after a few the stream is closed.
    pub(super) async fn strike(&mut self, asked: Asked, code: Code) -> Result<(), Cause> {
        self.strikes = self.strikes.saturating_add(1);
        self.refuse_parts(asked, code.into()).await?;
        if self.strikes >= STRIKES { Err("bad_frames") } else { Ok(()) }
    }

    /// Refuses every part of a request.
    pub(super) async fn refuse_parts(&mut self, asked: Asked, refusal: Refusal) -> Result<(), Cause> {
        for index in 0..asked.parts {
            self.send(frame(asked.id, refusal.body(index))).await?;
        }
        Ok(())
    }

    pub(super) async fn refuse(&mut self, id: u64, refusal: Refusal) -> Result<(), Cause> {
        self.send(frame(id, refusal.body(0))).await
    }

    /// Sends a frame; waits while the client is slow, up to the time-out of the writer.
    pub(super) async fn send(&mut self, frame: RelayFrame) -> Result<(), Cause> {
        if let Some(RelayBody::Err(error)) = &frame.body {
            self.state.metrics.refused(code_label(&error.code));
        }
        let name = frame.body.as_ref().map_or("none", name);
        let bytes = frame.encode_to_vec();
        self.state.metrics.sent(name, bytes.len());
        self.trace(Direction::Out, name, &bytes);
        self.out.send(bytes).await.map_err(|_| "write")
    }

    fn trace(&self, direction: Direction, name: &str, bytes: &[u8]) {
        if let Some(trace) = &self.state.trace {
            trace.frame(self.state.clock.now(), direction, self.peer.number, name, bytes);
        }
    }

    async fn on_done(&mut self, done: Done) -> Result<(), Cause> {
        match done {
            Done::Frames(frames) => {
                for frame in frames {
                    self.send(frame).await?;
                }
            }
            Done::Read(frame) => {
                self.reads = self.reads.saturating_sub(1);
                self.send(*frame).await?;
            }
            Done::Page { box_id, id, index, outcome } => {
                match outcome {
                    Ok((from, page)) => {
                        if let Some(push) = self.subscriptions.on_page(box_id, from, page) {
                            self.push(push).await?;
                        }
                    }
                    Err(refusal) => {
                        self.subscriptions.remove(box_id);
                        self.state.hub.unsubscribe(std::iter::once(box_id), &self.feed);
                        self.send(frame(id, refusal.body(index))).await?;
                    }
                }
                self.read_more().await?;
            }
        }
        Ok(())
    }

    /// Pushes what can be pushed; consecutive items of a box share a frame.
    async fn on_news(&mut self, first: News) -> Result<(), Cause> {
        let mut waiting: Option<Push> = None;
        let mut next = Some(first);
        let mut taken = 0usize;
        while let Some(news) = next.take() {
            if let Some(push) = self.subscriptions.on_news(&news) {
                match &mut waiting {
                    Some(earlier) if joins(earlier, &push) => {
                        earlier.head = push.head;
                        earlier.items.extend(push.items);
                    }
                    _ => {
                        if let Some(earlier) = waiting.replace(push) {
                            self.push(earlier).await?;
                        }
                    }
                }
            }
            taken = taken.saturating_add(1);
            if taken < NEWS_PER_ROUND {
                next = self.feed.news.try_recv().ok();
            }
        }
        if let Some(push) = waiting {
            self.push(push).await?;
        }
        self.read_more().await
    }

    async fn push(&mut self, push: Push) -> Result<(), Cause> {
        let items = Items {
            box_id: push.box_id.0.to_vec(),
            epoch: push.epoch.to_vec(),
            items: push.items.iter().map(|item| super::boxes::to_wire(item)).collect(),
            head: push.head,
            truncated_before: push.truncated_before,
        };
        self.send(frame(push.id, RelayBody::Items(items))).await
    }

    /// Reads pages while there is credit and a subscribed box with unread items.
    pub(super) async fn read_more(&mut self) -> Result<(), Cause> {
        while let Some(read) = self.subscriptions.next_read() {
            self.read_page((0, 0), read, Vec::new(), Cost::Free).await?;
        }
        Ok(())
    }

    /// A storage that has ended ends the stream.
    pub(super) fn closed(error: &StorageError) -> Cause {
        tracing::debug!(%error, "a stream ends because the storage has ended");
        "storage"
    }
}

fn joins(earlier: &Push, later: &Push) -> bool {
    let bytes: usize = earlier.items.iter().chain(&later.items).map(|item| item.body.len()).sum();
    earlier.box_id == later.box_id && u64::try_from(bytes).unwrap_or(u64::MAX) <= ITEMS_BYTES
}

/// The label of an error code, a constant so that figures cannot grow.
fn code_label(code: &str) -> &'static str {
    const CODES: [Code; 10] = [
        Code::Quota,
        Code::Token,
        Code::Pow,
        Code::Auth,
        Code::Admission,
        Code::NotFound,
        Code::Version,
        Code::Busy,
        Code::TooLarge,
        Code::BadFrame,
    ];
    CODES.iter().map(|known| known.text()).find(|known| *known == code).unwrap_or("other")
}
