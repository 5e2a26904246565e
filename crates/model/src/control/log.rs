//! The set of known control ops of one conversation.
//!
//! Owns insertion in any order, the causal pasts and the cache of views. Must not know how ops arrive or who asks
//! for a view. Invariant: a view is a function of a causally closed set of ops; arrival order cannot matter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::account::{AccountLogs, AccountOp};
use crate::bits::Bits;
use crate::dag::{Dag, Inserted, LogError, Vertex, Waiting};
use crate::hlc::Hlc;
use crate::ids::{AccountId, ConvId, DeviceId, OpId};
use crate::limits::ACCOUNT_HEADS_MAX;

use super::facts::Facts;
use super::op::{Change, ControlOp, Entry};
use super::view::View;

/// Views of one conversation that are remembered: the bases of the keys in use and the newest states.
const VIEWS_MAX: usize = 64;

/// Which conversation a control log belongs to (protocol section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Conversation {
    /// The conversation among the machines of one account.
    Own(AccountId),
    /// A 1:1 conversation; its members are fixed.
    Direct(AccountId, AccountId),
    /// A group or open room, whose members the log itself defines.
    Room,
}

impl Conversation {
    /// The fixed members; none in a room.
    pub fn fixed_members(&self) -> Vec<AccountId> {
        match self {
            Conversation::Own(account) => vec![*account],
            Conversation::Direct(one, other) => vec![*one, *other],
            Conversation::Room => Vec::new(),
        }
    }
}

impl Vertex for ControlOp {
    fn id(&self) -> OpId {
        self.id
    }
    fn hlc(&self) -> Hlc {
        self.hlc
    }
    fn parents(&self) -> &[OpId] {
        &self.ctl_deps
    }
}

/// Ops that others wait for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Missing {
    /// Control ops of the conversation, or ops of account logs: one list, since an id does not tell which.
    pub ops: Vec<OpId>,
    /// Number of control ops that wait.
    pub waiting: usize,
}

/// The known control ops of one conversation with the account logs they name.
#[derive(Debug, Clone)]
pub struct ControlLog {
    conversation: Conversation,
    conv: ConvId,
    pub(super) dag: Dag<ControlOp>,
    pub(super) facts: Vec<Facts>,
    pub(super) accounts: AccountLogs,
    waiting: Waiting<ControlOp>,
    views: BTreeMap<Bits, Arc<View>>,
    /// Every account op that was offered here inside a mirror, with the device that posted the mirror.
    offered: BTreeSet<(DeviceId, OpId)>,
}

impl ControlLog {
    /// An empty log.
    pub fn new(conversation: Conversation, conv: ConvId) -> Self {
        Self {
            conversation,
            conv,
            dag: Dag::default(),
            facts: Vec::new(),
            accounts: AccountLogs::default(),
            waiting: Waiting::default(),
            views: BTreeMap::new(),
            offered: BTreeSet::new(),
        }
    }

    /// Which conversation this is.
    pub fn conversation(&self) -> Conversation {
        self.conversation
    }

    /// Id of the conversation.
    pub fn conv(&self) -> ConvId {
        self.conv
    }

    /// The account logs known in this conversation.
    pub fn accounts(&self) -> &AccountLogs {
        &self.accounts
    }

    /// Number of control ops in the log.
    pub fn len(&self) -> usize {
        self.dag.len()
    }

    /// Whether no control op is in the log yet.
    pub fn is_empty(&self) -> bool {
        self.dag.len() == 0
    }

    /// Takes an op of an account log and returns the control ops that had waited for it.
    pub fn insert_account_op(&mut self, op: AccountOp) -> Result<Vec<OpId>, LogError> {
        let before = self.fixed_known();
        let Inserted::Added(arrived) = self.accounts.insert(op)? else { return Ok(Vec::new()) };
        if before != self.fixed_known() {
            // The empty view of a fixed conversation shows its first devices as soon as they are known.
            self.views.clear();
        }
        self.release(arrived)
    }

    fn fixed_known(&self) -> usize {
        self.conversation
            .fixed_members()
            .iter()
            .filter(|account| {
                self.accounts.get(account).is_some_and(|log| log.contains(&genesis_of(account)))
            })
            .count()
    }

    /// Takes a control op whose signature, and whose mirrored op if it has one, were verified. One whose past, or
    /// whose named account heads, are missing waits for them.
    pub fn insert(&mut self, op: ControlOp) -> Result<Inserted, LogError> {
        if let Change::DeviceAdded(mirrored) | Change::DeviceRemoved(mirrored) = &op.change {
            self.offered.insert((op.author, mirrored.id));
        }
        self.check(&op)?;
        let id = op.id;
        if self.dag.find(&id).is_some() || self.waiting.contains(&id) {
            return Ok(Inserted::Duplicate);
        }
        if let Change::DeviceAdded(mirrored) | Change::DeviceRemoved(mirrored) = &op.change {
            let released = self.insert_account_op(mirrored.clone())?;
            let added = self.insert_ready(op)?;
            return Ok(joined(released, added));
        }
        self.insert_ready(op)
    }

    fn insert_ready(&mut self, op: ControlOp) -> Result<Inserted, LogError> {
        let id = op.id;
        if let Some(missing) = self.missing_for(&op) {
            self.waiting.put(missing, op)?;
            return Ok(Inserted::Waiting(missing));
        }
        self.push(op)?;
        let mut added = vec![id];
        added.extend(self.release(vec![id])?);
        Ok(Inserted::Added(added))
    }

    /// Takes in what waited for these ops, and what waited for those.
    fn release(&mut self, arrived: Vec<OpId>) -> Result<Vec<OpId>, LogError> {
        let mut open = arrived;
        let mut added = Vec::new();
        while let Some(next) = open.pop() {
            for op in self.waiting.take(&next) {
                let id = op.id;
                match self.missing_for(&op) {
                    Some(missing) => self.waiting.put(missing, op)?,
                    // An op with a timestamp below its past never counts; it is as if it had not come.
                    None => {
                        if self.push(op).is_ok() {
                            added.push(id);
                            open.push(id);
                        }
                    }
                }
            }
        }
        Ok(added)
    }

    fn check(&self, op: &ControlOp) -> Result<(), LogError> {
        let genesis = matches!(op.change, Change::Genesis(_));
        let first = op.id.as_bytes() == self.conv.as_bytes();
        let room = self.conversation == Conversation::Room;
        // In a room only the genesis, whose id is the room's id, stands without a past.
        let rooted = !room || (genesis == first && genesis == op.ctl_deps.is_empty());
        if op.conv != self.conv || !rooted || (genesis && !room) {
            return Err(LogError::WrongLog);
        }
        let body = super::op::Control { ctl_deps: op.ctl_deps.clone(), change: op.change.clone() };
        let heads_fit =
            entries_of(&op.change).iter().all(|entry| entry.account_heads.len() <= ACCOUNT_HEADS_MAX);
        if body.check().is_err() || !heads_fit {
            return Err(LogError::TooMany);
        }
        Ok(())
    }

    /// The first op that this one needs and that is not here.
    fn missing_for(&self, op: &ControlOp) -> Option<OpId> {
        let known =
            |account: &AccountId, id: &OpId| self.accounts.get(account).is_some_and(|log| log.contains(id));
        if let Some(missing) = self.dag.missing(op) {
            return Some(missing);
        }
        let fixed = self.conversation.fixed_members();
        if let Some(account) = fixed.iter().find(|account| !known(account, &genesis_of(account))) {
            return Some(genesis_of(account));
        }
        if let Change::DeviceAdded(mirrored) | Change::DeviceRemoved(mirrored) = &op.change {
            return (!known(&mirrored.account, &mirrored.id)).then_some(mirrored.id);
        }
        named_heads(&op.change).into_iter().find(|(account, id)| !known(account, id)).map(|(_, id)| id)
    }

    fn push(&mut self, op: ControlOp) -> Result<(), LogError> {
        let facts = Facts::judge(self, &op);
        self.dag.push(op)?;
        self.facts.push(facts);
        Ok(())
    }

    /// Account ops that need no other mirror by `me`: mirrors of them are in the log, an Add names heads that follow
    /// them, or `me` has posted a mirror, whatever became of it. A mirror by somebody else that waits does not count:
    /// it may wait for ever.
    pub fn mirrored(&self, me: &DeviceId) -> BTreeSet<OpId> {
        let in_log = self.dag.ordered().filter_map(|op| match &op.change {
            Change::DeviceAdded(mirrored) | Change::DeviceRemoved(mirrored) => Some(mirrored.id),
            _ => None,
        });
        let own = self.offered.iter().filter(|(author, _)| author == me).map(|(_, id)| *id);
        let mut out: BTreeSet<OpId> = in_log.chain(own).collect();
        for (account, past) in self.facts.iter().filter(|facts| !facts.mirror).flat_map(|facts| &facts.named)
        {
            out.extend(self.accounts.get(account).map(|log| log.ids(past)).unwrap_or_default());
        }
        out
    }

    pub(super) fn facts(&self, index: usize) -> Option<&Facts> {
        self.facts.get(index)
    }

    /// Whether this op is in the log with its whole past.
    pub fn contains(&self, id: &OpId) -> bool {
        self.dag.find(id).is_some()
    }

    /// The op, if it is in the log.
    pub fn op(&self, id: &OpId) -> Option<&ControlOp> {
        self.dag.op(self.dag.find(id)?)
    }

    /// Every op of the log in the order of `(hlc, id)`, in which each follows its past.
    pub fn ops(&self) -> impl Iterator<Item = &ControlOp> + '_ {
        self.dag.ordered()
    }

    /// The op and its whole causal past; none if it is not here.
    pub fn ancestors(&self, id: &OpId) -> Option<BTreeSet<OpId>> {
        Some(self.dag.ids(&self.dag.node(self.dag.find(id)?)?.past))
    }

    /// Whether this op is in the set of a view of this log.
    pub fn in_view(&self, id: &OpId, view: &View) -> bool {
        self.dag.find(id).is_some_and(|index| view.past.contains(index))
    }

    /// Ids of the ops that no other one follows, sorted.
    pub fn heads(&self) -> Vec<OpId> {
        self.dag.heads(&self.dag.all())
    }

    /// What others wait for.
    pub fn missing(&self) -> Missing {
        let accounts =
            self.accounts.accounts().filter_map(|a| self.accounts.get(&a)).flat_map(|log| log.missing());
        let mut ops: BTreeSet<OpId> = accounts.collect();
        ops.extend(self.waiting.missing());
        Missing { ops: ops.into_iter().collect(), waiting: self.waiting.len() }
    }

    /// The view over everything known here.
    pub fn view(&mut self) -> Arc<View> {
        let all = self.dag.all();
        self.view_of(&all)
    }

    /// The view of somebody who had seen exactly these ops and their past; none if one of them is not here.
    pub fn view_at(&mut self, heads: &[OpId]) -> Option<Arc<View>> {
        let past = self.dag.past_of(heads)?;
        Some(self.view_of(&past))
    }

    /// The view just before an op: its past without itself.
    pub fn view_before(&mut self, id: &OpId) -> Option<Arc<View>> {
        let index = self.dag.find(id)?;
        let mut past = self.dag.node(index)?.past.clone();
        past.remove(index);
        Some(self.view_of(&past))
    }

    pub(super) fn view_of(&mut self, past: &Bits) -> Arc<View> {
        if let Some(view) = self.views.get(past) {
            return Arc::clone(view);
        }
        let view = Arc::new(View::resolve(self, past));
        if self.views.len() >= VIEWS_MAX {
            self.views.clear();
        }
        self.views.insert(past.clone(), Arc::clone(&view));
        view
    }
}

fn joined(released: Vec<OpId>, inserted: Inserted) -> Inserted {
    match inserted {
        Inserted::Added(mut added) => {
            added.extend(released);
            Inserted::Added(added)
        }
        // The mirrored account op let others in, while the mirror itself still waits.
        Inserted::Waiting(_) if !released.is_empty() => Inserted::Added(released),
        other => other,
    }
}

/// The op that begins an account log has the account's own id.
pub(super) fn genesis_of(account: &AccountId) -> OpId {
    OpId::from_bytes(account.to_bytes())
}

/// People that an op would make members.
pub(super) fn entries_of(change: &Change) -> Vec<Entry> {
    match change {
        Change::Genesis(genesis) => vec![Entry {
            account: genesis.owner,
            role: super::op::Role::Owner,
            account_heads: genesis.owner_heads.clone(),
        }],
        Change::AddMany(entries) => entries.clone(),
        Change::Join(entry) => vec![entry.clone()],
        _ => Vec::new(),
    }
}

/// Every account op that a control op names: the heads given, and the genesis of each account.
pub(super) fn named_heads(change: &Change) -> Vec<(AccountId, OpId)> {
    entries_of(change)
        .iter()
        .flat_map(|entry| {
            let genesis = (entry.account, genesis_of(&entry.account));
            entry.account_heads.iter().map(|id| (entry.account, *id)).chain([genesis]).collect::<Vec<_>>()
        })
        .collect()
}
