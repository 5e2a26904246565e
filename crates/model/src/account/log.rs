//! The set of known ops of one account and its resolution.
//!
//! Owns insertion in any order and the cache of resolutions. Must not know how ops arrive. Invariant: the state
//! is a function of the set of ops; the order of insertion cannot matter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::bits::Bits;
use crate::dag::{Dag, Inserted, LogError, Vertex, Waiting};
use crate::hlc::Hlc;
use crate::ids::{AccountId, OpId};
use crate::limits::{COSIGNATURES_MAX, ROTATE_REMOVALS_MAX};

use super::op::{AccountChange, AccountOp};
use super::resolve::{Authority, Resolution, Strength, judge, resolve};
use super::state::AccountState;

/// Resolutions of one account that are remembered; a log changes rarely, so few are asked for.
const CACHE_MAX: usize = 64;

impl Vertex for AccountOp {
    fn id(&self) -> OpId {
        self.id
    }
    fn hlc(&self) -> Hlc {
        self.hlc
    }
    fn parents(&self) -> &[OpId] {
        &self.parents
    }
}

/// The known ops of one account.
#[derive(Debug, Clone)]
pub struct AccountLog {
    account: AccountId,
    pub(super) dag: Dag<AccountOp>,
    /// By which right each op counts in its own causal past; none if by none.
    pub(super) authority: Vec<Option<Authority>>,
    waiting: Waiting<AccountOp>,
    cache: BTreeMap<Bits, Arc<AccountState>>,
}

impl AccountLog {
    /// An empty log of this account.
    pub fn new(account: AccountId) -> Self {
        Self {
            account,
            dag: Dag::default(),
            authority: Vec::new(),
            waiting: Waiting::default(),
            cache: BTreeMap::new(),
        }
    }

    /// The account.
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// Takes an op whose signature and cosignatures were verified. Ops may come in any order; one whose past is
    /// missing waits for it.
    pub fn insert(&mut self, op: AccountOp) -> Result<Inserted, LogError> {
        self.check(&op)?;
        let id = op.id;
        if self.dag.find(&id).is_some() || self.waiting.contains(&id) {
            return Ok(Inserted::Duplicate);
        }
        if let Some(missing) = self.dag.missing(&op) {
            self.waiting.put(missing, op)?;
            return Ok(Inserted::Waiting(missing));
        }
        self.push(op)?;
        let mut added = vec![id];
        let mut next = 0;
        while let Some(arrived) = added.get(next).copied() {
            next = next.saturating_add(1);
            for op in self.waiting.take(&arrived) {
                let id = op.id;
                match self.dag.missing(&op) {
                    Some(missing) => self.waiting.put(missing, op)?,
                    // An op with a timestamp below its past never counts; it is as if it had not come.
                    None => {
                        if self.push(op).is_ok() {
                            added.push(id);
                        }
                    }
                }
            }
        }
        Ok(Inserted::Added(added))
    }

    fn check(&self, op: &AccountOp) -> Result<(), LogError> {
        let genesis = matches!(op.change, AccountChange::Genesis { .. });
        let first = op.id.as_bytes() == self.account.as_bytes();
        if op.account != self.account || genesis != first || genesis != op.parents.is_empty() {
            return Err(LogError::WrongLog);
        }
        let fits = match &op.change {
            AccountChange::RemoveDevice(cut) => cut.cosigners.len() <= COSIGNATURES_MAX,
            AccountChange::RotateRoot { remove, .. } => remove.len() <= ROTATE_REMOVALS_MAX,
            _ => true,
        };
        if fits { Ok(()) } else { Err(LogError::TooMany) }
    }

    fn push(&mut self, op: AccountOp) -> Result<(), LogError> {
        let past = self.dag.past_before(&op);
        let authority = judge(self, &op, &past);
        self.dag.push(op)?;
        self.authority.push(authority);
        Ok(())
    }

    /// Whether this op is in the log with its whole past.
    pub fn contains(&self, id: &OpId) -> bool {
        self.dag.find(id).is_some()
    }

    /// By which right an op counts in its own causal past; none if by none, or if it is not here.
    pub fn right(&self, id: &OpId) -> Option<Strength> {
        self.authority(self.dag.find(id)?).map(|authority| authority.strength)
    }

    /// The op, if it is in the log.
    pub fn op(&self, id: &OpId) -> Option<&AccountOp> {
        self.dag.op(self.dag.find(id)?)
    }

    /// Every op of the log in the order of `(hlc, id)`, in which each follows its past.
    pub fn ops(&self) -> Vec<&AccountOp> {
        self.dag.ordered().collect()
    }

    /// Ops that others wait for.
    pub fn missing(&self) -> Vec<OpId> {
        self.waiting.missing()
    }

    /// The same log without what waits, and without ops that nobody had the right to write, unless one that
    /// counts in its own past follows them. What is left out changes nothing, so that junk which strangers sign in
    /// the name of an account need not be kept; what a later version may have had a reason to write is.
    pub fn trimmed(&self) -> Self {
        let mut grounded = Bits::default();
        for (index, authority) in self.authority.iter().enumerate() {
            if let Some(node) = self.dag.node(index).filter(|_| authority.is_some()) {
                grounded.union_with(&node.past);
            }
        }
        if grounded.len() == self.dag.len() && self.waiting.len() == 0 {
            return self.clone();
        }
        let mut log = Self::new(self.account);
        for (_, node) in self.dag.sorted(&grounded) {
            // The order is a linear extension of causality and the set is closed, so nothing is refused.
            if log.insert(node.op.clone()).is_err() {
                break;
            }
        }
        log
    }

    /// Ops that somebody who has these heads lacks, each after its past. Heads that are not here tell nothing.
    pub fn unknown_to(&self, heads: &[OpId]) -> Vec<OpId> {
        let mut unknown = self.dag.all();
        for past in heads.iter().filter_map(|head| self.dag.node(self.dag.find(head)?)).map(|node| &node.past)
        {
            unknown.subtract(past);
        }
        self.dag.sorted(&unknown).map(|(_, node)| node.op.id).collect()
    }

    /// Ops that admit or remove somebody by all that is known here, with everything before them, each after its
    /// past: what others have to see to come to the same devices (protocol section 5.3).
    pub fn effective(&mut self) -> Vec<OpId> {
        let state = self.state();
        let mut out = Bits::default();
        for node in (0..self.dag.len()).filter_map(|index| self.dag.node(index)) {
            if node.op.change != AccountChange::Unknown && !state.void.contains(&node.op.id) {
                out.union_with(&node.past);
            }
        }
        self.dag.sorted(&out).map(|(_, node)| node.op.id).collect()
    }

    /// The state over all known ops.
    pub fn state(&mut self) -> Arc<AccountState> {
        let all = self.dag.all();
        self.state_of(&all)
    }

    /// The state over these ops and their past; none if one of them is not here.
    pub fn state_at(&mut self, heads: &[OpId]) -> Option<Arc<AccountState>> {
        let past = self.dag.past_of(heads)?;
        Some(self.state_of(&past))
    }

    pub(crate) fn past_of(&self, heads: &[OpId]) -> Option<Bits> {
        self.dag.past_of(heads)
    }

    pub(crate) fn ids(&self, set: &Bits) -> BTreeSet<OpId> {
        self.dag.ids(set)
    }

    pub(crate) fn find(&self, id: &OpId) -> Option<usize> {
        self.dag.find(id)
    }

    pub(crate) fn state_of(&mut self, set: &Bits) -> Arc<AccountState> {
        if let Some(state) = self.cache.get(set) {
            return Arc::clone(state);
        }
        let resolution = resolve(self, set, &Bits::default());
        let state = Arc::new(AccountState::read(self, set, &resolution));
        if self.cache.len() >= CACHE_MAX {
            self.cache.clear();
        }
        self.cache.insert(set.clone(), Arc::clone(&state));
        state
    }

    /// Authority of the op with this index, if it counts in its own past.
    pub(super) fn authority(&self, index: usize) -> Option<&Authority> {
        self.authority.get(index).and_then(Option::as_ref)
    }

    pub(super) fn resolution(&self, set: &Bits, ignored: &Bits) -> Resolution {
        resolve(self, set, ignored)
    }
}

/// The account logs known here, by account.
#[derive(Debug, Clone, Default)]
pub struct AccountLogs {
    logs: BTreeMap<AccountId, AccountLog>,
}

impl AccountLogs {
    /// Takes an op into the log of its account.
    pub fn insert(&mut self, op: AccountOp) -> Result<Inserted, LogError> {
        let account = op.account;
        self.logs.entry(account).or_insert_with(|| AccountLog::new(account)).insert(op)
    }

    /// The log of an account, if anything of it is known.
    pub fn get(&self, account: &AccountId) -> Option<&AccountLog> {
        self.logs.get(account)
    }

    /// The log of an account for resolution, which fills a cache.
    pub fn get_mut(&mut self, account: &AccountId) -> Option<&mut AccountLog> {
        self.logs.get_mut(account)
    }

    /// Every account of which something is known.
    pub fn accounts(&self) -> impl Iterator<Item = AccountId> + '_ {
        self.logs.keys().copied()
    }
}
