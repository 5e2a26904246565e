//! What the control log says about a content op.
//!
//! Owns rules 2 to 4 of protocol section 5.2 for content. Must not know message bodies. Invariant: an op that was
//! not authorised in its own causal past never counts.

use crate::ids::{DeviceId, OpId};

use super::facts::cut_for;
use super::log::ControlLog;
use super::op::Change;
use super::view::View;

/// What a content op is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Counts,
    /// Its author was no member in its past, or its device did not belong to one.
    NotMember,
    /// Its author was a reader, who does not write.
    ReadOnly,
    /// It lies beyond the cut of a removal; those who had seen it see "removed with N".
    Void {
        /// The Remove.
        by: OpId,
    },
    /// The control heads of its past are not here yet.
    Unknown,
}

impl ControlLog {
    /// Judges a content op of `author` with number `seq` whose past has these control heads, in `view`. `follows` says
    /// whether a removal has the op in its own causal past: what the remover answers to stands, whatever cut he names.
    pub fn judge_content(
        &mut self,
        view: &View,
        author: &DeviceId,
        seq: u64,
        heads: &[OpId],
        follows: impl Fn(&OpId) -> bool,
    ) -> Verdict {
        let Some(before) = self.view_at(heads) else { return Verdict::Unknown };
        let Some(account) = before.account_of(author) else { return Verdict::NotMember };
        match before.role(&account) {
            None => return Verdict::NotMember,
            Some(role) if !role.may_write() => return Verdict::ReadOnly,
            Some(_) => {}
        }
        // A removal in the op's own past was followed by a re-add, or the author would be no member there.
        let beyond = view.removals_unknown_to(&before).find_map(|removal| {
            let super::view::Removal::Member { op, account: gone } = removal else { return None };
            let Change::Remove { cuts, .. } = &self.op(op)?.change else { return None };
            (*gone == account && seq > cut_for(cuts, author) && !follows(op)).then_some(*op)
        });
        match beyond {
            Some(by) => Verdict::Void { by },
            None => Verdict::Counts,
        }
    }
}
