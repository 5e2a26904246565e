//! People, their machines, and the ops they write.
//!
//! Owns how ops are built from what a machine has seen. Must not know keys. Invariant: every op names exactly the
//! heads of its author's view.

use std::collections::BTreeMap;
use std::sync::Arc;

use madang_model::account::{AccountChange, AccountOp, DeviceCut};
use madang_model::control::{Cut, Entry, Genesis, History, JoinRule, RoomKind};
use madang_model::{
    AccountId, Change, ControlLog, ControlOp, ConvId, Conversation, DeviceId, Hlc, LogError, OpId, Role, View,
};

use super::rng::Rng;

/// Machines a person may have over time; the last one is linked during a schedule, if at all.
pub(crate) const MACHINES: usize = 3;
const START_MS: u64 = 1_790_000_000_000;

pub(crate) fn person_of(machine: usize) -> usize {
    machine / MACHINES
}

pub(crate) fn device(machine: usize) -> DeviceId {
    DeviceId::from_bytes([machine as u8 + 1; 32])
}

fn root(person: usize) -> DeviceId {
    DeviceId::from_bytes([200 + person as u8; 32])
}

/// The conversation, and what each machine has seen of it.
pub(crate) struct People {
    pub(crate) log: ControlLog,
    pub(crate) views: Vec<Arc<View>>,
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) now_ms: u64,
    /// Every op that adds somebody.
    pub(crate) adds: Vec<(OpId, AccountId)>,
    seq: BTreeMap<DeviceId, u64>,
    account_seq: BTreeMap<DeviceId, u64>,
    latest_account_op: Vec<OpId>,
    conv: ConvId,
}

impl People {
    /// `count` people with two machines each; person 0 makes a group and adds all but the last.
    pub(crate) fn new(count: usize, history: History, rng: &mut Rng) -> Result<Self, LogError> {
        let conv = ConvId::from_bytes(rng.bytes());
        let mut log = ControlLog::new(Conversation::Room, conv);
        let empty = log.view();
        let mut people = Self {
            log,
            views: vec![empty; count * MACHINES],
            accounts: Vec::new(),
            now_ms: START_MS,
            adds: Vec::new(),
            seq: BTreeMap::new(),
            account_seq: BTreeMap::new(),
            latest_account_op: Vec::new(),
            conv,
        };
        for person in 0..count {
            people.found_account(person, rng)?;
        }
        people.found_group(history, rng)?;
        for person in 1..count - 1 {
            let role = match person {
                1 | 2 => Role::Admin,
                3 => Role::Moderator,
                _ => Role::Member,
            };
            people.add(0, person, role, false, rng)?;
        }
        let all = Arc::clone(&people.views[0]);
        people.views.fill(all);
        Ok(people)
    }

    fn found_account(&mut self, person: usize, rng: &mut Rng) -> Result<(), LogError> {
        let account = AccountId::from_bytes(rng.bytes());
        self.accounts.push(account);
        let first = device(person * MACHINES);
        let change = AccountChange::Genesis { root: root(person), first_device: first, label: String::new() };
        let genesis =
            self.account_op(account, OpId::from_bytes(account.to_bytes()), root(person), vec![], change);
        self.log.insert_account_op(genesis.clone())?;
        let change = AccountChange::AddDevice { device: device(person * MACHINES + 1), label: String::new() };
        let second = self.account_op(account, OpId::from_bytes(rng.bytes()), first, vec![genesis.id], change);
        self.log.insert_account_op(second.clone())?;
        self.latest_account_op.push(second.id);
        Ok(())
    }

    fn found_group(&mut self, history: History, rng: &mut Rng) -> Result<(), LogError> {
        let genesis = Genesis {
            kind: RoomKind::Group,
            suite: 1,
            owner: self.accounts[0],
            owner_heads: vec![self.latest_account_op[0]],
            title: String::new(),
            history,
            direct: true,
            relays: Vec::new(),
            join: JoinRule::Invite,
            member_limit: 0,
        };
        self.write(0, Change::Genesis(genesis), rng).map(drop)
    }

    fn account_op(
        &mut self,
        account: AccountId,
        id: OpId,
        author: DeviceId,
        parents: Vec<OpId>,
        change: AccountChange,
    ) -> AccountOp {
        let log = self.log.accounts().get(&account);
        let past = parents.iter().filter_map(|p| log?.op(p)).map(|op| op.hlc).max().unwrap_or_default();
        let seq = self.account_seq.entry(author).or_insert(0);
        *seq += 1;
        let hlc = Hlc::from_millis(self.now_ms).max(past.next());
        AccountOp { id, account, author, seq: *seq, parents, hlc, change }
    }

    /// Writes a control op of this machine on everything it has seen.
    pub(crate) fn write(&mut self, machine: usize, change: Change, rng: &mut Rng) -> Result<OpId, LogError> {
        let view = Arc::clone(&self.views[machine]);
        let genesis = matches!(change, Change::Genesis(_));
        let id = if genesis { OpId::from_bytes(self.conv.to_bytes()) } else { OpId::from_bytes(rng.bytes()) };
        let past = view.heads().iter().filter_map(|head| self.log.op(head)).map(|op| op.hlc).max();
        let past = past.unwrap_or_default();
        // Now and then somebody backdates an op as far as its past allows.
        let hlc = if rng.chance(20) { past.next() } else { Hlc::from_millis(self.now_ms).max(past.next()) };
        let seq = self.seq.entry(device(machine)).or_insert(0);
        *seq += 1;
        let author = device(machine);
        let ctl_deps = view.heads().to_vec();
        self.log.insert(ControlOp { id, conv: self.conv, author, seq: *seq, hlc, ctl_deps, change })?;
        self.see(machine, &[id]);
        Ok(id)
    }

    /// Lets a machine see these ops beside what it has seen.
    pub(crate) fn see(&mut self, machine: usize, more: &[OpId]) {
        let heads: Vec<OpId> = self.views[machine].heads().iter().chain(more).copied().collect();
        if let Some(view) = self.log.view_at(&heads) {
            self.views[machine] = view;
        }
    }

    /// Adds a person; `up_to_date` if the adder has the newest account log from elsewhere.
    pub(crate) fn add(
        &mut self,
        machine: usize,
        person: usize,
        role: Role,
        up_to_date: bool,
        rng: &mut Rng,
    ) -> Result<(), LogError> {
        let account = self.accounts[person];
        let known = self.views[machine].account_state(&account).map(|state| state.heads.clone());
        let account_heads = known.filter(|_| !up_to_date).unwrap_or(vec![self.latest_account_op[person]]);
        let op = self.write(machine, Change::AddMany(vec![Entry { account, role, account_heads }]), rng)?;
        self.adds.push((op, account));
        Ok(())
    }

    /// Removes a person with the cuts that the remover's view gives.
    pub(crate) fn remove(&mut self, machine: usize, person: usize, rng: &mut Rng) -> Result<(), LogError> {
        let view = Arc::clone(&self.views[machine]);
        let cuts = (person * MACHINES..(person + 1) * MACHINES)
            .map(|target| {
                let by = device(target);
                let seen = self.log.ops().filter(|op| op.author == by && self.log.in_view(&op.id, &view));
                Cut { device: by, seq: seen.map(|op| op.seq).max().unwrap_or(0) }
            })
            .collect();
        self.write(machine, Change::Remove { account: self.accounts[person], cuts }, rng).map(drop)
    }

    /// Heads of a person's account log as this machine knows it from the conversation.
    fn account_heads(&self, machine: usize) -> Option<Vec<OpId>> {
        let account = self.accounts[person_of(machine)];
        self.views[machine].account_state(&account).map(|state| state.heads.clone())
    }

    /// Links the third machine of one's own account and mirrors that.
    pub(crate) fn link(&mut self, machine: usize, rng: &mut Rng) -> Result<(), LogError> {
        let person = person_of(machine);
        let Some(heads) = self.account_heads(machine) else { return Ok(()) };
        let change = AccountChange::AddDevice {
            device: device(person * MACHINES + MACHINES - 1),
            label: String::new(),
        };
        let id = OpId::from_bytes(rng.bytes());
        let op = self.account_op(self.accounts[person], id, device(machine), heads, change);
        self.latest_account_op[person] = op.id;
        self.write(machine, Change::DeviceAdded(op), rng).map(drop)
    }

    /// Removes a machine of one's own account, alone, with a cosigner or by the phrase, and mirrors that.
    pub(crate) fn revoke(&mut self, machine: usize, target: usize, rng: &mut Rng) -> Result<(), LogError> {
        let person = person_of(machine);
        let Some(heads) = self.account_heads(machine) else { return Ok(()) };
        let cosigner = person * MACHINES + rng.below(MACHINES);
        let cosigners = if rng.chance(40) { [device(cosigner)].into() } else { Default::default() };
        // Now and then somebody names a cut that cuts nothing off, a thief for his own machine above all.
        let all = target == machine || rng.chance(10);
        let cut = if all { u64::MAX } else { self.account_seq.get(&device(target)).copied().unwrap_or(0) };
        let change = AccountChange::RemoveDevice(DeviceCut { device: device(target), cut, cosigners });
        let author = if rng.chance(10) { root(person) } else { device(machine) };
        let id = OpId::from_bytes(rng.bytes());
        let op = self.account_op(self.accounts[person], id, author, heads, change);
        self.latest_account_op[person] = op.id;
        self.write(machine, Change::DeviceRemoved(op), rng).map(drop)
    }

    /// Mirrors a removal of anybody's machine a second time, as members do who learned of it elsewhere.
    pub(crate) fn mirror_again(&mut self, machine: usize, rng: &mut Rng) -> Result<(), LogError> {
        let mirrored: Vec<AccountOp> = self
            .log
            .ops()
            .filter_map(|op| match &op.change {
                Change::DeviceRemoved(account_op) => Some(account_op.clone()),
                _ => None,
            })
            .collect();
        if mirrored.is_empty() {
            return Ok(());
        }
        let op = mirrored[rng.below(mirrored.len())].clone();
        self.write(machine, Change::DeviceRemoved(op), rng).map(drop)
    }

    /// Whether this machine takes itself for one of a member.
    pub(crate) fn is_in(&self, machine: usize) -> bool {
        self.views[machine].account_of(&device(machine)) == Some(self.accounts[person_of(machine)])
    }
}
