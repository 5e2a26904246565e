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
}

impl Line {
    /// Takes note of an op.
    pub(crate) fn add(&mut self, seq: u64, id: OpId) {
        if seq <= self.upto {
            return;
        }
        self.beyond.insert(seq, id);
        while let Some(next) = self.beyond.first_entry() {
            if *next.key() != self.upto.saturating_add(1) {
                break;
            }
            self.upto = *next.key();
            next.remove();
        }
    }

    /// Holes as inclusive ranges of sequence numbers.
    pub(crate) fn holes(&self) -> Vec<(u64, u64)> {
        let mut holes = Vec::new();
        let mut expected = self.upto.saturating_add(1);
        for &seq in self.beyond.keys() {
            if seq > expected {
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
    pub(crate) also: BTreeSet<OpId>,
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
}
