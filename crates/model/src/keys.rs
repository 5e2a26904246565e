//! The rules of conversation keys (protocol section 3).
//!
//! Owns which key may be used for sending, who may be given a key, when routes change and keys are deleted. Must
//! not know secrets or sessions. Invariant: a key is never used by somebody who knows of a removal of which the
//! key's creator did not.
//!
//! Every function takes the [`Rules`] in force. Product code passes [`Rules::ALL`]; the simulator leaves single
//! rules out, to show that each of them is needed and that its absence would be noticed.

use std::collections::BTreeMap;

use crate::control::{Added, ControlLog, Conversation, History, View};
use crate::hlc::Hlc;
use crate::ids::{AccountId, DeviceId, KeyId, OpId};
use crate::limits::{
    DAY_MS, HOUR_MS, HOURLY_EXCEPTION_DEVICES, KEY_RETENTION_LARGE_MS, KEY_RETENTION_SMALL_MS,
    ROTATION_AGE_LARGE_MS, ROTATION_AGE_SMALL_MS, ROUTE_RETENTION_MS, SMALL_CONVERSATION_DEVICES,
};

/// What the rules need to know of a key (protocol section 3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// Id of the key.
    pub id: KeyId,
    /// Number of the epoch; several keys may have the same.
    pub epoch: u64,
    /// Control heads in the creator's view.
    pub basis: Vec<OpId>,
    /// Device that made it.
    pub creator: DeviceId,
    /// When it was made.
    pub created: Hlc,
}

impl KeyFacts {
    /// Keys are preferred by this: the highest epoch, then the highest id.
    pub fn rank(&self) -> (u64, KeyId) {
        (self.epoch, self.id)
    }
}

/// Which rules are in force. Everything but [`Rules::ALL`] and [`Rules::AGE_ASIDE`] is for tests of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Section 3.2 (a): the basis is in the view.
    pub basis_seen: bool,
    /// Section 3.2 (b) and (c) as far as accounts are concerned.
    pub accounts: bool,
    /// Section 3.2 (b) and (c) as far as single devices of members are concerned.
    pub devices: bool,
    /// Section 3.2 (c) alone.
    pub exposure: bool,
    /// Section 3.2 (d): rotation by age.
    pub age: bool,
    /// Section 3.2 (e): every member was there, or the history policy covers it.
    pub coverage: bool,
    /// Section 3.3, re-share (i): the holder has seen the basis.
    pub reshare_basis: bool,
    /// Section 3.3, re-share (iii): the asker was there, or the history policy covers him.
    pub reshare_history: bool,
}

impl Rules {
    /// All rules.
    pub const ALL: Rules = Rules {
        basis_seen: true,
        accounts: true,
        devices: true,
        exposure: true,
        age: true,
        coverage: true,
        reshare_basis: true,
        reshare_history: true,
    };

    /// All rules but the age, as for sealing control ops (section 3.3).
    pub const AGE_ASIDE: Rules = Rules { age: false, ..Rules::ALL };
}

/// Why a key may not be used for sending (protocol section 3.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// (a) Its basis has ops that the view lacks.
    BasisNotSeen,
    /// (b) The view has a removal of this person's membership or device that the basis lacks.
    RemovalUnknown(AccountId),
    /// (c) Somebody may have given it to this device, which is not in the view.
    Exposed(DeviceId),
    /// (d) It is older than the rotation age.
    TooOld,
    /// (e) This member came later, and the history policy does not cover him.
    NotCovered(AccountId),
}

/// Decides whether a key made over `basis` may be used for sending in `view` at `now_ms` (protocol section 3.2).
/// Both views are of the same control log. The first rule that fails is reported.
pub fn usable(key: &KeyFacts, basis: &View, view: &View, now_ms: u64, rules: &Rules) -> Result<(), Unusable> {
    if rules.basis_seen && !view.includes(basis) {
        return Err(Unusable::BasisNotSeen);
    }
    for removal in view.removals_unknown_to(basis) {
        use crate::control::Removal::{Device, Member};
        match removal {
            Member { account, .. } if rules.accounts => return Err(Unusable::RemovalUnknown(*account)),
            Device { account, .. } if rules.devices => return Err(Unusable::RemovalUnknown(*account)),
            _ => {}
        }
    }
    if let Some(device) = exposed_outside(basis, view, rules) {
        return Err(Unusable::Exposed(device));
    }
    let age = now_ms.saturating_sub(key.created.millis());
    if rules.age && age >= rotation_age_ms(view.devices().len()) {
        return Err(Unusable::TooOld);
    }
    if rules.coverage {
        let uncovered = view.members().iter().find(|(account, member)| {
            let there = basis.member(account).is_some_and(|then| then.added == member.added);
            !there && !covers(key, view, &member.added)
        });
        if let Some((account, _)) = uncovered {
            return Err(Unusable::NotCovered(*account));
        }
    }
    Ok(())
}

/// The first device that may hold the key without being in the view, rule (c).
fn exposed_outside(basis: &View, view: &View, rules: &Rules) -> Option<DeviceId> {
    if !rules.exposure {
        return None;
    }
    let outside = |account: &AccountId, device: &DeviceId| {
        let watched = if view.member(account).is_some() { rules.devices } else { rules.accounts };
        watched && !view.devices().contains_key(device)
    };
    let removed_in_basis = |account: &AccountId, device: &DeviceId| {
        basis.account_state(account).is_some_and(|state| state.removed.contains_key(device))
    };
    let of_basis = basis.devices().iter().find(|(device, account)| outside(account, device));
    if let Some((device, _)) = of_basis {
        return Some(*device);
    }
    for (account, devices) in view.adds_unknown_to(basis) {
        let found =
            devices.iter().find(|device| !removed_in_basis(&account, device) && outside(&account, device));
        if let Some(device) = found {
            return Some(*device);
        }
    }
    view.device_adds_unknown_to(basis)
        .find(|(account, device)| !removed_in_basis(account, device) && outside(account, device))
        .map(|(_, device)| device)
}

/// `covers(key, account)` of protocol section 3.1 for an account added in `view` by `added`.
pub fn covers(key: &KeyFacts, view: &View, added: &Added) -> bool {
    let Added::By { hlc, .. } = added else { return true };
    let made_after = |back_ms: u64| key.created >= hlc.minus_millis(back_ms);
    match view.settings().history {
        History::All => true,
        History::Days(days) => made_after(u64::from(days).saturating_mul(DAY_MS)),
        History::Now | History::None => {
            view.devices().len() > HOURLY_EXCEPTION_DEVICES && made_after(HOUR_MS)
        }
    }
}

/// Age in milliseconds at which a key is no longer used for sending, by the number of devices.
pub fn rotation_age_ms(devices: usize) -> u64 {
    if devices <= SMALL_CONVERSATION_DEVICES { ROTATION_AGE_SMALL_MS } else { ROTATION_AGE_LARGE_MS }
}

/// The key to send with in `view`: of the usable ones that with the highest `(epoch, key_id)`. Keys whose basis
/// is not known here are passed over.
pub fn choose<'k>(
    log: &mut ControlLog,
    keys: impl IntoIterator<Item = &'k KeyFacts>,
    view: &View,
    now_ms: u64,
    rules: &Rules,
) -> Option<&'k KeyFacts> {
    let mut by_rank: Vec<&KeyFacts> = keys.into_iter().collect();
    by_rank.sort_by_key(|key| std::cmp::Reverse(key.rank()));
    by_rank.into_iter().find(|key| {
        log.view_at(&key.basis).is_some_and(|basis| usable(key, &basis, view, now_ms, rules).is_ok())
    })
}

/// The key under which a control op is sealed: the highest that was usable, age aside, just before it. None when
/// the op is not in the log or no key was usable then.
pub fn choose_for_control<'k>(
    log: &mut ControlLog,
    keys: impl IntoIterator<Item = &'k KeyFacts>,
    op: &OpId,
) -> Option<&'k KeyFacts> {
    let before = log.view_before(op)?;
    choose(log, keys, &before, 0, &Rules::AGE_ASIDE)
}

/// Epoch of a new key: one above the highest known.
pub fn next_epoch<'k>(keys: impl IntoIterator<Item = &'k KeyFacts>) -> u64 {
    keys.into_iter().map(|key| key.epoch).max().unwrap_or(0).saturating_add(1)
}

/// Whether a key made in `view` needs a new route: only if the view has a removal of which the basis of the
/// highest key has not heard. Without a key there is no route to take over.
pub fn needs_new_route(highest_basis: Option<&View>, view: &View) -> bool {
    highest_basis.is_none_or(|basis| view.removals_unknown_to(basis).next().is_some())
}

/// Why a key is not given to a device that asks for it (protocol section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// (i) I have not seen the whole basis yet; ask somebody else or later.
    BasisNotSeen,
    /// (ii) The device is not one of a member.
    NotADevice,
    /// (iii) The key is from before the asker's Add.
    BeforeYou,
}

impl Denied {
    /// The flag of `KeyDenied`: the asker drops frames of this key silently, they are no gap.
    pub fn before_you(self) -> bool {
        self == Denied::BeforeYou
    }
}

/// Decides whether I, who have seen `view`, give a key made over `basis` to `device` (protocol section 3.3).
pub fn may_reshare(
    key: &KeyFacts,
    basis: &View,
    view: &View,
    device: &DeviceId,
    rules: &Rules,
) -> Result<(), Denied> {
    if rules.reshare_basis && !view.includes(basis) {
        return Err(Denied::BasisNotSeen);
    }
    let account = view.account_of(device).ok_or(Denied::NotADevice)?;
    let member = view.member(&account).ok_or(Denied::NotADevice)?;
    let there = basis.member(&account).is_some_and(|then| then.added == member.added);
    if rules.reshare_history && !there && !covers(key, view, &member.added) {
        return Err(Denied::BeforeYou);
    }
    Ok(())
}

/// How long a superseded key is kept after the last gap under it closed, in milliseconds, by number of devices.
pub fn key_retention_ms(devices: usize) -> u64 {
    if devices <= SMALL_CONVERSATION_DEVICES { KEY_RETENTION_SMALL_MS } else { KEY_RETENTION_LARGE_MS }
}

/// Whether a superseded key is to be deleted. `settled_ms` is when it was superseded or when the last gap under
/// it closed, whichever was later; none while a gap is open.
pub fn is_expired(settled_ms: Option<u64>, devices: usize, now_ms: u64) -> bool {
    settled_ms.is_some_and(|at| now_ms.saturating_sub(at) >= key_retention_ms(devices))
}

/// Whether a route superseded at this time is still followed.
pub fn route_is_followed(superseded_ms: u64, now_ms: u64) -> bool {
    now_ms.saturating_sub(superseded_ms) < ROUTE_RETENTION_MS
}

/// Devices that a new key is given to, with their accounts, `maker` left out: `devices(view)`.
pub fn recipients(view: &View, maker: &DeviceId) -> BTreeMap<DeviceId, AccountId> {
    view.devices().iter().filter(|(device, _)| *device != maker).map(|(d, a)| (*d, *a)).collect()
}

/// Whether a second account could ever be added: not in self and 1:1.
pub fn has_fixed_members(view: &View) -> bool {
    view.conversation() != Conversation::Room
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
