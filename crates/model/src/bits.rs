//! Sets of small numbers.
//!
//! Owns a growable bit set, by which causal pasts are compared in a few machine words. Must not know what the
//! numbers mean. Invariant: the last word is never zero, so equal sets are equal values.

/// A set of indices.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

const WORD_BITS: usize = 64;

fn place(index: usize) -> (usize, u64) {
    (index / WORD_BITS, 1u64.wrapping_shl((index % WORD_BITS) as u32))
}

impl Bits {
    pub(crate) fn contains(&self, index: usize) -> bool {
        let (word, bit) = place(index);
        self.words.get(word).is_some_and(|w| w & bit != 0)
    }

    pub(crate) fn insert(&mut self, index: usize) {
        let (word, bit) = place(index);
        if self.words.len() <= word {
            self.words.resize(word.saturating_add(1), 0);
        }
        if let Some(w) = self.words.get_mut(word) {
            *w |= bit;
        }
    }

    pub(crate) fn remove(&mut self, index: usize) {
        let (word, bit) = place(index);
        if let Some(w) = self.words.get_mut(word) {
            *w &= !bit;
        }
        self.trim();
    }

    fn trim(&mut self) {
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.words.iter().fold(0usize, |sum, w| sum.saturating_add(w.count_ones() as usize))
    }

    pub(crate) fn union_with(&mut self, other: &Bits) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        for (w, o) in self.words.iter_mut().zip(&other.words) {
            *w |= o;
        }
    }

    pub(crate) fn subtract(&mut self, other: &Bits) {
        for (w, o) in self.words.iter_mut().zip(&other.words) {
            *w &= !o;
        }
        self.trim();
    }

    pub(crate) fn is_subset(&self, other: &Bits) -> bool {
        self.words.len() <= other.words.len() && self.words.iter().zip(&other.words).all(|(w, o)| w & !o == 0)
    }

    pub(crate) fn intersects(&self, other: &Bits) -> bool {
        self.words.iter().zip(&other.words).any(|(w, o)| w & o != 0)
    }

    pub(crate) fn intersection(&self, other: &Bits) -> Bits {
        let mut out = Bits { words: self.words.iter().zip(&other.words).map(|(w, o)| w & o).collect() };
        out.trim();
        out
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros() as usize;
                rest &= rest.wrapping_sub(1);
                Some(at.saturating_mul(WORD_BITS).saturating_add(bit))
            })
        })
    }
}

impl FromIterator<usize> for Bits {
    fn from_iter<I: IntoIterator<Item = usize>>(indices: I) -> Self {
        let mut out = Bits::default();
        indices.into_iter().for_each(|index| out.insert(index));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    proptest::proptest! {
        #[test]
        fn it_behaves_like_an_ordinary_set(a: BTreeSet<u8>, b: BTreeSet<u8>, gone: u8) {
            let bits = |set: &BTreeSet<u8>| set.iter().map(|i| *i as usize).collect::<Bits>();
            let set = |bits: &Bits| bits.iter().map(|i| i as u8).collect::<BTreeSet<u8>>();
            let (x, y) = (bits(&a), bits(&b));
            let mut union = x.clone();
            union.union_with(&y);
            assert_eq!(set(&union), &a | &b);
            let mut less = x.clone();
            less.subtract(&y);
            assert_eq!(set(&less), &a - &b);
            assert_eq!(less, bits(&(&a - &b)));
            assert_eq!(x.intersection(&y), bits(&(&a & &b)));
            assert_eq!(x.is_subset(&y), a.is_subset(&b));
            assert_eq!(x.intersects(&y), !a.is_disjoint(&b));
            assert_eq!(x.len(), a.len());
            let mut without = x.clone();
            without.remove(gone as usize);
            assert!(!without.contains(gone as usize));
            assert_eq!(without.is_empty(), without.iter().next().is_none());
        }
    }
}
