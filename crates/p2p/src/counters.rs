//! Counts of what was dropped.
//!
//! Owns: one number per bound that may be hit.
//! Must not know: why the other side was slow.
//! Invariant: nothing is dropped without being counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Numbers since the start of the swarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Gossip messages dropped because the owner read its events too slowly.
    pub gossip_dropped: u64,
    /// Other droppable events (round trips, LAN discoveries) dropped for the same reason.
    pub events_dropped: u64,
    /// Gossip messages not published because the swarm was too busy.
    pub publish_dropped: u64,
    /// Verdicts lost because the swarm was too busy; the message is not forwarded.
    pub verdict_dropped: u64,
    /// Contact and link streams refused by their limits.
    pub streams_refused: u64,
}

/// The live counters behind [`Counts`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    gossip: AtomicU64,
    events: AtomicU64,
    publish: AtomicU64,
    verdict: AtomicU64,
    refused: AtomicU64,
}

impl Counters {
    pub(crate) fn gossip_dropped(&self) {
        self.gossip.fetch_add(1, Relaxed);
    }
    pub(crate) fn event_dropped(&self) {
        self.events.fetch_add(1, Relaxed);
    }
    pub(crate) fn publish_dropped(&self) {
        self.publish.fetch_add(1, Relaxed);
    }
    pub(crate) fn verdict_dropped(&self) {
        self.verdict.fetch_add(1, Relaxed);
    }
    pub(crate) fn stream_refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }
    pub(crate) fn read(&self) -> Counts {
        Counts {
            gossip_dropped: self.gossip.load(Relaxed),
            events_dropped: self.events.load(Relaxed),
            publish_dropped: self.publish.load(Relaxed),
            verdict_dropped: self.verdict.load(Relaxed),
            streams_refused: self.refused.load(Relaxed),
        }
    }
}
