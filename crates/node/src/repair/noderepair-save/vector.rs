//! Sealed vectors: the sorted items (hlc, op id) of a room for one kind of reader, over which negentropy
//! runs (protocol section 9.2).
//!
//! It must not know peers. Invariant: items are strictly increasing, so a range of clock values is a
//! slice; a vector that is older than its room is not used.

use std::{cell::Cell, collections::BTreeSet, ops::ControlFlow, sync::Arc};

use madang_model::{Hlc, OpId, visible::Class};
use madang_store::{Conn, RoomRow, history, ops};
use negentropy::{Bound, Error as NegError, Id, Item, NegentropyStorageBase};

use crate::{conversation::Conversation, error::Error};

/// Vectors kept at once; the one that was used longest ago goes first. One of 100,000 ops takes 4 MB.
const VECTORS: usize = 8;

/// What a room looked like when its vector was made: it changes with every op that is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    ops: u64,
    heads: BTreeSet<OpId>,
}

impl Stamp {
    /// Of a room as it is now.
    pub(crate) fn of(room: &Conversation) -> Self {
        let ops = room.lines.values().fold(0_u64, |sum, line| {
            let beyond = u64::try_from(line.beyond.len()).unwrap_or(u64::MAX);
            sum.saturating_add(line.upto).saturating_add(beyond)
        });
        Self { ops, heads: room.heads.clone() }
    }
}

/// Who reads: both accounts, since one reconciles only over what both may see (protocol section 3.5).
pub(crate) type Readers = (Class, Class);

#[derive(Debug)]
struct Vector {
    room: RoomRow,
    readers: Readers,
    stamp: Stamp,
    items: Arc<Vec<Item>>,
}

/// The vectors in memory, the one used last at the end.
#[derive(Debug, Default)]
pub(crate) struct Vectors(Vec<Vector>);

impl Vectors {
    /// The items of a room for these readers, and how many of them had to be read anew.
    pub(crate) fn get(
        &mut self,
        db: &Conn,
        room: RoomRow,
        readers: Readers,
        stamp: Stamp,
    ) -> Result<(Arc<Vec<Item>>, usize), Error> {
        let found = self.0.iter().position(|v| v.room == room && v.readers == readers);
        if let Some(vector) = found.map(|at| self.0.remove(at))
            && vector.stamp == stamp
        {
            let items = Arc::clone(&vector.items);
            self.0.push(vector);
            return Ok((items, 0));
        }
        let items = Arc::new(read(db, room, &readers)?);
        let built = items.len();
        if self.0.len() >= VECTORS {
            self.0.remove(0);
        }
        self.0.push(Vector { room, readers, stamp, items: Arc::clone(&items) });
        Ok((items, built))
    }
}

fn read(db: &Conn, room: RoomRow, readers: &Readers) -> Result<Vec<Item>, Error> {
    let everything = *readers == (Class::Everything, Class::Everything);
    let mut items = Vec::new();
    let mut broken = ControlFlow::Continue(());
    history::items(db, room, 0, u64::MAX, |hlc, id| {
        if everything || (sees_id(db, &readers.0, &id, &mut broken) && sees_id(db, &readers.1, &id, &mut broken)) {
            items.push(Item::with_timestamp_and_id(hlc, Id::from_byte_array(id.to_bytes())));
        }
        Ok(())
    })?;
    if let ControlFlow::Break(error) = broken {
        return Err(error);
    }
    items.sort_unstable();
    items.dedup();
    Ok(items)
}

fn sees_id(db: &Conn, class: &Class, id: &OpId, broken: &mut ControlFlow<Error>) -> bool {
    match ops::by_id(db, id) {
        Ok(op) => op.is_some_and(|op| sees(class, &op)),
        Err(error) => {
            *broken = ControlFlow::Break(error.into());
            false
        }
    }
}

/// Whether readers of a class may see a stored op (protocol section 3.5). Where that takes the causal past
/// of the op, which the store does not index yet, an op of somebody else is held back: nothing is shown
/// that might be hidden.
pub(crate) fn sees(class: &Class, op: &ops::Op) -> bool {
    let control = madang_model::Kind::from(op.kind).is_control();
    match class {
        Class::Nobody => false,
        Class::Everything => true,
        Class::Since(hlc) => control || Hlc::from_u64(op.hlc) >= *hlc,
        Class::AfterAdd { account, .. } => control || op.account == *account,
    }
}

/// A range of a vector, counting the steps of whoever walks over it.
#[derive(Debug)]
pub(crate) struct Range<'a> {
    items: &'a [Item],
    walked: Cell<u64>,
}

impl<'a> Range<'a> {
    /// The items with `from <= hlc < to`; none when the bounds are the wrong way round.
    pub(crate) fn new(items: &'a [Item], from: u64, to: u64) -> Self {
        let first = items.partition_point(|item| item.timestamp < from);
        let last = items.partition_point(|item| item.timestamp < to);
        Self { items: items.get(first..last).unwrap_or_default(), walked: Cell::new(0) }
    }

    /// Number of items.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Items that were walked over so far.
    pub(crate) fn walked(&self) -> u64 {
        self.walked.get()
    }
}

impl NegentropyStorageBase for Range<'_> {
    fn size(&self) -> Result<usize, NegError> {
        Ok(self.items.len())
    }

    fn get_item(&self, i: usize) -> Result<Option<Item>, NegError> {
        Ok(self.items.get(i).copied())
    }

    fn iterate(
        &self,
        begin: usize,
        end: usize,
        each: &mut dyn FnMut(Item, usize) -> Result<bool, NegError>,
    ) -> Result<(), NegError> {
        let items = self.items.get(begin..end).ok_or(NegError::BadRange)?;
        for (item, at) in items.iter().zip(begin..end) {
            self.walked.set(self.walked.get().saturating_add(1));
            if !each(*item, at)? {
                break;
            }
        }
        Ok(())
    }

    fn find_lower_bound(&self, first: usize, last: usize, value: &Bound) -> usize {
        let before = self.items.get(first..last).unwrap_or_default().partition_point(|item| *item < value.item);
        first.saturating_add(before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(count: u8) -> Vec<Item> {
        (0..count).map(|n| Item::with_timestamp_and_id(u64::from(n) * 10, Id::from_byte_array([n; 32]))).collect()
    }

    #[test]
    fn a_range_of_clock_values_is_a_slice() {
        let all = items(10);
        assert_eq!(Range::new(&all, 0, u64::MAX).len(), 10);
        assert_eq!(Range::new(&all, 20, 40).len(), 2);
        assert_eq!(Range::new(&all, 21, 21).len(), 0);
        assert_eq!(Range::new(&all, 90, 10).len(), 0, "bounds of a stranger may be anything");
        let range = Range::new(&all, 20, 60);
        assert_eq!(range.get_item(0).unwrap().map(|item| item.timestamp), Some(20));
        assert_eq!(range.find_lower_bound(1, 4, &Bound::with_timestamp(41)), 3);
    }

    #[test]
    fn steps_are_counted() {
        let all = items(10);
        let range = Range::new(&all, 0, u64::MAX);
        range.fingerprint(2, 7).unwrap();
        assert_eq!(range.walked(), 5);
        assert!(range.iterate(5, 11, &mut |_, _| Ok(true)).is_err(), "there is no eleventh item");
    }
}
