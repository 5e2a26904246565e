//! Writes conversations for tests: people are numbered from 1, and device `10 * n + k` is machine k of person n.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::account::{AccountChange, AccountOp, DeviceCut};
use crate::hlc::Hlc;
use crate::ids::{AccountId, ConvId, DeviceId, OpId};
use crate::keys::KeyFacts;

use super::*;

pub(crate) const START: u64 = 1_790_000_000_000;
pub(crate) const ALICE: u8 = 1;
pub(crate) const BOB: u8 = 2;
pub(crate) const CAROL: u8 = 3;
pub(crate) const DAVE: u8 = 4;
pub(crate) const ERIN: u8 = 5;

pub(crate) fn account(n: u8) -> AccountId {
    AccountId::from_bytes([n; 32])
}

pub(crate) fn dev(n: u8) -> DeviceId {
    DeviceId::from_bytes([n; 32])
}

#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) log: ControlLog,
    pub(crate) ops: Vec<ControlOp>,
    pub(crate) account_ops: Vec<AccountOp>,
    pub(crate) seq: BTreeMap<u8, u64>,
    account_heads: BTreeMap<u8, OpId>,
    pub(crate) now: u64,
    conv: ConvId,
}

impl Script {
    fn empty(conversation: Conversation, conv: ConvId) -> Self {
        let mut script = Self {
            log: ControlLog::new(conversation, conv),
            ops: Vec::new(),
            account_ops: Vec::new(),
            seq: BTreeMap::new(),
            account_heads: BTreeMap::new(),
            now: START,
            conv,
        };
        for n in 1..=9 {
            let (root, first_device) = (dev(200 + n), dev(10 * n + 1));
            let genesis = AccountChange::Genesis { root, first_device, label: "desk".into() };
            script.account_op(n, OpId::from_bytes([n; 32]), root, vec![], 1, genesis);
        }
        script
    }

    fn account_op(
        &mut self,
        n: u8,
        id: OpId,
        author: DeviceId,
        parents: Vec<OpId>,
        seq: u64,
        change: AccountChange,
    ) -> AccountOp {
        self.now += 1_000;
        let hlc = Hlc::from_millis(self.now);
        let op = AccountOp { id, account: account(n), author, seq, parents, hlc, change };
        self.log.insert_account_op(op.clone()).unwrap();
        self.account_heads.insert(n, id);
        self.account_ops.push(op.clone());
        op
    }

    /// A group of Alice with this history policy; op 0 is its genesis.
    pub(crate) fn group(history: History) -> Self {
        let mut script = Self::empty(Conversation::Room, ConvId::from_bytes([100; 32]));
        script.genesis(history, RoomKind::Group, JoinRule::Invite);
        script
    }

    /// An open room of Alice.
    pub(crate) fn open_room(join: JoinRule) -> Self {
        let mut script = Self::empty(Conversation::Room, ConvId::from_bytes([100; 32]));
        script.genesis(History::All, RoomKind::Open, join);
        script
    }

    /// The 1:1 of Alice and Bob.
    pub(crate) fn direct() -> Self {
        Self::empty(Conversation::Direct(account(ALICE), account(BOB)), ConvId::from_bytes([101; 32]))
    }

    fn genesis(&mut self, history: History, kind: RoomKind, join: JoinRule) {
        let genesis = Genesis {
            kind,
            suite: 1,
            owner: account(ALICE),
            owner_heads: vec![OpId::from_bytes([ALICE; 32])],
            title: "room".into(),
            history,
            direct: true,
            relays: vec![],
            join,
            member_limit: 0,
        };
        self.write(11, &[], Change::Genesis(genesis));
    }

    /// Writes an op on the heads `deps` and puts it into the log.
    pub(crate) fn write(&mut self, author: u8, deps: &[usize], change: Change) -> usize {
        self.now += 1_000;
        let seq = self.seq.entry(author).or_default();
        *seq += 1;
        let number = self.ops.len();
        let id = match change {
            Change::Genesis(_) => OpId::from_bytes(self.conv.to_bytes()),
            _ => {
                let mut id = [0u8; 32];
                id[0] = (number as u8).wrapping_mul(97);
                id[1] = 1;
                id[31] = number as u8;
                OpId::from_bytes(id)
            }
        };
        let ctl_deps = deps.iter().map(|d| self.ops[*d].id).collect();
        let op = ControlOp {
            id,
            conv: self.conv,
            author: dev(author),
            seq: *seq,
            hlc: Hlc::from_millis(self.now),
            ctl_deps,
            change,
        };
        self.log.insert(op.clone()).unwrap();
        self.ops.push(op);
        number
    }

    pub(crate) fn add(&mut self, author: u8, deps: &[usize], person: u8, role: Role) -> usize {
        let account_heads = vec![self.account_heads[&person]];
        self.write(
            author,
            deps,
            Change::AddMany(vec![Entry { account: account(person), role, account_heads }]),
        )
    }

    /// Removes with the cuts that the remover's view gives.
    pub(crate) fn remove(&mut self, author: u8, deps: &[usize], person: u8) -> usize {
        let heads: Vec<OpId> = deps.iter().map(|d| self.ops[*d].id).collect();
        let past: Vec<OpId> = heads.iter().flat_map(|h| self.log.ancestors(h).unwrap()).collect();
        let mut cuts: BTreeMap<DeviceId, u64> = BTreeMap::new();
        for op in self.ops.iter().filter(|op| past.contains(&op.id)) {
            let cut = cuts.entry(op.author).or_default();
            *cut = (*cut).max(op.seq);
        }
        let cuts = cuts.into_iter().map(|(device, seq)| Cut { device, seq }).collect();
        self.write(author, deps, Change::Remove { account: account(person), cuts })
    }

    pub(crate) fn role(&mut self, author: u8, deps: &[usize], person: u8, role: Role) -> usize {
        self.write(author, deps, Change::Role { account: account(person), role })
    }

    pub(crate) fn transfer(&mut self, author: u8, deps: &[usize], person: u8) -> usize {
        self.write(author, deps, Change::Transfer { account: account(person) })
    }

    pub(crate) fn title(&mut self, author: u8, deps: &[usize], title: &str) -> usize {
        self.write(author, deps, Change::Title { title: title.into(), picture: vec![] })
    }

    /// The op by which person n admits machine k, signed by his first machine.
    pub(crate) fn admission(&mut self, n: u8, k: u8) -> AccountOp {
        let head = self.account_heads[&n];
        let change = AccountChange::AddDevice { device: dev(10 * n + k), label: "laptop".into() };
        self.account_op(
            n,
            OpId::from_bytes([100 + 10 * n + k; 32]),
            dev(10 * n + 1),
            vec![head],
            u64::from(k),
            change,
        )
    }

    /// The op by which person n removes machine k, signed by his first machine.
    pub(crate) fn dismissal(&mut self, n: u8, k: u8) -> AccountOp {
        let head = self.account_heads[&n];
        let cut = DeviceCut { device: dev(10 * n + k), cut: 0, cosigners: Default::default() };
        let mut id = [100 + 10 * n + k; 32];
        id[0] = 7;
        let seq = 20 + u64::from(k);
        self.account_op(
            n,
            OpId::from_bytes(id),
            dev(10 * n + 1),
            vec![head],
            seq,
            AccountChange::RemoveDevice(cut),
        )
    }

    pub(crate) fn view(&mut self) -> Arc<View> {
        self.log.view()
    }

    pub(crate) fn view_at(&mut self, heads: &[usize]) -> Arc<View> {
        let ids: Vec<OpId> = heads.iter().map(|h| self.ops[*h].id).collect();
        self.log.view_at(&ids).unwrap()
    }

    /// A key made by somebody who had seen these ops.
    pub(crate) fn key(&self, number: u8, basis: &[usize]) -> KeyFacts {
        KeyFacts {
            id: crate::ids::KeyId::from_bytes([number; 16]),
            epoch: u64::from(number),
            basis: basis.iter().map(|h| self.ops[*h].id).collect(),
            creator: dev(11),
            created: Hlc::from_millis(self.now),
        }
    }

    pub(crate) fn people(&mut self) -> Vec<(u8, Role)> {
        self.view().members().iter().map(|(a, m)| (a.as_bytes()[0], m.role)).collect()
    }

    pub(crate) fn machines(&mut self) -> Vec<u8> {
        self.view().devices().keys().map(|d| d.as_bytes()[0]).collect()
    }
}
