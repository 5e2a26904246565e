//! The resolved account log.
//!
//! Owns what others read from it. Must not know how it was resolved. Invariant: a device is active or removed,
//! never both, and a removed device key never comes back.

use std::collections::{BTreeMap, BTreeSet};

use crate::bits::Bits;
use crate::hlc::Hlc;
use crate::ids::{AccountId, DeviceId, OpId};

use super::log::AccountLog;
use super::op::AccountChange;
use super::resolve::{Resolution, Strength};

/// An active device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveDevice {
    /// Label as its AddDevice (or the genesis) gives it.
    pub label: String,
    /// The op that admitted it.
    pub add_op: OpId,
    /// Timestamp of that op.
    pub added: Hlc,
    /// Position in the order of admission by `(hlc, op id)`, which respects causality; 0 is the oldest.
    pub order: usize,
    /// Whether the root key admitted it (a restore), which matters for history policy `none`. The first device
    /// of the account does not count as restored.
    pub by_root: bool,
}

/// A removed device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedDevice {
    /// Last number of it that counts in the account log: the lowest cut of its removals.
    pub cut: u64,
    /// The strongest removal that took effect, of equal ones the first.
    pub by: OpId,
    /// By which right that one removed it.
    pub strength: Strength,
}

/// An account as a set of its ops defines it (protocol section 1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountState {
    /// The account.
    pub account: AccountId,
    /// The current root key; none as long as the genesis is missing or invalid.
    pub root: Option<DeviceId>,
    /// Active devices.
    pub devices: BTreeMap<DeviceId, ActiveDevice>,
    /// Removed devices.
    pub removed: BTreeMap<DeviceId, RemovedDevice>,
    /// Ops that no other one follows, sorted.
    pub heads: Vec<OpId>,
    /// Ops that count for nothing: void by a removal, or never authorised.
    pub void: BTreeSet<OpId>,
    /// Every device that some op admitted with authority in its own past, also when that op is void by now:
    /// somebody may have given it keys in between.
    pub ever: BTreeSet<DeviceId>,
    /// Removals that took effect, with the devices they removed.
    pub removals: BTreeMap<OpId, BTreeSet<DeviceId>>,
}

impl AccountState {
    /// Whether the device may sign for the account now.
    pub fn is_active(&self, device: &DeviceId) -> bool {
        self.devices.contains_key(device)
    }

    pub(super) fn read(log: &AccountLog, set: &Bits, resolution: &Resolution) -> Self {
        let fold = &resolution.fold;
        let mut void = log.dag.ids(&resolution.void.intersection(set));
        let mut ever = BTreeSet::new();
        let mut removals: BTreeMap<OpId, BTreeSet<DeviceId>> = BTreeMap::new();
        for (index, node) in log.dag.sorted(set) {
            if !resolution.live.contains(index) {
                void.insert(node.op.id);
            } else {
                for cut in super::resolve::removals(&node.op) {
                    removals.entry(node.op.id).or_default().insert(cut.device);
                }
            }
            if log.authority(index).is_some() {
                ever.extend(admitted_by(&node.op.change));
            }
        }
        let mut devices = BTreeMap::new();
        let mut order = 0usize;
        for (index, node) in log.dag.sorted(&resolution.live) {
            if let Some(device) = admitted_by(&node.op.change) {
                if fold.admitted.get(&device) != Some(&index) {
                    continue;
                }
                if fold.active(&device) {
                    let by_root = log.authority(index).is_some_and(|a| a.strength == Strength::Root)
                        && !node.op.parents.is_empty();
                    let label = label_of(&node.op.change);
                    let (add_op, added) = (node.op.id, node.op.hlc);
                    devices.insert(device, ActiveDevice { label, add_op, added, order, by_root });
                }
                order = order.saturating_add(1);
            }
        }
        let removed = fold
            .removed
            .iter()
            .filter_map(|(device, removed)| {
                let by = log.dag.op(removed.by)?.id;
                Some((*device, RemovedDevice { cut: removed.cut, by, strength: removed.strength }))
            })
            .collect();
        let heads = log.dag.heads(set);
        Self { account: log.account(), root: fold.root, devices, removed, heads, void, ever, removals }
    }
}

fn admitted_by(change: &AccountChange) -> Option<DeviceId> {
    match change {
        AccountChange::Genesis { first_device, .. } => Some(*first_device),
        AccountChange::AddDevice { device, .. } => Some(*device),
        _ => None,
    }
}

fn label_of(change: &AccountChange) -> String {
    match change {
        AccountChange::Genesis { label, .. } | AccountChange::AddDevice { label, .. } => label.clone(),
        _ => String::new(),
    }
}
