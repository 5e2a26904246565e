//! Frontiers and vectors (protocol section 6.2).
//!
//! Owns how a few op ids stand for a whole causal past, and what numbers per author follow from them. Must not
//! know where headers are stored: they are looked up through [`Headers`]. Invariant: a frontier is exact; it never
//! claims an op whose past was not seen.

use std::collections::{BTreeMap, BTreeSet};

use crate::hlc::Hlc;
use crate::ids::{DeviceId, OpId};
use crate::limits::FRONTIER_IDS_MAX;

/// What a walk through the past needs of an op.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Author.
    pub author: DeviceId,
    /// Number in the author's log.
    pub seq: u64,
    /// Timestamp.
    pub hlc: Hlc,
    /// `prev` and `deps`.
    pub parents: Vec<OpId>,
}

/// Looks up ops that are here.
pub trait Headers {
    /// The op, or none if it is not here or was not visible.
    fn link(&self, id: &OpId) -> Option<Link>;
}

impl Headers for BTreeMap<OpId, Link> {
    fn link(&self, id: &OpId) -> Option<Link> {
        self.get(id).cloned()
    }
}

/// A few ops that stand for themselves and their whole causal past.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    ids: BTreeSet<OpId>,
}

impl Frontier {
    /// A frontier of these ops, reduced to those that are not in the past of another one. Ids that are not here
    /// stay, since nothing is known of them.
    pub fn of(ids: impl IntoIterator<Item = OpId>, headers: &impl Headers) -> Self {
        let ids: BTreeSet<OpId> = ids.into_iter().collect();
        let oldest = ids.iter().filter_map(|id| headers.link(id)).map(|link| link.hlc).min();
        let (mut covered, mut open) = (BTreeSet::new(), Vec::new());
        for link in ids.iter().filter_map(|id| headers.link(id)) {
            open.extend(link.parents);
        }
        while let Some(id) = open.pop() {
            if !covered.insert(id) {
                continue;
            }
            // Nothing below the oldest id can be in the frontier: the walk ends there.
            if let Some(link) = headers.link(&id).filter(|link| Some(link.hlc) > oldest) {
                open.extend(link.parents);
            }
        }
        Self { ids: ids.into_iter().filter(|id| !covered.contains(id)).collect() }
    }

    /// Takes in an op all of whose visible past is in the frontier already.
    pub fn include(&mut self, id: OpId, parents: &[OpId]) {
        parents.iter().for_each(|parent| {
            self.ids.remove(parent);
        });
        self.ids.insert(id);
    }

    /// The union of what both stand for.
    #[must_use]
    pub fn union(&self, other: &Self, headers: &impl Headers) -> Self {
        Self::of(self.ids.iter().chain(&other.ids).copied(), headers)
    }

    /// The ids, sorted.
    pub fn ids(&self) -> &BTreeSet<OpId> {
        &self.ids
    }

    /// The ids to be sent: all of them, normally at most 8; of more than 64 the newest 64. What is left out is
    /// claimed by nobody, so a short frontier is late and never false.
    pub fn wire_ids(&self, headers: &impl Headers) -> Vec<OpId> {
        let mut newest: Vec<(Hlc, OpId)> =
            self.ids.iter().map(|id| (headers.link(id).map_or_else(Hlc::default, |l| l.hlc), *id)).collect();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        newest.truncate(FRONTIER_IDS_MAX);
        newest.into_iter().map(|(_, id)| id).collect()
    }
}

/// For each author the last number that somebody has committed or read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vector {
    upto: BTreeMap<DeviceId, u64>,
}

impl Vector {
    /// A vector as it was stored.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (DeviceId, u64)>) -> Self {
        Self { upto: pairs.into_iter().collect() }
    }

    /// The last number of an author, 0 for none.
    pub fn upto(&self, author: &DeviceId) -> u64 {
        self.upto.get(author).copied().unwrap_or(0)
    }

    /// All authors with their numbers.
    pub fn pairs(&self) -> impl Iterator<Item = (DeviceId, u64)> + '_ {
        self.upto.iter().map(|(author, seq)| (*author, *seq))
    }

    /// Whether the op is covered.
    pub fn covers(&self, author: &DeviceId, seq: u64) -> bool {
        seq <= self.upto(author)
    }

    /// Walks back from the ids of a frontier to what the vector covers already. Returns ids that are not here;
    /// the caller tries those again when they have come. The cost is the number of newly covered ops.
    pub fn advance(&mut self, ids: impl IntoIterator<Item = OpId>, headers: &impl Headers) -> Vec<OpId> {
        let before = self.clone();
        let (mut open, mut seen): (Vec<OpId>, BTreeSet<OpId>) = (ids.into_iter().collect(), BTreeSet::new());
        let mut missing = Vec::new();
        while let Some(id) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            match headers.link(&id) {
                None => missing.push(id),
                Some(link) if before.covers(&link.author, link.seq) => {}
                Some(link) => {
                    let upto = self.upto.entry(link.author).or_insert(0);
                    *upto = (*upto).max(link.seq);
                    open.extend(link.parents);
                }
            }
        }
        missing
    }

    /// The greater number per author: what several machines of one reader cover together.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut out = self.clone();
        for (author, seq) in &other.upto {
            let upto = out.upto.entry(*author).or_insert(0);
            *upto = (*upto).max(*seq);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> OpId {
        OpId::from_bytes([n; 32])
    }

    fn dev(n: u8) -> DeviceId {
        DeviceId::from_bytes([n; 32])
    }

    /// Alice (1) writes 1, 2, 5; Bob (2) writes 3 after 1 and 4 after 3; 5 has seen 4.
    fn room() -> BTreeMap<OpId, Link> {
        let link = |author, seq, ms, parents: &[u8]| Link {
            author: dev(author),
            seq,
            hlc: Hlc::from_millis(ms),
            parents: parents.iter().copied().map(id).collect(),
        };
        BTreeMap::from([
            (id(1), link(1, 1, 10, &[])),
            (id(2), link(1, 2, 20, &[1])),
            (id(3), link(2, 1, 15, &[1])),
            (id(4), link(2, 2, 25, &[3])),
            (id(5), link(1, 3, 30, &[2, 4])),
        ])
    }

    #[test]
    fn a_frontier_keeps_only_what_no_other_id_covers() {
        let room = room();
        let ids = |f: &Frontier| f.ids().iter().copied().collect::<Vec<_>>();
        assert_eq!(ids(&Frontier::of([id(1), id(2), id(3)], &room)), [id(2), id(3)]);
        assert_eq!(ids(&Frontier::of([id(1), id(5)], &room)), [id(5)]);
        let mine = Frontier::of([id(2)], &room);
        let other = Frontier::of([id(4)], &room);
        assert_eq!(ids(&mine.union(&other, &room)), [id(2), id(4)]);
        let mut grown = mine.union(&other, &room);
        grown.include(id(5), &[id(2), id(4)]);
        assert_eq!(ids(&grown), [id(5)]);
    }

    #[test]
    fn a_vector_follows_a_frontier_and_names_what_is_missing() {
        let room = room();
        let mut vector = Vector::default();
        assert_eq!(vector.advance([id(4)], &room), []);
        assert_eq!((vector.upto(&dev(1)), vector.upto(&dev(2))), (1, 2));
        // A late message is in nobody's frontier until it was seen, wherever it sorts.
        assert!(!vector.covers(&dev(1), 2));
        assert_eq!(vector.advance([id(5), id(9)], &room), [id(9)]);
        assert_eq!((vector.upto(&dev(1)), vector.upto(&dev(2))), (3, 2));
    }

    #[test]
    fn union_takes_the_greater_number_of_each_author() {
        let desk = Vector::from_pairs([(dev(1), 5), (dev(2), 1)]);
        let laptop = Vector::from_pairs([(dev(2), 4)]);
        assert_eq!(desk.union(&laptop), Vector::from_pairs([(dev(1), 5), (dev(2), 4)]));
    }

    #[test]
    fn at_most_sixty_four_ids_are_sent_and_they_are_the_newest() {
        let room: BTreeMap<OpId, Link> = (0..70u8)
            .map(|n| {
                let hlc = Hlc::from_millis(u64::from(n));
                (id(n), Link { author: dev(n), seq: 1, hlc, parents: vec![] })
            })
            .collect();
        let frontier = Frontier::of(room.keys().copied(), &room);
        let sent = frontier.wire_ids(&room);
        assert_eq!((sent.len(), sent[0], sent[63]), (64, id(69), id(6)));
    }

    /// A room of three authors in which op n has seen arbitrary earlier ones and always the author's last.
    fn random_room(seen: &[u16]) -> BTreeMap<OpId, Link> {
        let mut room = BTreeMap::new();
        let mut last: BTreeMap<u8, (u8, u64)> = BTreeMap::new();
        for (n, mask) in seen.iter().enumerate() {
            let (n, author) = (n as u8, (mask % 3) as u8);
            let (prev, seq) = last.get(&author).map_or((None, 0), |(op, seq)| (Some(*op), *seq));
            let mut parents: BTreeSet<OpId> =
                (0..n).filter(|p| mask >> (p % 13 + 3) & 1 == 1).map(id).collect();
            parents.extend(prev.map(id));
            let hlc = Hlc::from_millis(u64::from(n));
            let parents = parents.into_iter().collect();
            room.insert(id(n), Link { author: dev(author), seq: seq + 1, hlc, parents });
            last.insert(author, (n, seq + 1));
        }
        room
    }

    fn closure(ids: &[OpId], room: &BTreeMap<OpId, Link>) -> BTreeSet<OpId> {
        let (mut open, mut out) = (ids.to_vec(), BTreeSet::new());
        while let Some(id) = open.pop() {
            if out.insert(id) {
                open.extend(&room[&id].parents);
            }
        }
        out
    }

    proptest::proptest! {
        /// A frontier stands for exactly the past of its ids, none of them is superfluous, and the vector covers
        /// exactly that past, whether it advances at once or step by step.
        #[test]
        fn frontiers_and_vectors_are_exact(
            seen in proptest::collection::vec(proptest::prelude::any::<u16>(), 1..20),
            first in proptest::prelude::any::<u32>(),
            second in proptest::prelude::any::<u32>(),
        ) {
            let room = random_room(&seen);
            let pick = |bits: u32| -> Vec<OpId> {
                room.keys().enumerate().filter(|(n, _)| bits >> n & 1 == 1).map(|(_, id)| *id).collect()
            };
            let both: Vec<OpId> = pick(first).into_iter().chain(pick(second)).collect();
            let union = Frontier::of(pick(first), &room).union(&Frontier::of(pick(second), &room), &room);
            let ids: Vec<OpId> = union.ids().iter().copied().collect();
            let past = closure(&both, &room);
            proptest::prop_assert_eq!(&closure(&ids, &room), &past);
            for id in &ids {
                let others: Vec<OpId> = ids.iter().copied().filter(|other| other != id).collect();
                proptest::prop_assert!(!closure(&others, &room).contains(id));
            }
            let (mut stepwise, mut at_once) = (Vector::default(), Vector::default());
            stepwise.advance(Frontier::of(pick(first), &room).wire_ids(&room), &room);
            stepwise.advance(union.wire_ids(&room), &room);
            at_once.advance(both, &room);
            proptest::prop_assert_eq!(&stepwise, &at_once);
            for (id, link) in &room {
                proptest::prop_assert_eq!(stepwise.covers(&link.author, link.seq), past.contains(id));
            }
        }
    }
}
