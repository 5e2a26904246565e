//! A causally closed graph of ops.
//!
//! Owns the index of ops, their causal pasts and the ops that wait for a missing one. Must not know what the ops
//! do. Invariant: whatever is in the graph has its whole past in the graph, and a greater `(hlc, id)` than every
//! op of that past.

use std::collections::{BTreeMap, BTreeSet};

use crate::bits::Bits;
use crate::hlc::Hlc;
use crate::ids::OpId;

/// Ops that may wait for a missing past in one log; a flood of orphans costs no more than this.
pub const WAITING_MAX: usize = 4_096;

/// Why an op is not taken into a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Its timestamp is not greater than those of its past (protocol section 2.4).
    #[error("the timestamp is not greater than that of the past")]
    NotAfterPast,
    /// It belongs to another log.
    #[error("the op belongs to another log")]
    WrongLog,
    /// A list in it is longer than the protocol allows.
    #[error("a list of the op is too long")]
    TooMany,
    /// Too many ops wait already.
    #[error("more than {WAITING_MAX} ops wait for their past")]
    Full,
}

/// What became of an op that was handed to a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// It is in the log, together with these ops (itself first) that had waited for it.
    Added(Vec<OpId>),
    /// It waits; this is one of the ops it needs.
    Waiting(OpId),
    /// It was there before.
    Duplicate,
}

pub(crate) trait Vertex {
    fn id(&self) -> OpId;
    fn hlc(&self) -> Hlc;
    fn parents(&self) -> &[OpId];
}

#[derive(Debug, Clone)]
pub(crate) struct Node<T> {
    pub(crate) op: T,
    /// The op itself and everything before it.
    pub(crate) past: Bits,
}

#[derive(Debug, Clone)]
pub(crate) struct Dag<T> {
    nodes: Vec<Node<T>>,
    index: BTreeMap<OpId, usize>,
    /// Indices in the order of `(hlc, id)`, which is a linear extension of causality.
    order: Vec<usize>,
}

impl<T> Default for Dag<T> {
    fn default() -> Self {
        Self { nodes: Vec::new(), index: BTreeMap::new(), order: Vec::new() }
    }
}

impl<T: Vertex> Dag<T> {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn find(&self, id: &OpId) -> Option<usize> {
        self.index.get(id).copied()
    }

    pub(crate) fn node(&self, index: usize) -> Option<&Node<T>> {
        self.nodes.get(index)
    }

    pub(crate) fn op(&self, index: usize) -> Option<&T> {
        self.nodes.get(index).map(|node| &node.op)
    }

    /// The first parent that is not in the graph.
    pub(crate) fn missing(&self, op: &T) -> Option<OpId> {
        op.parents().iter().find(|id| !self.index.contains_key(id)).copied()
    }

    /// Past of an op whose parents are all here, without the op itself.
    pub(crate) fn past_before(&self, op: &T) -> Bits {
        self.past_of(op.parents()).unwrap_or_default()
    }

    /// Everything at or before these ops; none if one of them is not here.
    pub(crate) fn past_of(&self, ids: &[OpId]) -> Option<Bits> {
        let mut past = Bits::default();
        for id in ids {
            past.union_with(&self.node(self.find(id)?)?.past);
        }
        Some(past)
    }

    /// Adds an op whose parents are all here and returns its index.
    pub(crate) fn push(&mut self, op: T) -> Result<usize, LogError> {
        let after = op
            .parents()
            .iter()
            .filter_map(|id| self.op(self.find(id)?))
            .all(|parent| parent.hlc() < op.hlc());
        if !after {
            return Err(LogError::NotAfterPast);
        }
        let index = self.nodes.len();
        let mut past = self.past_before(&op);
        past.insert(index);
        let key = (op.hlc(), op.id());
        let at = self.order.partition_point(|i| self.op(*i).is_some_and(|o| (o.hlc(), o.id()) < key));
        self.order.insert(at, index);
        self.index.insert(op.id(), index);
        self.nodes.push(Node { op, past });
        Ok(index)
    }

    /// Every op in the order of `(hlc, id)`.
    pub(crate) fn ordered(&self) -> impl Iterator<Item = &T> + '_ {
        self.order.iter().filter_map(|index| self.op(*index))
    }

    /// Members of `set` in the order of `(hlc, id)`.
    pub(crate) fn sorted<'a>(&'a self, set: &'a Bits) -> impl Iterator<Item = (usize, &'a Node<T>)> + 'a {
        self.order
            .iter()
            .filter(|index| set.contains(**index))
            .filter_map(|index| self.nodes.get(*index).map(|node| (*index, node)))
    }

    /// Ids of the members of a closed set that are in the past of no other member, sorted.
    pub(crate) fn heads(&self, set: &Bits) -> Vec<OpId> {
        let mut covered = Bits::default();
        for node in set.iter().filter_map(|index| self.nodes.get(index)) {
            for parent in node.op.parents().iter().filter_map(|id| self.find(id)) {
                covered.insert(parent);
            }
        }
        let mut heads: Vec<OpId> = set
            .iter()
            .filter(|index| !covered.contains(*index))
            .filter_map(|index| self.op(index).map(Vertex::id))
            .collect();
        heads.sort_unstable();
        heads
    }

    pub(crate) fn all(&self) -> Bits {
        (0..self.nodes.len()).collect()
    }

    pub(crate) fn ids(&self, set: &Bits) -> BTreeSet<OpId> {
        set.iter().filter_map(|index| self.op(index).map(Vertex::id)).collect()
    }
}

/// Ops that wait for one that is missing.
#[derive(Debug, Clone)]
pub(crate) struct Waiting<T> {
    by_missing: BTreeMap<OpId, Vec<T>>,
    ids: BTreeSet<OpId>,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { by_missing: BTreeMap::new(), ids: BTreeSet::new() }
    }
}

impl<T: Vertex> Waiting<T> {
    pub(crate) fn contains(&self, id: &OpId) -> bool {
        self.ids.contains(id)
    }

    pub(crate) fn put(&mut self, missing: OpId, op: T) -> Result<(), LogError> {
        if self.ids.len() >= WAITING_MAX {
            return Err(LogError::Full);
        }
        if self.ids.insert(op.id()) {
            self.by_missing.entry(missing).or_default().push(op);
        }
        Ok(())
    }

    pub(crate) fn take(&mut self, arrived: &OpId) -> Vec<T> {
        let released = self.by_missing.remove(arrived).unwrap_or_default();
        released.iter().for_each(|op| {
            self.ids.remove(&op.id());
        });
        released
    }

    /// Every id that something waits for.
    pub(crate) fn missing(&self) -> Vec<OpId> {
        self.by_missing.keys().copied().filter(|id| !self.ids.contains(id)).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }
}
