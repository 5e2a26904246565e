//! Registers that name ops which are not here yet: they are read again when the ops come (protocol
//! section 6.2).
//!
//! It must not know what a register says. Invariant: what is remembered is bounded; what is forgotten the
//! next version of the register brings again.

use std::collections::{BTreeMap, BTreeSet};

use madang_model::{DeviceId, OpId};
use madang_store::RoomRow;

/// Ops that may be awaited.
const CAP: usize = 16_384;

/// Registers that hold a frontier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Frontiers {
    /// What is committed there.
    Heads,
    /// What was displayed there.
    Read,
}

impl Frontiers {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Heads, Self::Read];

    /// Name of the register.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Heads => "heads",
            Self::Read => "read",
        }
    }
}

/// One register: room, author, which.
pub(crate) type Place = (RoomRow, DeviceId, Frontiers);

/// What is awaited.
#[derive(Debug, Default)]
pub(crate) struct Awaited {
    by_op: BTreeMap<(RoomRow, OpId), BTreeSet<Place>>,
    by_register: BTreeMap<Place, Vec<OpId>>,
    /// Registers whose ops have come.
    due: BTreeSet<Place>,
}

impl Awaited {
    /// The newest version of a register names these ops, which are not here.
    pub(crate) fn set(&mut self, register: Place, ops: Vec<OpId>) {
        for op in self.by_register.remove(&register).unwrap_or_default() {
            let key = (register.0, op);
            if let Some(waiting) = self.by_op.get_mut(&key) {
                waiting.remove(&register);
                if waiting.is_empty() {
                    self.by_op.remove(&key);
                }
            }
        }
        if ops.is_empty() || self.by_op.len().saturating_add(ops.len()) > CAP {
            return;
        }
        for op in &ops {
            self.by_op.entry((register.0, *op)).or_default().insert(register);
        }
        self.by_register.insert(register, ops);
    }

    /// An op has come.
    pub(crate) fn came(&mut self, room: RoomRow, op: OpId) {
        self.due.extend(self.by_op.remove(&(room, op)).unwrap_or_default());
    }

    /// Takes the registers that are to be read again.
    pub(crate) fn take(&mut self) -> BTreeSet<Place> {
        std::mem::take(&mut self.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_is_read_again_when_an_op_of_its_newest_version_comes() {
        let (room, op) = (RoomRow(1), |n: u8| OpId::from_bytes([n; 32]));
        let register = (room, DeviceId::from_bytes([7; 32]), Frontiers::Read);
        let mut awaited = Awaited::default();
        awaited.set(register, vec![op(1), op(2)]);
        awaited.set(register, vec![op(2), op(3)]);
        awaited.came(room, op(1));
        awaited.came(RoomRow(2), op(2));
        assert_eq!(awaited.take(), BTreeSet::new());
        awaited.came(room, op(3));
        assert_eq!(awaited.take(), BTreeSet::from([register]));
        assert_eq!(awaited.take(), BTreeSet::new());
    }

    #[test]
    fn ops_that_never_come_are_bounded() {
        let mut awaited = Awaited::default();
        for n in 0..u16::MAX {
            let mut id = [0; 32];
            id[..2].copy_from_slice(&n.to_be_bytes());
            awaited.set((RoomRow(1), DeviceId::from_bytes(id), Frontiers::Heads), vec![OpId::from_bytes(id)]);
        }
        assert_eq!((awaited.by_op.len(), awaited.by_register.len()), (CAP, CAP));
    }
}
