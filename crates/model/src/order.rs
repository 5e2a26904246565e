//! Order of ops in a room and the time shown (protocol section 2.4).
//!
//! Must not know arrival order, except for the time shown. Invariant: the order respects causality, because an
//! op is valid only with a timestamp greater than those of its past.

use crate::hlc::Hlc;
use crate::ids::DeviceId;
use crate::op::Header;

/// Position of an op in its room: `(hlc, author, seq)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderKey {
    /// Timestamp of the op.
    pub hlc: Hlc,
    /// Device that signed it; decides between equal timestamps.
    pub author: DeviceId,
    /// Number in the author's log; decides between equal timestamps of a forked log.
    pub seq: u64,
}

impl From<&Header> for OrderKey {
    fn from(header: &Header) -> Self {
        Self { hlc: header.hlc, author: header.author, seq: header.seq }
    }
}

/// Time shown beside a message, in milliseconds since 1970: the author's time, but never later than the moment
/// it arrived here.
pub fn shown_time_ms(hlc: Hlc, arrived_ms: u64) -> u64 {
    hlc.millis().min(arrived_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_comes_before_author_and_author_before_number() {
        let key = |ms, author, seq| OrderKey {
            hlc: Hlc::from_millis(ms),
            author: DeviceId::from_bytes([author; 32]),
            seq,
        };
        let mut keys = [key(2, 1, 1), key(1, 9, 9), key(1, 9, 2), key(1, 3, 5)];
        keys.sort();
        assert_eq!(keys, [key(1, 3, 5), key(1, 9, 2), key(1, 9, 9), key(2, 1, 1)]);
    }

    #[test]
    fn a_message_from_the_future_shows_its_arrival() {
        assert_eq!(shown_time_ms(Hlc::from_millis(5_000), 4_000), 4_000);
        assert_eq!(shown_time_ms(Hlc::from_millis(3_000), 4_000), 3_000);
    }
}
