//! Figures for operators.
//!
//! Owns the counters and their names. It must not know what they count. Invariant: no label names a box, a peer or an
//! address, so that the figures tell nothing about people.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::storage::{Counts, Swept};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FrameLabel {
    frame: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CauseLabel {
    cause: &'static str,
}

/// All figures of the relay.
pub(crate) struct Metrics {
    registry: Registry,
    frames_in: Family<FrameLabel, Counter>,
    frames_out: Family<FrameLabel, Counter>,
    bytes_in: Counter,
    bytes_out: Counter,
    refused: Family<CodeLabel, Counter>,
    closed: Family<CauseLabel, Counter>,
    stored: Counter,
    duplicates: Counter,
    evicted: Counter,
    expired: Counter,
    batch: Histogram,
    streams: Gauge,
    connections: Gauge,
    boxes: Gauge<u64, AtomicU64>,
    items: Gauge<u64, AtomicU64>,
    slots: Gauge<u64, AtomicU64>,
    held: Gauge<u64, AtomicU64>,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("madang_relay");
        let metrics = Self {
            frames_in: Family::default(),
            frames_out: Family::default(),
            bytes_in: Counter::default(),
            bytes_out: Counter::default(),
            refused: Family::default(),
            closed: Family::default(),
            stored: Counter::default(),
            duplicates: Counter::default(),
            evicted: Counter::default(),
            expired: Counter::default(),
            batch: Histogram::new(exponential_buckets(1.0, 2.0, 11)),
            streams: Gauge::default(),
            connections: Gauge::default(),
            boxes: Gauge::default(),
            items: Gauge::default(),
            slots: Gauge::default(),
            held: Gauge::default(),
            registry: Registry::default(),
        };
        metrics.register(&mut registry);
        Self { registry, ..metrics }
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("frames_received", "Frames from clients by kind", self.frames_in.clone());
        registry.register("frames_sent", "Frames to clients by kind", self.frames_out.clone());
        let bytes = Unit::Bytes;
        registry.register_with_unit(
            "received",
            "Bytes of frames from clients",
            bytes.clone(),
            self.bytes_in.clone(),
        );
        registry.register_with_unit(
            "sent",
            "Bytes of frames to clients",
            bytes.clone(),
            self.bytes_out.clone(),
        );
        registry.register("refused", "Requests refused by error code", self.refused.clone());
        registry.register("streams_closed", "Streams that ended by cause", self.closed.clone());
        registry.register("items_stored", "Items stored durably", self.stored.clone());
        registry.register(
            "items_duplicate",
            "Puts of an item that was there already",
            self.duplicates.clone(),
        );
        registry.register("items_evicted", "Items that went for younger ones", self.evicted.clone());
        registry.register("items_expired", "Items whose time was over", self.expired.clone());
        registry.register("batch_calls", "Database calls committed together", self.batch.clone());
        registry.register("streams", "Open client streams", self.streams.clone());
        registry.register("connections", "Connected peers", self.connections.clone());
        registry.register("boxes", "Inboxes and logs", self.boxes.clone());
        registry.register("items", "Stored items", self.items.clone());
        registry.register("slots", "Slots with content", self.slots.clone());
        registry.register_with_unit("items_held", "Size of all items", bytes, self.held.clone());
    }

    pub(crate) fn received(&self, frame: &'static str, bytes: usize) {
        self.frames_in.get_or_create(&FrameLabel { frame }).inc();
        self.bytes_in.inc_by(count(bytes));
    }

    pub(crate) fn sent(&self, frame: &'static str, bytes: usize) {
        self.frames_out.get_or_create(&FrameLabel { frame }).inc();
        self.bytes_out.inc_by(count(bytes));
    }

    pub(crate) fn refused(&self, code: &'static str) {
        self.refused.get_or_create(&CodeLabel { code }).inc();
    }

    pub(crate) fn stream_opened(&self) {
        self.streams.inc();
    }

    pub(crate) fn stream_closed(&self, cause: &'static str) {
        self.streams.dec();
        self.closed.get_or_create(&CauseLabel { cause }).inc();
    }

    pub(crate) fn stored(&self, evicted: u32) {
        self.stored.inc();
        self.evicted.inc_by(evicted.into());
    }

    pub(crate) fn duplicate(&self) {
        self.duplicates.inc();
    }

    /// The histogram of batch sizes; shared with the storage thread.
    pub(crate) fn batch(&self) -> Histogram {
        self.batch.clone()
    }

    pub(crate) fn swept(&self, swept: &Swept) {
        self.expired.inc_by(swept.items);
    }

    pub(crate) fn connections(&self, n: usize) {
        self.connections.set(i64::try_from(n).unwrap_or(i64::MAX));
    }

    pub(crate) fn counts(&self, counts: &Counts) {
        self.boxes.set(counts.inboxes.saturating_add(counts.logs));
        self.items.set(counts.inbox_items.saturating_add(counts.log_items));
        self.slots.set(counts.slots);
        self.held.set(counts.bytes);
    }

    /// The text that Prometheus reads.
    ///
    /// # Errors
    /// When the text cannot be written.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
