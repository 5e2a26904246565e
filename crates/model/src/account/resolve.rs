//! Conflicts inside an account log (protocol section 1.2).
//!
//! Owns strength, cuts and what falls with a removed device. Must not know arrival. Invariant: an op counts only
//! if its signers were active in its own causal past, and a stronger removal is never undone by a weaker one.

use std::collections::BTreeMap;

use crate::bits::Bits;
use crate::dag::Node;
use crate::ids::{DeviceId, OpId};
use crate::limits::SINGLE_REMOVAL_WINDOW_MS;

use super::log::AccountLog;
use super::op::{AccountChange, AccountOp, DeviceCut};

/// By which right a device was removed. Greater is stronger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// One device admitted earlier, or the target itself.
    Single,
    /// Two active devices.
    Two,
    /// The recovery phrase.
    Root,
}

/// The right by which an op counts in its own causal past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    /// Strength of a removal, or of the signature of any other op.
    pub(super) strength: Strength,
    /// Single removals of the signers by the target that this removal sets aside.
    pub(super) set_aside: Bits,
}

impl Authority {
    fn plain(strength: Strength) -> Self {
        Self { strength, set_aside: Bits::default() }
    }
}

/// Devices as they result from a list of live ops.
#[derive(Debug, Clone, Default)]
pub(super) struct Fold {
    pub(super) root: Option<DeviceId>,
    /// Device to the index of the op that admitted it.
    pub(super) admitted: BTreeMap<DeviceId, usize>,
    /// What became of each removed device by all of its removals.
    pub(super) removed: BTreeMap<DeviceId, Removed>,
}

/// A removed device: the strongest of its removals, of equal ones the first, and the lowest of their cuts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Removed {
    pub(super) by: usize,
    pub(super) strength: Strength,
    pub(super) cut: u64,
}

impl Fold {
    pub(super) fn active(&self, device: &DeviceId) -> bool {
        self.was_admitted(device) && !self.removed.contains_key(device)
    }

    fn was_admitted(&self, device: &DeviceId) -> bool {
        self.admitted.contains_key(device)
    }

    fn apply(&mut self, index: usize, op: &AccountOp, strength: Strength) {
        match &op.change {
            AccountChange::Genesis { root, first_device, .. } => {
                self.root = Some(*root);
                self.admitted.entry(*first_device).or_insert(index);
            }
            AccountChange::AddDevice { device, .. } => {
                self.admitted.entry(*device).or_insert(index);
            }
            AccountChange::RemoveDevice(cut) => self.remove(index, cut, strength),
            AccountChange::RotateRoot { root, remove } => {
                // Of two concurrent rotations by one root key the first by (hlc, op id) stays.
                if self.root == Some(op.author) {
                    self.root = Some(*root);
                }
                remove.iter().for_each(|cut| self.remove(index, cut, strength));
            }
            AccountChange::Unknown => {}
        }
    }

    fn remove(&mut self, by: usize, cut: &DeviceCut, strength: Strength) {
        let known = self.removed.entry(cut.device).or_insert(Removed { by, strength, cut: cut.cut });
        known.cut = known.cut.min(cut.cut);
        if strength > known.strength {
            (known.by, known.strength) = (by, strength);
        }
    }
}

/// What counts in a set of ops.
#[derive(Debug, Clone, Default)]
pub(super) struct Resolution {
    pub(super) live: Bits,
    pub(super) void: Bits,
    pub(super) fold: Fold,
}

/// The removals inside an op.
pub(super) fn removals(op: &AccountOp) -> &[DeviceCut] {
    match &op.change {
        AccountChange::RemoveDevice(cut) => std::slice::from_ref(cut),
        AccountChange::RotateRoot { remove, .. } => remove,
        _ => &[],
    }
}

/// Resolves a closed set of ops; those in `ignored` are treated as void from the start.
pub(super) fn resolve(log: &AccountLog, set: &Bits, ignored: &Bits) -> Resolution {
    let void = void_ops(log, set, ignored);
    let (live, fold) = live_ops(log, set, &void);
    Resolution { live, void, fold }
}

/// Applies the removals, strongest first, then by `(hlc, op id)`. A removal that falls to a later one of the same
/// strength is taken out and everything is applied anew, so that nothing of it stays behind.
fn void_ops(log: &AccountLog, set: &Bits, ignored: &Bits) -> Bits {
    let mut order: Vec<(Strength, usize, &Node<AccountOp>)> = log
        .dag
        .sorted(set)
        .filter(|(index, node)| !ignored.contains(*index) && !removals(&node.op).is_empty())
        .filter_map(|(index, node)| log.authority(index).map(|a| (a.strength, index, node)))
        .collect();
    // The sort is stable, so equal strengths keep the order of (hlc, id).
    order.sort_by_key(|(strength, ..)| std::cmp::Reverse(*strength));
    let mut fallen = Bits::default();
    loop {
        let mut void = ignored.clone();
        let mut applied = Bits::default();
        for (_, index, node) in &order {
            if void.contains(*index) || fallen.contains(*index) || !stands(log, *index, node, &void) {
                continue;
            }
            applied.insert(*index);
            void.union_with(&voided_by(log, set, *index, node));
        }
        let lost = applied.intersection(&void);
        if lost.is_empty() {
            void.union_with(&fallen);
            return void;
        }
        fallen.union_with(&lost);
    }
}

/// Ops of the removed devices beyond the cut, and the single removals that the removal sets aside.
///
/// The cut names a place in the line that the removal had seen: another op with a number that stands there already
/// is a fork, which the device may write at any time, and lies beyond it as well (docs/adr/0031).
fn voided_by(log: &AccountLog, set: &Bits, index: usize, node: &Node<AccountOp>) -> Bits {
    let mut void = Bits::default();
    for cut in removals(&node.op) {
        let seen = node.past.iter().filter_map(|i| log.dag.op(i)).filter(|op| op.author == cut.device);
        let seen = seen.map(|op| op.seq).max().unwrap_or(0);
        let beyond = log.dag.sorted(set).filter(|(other, o)| {
            let counted = o.op.seq <= cut.cut && o.op.seq > seen;
            o.op.author == cut.device && !node.past.contains(*other) && !counted
        });
        beyond.for_each(|(other, _)| void.insert(other));
    }
    if let Some(authority) = log.authority(index) {
        void.union_with(&authority.set_aside);
    }
    void
}

/// Whether an op that counts in its own past still does when `void` ops are taken out of it.
fn stands(log: &AccountLog, index: usize, node: &Node<AccountOp>, void: &Bits) -> bool {
    let Some(authority) = log.authority(index) else { return false };
    if !node.past.intersects(void) {
        return true;
    }
    let mut past = node.past.clone();
    past.remove(index);
    let mut out = void.clone();
    out.union_with(&authority.set_aside);
    let (_, fold) = live_ops(log, &past, &out);
    signers_stand(&fold, &node.op, authority.strength)
}

fn live_ops(log: &AccountLog, set: &Bits, void: &Bits) -> (Bits, Fold) {
    let mut live = Bits::default();
    for (index, node) in log.dag.sorted(set) {
        if void.contains(index) {
            continue;
        }
        let Some(authority) = log.authority(index) else { continue };
        let stands = !node.past.intersects(void) || {
            let mut past = node.past.intersection(&live);
            past.remove(index);
            signers_stand(&fold(log, &past), &node.op, authority.strength)
        };
        if stands {
            live.insert(index);
        }
    }
    let fold = fold(log, &live);
    (live, fold)
}

fn fold(log: &AccountLog, live: &Bits) -> Fold {
    let mut fold = Fold::default();
    for (index, node) in log.dag.sorted(live) {
        if let Some(authority) = log.authority(index) {
            fold.apply(index, &node.op, authority.strength);
        }
    }
    fold
}

/// Whether author and cosigner are active in this state, with at least this strength.
fn signers_stand(fold: &Fold, op: &AccountOp, strength: Strength) -> bool {
    match strength {
        _ if op.parents.is_empty() => true,
        Strength::Root => fold.root == Some(op.author),
        Strength::Single => fold.active(&op.author),
        Strength::Two => {
            fold.active(&op.author)
                && removals(op).iter().flat_map(|cut| &cut.cosigners).any(|cosigner| {
                    *cosigner != op.author
                        && fold.active(cosigner)
                        && removals(op).iter().all(|c| c.device != *cosigner)
                })
        }
    }
}

/// By which right an op counts in its own causal past; none if by none. `past` is its past without itself.
pub(super) fn judge(log: &AccountLog, op: &AccountOp, past: &Bits) -> Option<Authority> {
    match &op.change {
        AccountChange::Genesis { root, .. } => {
            (op.author == *root && op.seq == 1).then(|| Authority::plain(Strength::Root))
        }
        AccountChange::AddDevice { device, .. } => {
            let fold = log.resolution(past, &Bits::default()).fold;
            // A device key is used once: neither twice nor again after a removal.
            if fold.was_admitted(device) {
                None
            } else if fold.root == Some(op.author) {
                Some(Authority::plain(Strength::Root))
            } else {
                fold.active(&op.author).then(|| Authority::plain(Strength::Single))
            }
        }
        AccountChange::RemoveDevice(cut) => judge_removal(log, op, cut, past),
        AccountChange::Unknown => {
            let fold = log.resolution(past, &Bits::default()).fold;
            if fold.root == Some(op.author) {
                Some(Authority::plain(Strength::Root))
            } else {
                fold.active(&op.author).then(|| Authority::plain(Strength::Single))
            }
        }
        AccountChange::RotateRoot { remove, .. } => {
            let fold = log.resolution(past, &Bits::default()).fold;
            let valid = fold.root == Some(op.author)
                && remove.iter().all(|cut| fold.was_admitted(&cut.device) && cut_covers(log, cut, past));
            valid.then(|| Authority::plain(Strength::Root))
        }
    }
}

/// The target has to be admitted, not active: whoever was removed already may be removed again by a stronger right or
/// with a lower cut. Otherwise a thief would remove himself without a cut first, and go on from old heads for ever
/// (docs/adr/0032).
fn judge_removal(log: &AccountLog, op: &AccountOp, cut: &DeviceCut, past: &Bits) -> Option<Authority> {
    if !cut_covers(log, cut, past) {
        return None;
    }
    let fold = log.resolution(past, &Bits::default()).fold;
    if fold.root == Some(op.author) && fold.was_admitted(&cut.device) {
        return Some(Authority::plain(Strength::Root));
    }
    if op.author != cut.device && !cut.cosigners.is_empty() {
        let set_aside = single_removals_of_signers(log, op, cut, past);
        let judged = if set_aside.is_empty() { fold.clone() } else { log.resolution(past, &set_aside).fold };
        if judged.was_admitted(&cut.device) && signers_stand(&judged, op, Strength::Two) {
            return Some(Authority { strength: Strength::Two, set_aside });
        }
    }
    let by_one = fold.was_admitted(&cut.device)
        && fold.active(&op.author)
        && (op.author == cut.device || earlier(log, &fold, &op.author, &cut.device));
    by_one.then(|| Authority::plain(Strength::Single))
}

/// A cut below the highest number of the target among the removal's own ancestors is invalid.
fn cut_covers(log: &AccountLog, cut: &DeviceCut, past: &Bits) -> bool {
    past.iter().filter_map(|index| log.dag.op(index)).all(|op| op.author != cut.device || op.seq <= cut.cut)
}

/// Single-device removals of the signers of a two-device removal, made by its target less than 30 days before.
fn single_removals_of_signers(log: &AccountLog, op: &AccountOp, cut: &DeviceCut, past: &Bits) -> Bits {
    let since = op.hlc.millis().saturating_sub(SINGLE_REMOVAL_WINDOW_MS);
    past.iter()
        .filter(|index| {
            let single = log.authority(*index).is_some_and(|a| a.strength == Strength::Single);
            single
                && log.dag.op(*index).is_some_and(|earlier| {
                    earlier.author == cut.device
                        && earlier.hlc.millis() > since
                        && removals(earlier)
                            .iter()
                            .any(|c| c.device == op.author || cut.cosigners.contains(&c.device))
                })
        })
        .collect()
}

/// Whether `one` was admitted earlier than `other`: its admission is an ancestor, or both are concurrent and its
/// `(hlc, op id)` is smaller.
fn earlier(log: &AccountLog, fold: &Fold, one: &DeviceId, other: &DeviceId) -> bool {
    let node = |device| {
        let index = *fold.admitted.get(device)?;
        Some((index, log.dag.node(index)?))
    };
    let (Some((a, first)), Some((b, second))) = (node(one), node(other)) else { return false };
    if second.past.contains(a) || first.past.contains(b) {
        return second.past.contains(a);
    }
    order_of(&first.op) < order_of(&second.op)
}

fn order_of(op: &AccountOp) -> (crate::hlc::Hlc, OpId) {
    (op.hlc, op.id)
}
