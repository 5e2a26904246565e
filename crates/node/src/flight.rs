//! Sealed bytes of own ops on a stream that were not acknowledged yet.
//!
//! It must not know what is sent. Invariant: the sum is that of the entries.

use std::collections::BTreeMap;

use madang_store::RoomRow;

/// What is on its way to one peer.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    by_seq: BTreeMap<(RoomRow, u64), usize>,
    bytes: usize,
}

impl Flight {
    /// All bytes on their way.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Those of one room.
    pub(crate) fn of(&self, room: RoomRow) -> usize {
        self.by_seq.range((room, 0)..=(room, u64::MAX)).map(|(_, bytes)| bytes).sum()
    }

    /// An own op of a room was sent.
    pub(crate) fn sent(&mut self, room: RoomRow, seq: u64, bytes: usize) {
        let before = self.by_seq.insert((room, seq), bytes).unwrap_or(0);
        self.bytes = self.bytes.saturating_sub(before).saturating_add(bytes);
    }

    /// Ops of a room up to a number arrived.
    pub(crate) fn acked(&mut self, room: RoomRow, upto: u64) {
        while let Some((&key, &bytes)) = self.by_seq.range((room, 0)..=(room, upto)).next() {
            self.by_seq.remove(&key);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// What is on its way in a room is sent again.
    pub(crate) fn forget(&mut self, room: RoomRow) {
        self.acked(room, u64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_follows_what_is_sent_and_acknowledged() {
        let (one, two) = (RoomRow(1), RoomRow(2));
        let mut flight = Flight::default();
        for seq in 1..=4 {
            flight.sent(one, seq, 10);
            flight.sent(two, seq, 100);
        }
        flight.sent(one, 4, 15);
        assert_eq!((flight.bytes(), flight.of(one)), (445, 45));
        flight.acked(one, 2);
        assert_eq!((flight.bytes(), flight.of(one)), (425, 25));
        flight.forget(two);
        assert_eq!((flight.bytes(), flight.of(two)), (25, 0));
    }
}
