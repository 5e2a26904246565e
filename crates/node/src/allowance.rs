//! How much of an account log is kept, and of whose ops (protocol section 1.2).
//!
//! It must not know where ops are stored. Invariants: a log stays below [`limits::ACCOUNT_LOG_BYTES_END`]; whatever a
//! machine writes, there is space left for the removal of that machine, and above all for the phrase.

use std::collections::{BTreeMap, BTreeSet};

use madang_model::{AccountLog, AccountOp, DeviceId, Inserted, OpId, account::Strength, limits};
use madang_wire::{Message as _, SignedOp};

use crate::accounts::typed_op;

/// Largest op of an account log that is kept: it has to fit into the control op that mirrors it.
const MIRRORED_BYTES: usize = 56_000;

/// Bytes of an op as they are counted.
pub(crate) fn size(op: &SignedOp) -> usize {
    let payload = op.payload.as_ref().map_or(0, Vec::len);
    op.header.len().saturating_add(op.sig.len()).saturating_add(payload)
}

/// A log, and which of the offered ops are new in it.
pub(crate) type Grown<'a> = (AccountLog, Vec<(AccountOp, &'a SignedOp)>);

/// A log with those of the offered ops that are to be kept, and these ops, each after its past. `kept` has the sizes of
/// the ops that are in the log.
pub(crate) fn grown<'a>(log: AccountLog, offered: &[&'a SignedOp], kept: BTreeMap<OpId, usize>) -> Grown<'a> {
    let mut all = log.clone();
    let mut signed: BTreeMap<OpId, &SignedOp> = BTreeMap::new();
    for op in offered {
        let Some(typed) = typed_op(op) else { continue };
        let id = typed.id;
        // One that does not fit into its mirror (protocol section 5.3) could never be told to a room.
        let fits = op.encoded_len() <= MIRRORED_BYTES;
        if fits && matches!(all.insert(typed), Ok(Inserted::Added(_) | Inserted::Waiting(_))) {
            signed.insert(id, *op);
        }
    }
    let mut allowance = Allowance { log, sizes: kept };
    let fresh: Vec<AccountOp> =
        all.ops().into_iter().filter(|op| signed.contains_key(&op.id)).cloned().collect();
    for op in &fresh {
        allowance.offer(op, &all, &signed);
    }
    let log = allowance.log;
    let taken = fresh.into_iter().filter(|op| log.contains(&op.id));
    let taken = taken.filter_map(|op| Some((op.clone(), *signed.get(&op.id)?))).collect();
    (log, taken)
}

/// What is kept so far.
struct Allowance {
    log: AccountLog,
    sizes: BTreeMap<OpId, usize>,
}

/// What an op is worth keeping for.
enum Worth {
    /// The phrase has signed it.
    Phrase,
    /// It removes a machine that was active until now.
    Effect(Strength),
    /// Any other removal.
    Removal,
    /// Anything else that its author had the right to write.
    Other,
}

impl Allowance {
    /// Takes an op, with what of its past is not here, if somebody had the right to write it and there is space for it.
    /// What is not taken for its own sake may still come as the past of another one, which pays for it.
    fn offer(&mut self, op: &AccountOp, all: &AccountLog, signed: &BTreeMap<OpId, &SignedOp>) {
        if self.log.contains(&op.id) {
            return;
        }
        let Some(group) = self.with_past(op, all) else { return };
        let mut log = self.log.clone();
        if group.iter().any(|op| !matches!(log.insert(op.clone()), Ok(Inserted::Added(_)))) {
            return;
        }
        let own = |id: &OpId| signed.get(id).map_or(0, |op| size(op));
        let bytes = group.iter().map(|op| own(&op.id)).fold(0, usize::saturating_add);
        let Some(worth) = self.worth(op, own(&op.id), &mut log) else { return };
        if self.has_space(&worth, &op.author, bytes) {
            self.sizes.extend(group.iter().map(|op| (op.id, own(&op.id))));
            self.log = log;
        }
    }

    /// The op after the ops of its past that are not kept.
    fn with_past(&self, op: &AccountOp, all: &AccountLog) -> Option<Vec<AccountOp>> {
        let mut group = BTreeMap::new();
        let mut open = vec![op.id];
        while let Some(id) = open.pop() {
            if self.log.contains(&id) || group.contains_key(&id) {
                continue;
            }
            let op = all.op(&id)?;
            open.extend(&op.parents);
            group.insert(id, op.clone());
        }
        let mut group: Vec<AccountOp> = group.into_values().collect();
        group.sort_by_key(|op| (op.hlc, op.id));
        Some(group)
    }

    fn worth(&mut self, op: &AccountOp, bytes: usize, after: &mut AccountLog) -> Option<Worth> {
        let strength = after.right(&op.id)?;
        let (before, after) = (self.log.state(), after.state());
        if strength == Strength::Root && !after.ever.contains(&op.author) && !after.void.contains(&op.id) {
            return Some(Worth::Phrase);
        }
        if !op.removes() {
            return Some(Worth::Other);
        }
        let effect = before.devices.keys().any(|device| !after.is_active(device));
        let fits = effect && bytes <= limits::ACCOUNT_REMOVAL_BYTES_MAX && !after.void.contains(&op.id);
        Some(if fits { Worth::Effect(strength) } else { Worth::Removal })
    }

    /// What is void counts for nobody but its author, and in the end for the disk.
    fn has_space(&mut self, worth: &Worth, author: &DeviceId, more: usize) -> bool {
        let state = self.log.state();
        let sum = |counts: &dyn Fn(&OpId) -> bool| -> usize {
            let counted = self.sizes.iter().filter(|(id, _)| counts(id));
            counted.map(|(_, bytes)| *bytes).fold(more, usize::saturating_add)
        };
        let total = sum(&|_| true);
        let (live, most) = match worth {
            Worth::Phrase => return total <= limits::ACCOUNT_LOG_BYTES_END,
            Worth::Effect(Strength::Single) => return total <= limits::ACCOUNT_LOG_BYTES_ONE,
            Worth::Effect(_) => return total <= limits::ACCOUNT_LOG_BYTES_TWO,
            Worth::Removal => (sum(&|id| !state.void.contains(id)), limits::ACCOUNT_LOG_BYTES_MAX),
            Worth::Other => {
                let removes = |id: &OpId| self.log.op(id).is_some_and(AccountOp::removes);
                let most = limits::ACCOUNT_LOG_BYTES_MAX.saturating_sub(limits::ACCOUNT_LOG_REMOVALS);
                (sum(&|id| !state.void.contains(id) && !removes(id)), most)
            }
        };
        let own: BTreeSet<OpId> =
            self.log.ops().into_iter().filter(|op| op.author == *author).map(|op| op.id).collect();
        let own = sum(&|id| own.contains(id));
        live <= most && own <= limits::ACCOUNT_LOG_BYTES_DEVICE && total <= limits::ACCOUNT_LOG_BYTES_ANY
    }
}
