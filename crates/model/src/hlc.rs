//! Hybrid logical clock (protocol section 2.4).
//!
//! Owns the packed timestamp and the clock that issues it. Must not read any wall clock: the current time is
//! always an argument. Invariant: a clock never issues the same value twice nor one below an earlier value, as long as
//! that is not more than a day ahead of the time.

use crate::limits::FUTURE_TOLERANCE_MS;

const COUNTER_BITS: u32 = 16;
const MAX_MS: u64 = (1 << 48) - 1;

/// A timestamp: 48 bits of milliseconds since 1970, then a 16-bit counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hlc(u64);

impl Hlc {
    /// The packed value as it stands in an op header.
    pub const fn from_u64(packed: u64) -> Self {
        Self(packed)
    }

    /// The packed value.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// The first timestamp of a millisecond; milliseconds beyond 48 bits (the year 10889) are clamped.
    pub const fn from_millis(ms: u64) -> Self {
        let ms = if ms > MAX_MS { MAX_MS } else { ms };
        Self(ms << COUNTER_BITS)
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> u64 {
        self.0 >> COUNTER_BITS
    }

    /// Position among the timestamps of the same millisecond.
    pub const fn counter(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    /// The next greater timestamp; the very last one has no successor and returns itself.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The earliest timestamp `ms` milliseconds before this one's millisecond, not below 0.
    #[must_use]
    pub const fn minus_millis(self, ms: u64) -> Self {
        Self::from_millis(self.millis().saturating_sub(ms))
    }
}

/// What a receiver does with a timestamp (protocol section 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receive {
    /// At most 24 hours ahead: apply at once.
    Accept,
    /// Further ahead: keep the op, show a line with the reason, apply it when due.
    Later {
        /// Own time in milliseconds since 1970 at which the op may be applied.
        due_ms: u64,
    },
}

/// Decides whether an op with this timestamp may be applied at `now_ms`.
pub fn receive(remote: Hlc, now_ms: u64) -> Receive {
    if remote.millis() <= now_ms.saturating_add(FUTURE_TOLERANCE_MS) {
        Receive::Accept
    } else {
        Receive::Later { due_ms: remote.millis().saturating_sub(FUTURE_TOLERANCE_MS) }
    }
}

/// Issues the timestamps of one device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HlcClock {
    last: Hlc,
}

impl HlcClock {
    /// A clock that goes on after `last`, the greatest value issued or observed before a restart.
    pub const fn resume(last: Hlc) -> Self {
        Self { last }
    }

    /// The greatest value issued or observed so far; to be stored for [`HlcClock::resume`].
    pub const fn last(&self) -> Hlc {
        self.last
    }

    /// A timestamp for `now_ms`, strictly greater than every value issued or observed before. Values more than a day
    /// ahead count no more: they are of a time at which the local clock was wrong, and what came after them would be
    /// hidden by everybody else until then (docs/adr/0034).
    pub fn tick(&mut self, now_ms: u64) -> Hlc {
        self.tick_after(now_ms, Hlc::default())
    }

    /// As [`HlcClock::tick`], and also strictly greater than `past`, the greatest timestamp among `prev` and
    /// `deps`: an op is valid only so, even after the local clock was set back by years.
    pub fn tick_after(&mut self, now_ms: u64, past: Hlc) -> Hlc {
        let last =
            if receive(self.last, now_ms) == Receive::Accept { self.last.next() } else { Hlc::default() };
        self.last = Hlc::from_millis(now_ms).max(last).max(past.next());
        self.last
    }

    /// Lets a received timestamp drag this clock, at most to 24 hours after `now_ms`.
    pub fn observe(&mut self, remote: Hlc, now_ms: u64) {
        let bound = Hlc::from_millis(now_ms.saturating_add(FUTURE_TOLERANCE_MS));
        self.last = self.last.max(remote.min(bound));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_790_000_000_000;
    const DAY: u64 = 86_400_000;

    #[test]
    fn ticks_rise_within_a_millisecond_and_when_time_runs_backwards() {
        let mut clock = HlcClock::default();
        let first = clock.tick(NOON);
        let second = clock.tick(NOON);
        let third = clock.tick(NOON - DAY);
        assert!(first < second && second < third);
        assert_eq!((first.millis(), first.counter()), (NOON, 0));
        assert_eq!((third.millis(), third.counter()), (NOON, 2));
    }

    #[test]
    fn a_clock_that_was_years_ahead_goes_on_from_the_right_time() {
        let mut clock = HlcClock::default();
        let ahead = clock.tick(NOON + 3_650 * DAY);
        assert_eq!(clock.tick(NOON), Hlc::from_millis(NOON));
        assert_eq!(clock.tick(NOON), Hlc::from_millis(NOON).next());
        // Where it has written it must go on behind itself.
        assert_eq!(clock.tick_after(NOON, ahead), ahead.next());
        assert_eq!(clock.tick(NOON), Hlc::from_millis(NOON));
    }

    #[test]
    fn a_full_counter_carries_into_the_next_millisecond() {
        let mut clock = HlcClock::resume(Hlc::from_u64((NOON << 16) | 0xffff));
        let next = clock.tick(NOON);
        assert_eq!((next.millis(), next.counter()), (NOON + 1, 0));
    }

    #[test]
    fn a_remote_clock_drags_at_most_a_day() {
        let mut clock = HlcClock::default();
        clock.observe(Hlc::from_millis(NOON + 3_650 * DAY), NOON);
        assert_eq!(clock.last(), Hlc::from_millis(NOON + DAY));
        clock.observe(Hlc::from_millis(NOON + 5), NOON);
        assert_eq!(clock.last(), Hlc::from_millis(NOON + DAY));
    }

    #[test]
    fn exactly_a_day_ahead_is_accepted_and_a_millisecond_more_waits() {
        assert_eq!(receive(Hlc::from_millis(NOON + DAY), NOON), Receive::Accept);
        assert_eq!(receive(Hlc::from_millis(NOON + DAY + 1), NOON), Receive::Later { due_ms: NOON + 1 });
        assert_eq!(receive(Hlc::from_millis(0), NOON), Receive::Accept);
    }

    #[test]
    fn an_op_is_after_its_past_even_when_the_clock_was_set_back() {
        let mut clock = HlcClock::default();
        let past = Hlc::from_millis(NOON);
        assert!(clock.tick_after(NOON - 300 * DAY, past) > past);
    }
}
