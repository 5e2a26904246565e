//! Unread numbers (protocol section 6.2).
//!
//! Owns the count of people who have not read a message. Must not know where vectors come from. Invariant: a
//! person counts once, however many machines he has.

use std::collections::BTreeMap;

use crate::frontier::Vector;
use crate::ids::{AccountId, DeviceId};

/// One current member with receipts on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    /// The person.
    pub account: AccountId,
    /// What any of his machines has displayed.
    pub read: Vector,
    /// For each author the first number this person may see; authors not named are visible from the first.
    pub from: BTreeMap<DeviceId, u64>,
}

/// Sorted numbers per author, from which the unread number of any message follows by binary search.
#[derive(Debug, Clone, Default)]
pub struct UnreadNumbers {
    by_author: BTreeMap<DeviceId, Vec<u64>>,
    total: usize,
}

impl UnreadNumbers {
    /// Prepares the numbers for these authors, each with the account he writes for. Members without receipts are
    /// not among the readers: they are in no number.
    pub fn new(authors: &BTreeMap<DeviceId, AccountId>, readers: &[Reader]) -> Self {
        let mut out = Self { total: readers.len(), ..Self::default() };
        for (author, account) in authors {
            let mut numbers: Vec<u64> = readers
                .iter()
                .filter(|reader| reader.account != *account)
                .map(|reader| {
                    // What a reader may not see is as good as read, so that he is not counted for it.
                    let unseen = reader.from.get(author).map_or(0, |from| from.saturating_sub(1));
                    reader.read.upto(author).max(unseen)
                })
                .collect();
            numbers.sort_unstable();
            out.by_author.insert(*author, numbers);
        }
        out
    }

    /// How many people have not read message `seq` of this author; none if the author was not named.
    pub fn unread(&self, author: &DeviceId, seq: u64) -> Option<usize> {
        self.by_author.get(author).map(|numbers| numbers.partition_point(|upto| *upto < seq))
    }

    /// Number of readers.
    pub fn readers(&self) -> usize {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(n: u8) -> AccountId {
        AccountId::from_bytes([n; 32])
    }

    fn dev(n: u8) -> DeviceId {
        DeviceId::from_bytes([n; 32])
    }

    fn reader(n: u8, upto: u64, from: u64) -> Reader {
        let from = if from > 1 { BTreeMap::from([(dev(1), from)]) } else { BTreeMap::new() };
        Reader { account: account(n), read: Vector::from_pairs([(dev(1), upto)]), from }
    }

    #[test]
    fn everybody_but_the_author_counts_until_he_has_read() {
        let authors = BTreeMap::from([(dev(1), account(1))]);
        let readers = [reader(1, 0, 1), reader(2, 3, 1), reader(3, 5, 1), reader(4, 0, 1)];
        let numbers = UnreadNumbers::new(&authors, &readers);
        let of = |seq| numbers.unread(&dev(1), seq);
        assert_eq!([of(1), of(3), of(4), of(5), of(6)], [Some(1), Some(1), Some(2), Some(2), Some(3)]);
        assert_eq!(numbers.unread(&dev(9), 1), None);
        assert_eq!(numbers.readers(), 4);
    }

    #[test]
    fn a_newcomer_is_not_counted_for_what_he_may_not_see() {
        let authors = BTreeMap::from([(dev(1), account(1))]);
        let numbers = UnreadNumbers::new(&authors, &[reader(2, 0, 4)]);
        assert_eq!(numbers.unread(&dev(1), 3), Some(0));
        assert_eq!(numbers.unread(&dev(1), 4), Some(1));
    }
}
