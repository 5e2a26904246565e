//! Author's time: the local clock held against other people's clocks (protocol section 2.4).
//!
//! Owns the offsets of relays and friends and what follows from them. Must not read any wall clock. Invariant:
//! without a sample, or with a median of at most two minutes, the local clock is used unchanged.

use std::collections::BTreeMap;

use crate::limits::{CLOCK_CORRECTION_MS, CLOCK_REFERENCES_MAX, FUTURE_TOLERANCE_MS};

/// The author's time is more than 24 hours ahead of a reference: `send` fails with code `clock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the clock is {ahead_ms} ms ahead of a reference")]
pub struct ClockRefused {
    /// By how much, in milliseconds.
    pub ahead_ms: u64,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    offset_ms: i64,
    taken: u64,
}

/// Offsets of the clocks of relays (`HelloOk.now`) and friends (`StreamHello.now`) to the local one.
#[derive(Debug, Clone, Default)]
pub struct ClockReference {
    samples: BTreeMap<Vec<u8>, Sample>,
    taken: u64,
}

impl ClockReference {
    /// Records what `source` (any stable name of the peer, such as its PeerId) said its time was when the local
    /// clock showed `local_ms`. A source has one sample, its newest; the oldest source gives way when full.
    pub fn record(&mut self, source: &[u8], reference_ms: u64, local_ms: u64) {
        self.taken = self.taken.saturating_add(1);
        let sample = Sample { offset_ms: difference(reference_ms, local_ms), taken: self.taken };
        self.samples.insert(source.to_vec(), sample);
        if self.samples.len() > CLOCK_REFERENCES_MAX {
            let oldest = self.samples.iter().min_by_key(|(_, s)| s.taken).map(|(name, _)| name.clone());
            if let Some(oldest) = oldest {
                self.samples.remove(&oldest);
            }
        }
    }

    /// Median of the offsets in milliseconds (of an even number the one nearer to zero), if there is a sample.
    pub fn median_offset_ms(&self) -> Option<i64> {
        let mut offsets: Vec<i64> = self.samples.values().map(|s| s.offset_ms).collect();
        offsets.sort_unstable();
        let upper = offsets.len().checked_div(2)?;
        let high = offsets.get(upper).copied()?;
        if offsets.len() % 2 == 1 {
            return Some(high);
        }
        let low = upper.checked_sub(1).and_then(|i| offsets.get(i)).copied().unwrap_or(high);
        Some(if low.unsigned_abs() <= high.unsigned_abs() { low } else { high })
    }

    /// What is added to the local clock: the median, but only when it exceeds two minutes.
    pub fn correction_ms(&self) -> i64 {
        match self.median_offset_ms() {
            Some(median) if median.unsigned_abs() > CLOCK_CORRECTION_MS => median,
            _ => 0,
        }
    }

    /// The author's time for `local_ms`.
    pub fn author_time_ms(&self, local_ms: u64) -> u64 {
        local_ms.saturating_add_signed(self.correction_ms())
    }

    /// Refuses to send at the author's time `author_ms` when that is more than 24 hours ahead of any reference.
    pub fn check_send(&self, author_ms: u64, local_ms: u64) -> Result<(), ClockRefused> {
        let ahead = self
            .samples
            .values()
            .map(|s| author_ms.saturating_sub(local_ms.saturating_add_signed(s.offset_ms)))
            .max()
            .unwrap_or(0);
        if ahead > FUTURE_TOLERANCE_MS { Err(ClockRefused { ahead_ms: ahead }) } else { Ok(()) }
    }
}

fn difference(a: u64, b: u64) -> i64 {
    let size = i64::try_from(a.abs_diff(b)).unwrap_or(i64::MAX);
    if a >= b { size } else { size.saturating_neg() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_790_000_000_000;
    const HOUR: u64 = 3_600_000;

    #[test]
    fn two_minutes_are_tolerated_and_more_is_corrected() {
        let mut clocks = ClockReference::default();
        assert_eq!(clocks.author_time_ms(NOON), NOON);
        clocks.record(b"relay", NOON + 120_000, NOON);
        assert_eq!(clocks.author_time_ms(NOON), NOON);
        clocks.record(b"relay", NOON + 120_001, NOON);
        assert_eq!(clocks.author_time_ms(NOON), NOON + 120_001);
    }

    #[test]
    fn nine_hours_either_way_and_ten_years_are_corrected_by_the_median() {
        for (wrong, right) in [(NOON + 9 * HOUR, NOON), (NOON - 9 * HOUR, NOON), (NOON + 87_600 * HOUR, NOON)]
        {
            let mut clocks = ClockReference::default();
            for name in [b"alice", b"carol", b"relay"] {
                clocks.record(name, right, wrong);
            }
            assert_eq!(clocks.author_time_ms(wrong), right);
            assert_eq!(clocks.check_send(clocks.author_time_ms(wrong), wrong), Ok(()));
        }
    }

    #[test]
    fn a_time_a_day_ahead_of_one_reference_is_refused() {
        let mut clocks = ClockReference::default();
        clocks.record(b"relay", NOON, NOON);
        assert_eq!(clocks.check_send(NOON + 24 * HOUR, NOON), Ok(()));
        assert_eq!(
            clocks.check_send(NOON + 24 * HOUR + 1, NOON),
            Err(ClockRefused { ahead_ms: 24 * HOUR + 1 })
        );
    }

    #[test]
    fn sources_are_bounded_and_the_oldest_gives_way() {
        let mut clocks = ClockReference::default();
        clocks.record(b"first", NOON + 90 * HOUR, NOON);
        for i in 0..CLOCK_REFERENCES_MAX {
            clocks.record(format!("friend {i}").as_bytes(), NOON, NOON);
        }
        assert_eq!(clocks.samples.len(), CLOCK_REFERENCES_MAX);
        assert!(!clocks.samples.contains_key(b"first".as_slice()));
    }
}
