//! The line of each author in a room: which of the device's ops are here, as a contiguous run plus
//! single ones beyond a gap.
//!
//! Invariant: `upto` never falls, and nothing in `beyond` is at or below it.

use std::collections::{BTreeMap, BTreeSet};

use madang_model::{DeviceId, OpId};

/// What is here of one author device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// Every op up to this sequence number is here.
    pub(crate) upto: u64,
    /// Ops beyond a gap, by sequence number.
    pub(crate) beyond: BTreeMap<u64, OpId>,
    /// Numbers that were given up and count as here (protocol section 2.1): first and last.
    closed: BTreeMap<u64, u64>,
}

impl Line {
    /// Takes note of an op.
    pub(crate) fn add(&mut self, seq: u64, id: OpId) {
        if seq <= self.upto {
            return;
        }
        self.beyond.insert(seq, id);
        self.advance();
    }

    /// A line of which everything up to a number is here.
    pub(crate) fn begun(upto: u64) -> Self {
        Self { upto, ..Self::default() }
    }

    /// Counts numbers as here that nobody will ever bring.
    pub(crate) fn close(&mut self, from: u64, to: u64) {
        self.closed.insert(from, to);
        self.advance();
    }

    /// Whether a number was given up.
    pub(crate) fn was_closed(&self, seq: u64) -> bool {
        self.closed.range(..=seq).next_back().is_some_and(|(_, to)| seq <= *to)
    }

    fn advance(&mut self) {
        loop {
            let next = self.upto.saturating_add(1);
            if self.beyond.remove(&next).is_some() {
                self.upto = next;
            } else if let Some((_, to)) =
                self.closed.range(..=next).next_back().filter(|(_, to)| **to >= next)
            {
                self.upto = *to;
            } else {
                break;
            }
        }
        self.beyond.retain(|seq, _| *seq > self.upto);
    }

    /// Holes as inclusive ranges of sequence numbers.
    pub(crate) fn holes(&self) -> Vec<(u64, u64)> {
        let mut holes = Vec::new();
        let mut expected = self.upto.saturating_add(1);
        for &seq in self.beyond.keys() {
            if seq > expected && !self.was_closed(expected) {
                holes.push((expected, seq.saturating_sub(1)));
            }
            expected = seq.saturating_add(1);
        }
        holes
    }
}

/// What one remote device has acknowledged of each author.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    /// Contiguous part per author.
    pub(crate) upto: BTreeMap<DeviceId, u64>,
    /// Ops beyond gaps.
    pub(crate) also: Also,
}

/// Ops beyond gaps, by author.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Also(BTreeMap<DeviceId, BTreeSet<OpId>>);

impl Also {
    /// Whether an op is among them.
    pub(crate) fn contains(&self, id: &OpId) -> bool {
        self.0.values().any(|ids| ids.contains(id))
    }

    /// Those of one author.
    pub(crate) fn of(&self, author: &DeviceId) -> BTreeSet<OpId> {
        self.0.get(author).cloned().unwrap_or_default()
    }

    /// Replaces those of one author; answers whether anything changed.
    pub(crate) fn set(&mut self, author: DeviceId, ids: BTreeSet<OpId>) -> bool {
        if ids.is_empty() {
            self.0.remove(&author).is_some()
        } else {
            self.0.insert(author, ids.clone()) != Some(ids)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> OpId {
        OpId::from_bytes([n; 32])
    }

    #[test]
    fn a_gap_stays_until_it_is_filled() {
        let mut line = Line::default();
        line.add(1, id(1));
        line.add(4, id(4));
        line.add(6, id(6));
        assert_eq!(line.upto, 1);
        assert_eq!(line.holes(), vec![(2, 3), (5, 5)]);
        line.add(3, id(3));
        line.add(2, id(2));
        assert_eq!((line.upto, line.holes()), (4, vec![(5, 5)]));
        line.add(5, id(5));
        assert_eq!((line.upto, line.holes()), (6, vec![]));
    }

    #[test]
    fn numbers_that_were_given_up_count_as_here() {
        let mut line = Line::default();
        line.add(1, id(1));
        line.add(4, id(4));
        line.add(7, id(7));
        line.close(5, 6);
        assert_eq!((line.upto, line.holes()), (1, vec![(2, 3)]));
        line.close(2, 3);
        assert_eq!((line.upto, line.holes()), (7, vec![]));
        assert!(line.was_closed(3) && !line.was_closed(4) && !line.was_closed(7));
    }
}
