//! Author's time: the local clock held against other people's clocks (protocol section 2.4).
//!
//! Owns the offsets of relays and friends and what follows from them. Must not read any wall clock. Invariants:
//! without a sample, or with a median of at most two minutes, the local clock is used unchanged; a clock before
//! [`CLOCK_EPOCH_MS`] is known to be wrong, and is nobody's reference (docs/adr/0034).

use std::collections::BTreeMap;

use crate::limits::{CLOCK_CORRECTION_MS, CLOCK_EPOCH_MS, CLOCK_REFERENCES_MAX, FUTURE_TOLERANCE_MS};

/// The local clock is more than 24 hours ahead of relays and friends: `send` fails with code `clock`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the clock is {ahead_ms} ms ahead of relays and friends")]
pub struct ClockRefused {
    /// By how much, in milliseconds.
    pub ahead_ms: u64,
}

/// Whose clock a sample is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A relay, whose operator sees to its clock.
    Relay,
    /// A friend's device, whose clock may be as wrong as the own one.
    Friend,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    source: Source,
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
    /// Records what `name` (any stable name of the peer, such as its PeerId) said its time was when the local
    /// clock showed `local_ms`. A peer has one sample, its newest; the oldest peer gives way when full.
    pub fn record(&mut self, name: &[u8], source: Source, reference_ms: u64, local_ms: u64) {
        if reference_ms < CLOCK_EPOCH_MS {
            self.samples.remove(name);
            return;
        }
        self.taken = self.taken.saturating_add(1);
        let sample = Sample { source, offset_ms: difference(reference_ms, local_ms), taken: self.taken };
        self.samples.insert(name.to_vec(), sample);
        if self.samples.len() > CLOCK_REFERENCES_MAX {
            let oldest = self.samples.iter().min_by_key(|(_, s)| s.taken).map(|(name, _)| name.clone());
            if let Some(oldest) = oldest {
                self.samples.remove(&oldest);
            }
        }
    }

    /// A peer is gone. Its sample stays good for corrections, unless it is more than a day off: one of the two clocks
    /// is broken then, and it need not be the own one.
    pub fn gone(&mut self, name: &[u8]) {
        if self.samples.get(name).is_some_and(|s| s.offset_ms.unsigned_abs() > FUTURE_TOLERANCE_MS) {
            self.samples.remove(name);
        }
    }

    /// The local clock was set back by `by_ms`: what the samples said of the others still holds.
    pub fn local_set_back(&mut self, by_ms: u64) {
        let by = i64::try_from(by_ms).unwrap_or(i64::MAX);
        for sample in self.samples.values_mut() {
            sample.offset_ms = sample.offset_ms.saturating_add(by);
        }
    }

    /// The local clock ran ahead of itself by `by_ms`: it was set, or the machine slept. A sample by which it is right
    /// now tells that it was set right. Of the others those more than a day off count no more.
    pub fn local_ran_ahead(&mut self, by_ms: u64) {
        let by = i64::try_from(by_ms).unwrap_or(i64::MAX);
        for sample in self.samples.values_mut() {
            let set = sample.offset_ms.saturating_sub(by);
            if set.unsigned_abs() <= CLOCK_CORRECTION_MS {
                sample.offset_ms = set;
            }
        }
        self.samples.retain(|_, sample| sample.offset_ms.unsigned_abs() <= FUTURE_TOLERANCE_MS);
    }

    /// Median of the offsets in milliseconds (of an even number the one nearer to zero, so that of two references
    /// that differ the one is believed that agrees with the own clock), if there is a sample.
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

    /// What is added to a local clock that shows `local_ms`: the median, but only when it exceeds two minutes. A
    /// single friend without a relay moves it ahead by a day at most: a time further ahead would be hidden by everybody
    /// else, and could not be taken back. One that is known to be wrong follows him all the way.
    pub fn correction_ms(&self, local_ms: u64) -> i64 {
        let Some(median) = self.median_offset_ms().filter(|m| m.unsigned_abs() > CLOCK_CORRECTION_MS) else {
            // At least as late as that.
            return difference(CLOCK_EPOCH_MS, local_ms).max(0);
        };
        let lone_friend =
            self.samples.len() == 1 && self.samples.values().all(|s| s.source == Source::Friend);
        let most = if lone_friend && local_ms >= CLOCK_EPOCH_MS {
            i64::try_from(FUTURE_TOLERANCE_MS).unwrap_or(i64::MAX)
        } else {
            i64::MAX
        };
        median.min(most)
    }

    /// The author's time for `local_ms`.
    pub fn author_time_ms(&self, local_ms: u64) -> u64 {
        local_ms.saturating_add_signed(self.correction_ms(local_ms))
    }

    /// Refuses to send while the local clock is more than 24 hours ahead of the median of relays and friends. One
    /// reference among several that is itself far behind refuses nothing.
    ///
    /// # Errors
    /// [`ClockRefused`].
    pub fn check_send(&self) -> Result<(), ClockRefused> {
        let ahead_ms = self.median_offset_ms().filter(|m| *m < 0).map_or(0, i64::unsigned_abs);
        if ahead_ms > FUTURE_TOLERANCE_MS { Err(ClockRefused { ahead_ms }) } else { Ok(()) }
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
    const YEAR: u64 = 8_760 * HOUR;

    #[test]
    fn two_minutes_are_tolerated_and_more_is_corrected() {
        let mut clocks = ClockReference::default();
        assert_eq!(clocks.author_time_ms(NOON), NOON);
        clocks.record(b"relay", Source::Relay, NOON + 120_000, NOON);
        assert_eq!(clocks.author_time_ms(NOON), NOON);
        clocks.record(b"relay", Source::Relay, NOON + 120_001, NOON);
        assert_eq!(clocks.author_time_ms(NOON), NOON + 120_001);
    }

    #[test]
    fn nine_hours_either_way_and_ten_years_are_corrected_by_the_median() {
        for (wrong, right) in [(NOON + 9 * HOUR, NOON), (NOON - 9 * HOUR, NOON), (NOON, NOON + 10 * YEAR)] {
            let mut clocks = ClockReference::default();
            for name in [b"alice", b"carol"] {
                clocks.record(name, Source::Friend, right, wrong);
            }
            clocks.record(b"relay", Source::Relay, right, wrong);
            assert_eq!(clocks.author_time_ms(wrong), right);
            assert_eq!(clocks.check_send(), Ok(()));
        }
    }

    #[test]
    fn a_clock_more_than_a_day_ahead_is_refused() {
        let mut clocks = ClockReference::default();
        clocks.record(b"bob", Source::Friend, NOON, NOON + 24 * HOUR);
        assert_eq!(clocks.check_send(), Ok(()));
        clocks.record(b"bob", Source::Friend, NOON, NOON + 24 * HOUR + 1);
        assert_eq!(clocks.check_send(), Err(ClockRefused { ahead_ms: 24 * HOUR + 1 }));
    }

    #[test]
    fn a_friend_with_a_dead_clock_stops_nobody_who_has_another_reference() {
        let mut clocks = ClockReference::default();
        clocks.record(b"slow", Source::Friend, NOON - 30 * HOUR, NOON);
        assert!(clocks.check_send().is_err());
        clocks.record(b"alice", Source::Friend, NOON + 5, NOON);
        assert_eq!(clocks.check_send(), Ok(()));
        assert_eq!(clocks.author_time_ms(NOON), NOON);
    }

    #[test]
    fn a_time_before_all_others_tells_nobody_what_time_it_is() {
        let mut clocks = ClockReference::default();
        clocks.record(b"dead", Source::Friend, NOON - 10 * YEAR, NOON);
        assert_eq!(clocks.check_send(), Ok(()));
        assert_eq!(clocks.author_time_ms(NOON), NOON);
        // What its friend said before counts no more either.
        clocks.record(b"dead", Source::Friend, NOON - HOUR, NOON);
        clocks.record(b"dead", Source::Friend, 0, NOON);
        assert_eq!(clocks.median_offset_ms(), None);
        // The other side believes the one friend it has, and before that knows better than its clock.
        assert_eq!(clocks.author_time_ms(NOON - 10 * YEAR), CLOCK_EPOCH_MS);
        clocks.record(b"bob", Source::Friend, NOON, NOON - 10 * YEAR);
        assert_eq!(clocks.author_time_ms(NOON - 10 * YEAR), NOON);
    }

    #[test]
    fn a_clock_that_ran_ahead_was_set_right_or_slept() {
        let mut clocks = ClockReference::default();
        clocks.record(b"relay", Source::Relay, NOON, NOON - 10 * YEAR);
        clocks.local_ran_ahead(10 * YEAR + 4_000);
        assert_eq!(clocks.author_time_ms(NOON), NOON);
        let mut clocks = ClockReference::default();
        clocks.record(b"relay", Source::Relay, NOON, NOON - 9 * HOUR);
        clocks.local_ran_ahead(7 * HOUR);
        assert_eq!(clocks.author_time_ms(NOON - 2 * HOUR), NOON + 7 * HOUR, "it slept");
        clocks.record(b"relay", Source::Relay, NOON + 10 * YEAR, NOON);
        clocks.local_ran_ahead(7 * HOUR);
        assert_eq!(clocks.author_time_ms(NOON + 7 * HOUR), NOON + 7 * HOUR, "nobody knows");
    }

    #[test]
    fn a_dead_clock_counts_no_more_once_its_friend_is_gone_and_a_wrong_one_still_does() {
        let mut clocks = ClockReference::default();
        clocks.record(b"dead", Source::Friend, NOON - 60 * HOUR, NOON);
        clocks.gone(b"dead");
        assert_eq!(clocks.check_send(), Ok(()));
        clocks.record(b"bob", Source::Friend, NOON, NOON + 9 * HOUR);
        clocks.gone(b"bob");
        assert_eq!(clocks.author_time_ms(NOON + 9 * HOUR), NOON);
    }

    #[test]
    fn a_single_friend_moves_the_time_ahead_by_a_day_at_most() {
        let mut clocks = ClockReference::default();
        clocks.record(b"mallory", Source::Friend, NOON + 10 * YEAR, NOON);
        assert_eq!(clocks.author_time_ms(NOON), NOON + 24 * HOUR);
        clocks.record(b"bob", Source::Friend, NOON + 10 * YEAR, NOON);
        assert_eq!(clocks.author_time_ms(NOON), NOON + 10 * YEAR);
    }

    #[test]
    fn a_clock_that_was_set_back_is_corrected_at_once() {
        let mut clocks = ClockReference::default();
        clocks.record(b"bob", Source::Friend, NOON, NOON + 9 * HOUR);
        clocks.local_set_back(9 * HOUR);
        assert_eq!(clocks.author_time_ms(NOON), NOON);
    }

    #[test]
    fn sources_are_bounded_and_the_oldest_gives_way() {
        let mut clocks = ClockReference::default();
        clocks.record(b"first", Source::Friend, NOON + 90 * HOUR, NOON);
        for i in 0..CLOCK_REFERENCES_MAX {
            clocks.record(format!("friend {i}").as_bytes(), Source::Friend, NOON, NOON);
        }
        assert_eq!(clocks.samples.len(), CLOCK_REFERENCES_MAX);
        assert!(!clocks.samples.contains_key(b"first".as_slice()));
    }
}
