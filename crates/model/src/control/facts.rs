//! What is fixed about a control op once its past is known.
//!
//! Owns the judgement of an op in its own causal past (protocol section 5.2 rules 2 to 4). Must not know any
//! other op. Invariant: these facts never change afterwards, so an op that was not authorised when it was written
//! can never become so.

use std::sync::Arc;

use crate::bits::Bits;
use crate::ids::{AccountId, DeviceId};

use super::fold::Fold;
use super::log::{ControlLog, Conversation, entries_of, named_heads};
use super::op::{Change, ControlOp, Cut, Entry, JoinRule, Role};
use super::view::{Removal, View};

/// The author of an op as his own past shows him.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Author {
    pub(super) account: AccountId,
    pub(super) role: Role,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Who wrote it; none for mirrors, whose author does not matter, and for people who were no members.
    pub(super) author: Option<Author>,
    /// Whether it counts in its own past.
    pub(super) authorised: bool,
    /// Members it adds in its own past.
    pub(super) entries: Vec<(AccountId, Role)>,
    /// For each of them the devices active at the heads that it names: those to which its author may give keys.
    pub(super) given: Vec<(AccountId, Arc<[DeviceId]>)>,
    /// Ops of its own past that were void there.
    pub(super) void_before: Bits,
    /// Account ops that it names or mirrors, with their past, by account.
    pub(super) named: Vec<(AccountId, Bits)>,
    /// Whether it mirrors an account op: it carries its own proof and is never void.
    pub(super) mirror: bool,
}

impl Facts {
    /// Judges an op whose past and named account ops are all in the log.
    pub(super) fn judge(log: &mut ControlLog, op: &ControlOp) -> Self {
        let named = named_pasts(log, op);
        if matches!(op.change, Change::DeviceAdded(_) | Change::DeviceRemoved(_)) {
            return Self { authorised: true, mirror: true, named, ..Self::default() };
        }
        let past = log.dag.past_before(op);
        let view = log.view_of(&past);
        let author = match (&op.change, view.account_of(&op.author)) {
            (Change::Genesis(genesis), _) => first_device_of(log, genesis.owner, op, &named)
                .map(|account| Author { account, role: Role::Owner }),
            (Change::Join(entry), None) => first_device_of(log, entry.account, op, &named)
                .map(|account| Author { account, role: Role::Reader }),
            (_, account) => {
                account.and_then(|account| Some(Author { account, role: view.fold.role(&account)? }))
            }
        };
        let mut facts = Self { author, named, void_before: view.void.clone(), ..Self::default() };
        if author.is_none() {
            return facts;
        }
        let room = view.settings();
        let joins =
            |entry: &Entry| room.policy.join == JoinRule::Open && !was_removed(log, &view, &entry.account);
        if matches!(&op.change, Change::Join(entry) if !joins(entry)) {
            return facts;
        }
        facts.entries = countable_entries(&view.fold, op, author);
        let limit = room.policy.member_limit as usize;
        let full = limit > 0 && view.fold.len().saturating_add(facts.entries.len()) > limit;
        if full && !matches!(op.change, Change::Genesis(_)) {
            facts.entries.clear();
        }
        facts.given = facts
            .entries
            .iter()
            .filter_map(|(account, _)| Some((*account, devices_at(log, account, &facts.named)?)))
            .collect();
        facts.authorised = may(&view.fold, log.conversation(), op, &facts)
            && match &op.change {
                Change::Remove { account, cuts } => cuts_cover(log, *account, cuts, &past),
                _ => true,
            };
        facts
    }
}

/// Whether somebody removed this account: then only somebody else's Add brings it back, not its own Join.
fn was_removed(log: &ControlLog, view: &View, account: &AccountId) -> bool {
    view.removals().any(|removal| match removal {
        Removal::Member { op, account: gone } => {
            gone == account && matches!(log.op(op).map(|op| &op.change), Some(Change::Remove { .. }))
        }
        Removal::Device { .. } => false,
    })
}

/// The account, if the author of this op is one of its active devices by the heads that the op itself names.
fn first_device_of(
    log: &mut ControlLog,
    account: AccountId,
    op: &ControlOp,
    named: &[(AccountId, Bits)],
) -> Option<AccountId> {
    let heads = &named.iter().find(|(of, _)| *of == account)?.1;
    let state = log.accounts.get_mut(&account)?.state_of(heads);
    state.is_active(&op.author).then_some(account)
}

/// Devices of an account that are active at the heads which an op names.
fn devices_at(
    log: &mut ControlLog,
    account: &AccountId,
    named: &[(AccountId, Bits)],
) -> Option<Arc<[DeviceId]>> {
    let heads = &named.iter().find(|(of, _)| of == account)?.1;
    Some(log.accounts.get_mut(account)?.state_of(heads).devices.keys().copied().collect())
}

fn named_pasts(log: &ControlLog, op: &ControlOp) -> Vec<(AccountId, Bits)> {
    let mut heads = named_heads(&op.change);
    if let Change::DeviceAdded(mirrored) | Change::DeviceRemoved(mirrored) = &op.change {
        heads.push((mirrored.account, mirrored.id));
    }
    let mut named: Vec<(AccountId, Bits)> = Vec::new();
    for (account, id) in heads {
        let Some(past) = log.accounts.get(&account).and_then(|l| l.past_of(&[id])) else { continue };
        match named.iter_mut().find(|(of, _)| *of == account) {
            Some((_, known)) => known.union_with(&past),
            None => named.push((account, past)),
        }
    }
    named
}

/// Entries that add somebody: not yet a member, and with a strictly lower role than the author's.
fn countable_entries(fold: &Fold, op: &ControlOp, author: Option<Author>) -> Vec<(AccountId, Role)> {
    let Some(author) = author else { return Vec::new() };
    let mut entries: Vec<(AccountId, Role)> = Vec::new();
    for entry in entries_of(&op.change) {
        let role_fits = match op.change {
            Change::Genesis(_) => true,
            Change::Join(_) => entry.account == author.account && entry.role <= Role::Member,
            _ => entry.role < author.role,
        };
        let new =
            fold.role(&entry.account).is_none() && entries.iter().all(|(known, _)| *known != entry.account);
        if role_fits && new {
            entries.push((entry.account, entry.role));
        }
    }
    entries
}

/// Whether the author has the right to this change in this state (protocol section 5.2 rule 2).
pub(super) fn may(fold: &Fold, conversation: Conversation, op: &ControlOp, facts: &Facts) -> bool {
    if facts.mirror {
        return true;
    }
    let Some(author) = facts.author else { return false };
    let own = fold.role(&author.account);
    match &op.change {
        Change::Genesis(_) => return !facts.entries.is_empty(),
        Change::Join(_) => return own.is_none() && !facts.entries.is_empty(),
        _ => {}
    }
    let Some(own) = own else { return false };
    if conversation != Conversation::Room {
        return matches!(op.change, Change::Timer { .. });
    }
    let below = |account: &AccountId| fold.role(account).is_some_and(|role| role < own);
    match &op.change {
        // All entries were fit in the author's past; should his role turn out lower, the whole op falls.
        Change::AddMany(_) => {
            own.may_administer()
                && facts.entries.iter().all(|(_, role)| *role < own)
                && facts.entries.iter().any(|(account, _)| fold.role(account).is_none())
        }
        Change::Remove { account, .. } => {
            own.may_moderate() && fold.removable_role(account).is_some_and(|role| role < own)
        }
        Change::Role { account, role } => own.may_administer() && *role < own && below(account),
        Change::Transfer { account } => own == Role::Owner && below(account),
        Change::Leave { .. } => true,
        Change::Title { .. }
        | Change::Relays(_)
        | Change::Policy(_)
        | Change::Greet { .. }
        | Change::Timer { .. } => own.may_administer(),
        Change::Genesis(_)
        | Change::Join(_)
        | Change::DeviceAdded(_)
        | Change::DeviceRemoved(_)
        | Change::Unknown => false,
    }
}

/// The cut for a device; a device that is not named is cut off entirely.
pub(super) fn cut_for(cuts: &[Cut], device: &DeviceId) -> u64 {
    cuts.iter().filter(|cut| cut.device == *device).map(|cut| cut.seq).min().unwrap_or(0)
}

/// A cut below the highest number of the target among the removal's own control ancestors is invalid (rule 4).
fn cuts_cover(log: &ControlLog, target: AccountId, cuts: &[Cut], past: &Bits) -> bool {
    past.iter().all(|index| {
        let by_target =
            log.facts(index).and_then(|f| f.author).is_some_and(|author| author.account == target);
        !by_target || log.dag.op(index).is_none_or(|op| op.seq <= cut_for(cuts, &op.author))
    })
}
