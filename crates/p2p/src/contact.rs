//! The contact protocol: one frame each way, with anybody.
//!
//! Owns: both ends of an exchange, and the limits for unknown peers.
//! Must not know: what is asked or answered.
//! Invariant: an unknown peer costs at most one small frame, ten times a minute (protocol section 0).

use crate::{
    error::ContactError,
    event::Event,
    frame::{read_frame, write_frame},
    protocol::{CONTACT_FRAME, CONTACT_FRAME_STRANGER},
};
use futures::AsyncWriteExt as _;
use libp2p::{PeerId, Stream, bytes::Bytes};
use madang_model::limits::STRANGER_FRAMES_PER_MINUTE;
use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot},
    time::Instant,
};

/// A whole exchange takes at most this long.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);
/// Exchanges with unknown peers at once.
pub(crate) const STRANGER_EXCHANGES: usize = 32;
/// Exchanges with known peers at once.
pub(crate) const KNOWN_EXCHANGES: usize = 64;
/// Frames of one unknown peer in a minute (protocol section 0).
const FRAMES_PER_PEER: usize = STRANGER_FRAMES_PER_MINUTE as usize;
/// Frames of all unknown peers in a minute: PeerIds are free, so the limit per peer alone would not hold.
const FRAMES_IN_ALL: usize = 300;
/// Unknown peers whose frames are counted at a time.
const COUNTED_PEERS: usize = 1_024;
/// Any stretch of this length holds at most so many frames; it begins nowhere in particular, so there is no border at
/// which a peer could send twice as many.
const WINDOW: Duration = Duration::from_secs(60);

/// Counts the contact frames of unknown peers.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    peers: BTreeMap<PeerId, Recent>,
    all: Recent,
}

/// When the frames of the last minute came, the oldest first. As long as the limit at most.
#[derive(Debug, Default)]
struct Recent(VecDeque<Instant>);

impl Recent {
    fn forget_old(&mut self, now: Instant) {
        while self.0.front().is_some_and(|at| now.saturating_duration_since(*at) >= WINDOW) {
            self.0.pop_front();
        }
    }

    fn full(&mut self, now: Instant, limit: usize) -> bool {
        self.forget_old(now);
        self.0.len() >= limit
    }

    fn quiet(&mut self, now: Instant) -> bool {
        self.forget_old(now);
        self.0.is_empty()
    }
}

impl Gate {
    /// Whether an unknown peer may send one more frame now.
    pub(crate) fn admit(&mut self, peer: PeerId, now: Instant) -> bool {
        if !self.peers.contains_key(&peer) && self.peers.len() >= COUNTED_PEERS {
            self.peers.retain(|_, recent| !recent.quiet(now));
            if self.peers.len() >= COUNTED_PEERS {
                return false;
            }
        }
        let own = self.peers.entry(peer).or_default();
        if own.full(now, FRAMES_PER_PEER) || self.all.full(now, FRAMES_IN_ALL) {
            return false;
        }
        own.0.push_back(now);
        self.all.0.push_back(now);
        true
    }
}

/// Asks: sends one frame and reads one.
pub(crate) async fn ask(mut stream: Stream, frame: &[u8]) -> Result<Bytes, ContactError> {
    write_frame(&mut stream, frame, CONTACT_FRAME).await?;
    stream.flush().await.map_err(crate::frame::FrameError::Io)?;
    let answer = read_frame(&mut stream, CONTACT_FRAME).await?.ok_or(ContactError::NoAnswer)?;
    if let Err(error) = stream.close().await {
        tracing::trace!(%error, "contact stream was closed by the other side first");
    }
    Ok(answer)
}

/// Answers one inbound exchange; `permit` bounds how many run at once.
pub(crate) async fn answer(
    peer: PeerId,
    stream: Stream,
    known: bool,
    events: mpsc::Sender<Event>,
    permit: OwnedSemaphorePermit,
) {
    let exchange = exchange(peer, stream, known, events);
    match tokio::time::timeout(TIMEOUT, exchange).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%peer, %error, "contact exchange ended"),
        Err(_) => tracing::debug!(%peer, "contact exchange timed out"),
    }
    drop(permit);
}

async fn exchange(
    peer: PeerId,
    mut stream: Stream,
    known: bool,
    events: mpsc::Sender<Event>,
) -> Result<(), ContactError> {
    let cap = if known { CONTACT_FRAME } else { CONTACT_FRAME_STRANGER };
    let frame = read_frame(&mut stream, cap).await?.ok_or(ContactError::NoAnswer)?;
    let (reply, answer) = oneshot::channel();
    let asked = events.send(Event::Contact { peer, frame, reply }).await;
    asked.map_err(|_| ContactError::NoAnswer)?;
    let answer = answer.await.map_err(|_| ContactError::NoAnswer)?;
    write_frame(&mut stream, &answer, CONTACT_FRAME).await?;
    stream.close().await.map_err(crate::frame::FrameError::Io)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_peer_has_ten_frames_a_minute() {
        let mut gate = Gate::default();
        let (mallory, bob, start) = (PeerId::random(), PeerId::random(), Instant::now());
        let admitted = (0..20).filter(|_| gate.admit(mallory, start)).count();
        assert_eq!(admitted, 10);
        assert!(gate.admit(bob, start), "another peer has its own count");
        assert!(!gate.admit(mallory, start + Duration::from_secs(59)));
        assert!(gate.admit(mallory, start + Duration::from_secs(61)));
    }

    #[test]
    fn no_minute_holds_more_than_ten_frames() {
        let (mut gate, mallory, start) = (Gate::default(), PeerId::random(), Instant::now());
        // She tries every second for five minutes, also just before and just after each full one.
        let came: Vec<u64> =
            (0..300).filter(|second| gate.admit(mallory, start + Duration::from_secs(*second))).collect();
        for first in &came {
            let minute = came.iter().filter(|at| (*first..*first + 60).contains(at)).count();
            assert!(minute <= 10, "{minute} frames in the minute from second {first}");
        }
        let all = came.len();
        assert!((50..=60).contains(&all), "{all}: an honest peer is not held back for longer");
    }

    #[test]
    fn a_border_of_minutes_gives_nothing_away() {
        let (mut gate, mallory, start) = (Gate::default(), PeerId::random(), Instant::now());
        assert!(gate.admit(mallory, start));
        let before = start + Duration::from_secs(59);
        assert_eq!((0..20).filter(|_| gate.admit(mallory, before)).count(), 9);
        let after = start + Duration::from_secs(61);
        assert_eq!((0..20).filter(|_| gate.admit(mallory, after)).count(), 1);
    }

    #[test]
    fn fresh_peer_ids_do_not_get_around_the_limit() {
        let mut gate = Gate::default();
        let start = Instant::now();
        let admitted = (0..3_000).filter(|_| gate.admit(PeerId::random(), start)).count();
        assert_eq!(admitted, FRAMES_IN_ALL);
        assert!(gate.peers.len() <= COUNTED_PEERS);
        assert!(gate.admit(PeerId::random(), start + WINDOW), "the table makes room after a minute");
    }
}
