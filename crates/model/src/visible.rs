//! Who may read an op (protocol section 3.5).
//!
//! Owns the pure function behind every repair, reconciliation and bulk transfer. Must not know who asks over
//! which path. Invariant: nothing is served that the asking account may not see.

use crate::control::{Added, Conversation, History, View};
use crate::hlc::Hlc;
use crate::ids::{AccountId, DeviceId};
use crate::limits::DAY_MS;

/// What `visible` needs to know of an op.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Whether it is a control op.
    pub control: bool,
    /// Account of its author, if known.
    pub author: Option<AccountId>,
    /// Its timestamp.
    pub hlc: Hlc,
    /// The view of its causal past: that of the control heads its author had seen.
    pub past: &'a View,
}

/// A kind of reader; everybody of one class sees the same ops, so one reconciliation set serves all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// No member: sees nothing.
    Nobody,
    /// Sees everything.
    Everything,
    /// Sees ops from this time on.
    Since(Hlc),
    /// Sees ops that have the Add of the account, and for a restored device its own DeviceAdded, in their past.
    AfterAdd {
        /// The account.
        account: AccountId,
        /// The device, if it was restored from the phrase under policy `none`.
        restored: Option<DeviceId>,
    },
}

/// The class of an account in `view`; `device` matters only for policy `none`.
pub fn class(view: &View, account: &AccountId, device: Option<&DeviceId>) -> Class {
    let Some(member) = view.member(account) else { return Class::Nobody };
    if view.conversation() != Conversation::Room {
        return Class::Everything;
    }
    let after_add = |restored| Class::AfterAdd { account: *account, restored };
    match (view.settings().history, &member.added) {
        (History::All, _) | (_, Added::Fixed) => Class::Everything,
        (History::Days(days), Added::By { hlc, .. }) => {
            Class::Since(hlc.minus_millis(u64::from(days).saturating_mul(DAY_MS)))
        }
        (History::Now, _) => after_add(None),
        (History::None, _) => after_add(device.copied().filter(|device| {
            let state = view.account_state(account);
            state.and_then(|s| s.devices.get(device)).is_some_and(|d| d.by_root)
        })),
    }
}

/// Whether `account`, asking with `device`, may see the op, judged in `view`.
pub fn visible(op: &Candidate<'_>, account: &AccountId, device: Option<&DeviceId>, view: &View) -> bool {
    let class = class(view, account, device);
    if class == Class::Nobody {
        return false;
    }
    if op.control || op.author.as_ref() == Some(account) {
        return true;
    }
    match class {
        Class::Nobody => false,
        Class::Everything => true,
        Class::Since(hlc) => op.hlc >= hlc,
        Class::AfterAdd { account, restored } => {
            view.add_is_known_to(&account, op.past)
                && restored.is_none_or(|device| view.mirror_is_known_to(&device, op.past))
        }
    }
}
