//! How much work one peer may cause in an hour (protocol section 9.2).
//!
//! Owns the prices. It must not know what the work is for. Invariant: prices are fixed numbers and no
//! clock is read, so that the same frames always cost the same.

use madang_model::limits::{HOUR_MS, RECONCILE_ROUNDS_MAX};

/// Reconciliation may cost 10 s of CPU per peer and hour (protocol section 9.2).
const RECONCILE_NS: u64 = 10_000_000_000;
/// Serving ops may cost 60 s of CPU per peer and hour: more than a million ops, and still under 2 % of
/// one core.
const SERVE_NS: u64 = 60_000_000_000;
/// Reading and sorting one item of a vector.
const BUILD_NS: u64 = 2_000;
/// Walking over one item for a fingerprint or a list.
const WALK_NS: u64 = 15;
/// Decoding a message, and the frame around the answer.
const ROUND_NS: u64 = 100_000;
/// Reading and sealing one op, however short.
const OP_NS: u64 = 50_000;
/// Reading, sealing and sending one byte of it: what is long costs more.
const BYTE_NS: u64 = 15;

/// Some work, in items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// So many items were read into a vector.
    Build(usize),
    /// One message was answered, walking over so many items.
    Round(u64),
    /// So many ops were looked at.
    Serve(usize),
    /// So many sealed bytes are sent.
    Send(usize),
}

/// Messages of reconciliation of one room with one peer in the running hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Rounds {
    /// When the hour began, monotonic ms.
    since: u64,
    asked: u32,
    answered: u32,
}

impl Rounds {
    /// Rounds whose hour begins at `now`, monotonic ms.
    pub(crate) fn new(now: u64) -> Self {
        Self { since: now, ..Self::default() }
    }

    /// Whether the hour is over at `now`.
    pub(crate) fn is_over(&self, now: u64) -> bool {
        now.saturating_sub(self.since) >= HOUR_MS
    }

    /// Whether this side may ask once more.
    pub(crate) fn may_ask(&self) -> bool {
        self.asked < RECONCILE_ROUNDS_MAX
    }

    /// This side asks.
    pub(crate) fn ask(&mut self) {
        self.asked = self.asked.saturating_add(1);
    }

    /// The peer asks; answers whether it is answered.
    pub(crate) fn answer(&mut self) -> bool {
        self.answered = self.answered.saturating_add(1);
        self.answered <= RECONCILE_ROUNDS_MAX
    }
}

/// What a peer has cost in the running hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Budget {
    /// When the hour began, monotonic ms.
    since: u64,
    reconciled_ns: u64,
    served_ns: u64,
}

impl Budget {
    /// A budget whose hour begins at `now`, monotonic ms.
    pub(crate) fn new(now: u64) -> Self {
        Self { since: now, ..Self::default() }
    }

    /// Whether its hour is over at `now`, so that it may be forgotten.
    pub(crate) fn is_over(&self, now: u64) -> bool {
        now.saturating_sub(self.since) >= HOUR_MS
    }

    /// Whether the peer may cause more reconciliation.
    pub(crate) fn may_reconcile(&self) -> bool {
        self.reconciled_ns < RECONCILE_NS
    }

    /// Whether the peer may be served more ops.
    pub(crate) fn may_serve(&self) -> bool {
        self.served_ns < SERVE_NS
    }

    /// Adds work that was done.
    pub(crate) fn charge(&mut self, work: Work) {
        let (spent, ns) = match work {
            Work::Build(items) => (&mut self.reconciled_ns, wide(items).saturating_mul(BUILD_NS)),
            Work::Round(walked) => {
                (&mut self.reconciled_ns, walked.saturating_mul(WALK_NS).saturating_add(ROUND_NS))
            }
            Work::Send(bytes) => (&mut self.served_ns, wide(bytes).saturating_mul(BYTE_NS)),
            Work::Serve(ops) => (&mut self.served_ns, wide(ops).saturating_mul(OP_NS)),
        };
        *spent = spent.saturating_add(ns);
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_short_ops_or_a_few_gigabytes_of_long_ones_are_served() {
        for (bytes, ops) in [(512, 1_040_222), (60 * 1024, 61_754)] {
            let mut budget = Budget::new(0);
            let mut served = 0_u32;
            while budget.may_serve() {
                budget.charge(Work::Serve(1));
                budget.charge(Work::Send(bytes));
                served += 1;
            }
            assert_eq!(served, ops);
            assert!(budget.may_reconcile(), "comparing has its own budget");
        }
    }

    #[test]
    fn ten_seconds_an_hour_and_no_more() {
        let mut budget = Budget::new(5);
        let mut rounds = 0_u32;
        while budget.may_reconcile() {
            // A room of a hundred thousand ops, walked over once a round.
            budget.charge(Work::Round(100_000));
            rounds += 1;
        }
        assert_eq!(rounds, 6_250);
        assert!(budget.may_serve(), "serving has its own budget");
        assert!(!budget.is_over(5 + HOUR_MS - 1));
        assert!(budget.is_over(5 + HOUR_MS));
    }
}
