//! Membership and roles as they follow from a set of live ops.
//!
//! Owns how concurrent changes combine (protocol section 5.2 rules 1, 6, 7 and 9). Must not know which ops are
//! live. Invariant: there is exactly one owner as long as there is a member.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::bits::Bits;
use crate::dag::Node;
use crate::ids::{AccountId, OpId};

use super::log::ControlLog;
use super::op::{Change, ControlOp, Role};

/// One member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) role: Role,
    /// Index of the op that made it a member; none where membership is fixed.
    pub(super) add: Option<usize>,
}

/// The members of a set of live ops.
#[derive(Debug, Clone, Default)]
pub(super) struct Fold {
    pub(super) members: BTreeMap<AccountId, Standing>,
    /// Removals of members that took effect.
    pub(super) removals: Bits,
    /// People who are no members only because they left, with the role that they would have otherwise.
    left: BTreeMap<AccountId, Role>,
}

impl Fold {
    pub(super) fn role(&self, account: &AccountId) -> Option<Role> {
        self.members.get(account).map(|standing| standing.role)
    }

    /// Role that counts when somebody is to be removed: a Leave has no cut, so whoever left is still removed by those
    /// who stood above him (docs/adr/0032). An owner who left counts as admin.
    pub(super) fn removable_role(&self, account: &AccountId) -> Option<Role> {
        self.role(account).or_else(|| self.left.get(account).copied())
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }
}

#[derive(Default)]
struct Events<'a> {
    adds: BTreeMap<AccountId, Vec<(usize, Role)>>,
    removals: BTreeMap<AccountId, Vec<usize>>,
    /// New role, with the strength of its author.
    roles: BTreeMap<AccountId, Vec<(usize, Role, Role)>>,
    ownership: Vec<(usize, &'a Node<ControlOp>)>,
}

/// Combines live ops. Members of a fixed conversation are all alike and nobody's inferior.
pub(super) fn fold(log: &ControlLog, live: &Bits) -> Fold {
    let mut out = Fold::default();
    for account in log.conversation().fixed_members() {
        out.members.insert(account, Standing { role: Role::Member, add: None });
    }
    let events = collect(log, live);
    let transferred = |account: &AccountId, removal: usize| {
        let before = log.dag.node(removal).map(|node| &node.past);
        events.ownership.iter().any(|(index, node)| {
            matches!(&node.op.change, Change::Transfer { account: to } if to == account)
                && before.is_some_and(|past| !past.contains(*index))
        })
    };
    // Nobody removes the owner: a Transfer that the remover had not seen overrules him.
    let effective: BTreeMap<&AccountId, Vec<usize>> = events
        .removals
        .iter()
        .map(|(account, ops)| {
            let stays = |index: &usize| is_leave(log, *index) || !transferred(account, *index);
            (account, ops.iter().copied().filter(stays).collect())
        })
        .collect();
    out.removals = effective.values().flatten().copied().collect();
    for (account, adds) in &events.adds {
        let none = Vec::new();
        let removals = effective.get(account).unwrap_or(&none);
        let roles = events.roles.get(account);
        if let Some(standing) = standing(log, adds, removals, roles) {
            out.members.insert(*account, standing);
            continue;
        }
        let by_others: Vec<usize> = removals.iter().copied().filter(|r| !is_leave(log, *r)).collect();
        if let Some(standing) = standing(log, adds, &by_others, roles) {
            out.left.insert(*account, standing.role);
        }
    }
    set_owner(log, live, &events, &mut out);
    out
}

/// What somebody is by these Adds, removals and changes of his role. Removal beats a concurrent add; a re-add has the
/// removal in its past.
fn standing(
    log: &ControlLog,
    adds: &[(usize, Role)],
    removals: &[usize],
    roles: Option<&Vec<(usize, Role, Role)>>,
) -> Option<Standing> {
    let survivors: Vec<(usize, Role)> = adds
        .iter()
        .copied()
        .filter(|(add, _)| {
            log.dag.node(*add).is_some_and(|node| removals.iter().all(|r| node.past.contains(*r)))
        })
        .collect();
    let (add, granted) = survivors.first().copied()?;
    let role = latest_role(log, &survivors, roles).unwrap_or(granted);
    Some(Standing { role, add: Some(add) })
}

fn is_leave(log: &ControlLog, index: usize) -> bool {
    log.dag.op(index).is_some_and(|op| matches!(op.change, Change::Leave { .. }))
}

fn collect<'a>(log: &'a ControlLog, live: &'a Bits) -> Events<'a> {
    let mut events = Events::default();
    for (index, node) in log.dag.sorted(live) {
        let Some(facts) = log.facts(index) else { continue };
        for (account, role) in &facts.entries {
            // The first owner counts as admin once he is no longer the owner.
            events.adds.entry(*account).or_default().push((index, (*role).min(Role::Admin)));
        }
        let Some(author) = facts.author else { continue };
        match &node.op.change {
            Change::Genesis(_) => events.ownership.push((index, node)),
            Change::Remove { account, .. } => events.removals.entry(*account).or_default().push(index),
            Change::Leave { .. } => {
                events.removals.entry(author.account).or_default().push(index);
                if author.role == Role::Owner {
                    events.ownership.push((index, node));
                }
            }
            Change::Role { account, role } => {
                events.roles.entry(*account).or_default().push((index, *role, author.role));
            }
            Change::Transfer { .. } => {
                events.roles.entry(author.account).or_default().push((index, Role::Admin, author.role));
                events.ownership.push((index, node));
            }
            _ => {}
        }
    }
    events
}

/// The role given last; of concurrent ones that of the highest author, then the greatest `(hlc, op id)`.
fn latest_role(
    log: &ControlLog,
    adds: &[(usize, Role)],
    roles: Option<&Vec<(usize, Role, Role)>>,
) -> Option<Role> {
    let of_this_membership: Vec<&(usize, Role, Role)> = roles?
        .iter()
        .filter(|(index, ..)| {
            log.dag.node(*index).is_some_and(|node| adds.iter().any(|(add, _)| node.past.contains(*add)))
        })
        .collect();
    let candidates: Vec<(usize, Role)> =
        of_this_membership.iter().map(|(index, _, by)| (*index, *by)).collect();
    let winner = latest(log, &candidates)?;
    of_this_membership.iter().find(|(index, ..)| *index == winner).map(|(_, role, _)| *role)
}

/// Of ops on the same thing, in the order of `(hlc, id)` and with the role of their authors: those that no other
/// one follows, of these the highest author role, then the last (rule 7).
pub(super) fn latest(log: &ControlLog, ops: &[(usize, Role)]) -> Option<usize> {
    let followed = |index: usize| {
        ops.iter().any(|(other, _)| {
            *other != index && log.dag.node(*other).is_some_and(|node| node.past.contains(index))
        })
    };
    ops.iter()
        .enumerate()
        .filter(|(_, (index, _))| !followed(*index))
        .max_by_key(|(position, (_, role))| (*role, *position))
        .map(|(_, (index, _))| *index)
}

/// Exactly one owner: from Genesis, Transfer, or when the owner left by rule 9. The last of the ops on ownership
/// decides; all of them were written by owners, so `(hlc, op id)` is the whole of rule 7 here.
fn set_owner(log: &ControlLog, live: &Bits, events: &Events<'_>, out: &mut Fold) {
    let Some((index, node)) = events.ownership.last() else { return };
    let named = match &node.op.change {
        Change::Genesis(genesis) => Some(genesis.owner),
        Change::Transfer { account } => Some(*account),
        _ => None,
    };
    let owner = named.filter(|account| out.members.contains_key(account)).or_else(|| {
        let mut before = node.past.intersection(live);
        before.remove(*index);
        // The successor is the one at the time of leaving, as long as he is still there.
        succession(log, &fold(log, &before))
            .into_iter()
            .find(|account| out.members.contains_key(account))
            .or_else(|| succession(log, out).first().copied())
    });
    if let Some(standing) = owner.and_then(|account| out.members.get_mut(&account)) {
        standing.role = Role::Owner;
    }
}

/// Members by role, then by the earliest Add, then by the smaller op id, then by account id.
fn succession(log: &ControlLog, fold: &Fold) -> Vec<AccountId> {
    let key = |standing: &Standing| -> Option<(crate::hlc::Hlc, OpId)> {
        let op = log.dag.op(standing.add?)?;
        Some((op.hlc, op.id))
    };
    let mut heirs: Vec<(&AccountId, &Standing)> = fold.members.iter().collect();
    heirs.sort_by_key(|(account, standing)| (Reverse(standing.role), key(standing), **account));
    heirs.into_iter().map(|(account, _)| *account).collect()
}
