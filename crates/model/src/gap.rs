//! Holes in an author's log (protocol section 2.1).
//!
//! Owns finding them and when they are closed. Must not know why ops are missing. Invariant: an op that is here
//! is in no gap.

use crate::limits::GAP_CLOSE_MS;

/// A run of numbers of one author that are not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gap {
    /// First missing number.
    pub from: u64,
    /// Last missing number.
    pub to: u64,
}

impl Gap {
    /// Number of missing ops.
    pub fn count(&self) -> u64 {
        self.to.saturating_sub(self.from).saturating_add(1)
    }
}

/// Gaps between `first` (1, or for a newcomer the first number he may see) and `last`, the highest number of the
/// author that anybody has named. `present` is sorted; numbers below `first` and repeated ones are passed over.
pub fn gaps(first: u64, last: u64, present: impl IntoIterator<Item = u64>) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut next = first.max(1);
    for seq in present {
        if seq < next {
            continue;
        }
        if seq > next {
            gaps.push(Gap { from: next, to: seq.saturating_sub(1) });
        }
        next = seq.saturating_add(1);
    }
    if next <= last {
        gaps.push(Gap { from: next, to: last });
    }
    gaps
}

/// The last number up to which nothing is missing, at least `first - 1`; `present` is sorted.
pub fn contiguous(first: u64, present: impl IntoIterator<Item = u64>) -> u64 {
    let mut upto = first.max(1).saturating_sub(1);
    for seq in present {
        if seq > upto.saturating_add(1) {
            break;
        }
        upto = upto.max(seq);
    }
    upto
}

/// Whether a gap becomes the closed line "N messages from ... were never delivered": it is older than 30 days and
/// its device is revoked or was not seen since.
pub fn is_closed(since_ms: u64, revoked: bool, last_seen_ms: Option<u64>, now_ms: u64) -> bool {
    let old = now_ms.saturating_sub(since_ms) > GAP_CLOSE_MS;
    let unseen = last_seen_ms.is_none_or(|seen| now_ms.saturating_sub(seen) > GAP_CLOSE_MS);
    old && (revoked || unseen)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;

    #[test]
    fn holes_are_found_between_and_after() {
        let gap = |from, to| Gap { from, to };
        assert_eq!(gaps(1, 9, [1, 2, 4, 7]), [gap(3, 3), gap(5, 6), gap(8, 9)]);
        assert_eq!(gaps(1, 0, []), []);
        assert_eq!(gaps(1, 3, []), [gap(1, 3)]);
        assert_eq!(gap(5, 6).count(), 2);
    }

    #[test]
    fn a_newcomers_line_starts_where_he_may_see() {
        assert_eq!(gaps(5, 7, [2, 5, 7]), [Gap { from: 6, to: 6 }]);
        assert_eq!(contiguous(5, [2, 5, 6, 8]), 6);
        assert_eq!(contiguous(1, [2, 3]), 0);
    }

    #[test]
    fn a_gap_closes_after_thirty_days_of_silence() {
        assert!(!is_closed(0, true, None, 30 * DAY));
        assert!(is_closed(0, true, Some(30 * DAY), 30 * DAY + 1));
        assert!(!is_closed(0, false, Some(20 * DAY), 31 * DAY));
        assert!(is_closed(0, false, Some(DAY), 32 * DAY));
    }

    proptest::proptest! {
        #[test]
        fn gaps_and_present_numbers_are_a_partition(present: std::collections::BTreeSet<u8>, last: u8) {
            let seqs: Vec<u64> = present.iter().map(|s| u64::from(*s)).filter(|s| *s > 0).collect();
            let found = gaps(1, u64::from(last), seqs.iter().copied());
            let top = seqs.last().copied().unwrap_or(0).max(u64::from(last));
            for seq in 1..=top {
                let missing = found.iter().any(|g| g.from <= seq && seq <= g.to);
                proptest::prop_assert_eq!(missing, !seqs.contains(&seq));
            }
        }
    }
}
