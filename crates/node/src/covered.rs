//! Which ops of a room are here with their whole past, and the few ids that stand for them (protocol
//! section 6.2).
//!
//! It must not know lines, receipts or registers. Invariants: an op is covered only when every op of its
//! past is here or given up; what waits is bounded by what is younger than the oldest hole.

use std::collections::{BTreeMap, BTreeSet};

use madang_model::{
    DeviceId, Hlc, OpId,
    frontier::{Frontier, Headers},
    limits::GAP_CLOSE_MS,
};
use madang_store::{Conn, RoomRow, history, meta};
use madang_wire::{Message as _, OpHeader};

use crate::error::Error;

/// Bytes of one missing op as it is kept: id, since when, timestamp of the oldest op that names it.
const KEPT: usize = 48;
/// Row of the ops that are missing.
const MISSING: &str = "holes";
/// Row of the ops that were given up, as they are kept while they are missing.
const GIVEN_UP: &str = "given_up_holes";
/// Row in which there were only their ids.
const GIVEN_UP_IDS: &str = "given_up";

/// An op that is known only as somebody's past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Missing {
    /// Since when it is missed, ms since 1970.
    since: u64,
    /// Timestamp of the oldest op here that names it.
    named_by: Hlc,
}

/// What has to be known of an op that has come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived<'a> {
    pub(crate) id: OpId,
    pub(crate) author: DeviceId,
    pub(crate) seq: u64,
    pub(crate) parents: &'a [OpId],
}

/// An op that is here and some of whose past is not.
#[derive(Debug, Clone)]
struct Waiting {
    author: DeviceId,
    seq: u64,
    parents: Vec<OpId>,
    /// Parents that are missing or wait themselves.
    open: BTreeSet<OpId>,
}

/// What is covered in one room.
#[derive(Debug, Default)]
pub(crate) struct Covered {
    frontier: Frontier,
    waiting: BTreeMap<OpId, Waiting>,
    /// Ops that wait, by an open parent.
    behind: BTreeMap<OpId, Vec<OpId>>,
    missing: BTreeMap<OpId, Missing>,
    /// Missing ops that nobody will ever bring, with the timestamp of the oldest op that names them: they count as
    /// here.
    given_up: BTreeMap<OpId, Hlc>,
}

impl Covered {
    /// Loads what is covered. Only ops that are younger than the oldest hole are looked at.
    pub(crate) fn load(
        db: &Conn,
        room: RoomRow,
        heads: &BTreeSet<OpId>,
        headers: &impl Headers,
    ) -> Result<Self, Error> {
        let mut loaded = Self::default();
        for entry in meta::get(db, &key(room, MISSING))?.unwrap_or_default().as_chunks::<KEPT>().0 {
            if let Some((id, missing)) = read(entry) {
                loaded.missing.insert(id, missing);
            }
        }
        let ids = meta::get(db, &key(room, GIVEN_UP_IDS))?.unwrap_or_default();
        let ids = ids.as_chunks::<32>().0.iter();
        loaded.given_up = ids.map(|id| (OpId::from_bytes(*id), Hlc::from_u64(0))).collect();
        for entry in meta::get(db, &key(room, GIVEN_UP))?.unwrap_or_default().as_chunks::<KEPT>().0 {
            loaded.given_up.extend(read(entry).map(|(id, missing)| (id, missing.named_by)));
        }
        let mut covered: BTreeSet<OpId> = heads.clone();
        if let Some(oldest) = loaded.missing.values().map(|missing| missing.named_by.as_u64()).min() {
            let mut younger = Vec::new();
            history::items(db, room, oldest, u64::MAX, |_, id| {
                younger.push(id);
                Ok(())
            })?;
            for id in younger {
                let header = madang_store::ops::applied_header(db, &id)?;
                let Some(header) = header.and_then(|bytes| OpHeader::decode(bytes.as_slice()).ok()) else {
                    continue;
                };
                let parents: Vec<OpId> = [&header.prev]
                    .into_iter()
                    .chain(&header.deps)
                    .filter_map(|id| OpId::try_from(id.as_slice()).ok())
                    .collect();
                let Ok(author) = DeviceId::try_from(header.author.as_slice()) else { continue };
                if loaded.wait(Arrived { id, author, seq: header.seq, parents: &parents }) {
                    covered.extend(parents);
                }
            }
            covered.retain(|id| !loaded.waiting.contains_key(id) && headers.link(id).is_some());
        }
        loaded.frontier = Frontier::of(covered, headers);
        Ok(loaded)
    }

    /// Keeps what is missing.
    pub(crate) fn save(&self, db: &Conn, room: RoomRow) -> Result<(), Error> {
        let missing: Vec<u8> = self.missing.iter().flat_map(|(id, missing)| write(id, missing)).collect();
        let lost = |named_by: &Hlc| Missing { since: 0, named_by: *named_by };
        let given_up: Vec<u8> = self.given_up.iter().flat_map(|(id, by)| write(id, &lost(by))).collect();
        meta::remove(db, &key(room, GIVEN_UP_IDS))?;
        for (name, bytes) in [(MISSING, missing), (GIVEN_UP, given_up)] {
            if bytes.is_empty() {
                meta::remove(db, &key(room, name))?;
            } else {
                meta::set(db, &key(room, name), &bytes)?;
            }
        }
        Ok(())
    }

    /// The covered ops that no other covered op has in its past.
    pub(crate) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Whether some op here waits for its past.
    pub(crate) fn is_whole(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether others name an op as their past that was not here.
    pub(crate) fn is_named(&self, id: &OpId) -> bool {
        self.missing.contains_key(id) || self.given_up.contains_key(id)
    }

    /// Ops here that wait for this one and name it as their past.
    pub(crate) fn followers(&self, id: &OpId) -> BTreeSet<OpId> {
        self.behind.get(id).into_iter().flatten().copied().collect()
    }

    /// Timestamp of the oldest op that names one that was given up.
    pub(crate) fn given_up_since(&self, id: &OpId) -> Option<Hlc> {
        self.given_up.get(id).copied()
    }

    /// The first op of each author that waits for its past.
    pub(crate) fn first_waiting(&self) -> BTreeMap<DeviceId, u64> {
        let mut first = BTreeMap::new();
        for op in self.waiting.values() {
            let seq = first.entry(op.author).or_insert(op.seq);
            *seq = op.seq.min(*seq);
        }
        first
    }

    /// Takes note of an op that is not here and that one with timestamp `named_by` has in its past.
    pub(crate) fn miss(&mut self, id: OpId, named_by: Hlc, now: u64) {
        if let Some(since) = self.given_up.get_mut(&id) {
            *since = (*since).min(named_by);
            return;
        }
        let missing = self.missing.entry(id).or_insert(Missing { since: now, named_by });
        missing.named_by = missing.named_by.min(named_by);
    }

    /// Takes note of an op that is here now, after the parts of its past that are not. Answers whether
    /// ops became covered that had waited for it.
    pub(crate) fn add(&mut self, op: Arrived<'_>) -> bool {
        self.missing.remove(&op.id);
        // What was given up is below others that are covered already.
        let late = self.given_up.remove(&op.id).is_some();
        if self.wait(op) {
            return false;
        }
        if !late {
            self.frontier.include(op.id, op.parents);
        }
        self.release(op.id)
    }

    /// Counts a missing op as here. Answers whether ops became covered by that.
    pub(crate) fn give_up(&mut self, id: OpId) -> bool {
        let named_by = self.missing.remove(&id).map_or(Hlc::from_u64(0), |missing| missing.named_by);
        self.given_up.insert(id, named_by);
        self.release(id)
    }

    /// Takes note of an op that is here and has no effect: it keeps back nothing and stands for nothing. Answers
    /// whether ops became covered that had waited for it.
    pub(crate) fn pass(&mut self, id: &OpId) -> bool {
        self.missing.remove(id);
        self.given_up.remove(id);
        self.release(*id)
    }

    /// Takes back an op that turns out to have no effect; `heads` are those of its parents that nothing else follows.
    /// Answers whether ops became covered that had waited for it.
    pub(crate) fn withdraw(&mut self, id: &OpId, heads: &BTreeSet<OpId>, headers: &impl Headers) -> bool {
        let Some(waiting) = self.waiting.remove(id) else {
            if self.frontier.ids().contains(id) {
                let others = self.frontier.ids().iter().filter(|other| *other != id);
                let covered = heads.iter().filter(|head| !self.waiting.contains_key(*head));
                self.frontier = Frontier::of(others.chain(covered).copied(), headers);
            }
            return false;
        };
        for parent in &waiting.open {
            let Some(followers) = self.behind.get_mut(parent) else { continue };
            followers.retain(|follower| follower != id);
            if followers.is_empty() {
                self.behind.remove(parent);
                // Nobody else names it.
                self.missing.remove(parent);
            }
        }
        self.release(*id)
    }

    /// Missing ops that were missed for 30 days.
    pub(crate) fn long_missing(&self, now: u64) -> Vec<OpId> {
        let long = |missing: &Missing| now.saturating_sub(missing.since) > GAP_CLOSE_MS;
        self.missing.iter().filter(|(_, missing)| long(missing)).map(|(id, _)| *id).collect()
    }

    /// Lets an op wait if some of its past is open; answers whether it does.
    fn wait(&mut self, op: Arrived<'_>) -> bool {
        let is_open = |id: &&OpId| self.missing.contains_key(*id) || self.waiting.contains_key(*id);
        let open: BTreeSet<OpId> = op.parents.iter().filter(is_open).copied().collect();
        if open.is_empty() {
            return false;
        }
        for parent in &open {
            self.behind.entry(*parent).or_default().push(op.id);
        }
        let parents = op.parents.to_vec();
        self.waiting.insert(op.id, Waiting { author: op.author, seq: op.seq, parents, open });
        true
    }

    fn release(&mut self, id: OpId) -> bool {
        let mut closed = vec![id];
        let mut released = false;
        while let Some(id) = closed.pop() {
            for child in self.behind.remove(&id).unwrap_or_default() {
                let Some(waiting) = self.waiting.get_mut(&child) else { continue };
                waiting.open.remove(&id);
                if waiting.open.is_empty()
                    && let Some(waiting) = self.waiting.remove(&child)
                {
                    self.frontier.include(child, &waiting.parents);
                    released = true;
                    closed.push(child);
                }
            }
        }
        released
    }
}

fn key(room: RoomRow, name: &str) -> String {
    format!("room.{}.{name}", room.0)
}

fn read(entry: &[u8; KEPT]) -> Option<(OpId, Missing)> {
    let (id, rest) = entry.split_first_chunk::<32>()?;
    let (since, named_by) = rest.split_first_chunk::<8>()?;
    let named_by = Hlc::from_u64(u64::from_be_bytes(named_by.try_into().ok()?));
    Some((OpId::from_bytes(*id), Missing { since: u64::from_be_bytes(*since), named_by }))
}

fn write(id: &OpId, missing: &Missing) -> Vec<u8> {
    [id.as_bytes().as_slice(), &missing.since.to_be_bytes(), &missing.named_by.as_u64().to_be_bytes()]
        .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> OpId {
        OpId::from_bytes([n; 32])
    }

    fn add(covered: &mut Covered, n: u8, author: u8, seq: u64, parents: &[u8]) -> bool {
        let parents: Vec<OpId> = parents.iter().copied().map(id).collect();
        covered.add(Arrived { id: id(n), author: DeviceId::from_bytes([author; 32]), seq, parents: &parents })
    }

    fn frontier(covered: &Covered) -> Vec<OpId> {
        covered.frontier().ids().iter().copied().collect()
    }

    #[test]
    fn a_hole_keeps_back_what_stands_on_it_and_nothing_else() {
        let mut covered = Covered::default();
        add(&mut covered, 1, 1, 1, &[]);
        covered.miss(id(2), Hlc::from_millis(30), 7);
        assert!(!add(&mut covered, 3, 1, 3, &[2]));
        assert!(!add(&mut covered, 4, 2, 1, &[1]));
        assert!(!add(&mut covered, 5, 2, 2, &[4, 3]));
        assert_eq!(frontier(&covered), [id(4)]);
        let (one, two) = (DeviceId::from_bytes([1; 32]), DeviceId::from_bytes([2; 32]));
        assert_eq!(covered.first_waiting(), BTreeMap::from([(one, 3), (two, 2)]));
        assert!(add(&mut covered, 2, 1, 2, &[1]), "the hole is filled");
        assert_eq!(frontier(&covered), [id(5)]);
        assert!(covered.is_whole());
    }

    #[test]
    fn what_has_no_effect_keeps_back_nothing_and_stands_for_nothing() {
        let mut covered = Covered::default();
        add(&mut covered, 1, 1, 1, &[]);
        covered.miss(id(2), Hlc::from_millis(30), 7);
        covered.miss(id(9), Hlc::from_millis(30), 7);
        add(&mut covered, 3, 1, 3, &[2, 9]);
        add(&mut covered, 4, 2, 1, &[3]);
        assert_eq!(covered.followers(&id(2)), [id(3)].into());
        let headers = BTreeMap::new();
        assert!(covered.withdraw(&id(3), &BTreeSet::new(), &headers), "what names it is covered");
        assert_eq!(frontier(&covered), [id(1), id(4)]);
        assert!(!covered.is_named(&id(2)) && !covered.is_named(&id(9)), "nobody else named them");
        // The same when it was known from the start to have none.
        let mut other = Covered::default();
        add(&mut other, 1, 1, 1, &[]);
        other.miss(id(3), Hlc::from_millis(40), 7);
        add(&mut other, 4, 2, 1, &[3]);
        assert!(other.pass(&id(3)));
        assert_eq!(frontier(&other), frontier(&covered));
        assert!(other.is_whole() && covered.is_whole());
    }

    #[test]
    fn what_is_given_up_counts_as_here_and_may_still_come() {
        let mut covered = Covered::default();
        covered.miss(id(2), Hlc::from_millis(30), 7);
        add(&mut covered, 3, 1, 3, &[2]);
        assert_eq!(covered.long_missing(7 + GAP_CLOSE_MS), []);
        assert_eq!(covered.long_missing(8 + GAP_CLOSE_MS), [id(2)]);
        assert!(covered.give_up(id(2)));
        assert_eq!(frontier(&covered), [id(3)]);
        assert!(!add(&mut covered, 2, 1, 2, &[]));
        assert_eq!(frontier(&covered), [id(3)]);
    }
}
