//! What all sessions share.
//!
//! Owns nothing that changes by itself: the terms in force, keys and handles. Invariant: it is made once, before the
//! first connection is accepted; of the configuration only the terms change, when the operator asks for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use madang_wire::Limits;

use crate::clock::Clock;
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::storage::{LogLimits, StorageHandle};
use crate::terms::{InForce, Terms};
use crate::trace::Trace;
use crate::writer::WriterKey;

/// Largest relay frame, bytes (protocol section 0).
pub(crate) const FRAME_BYTES: usize = madang_wire::limits::RELAY_FRAME_BYTES;

/// Largest body of a put: the largest sealed bucket and its framing as an inbox item, bytes.
pub(crate) const BODY_BYTES: usize = madang_wire::limits::INBOX_ITEM_BYTES;

/// Largest body of a put without token, bytes (protocol section 10.5).
pub(crate) const KNOCK_BYTES: usize = 16 * 1024;

/// Life of an item without token, hours (protocol section 10.5).
pub(crate) const KNOCK_TTL_H: u32 = 3 * 24;

/// Largest life of an inbox item, hours (protocol section 10.1).
pub(crate) const INBOX_TTL_MAX_H: u32 = 45 * 24;

/// Shared by all sessions.
pub(crate) struct State {
    pub(crate) in_force: InForce,
    /// The public Ed25519 key of the relay.
    pub(crate) relay_key: [u8; 32],
    pub(crate) writer_key: WriterKey,
    pub(crate) storage: StorageHandle,
    pub(crate) hub: Hub,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) clock: Clock,
    pub(crate) trace: Option<Trace>,
    /// Knocks are taken without proof of work.
    pub(crate) dev: bool,
    pub(crate) draining: AtomicBool,
}

impl State {
    /// The terms in force.
    pub(crate) fn terms(&self) -> Arc<Terms> {
        self.in_force.get()
    }

    /// The limits told in the hello.
    pub(crate) fn told_limits(&self) -> Limits {
        let terms = self.terms();
        let limits = &terms.limits;
        Limits {
            frame: u32::try_from(FRAME_BYTES).unwrap_or(u32::MAX),
            inbox_items: limits.inbox_items,
            inbox_bytes: limits.inbox_bytes,
            log_bytes: limits.log_bytes,
            log_ttl_h: limits.log_ttl_h,
            inbox_ttl_h: limits.inbox_ttl_h,
            // No proof of work is checked: knocks are taken without one or, as the features tell, not at all.
            pow_bits: 0,
        }
    }

    /// The sizes a log must keep to.
    pub(crate) fn log_limits(&self) -> LogLimits {
        let terms = self.terms();
        let limits = &terms.limits;
        let total = limits.log_bytes;
        let share = total.saturating_mul(limits.writer_percent.into()).checked_div(100).unwrap_or(total);
        LogLimits { total, share, protected_ms: hours(limits.protected_h) }
    }

    /// Whether items without a token are taken. Proof of work is not offered yet, so that only a relay under
    /// development takes them.
    pub(crate) fn takes_knocks(&self) -> bool {
        self.dev
    }

    /// Whether the relay is about to end.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }
}

/// Hours in ms.
pub(crate) fn hours(n: u32) -> u64 {
    u64::from(n).saturating_mul(3_600_000)
}
