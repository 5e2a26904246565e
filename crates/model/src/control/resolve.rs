//! Which control ops count in a set (protocol section 5.2 rules 3 to 5, section 5.3).
//!
//! Owns cuts and what falls with a removed author. Must not know arrival order. Invariant: a removal is judged
//! before every weaker one, and ops of a voided author fall with all that rests on them.

use std::collections::BTreeMap;

use crate::account::AccountState;
use crate::bits::Bits;
use crate::dag::Node;
use crate::ids::AccountId;

use super::facts::may;
use super::fold::{Fold, fold};
use super::log::ControlLog;
use super::op::{Change, ControlOp, Role};

/// What counts in a set of ops.
#[derive(Debug, Clone, Default)]
pub(super) struct Resolution {
    pub(super) void: Bits,
    pub(super) live: Bits,
    pub(super) fold: Fold,
}

/// A removal of devices in an account log, as a set of control ops tells of it.
#[derive(Debug, Clone)]
pub(super) struct DeviceRemoval<'a> {
    pub(super) account: AccountId,
    pub(super) devices: Vec<crate::ids::DeviceId>,
    pub(super) op: crate::ids::OpId,
    /// Control ops that mirror it, or name account heads that include it.
    pub(super) announced_by: Bits,
    state: &'a AccountState,
}

pub(super) fn resolve(log: &ControlLog, set: &Bits, device_removals: &[DeviceRemoval<'_>]) -> Resolution {
    let by_devices = cut_devices(log, set, device_removals);
    let void = void_ops(log, set, by_devices);
    let live = live_ops(log, set, &void);
    let fold = fold(log, &live);
    Resolution { void, live, fold }
}

/// The effective removals of the account logs, with who told of them.
pub(super) fn device_removals<'a>(
    log: &ControlLog,
    set: &Bits,
    states: &'a BTreeMap<AccountId, std::sync::Arc<AccountState>>,
) -> Vec<DeviceRemoval<'a>> {
    let mut out = Vec::new();
    for (account, state) in states {
        for (op, devices) in &state.removals {
            let Some(number) = log.accounts.get(account).and_then(|l| l.find(op)) else { continue };
            let announced_by = set
                .iter()
                .filter(|index| {
                    log.facts(*index).is_some_and(|facts| {
                        facts.named.iter().any(|(of, past)| of == account && past.contains(number))
                    })
                })
                .collect();
            let devices = devices.iter().copied().collect();
            out.push(DeviceRemoval { account: *account, devices, op: *op, announced_by, state });
        }
    }
    out
}

/// Ops of removed devices that were written without regard to the removal. The number of the last op that counts
/// stands in the account log, not in this conversation, so the cut here is what the mirror had in its past: of
/// mirrors by the account's own active devices the narrowest, otherwise (anybody may post one) the widest.
fn cut_devices(log: &ControlLog, set: &Bits, removals: &[DeviceRemoval<'_>]) -> Bits {
    let mut void = Bits::default();
    for removal in removals {
        let pasts = |own: bool| -> Vec<&Bits> {
            removal
                .announced_by
                .iter()
                .filter_map(|index| log.dag.node(index))
                .filter(|node| removal.state.is_active(&node.op.author) == own)
                .map(|node| &node.past)
                .collect()
        };
        let (own, foreign) = (pasts(true), pasts(false));
        for index in set.iter() {
            if !falls_with_author(log, index, &removal.account) {
                continue;
            }
            let by_removed = log.dag.op(index).is_some_and(|op| removal.devices.contains(&op.author));
            let seen = if own.is_empty() {
                foreign.iter().any(|past| past.contains(index))
            } else {
                own.iter().all(|past| past.contains(index))
            };
            if by_removed && !seen {
                void.insert(index);
            }
        }
    }
    void
}

/// Whether this op was written by the account and can be void at all.
fn falls_with_author(log: &ControlLog, index: usize, account: &AccountId) -> bool {
    log.facts(index).is_some_and(|f| !f.mirror && f.author.is_some_and(|author| author.account == *account))
}

/// Applies removals, strongest author first, then by `(hlc, op_id)`. A removal that falls to a later one is taken
/// out and everything is applied anew, so that nothing of it stays behind.
fn void_ops(log: &ControlLog, set: &Bits, by_devices: Bits) -> Bits {
    let mut order: Vec<(Role, usize, AccountId, &Node<ControlOp>)> = log
        .dag
        .sorted(set)
        .filter_map(|(index, node)| match &node.op.change {
            Change::Remove { account, .. } => {
                let facts = log.facts(index).filter(|f| f.authorised)?;
                Some((facts.author?.role, index, *account, node))
            }
            _ => None,
        })
        .collect();
    // The sort is stable, so equal roles keep the order of (hlc, id).
    order.sort_by_key(|(role, ..)| std::cmp::Reverse(*role));
    let mut fallen = Bits::default();
    loop {
        let mut void = by_devices.clone();
        let mut applied = Bits::default();
        for (_, index, target, node) in &order {
            let out = void.contains(*index) || fallen.contains(*index);
            if out || !stands(log, *index, node, &void) || overruled(log, set, *target, node, &void) {
                continue;
            }
            applied.insert(*index);
            void.union_with(&beyond_cut(log, set, *index, *target, node));
        }
        let lost = applied.intersection(&void);
        if lost.is_empty() {
            void.union_with(&fallen);
            return void;
        }
        fallen.union_with(&lost);
    }
}

/// Ops of the target that the remover had not seen, unless they follow a later re-add. Heads are named in full,
/// so an op with a number up to the cut that is not in the removal's past is a fork and falls as well.
fn beyond_cut(
    log: &ControlLog,
    set: &Bits,
    removal: usize,
    target: AccountId,
    node: &Node<ControlOp>,
) -> Bits {
    let re_adds: Bits = set
        .iter()
        .filter(|index| {
            let adds =
                log.facts(*index).is_some_and(|f| f.entries.iter().any(|(account, _)| *account == target));
            adds && log.dag.node(*index).is_some_and(|add| add.past.contains(removal))
        })
        .collect();
    set.iter()
        .filter(|index| {
            falls_with_author(log, *index, &target)
                && !node.past.contains(*index)
                && log.dag.node(*index).is_some_and(|op| !op.past.intersects(&re_adds))
        })
        .collect()
}

/// Whether a Transfer to the target that the remover had not seen makes him owner: nobody removes the owner.
fn overruled(
    log: &ControlLog,
    set: &Bits,
    target: AccountId,
    removal: &Node<ControlOp>,
    void: &Bits,
) -> bool {
    set.iter().any(|index| {
        log.dag.node(index).is_some_and(|node| {
            matches!(&node.op.change, Change::Transfer { account } if *account == target)
                && !removal.past.contains(index)
                && !void.contains(index)
                && stands(log, index, node, void)
        })
    })
}

/// Whether an op that is authorised in its own past still is when `void` ops are taken out of it.
fn stands(log: &ControlLog, index: usize, node: &Node<ControlOp>, void: &Bits) -> bool {
    let Some(facts) = log.facts(index).filter(|facts| facts.authorised) else { return false };
    if unchanged(&node.past, void, &facts.void_before) {
        return true;
    }
    let mut past = node.past.clone();
    past.remove(index);
    let live = live_ops(log, &past, void);
    may(&fold(log, &live), log.conversation(), &node.op, facts)
}

/// Whether exactly those ops of this past are void that its author knew to be void.
fn unchanged(past: &Bits, void: &Bits, void_before: &Bits) -> bool {
    if void_before.is_empty() { !past.intersects(void) } else { past.intersection(void) == *void_before }
}

fn live_ops(log: &ControlLog, set: &Bits, void: &Bits) -> Bits {
    let mut live = Bits::default();
    for (index, node) in log.dag.sorted(set) {
        if void.contains(index) {
            continue;
        }
        let Some(facts) = log.facts(index).filter(|facts| facts.authorised) else { continue };
        let stands = facts.mirror || unchanged(&node.past, void, &facts.void_before) || {
            let mut past = node.past.intersection(&live);
            past.remove(index);
            may(&fold(log, &past), log.conversation(), &node.op, facts)
        };
        if stands {
            live.insert(index);
        }
    }
    live
}
