//! A view: what a causally closed set of control ops means.
//!
//! Owns the resolved members, devices, removals and settings. Must not know keys or messages. Invariant: a view
//! never changes; another set of ops is another view.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::account::{AccountChange, AccountState};
use crate::bits::Bits;
use crate::hlc::Hlc;
use crate::ids::{AccountId, DeviceId, OpId};

use super::fold::Fold;
use super::log::{ControlLog, Conversation, genesis_of};
use super::op::{Change, Role};
use super::resolve::{device_removals, resolve};
use super::settings::Settings;

/// How an account became a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Added {
    /// Membership is fixed (1:1 and self): the same Add always.
    Fixed,
    /// By this op.
    By {
        /// The op.
        op: OpId,
        /// Its timestamp.
        hlc: Hlc,
    },
}

/// A member of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Role.
    pub role: Role,
    /// The Add that makes it a member in this view.
    pub added: Added,
    /// Active devices.
    pub devices: BTreeSet<DeviceId>,
}

/// A removal that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Removal {
    /// A Remove or Leave.
    Member {
        /// The op.
        op: OpId,
        /// Who is gone by it.
        account: AccountId,
    },
    /// A removal in an account log, mirrored here.
    Device {
        /// The op of the account log.
        op: OpId,
        /// Whose devices.
        account: AccountId,
        /// The devices.
        devices: Vec<DeviceId>,
    },
}

/// What a causally closed set of control ops means.
#[derive(Debug, Clone)]
pub struct View {
    pub(super) past: Bits,
    heads: Vec<OpId>,
    conversation: Conversation,
    pub(super) fold: Fold,
    pub(super) void: Bits,
    void_ids: BTreeSet<OpId>,
    members: BTreeMap<AccountId, Member>,
    devices: BTreeMap<DeviceId, AccountId>,
    accounts: BTreeMap<AccountId, Arc<AccountState>>,
    removals: Vec<(Removal, Bits)>,
    /// Every Add that counted in its own past, with the devices at the heads it names.
    adds: Vec<(usize, AccountId, Arc<[DeviceId]>)>,
    /// Every device that a mirror adds, with the op.
    device_adds: Vec<(usize, AccountId, DeviceId)>,
    settings: Settings,
}

impl View {
    pub(super) fn resolve(log: &mut ControlLog, past: &Bits) -> Self {
        let accounts = account_states(log, past);
        let cuts = device_removals(log, past, &accounts);
        let resolution = resolve(log, past, &cuts);
        let mut ever: BTreeSet<AccountId> = log.conversation().fixed_members().into_iter().collect();
        let (mut adds, mut device_adds) = (Vec::new(), Vec::new());
        for index in past.iter() {
            let (Some(facts), Some(op)) = (log.facts(index), log.dag.op(index)) else { continue };
            if facts.authorised {
                adds.extend(
                    facts.given.iter().map(|(account, devices)| (index, *account, Arc::clone(devices))),
                );
                ever.extend(facts.entries.iter().map(|(account, _)| *account));
            }
            if let Change::DeviceAdded(mirrored) = &op.change
                && let AccountChange::AddDevice { device, .. } = &mirrored.change
            {
                device_adds.push((index, mirrored.account, *device));
            }
        }
        // A mirror of an op that never counted in its account log admits nobody anywhere.
        let admits = |account: &AccountId, device: &DeviceId| {
            accounts.get(account).is_some_and(|state| state.ever.contains(device))
        };
        device_adds.retain(|(_, account, device)| ever.contains(account) && admits(account, device));
        let mut removals: Vec<(Removal, Bits)> = resolution
            .fold
            .removals
            .iter()
            .filter_map(|index| {
                let (op, facts) = (log.dag.op(index)?, log.facts(index)?);
                let account = match &op.change {
                    Change::Remove { account, .. } => *account,
                    _ => facts.author?.account,
                };
                Some((Removal::Member { op: op.id, account }, Bits::from_iter([index])))
            })
            .collect();
        removals.extend(cuts.iter().filter(|cut| ever.contains(&cut.account)).filter_map(|cut| {
            let (op, account, devices) = (cut.op, cut.account, cut.devices.clone());
            // Heads that an Add names are no removal: what they leave of a basis is for rule (c) to see.
            let is_mirror = |index: &usize| log.facts(*index).is_some_and(|facts| facts.mirror);
            let mirrors: Bits = cut.announced_by.iter().filter(is_mirror).collect();
            (!mirrors.is_empty()).then_some((Removal::Device { op, account, devices }, mirrors))
        }));
        let members = members_of(log, &resolution.fold, &accounts);
        let devices = device_owners(&members, &accounts);
        let settings = Settings::read(log, &resolution.live);
        drop(cuts);
        Self {
            past: past.clone(),
            heads: log.dag.heads(past),
            conversation: log.conversation(),
            void_ids: log.dag.ids(&void_of(past, &resolution.live)),
            void: resolution.void,
            fold: resolution.fold,
            members,
            devices,
            accounts,
            removals,
            adds,
            device_adds,
            settings,
        }
    }

    /// Heads of the set, sorted: `ctl_deps` of the next op, and the basis of the next key.
    pub fn heads(&self) -> &[OpId] {
        &self.heads
    }

    /// Which conversation this is.
    pub fn conversation(&self) -> Conversation {
        self.conversation
    }

    /// Number of ops in the set.
    pub fn op_count(&self) -> usize {
        self.past.len()
    }

    /// The members.
    pub fn members(&self) -> &BTreeMap<AccountId, Member> {
        &self.members
    }

    /// One member.
    pub fn member(&self, account: &AccountId) -> Option<&Member> {
        self.members.get(account)
    }

    /// Role of a member.
    pub fn role(&self, account: &AccountId) -> Option<Role> {
        self.members.get(account).map(|member| member.role)
    }

    /// The owner; none in 1:1 and self, and when nobody is left.
    pub fn owner(&self) -> Option<AccountId> {
        self.members.iter().find(|(_, member)| member.role == Role::Owner).map(|(account, _)| *account)
    }

    /// Active devices of all members, each with its account.
    pub fn devices(&self) -> &BTreeMap<DeviceId, AccountId> {
        &self.devices
    }

    /// The member for whom this device speaks.
    pub fn account_of(&self, device: &DeviceId) -> Option<AccountId> {
        self.devices.get(device).copied()
    }

    /// Account log of an account named in the set, resolved over what the set names and mirrors of it.
    pub fn account_state(&self, account: &AccountId) -> Option<&Arc<AccountState>> {
        self.accounts.get(account)
    }

    /// Removals that took effect.
    pub fn removals(&self) -> impl Iterator<Item = &Removal> + '_ {
        self.removals.iter().map(|(removal, _)| removal)
    }

    /// Title, relays, policies and the like.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Ops of the set that have no effect: void by a removal, or not authorised in their own past.
    pub fn void(&self) -> &BTreeSet<OpId> {
        &self.void_ids
    }

    /// Whether everything `other` has seen is in this view as well.
    pub fn includes(&self, other: &View) -> bool {
        other.past.is_subset(&self.past)
    }

    /// Whether both views are over the same set of ops.
    pub fn same_set(&self, other: &View) -> bool {
        self.past == other.past
    }

    /// Removals of this view of which `basis` has not heard.
    pub fn removals_unknown_to<'a>(&'a self, basis: &'a View) -> impl Iterator<Item = &'a Removal> + 'a {
        self.removals.iter().filter(|(_, ops)| !ops.intersects(&basis.past)).map(|(removal, _)| removal)
    }

    /// Accounts that an Add names which is in this view and not in `basis`, whether or not it still counts, with
    /// their devices at the heads it names.
    pub(crate) fn adds_unknown_to<'a>(
        &'a self,
        basis: &'a View,
    ) -> impl Iterator<Item = (AccountId, &'a [DeviceId])> + 'a {
        let unknown = self.adds.iter().filter(|(index, ..)| !basis.past.contains(*index));
        unknown.map(|(_, account, devices)| (*account, &**devices))
    }

    /// Devices that a mirror adds which is in this view and not in `basis`, with their accounts.
    pub(crate) fn device_adds_unknown_to<'a>(
        &'a self,
        basis: &'a View,
    ) -> impl Iterator<Item = (AccountId, DeviceId)> + 'a {
        self.device_adds
            .iter()
            .filter(|(index, ..)| !basis.past.contains(*index))
            .map(|(_, account, device)| (*account, *device))
    }

    /// Whether the Add that makes this account a member here is in the past of `other`.
    pub(crate) fn add_is_known_to(&self, account: &AccountId, other: &View) -> bool {
        self.fold
            .members
            .get(account)
            .is_some_and(|standing| standing.add.is_none_or(|index| other.past.contains(index)))
    }

    /// Whether `other` knows of this device by a mirror; true also when no mirror names it here.
    pub(crate) fn mirror_is_known_to(&self, device: &DeviceId, other: &View) -> bool {
        let mut mirrors = self.device_adds.iter().filter(|(.., added)| added == device).peekable();
        mirrors.peek().is_none() || mirrors.any(|(index, ..)| other.past.contains(*index))
    }
}

fn void_of(past: &Bits, live: &Bits) -> Bits {
    let mut void = past.clone();
    void.subtract(live);
    void
}

/// Account logs resolved over all account ops named or mirrored in the set.
fn account_states(log: &mut ControlLog, past: &Bits) -> BTreeMap<AccountId, Arc<AccountState>> {
    let mut named: BTreeMap<AccountId, Bits> = BTreeMap::new();
    for account in log.conversation().fixed_members() {
        let genesis = log.accounts.get(&account).and_then(|l| l.past_of(&[genesis_of(&account)]));
        named.insert(account, genesis.unwrap_or_default());
    }
    for (account, ops) in past.iter().filter_map(|index| log.facts.get(index)).flat_map(|facts| &facts.named)
    {
        named.entry(*account).or_default().union_with(ops);
    }
    named
        .into_iter()
        .filter_map(|(account, ops)| Some((account, log.accounts.get_mut(&account)?.state_of(&ops))))
        .collect()
}

fn members_of(
    log: &ControlLog,
    fold: &Fold,
    accounts: &BTreeMap<AccountId, Arc<AccountState>>,
) -> BTreeMap<AccountId, Member> {
    fold.members
        .iter()
        .map(|(account, standing)| {
            let added = match standing.add.and_then(|index| log.dag.op(index)) {
                Some(op) => Added::By { op: op.id, hlc: op.hlc },
                None => Added::Fixed,
            };
            let devices = accounts.get(account).map(|state| state.devices.keys().copied().collect());
            (*account, Member { role: standing.role, added, devices: devices.unwrap_or_default() })
        })
        .collect()
}

/// The account log does not prove that a device agreed to be admitted. Should two members claim one device it
/// speaks for the stronger, then for the one that admitted it first.
fn device_owners(
    members: &BTreeMap<AccountId, Member>,
    accounts: &BTreeMap<AccountId, Arc<AccountState>>,
) -> BTreeMap<DeviceId, AccountId> {
    let mut owners: BTreeMap<DeviceId, AccountId> = BTreeMap::new();
    let claim = |account: &AccountId, device: &DeviceId| {
        let admitted = accounts.get(account).and_then(|state| state.devices.get(device));
        let role = members.get(account).map(|member| member.role);
        (role, std::cmp::Reverse(admitted.map(|d| (d.added, d.add_op))))
    };
    for (account, member) in members {
        for device in &member.devices {
            let owner = owners.entry(*device).or_insert(*account);
            if owner != account && claim(account, device) > claim(owner, device) {
                *owner = *account;
            }
        }
    }
    owners
}
