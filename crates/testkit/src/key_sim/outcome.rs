//! What went wrong in a schedule.
//!
//! Owns the four counters and the cases that are known and benign. Must not decide who gets a key. Invariant:
//! the counters look only at who holds what in the end and at what senders had seen.

use std::sync::Arc;

use madang_model::control::{Added, Removal};
use madang_model::{OpId, View, keys};

use super::people::{device, person_of};
use super::schedule::World;
use super::sealer::Sealer;

/// What happened in one schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// A machine of a removed account, or a removed machine, holds a key used by a sender who knew of the removal.
    pub leak_removed: bool,
    /// As above, but whoever handed the key over knew of every one of these removals as well, and something the
    /// sender had not seen made the machine a rightful one in his view: a removal was void there, because its
    /// author had been removed by somebody stronger, and only later was that one revoked himself.
    pub benign_removed: bool,
    /// A machine holds a key used for a message whose sender had not seen its account's current Add, and the
    /// history policy does not cover that key.
    pub leak_history: bool,
    /// As above, but whoever handed the key over saw the account as a member by another Add, which covered the key
    /// and counts no longer: the account was added again, later, and the policy reaches back from there only.
    pub benign_history: bool,
    /// A machine of a member cannot get the key of a message whose sender saw it as one.
    pub unreadable: bool,
    /// After everybody has synced the members do not agree on one usable key that they all hold.
    pub stuck: bool,
}

impl Outcome {
    /// Whether one of the four counters moved; the benign cases are none of them.
    pub fn is_bad(&self) -> bool {
        self.leak_removed || self.leak_history || self.unreadable || self.stuck
    }
}

/// Outcomes of many schedules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Schedules that ran.
    pub schedules: u64,
    /// Schedules with [`Outcome::leak_removed`].
    pub leak_removed: u64,
    /// Schedules with [`Outcome::benign_removed`] or [`Outcome::benign_history`].
    pub benign: u64,
    /// Schedules with [`Outcome::leak_history`].
    pub leak_history: u64,
    /// Schedules with [`Outcome::unreadable`].
    pub unreadable: u64,
    /// Schedules with [`Outcome::stuck`].
    pub stuck: u64,
    /// Messages sent in all schedules, to show that they were not idle.
    pub messages: u64,
    /// Keys made in all schedules.
    pub keys: u64,
    /// Seeds of the bad schedules.
    pub bad_seeds: Vec<u64>,
}

impl Tally {
    /// Counts one schedule.
    pub(super) fn count(&mut self, seed: u64, outcome: &Outcome) {
        self.schedules += 1;
        self.leak_removed += u64::from(outcome.leak_removed);
        self.benign += u64::from(outcome.benign_removed || outcome.benign_history);
        self.leak_history += u64::from(outcome.leak_history);
        self.unreadable += u64::from(outcome.unreadable);
        self.stuck += u64::from(outcome.stuck);
        if outcome.is_bad() {
            self.bad_seeds.push(seed);
        }
    }

    /// Adds the schedules of another tally.
    pub fn merge(&mut self, other: &Tally) {
        self.schedules += other.schedules;
        self.leak_removed += other.leak_removed;
        self.benign += other.benign;
        self.leak_history += other.leak_history;
        self.unreadable += other.unreadable;
        self.stuck += other.stuck;
        self.messages += other.messages;
        self.keys += other.keys;
        self.bad_seeds.extend(&other.bad_seeds);
        self.bad_seeds.sort_unstable();
    }
}

/// A removal by which a sender takes a machine for gone.
struct Gone {
    op: OpId,
    /// Whether it is a removal in an account log.
    of_device: bool,
}

/// Judges every message of a schedule in which everybody has `all` by now.
pub(super) fn judge<S: Sealer>(world: &World<'_, S>, all: &Arc<View>, outcome: &mut Outcome) {
    for message in &world.messages {
        for machine in 0..world.people.views.len() {
            let holds = world.sealer.open(machine, &message.sealed).is_some();
            let gone = removals_of(world, &message.view, machine);
            if holds && !gone.is_empty() {
                judge_removed(world, all, &message.view, message.sealed.key, machine, &gone, outcome);
            } else if holds {
                judge_history(world, all, &message.view, message.sealed.key, machine, outcome);
            } else {
                outcome.unreadable |= ought_to_read(world, all, &message.view, message.sealed.key, machine);
            }
        }
    }
}

/// Removals in `view` that make this machine a removed one there.
fn removals_of<S: Sealer>(world: &World<'_, S>, view: &View, machine: usize) -> Vec<Gone> {
    let own = world.people.accounts[person_of(machine)];
    let active = view.account_of(&device(machine)) == Some(own);
    view.removals()
        .filter_map(|removal| match removal {
            _ if active => None,
            Removal::Member { op, account } => {
                (*account == own && view.member(&own).is_none()).then_some(Gone { op: *op, of_device: false })
            }
            Removal::Device { op, account, devices } => (*account == own
                && devices.contains(&device(machine)))
            .then_some(Gone { op: *op, of_device: true }),
        })
        .collect()
}

fn judge_removed<S: Sealer>(
    world: &World<'_, S>,
    all: &View,
    seen: &View,
    key: usize,
    machine: usize,
    gone: &[Gone],
    outcome: &mut Outcome,
) {
    let people = &world.people;
    let own = people.accounts[person_of(machine)];
    let state = all.account_state(&own);
    let device_gone = gone.iter().any(|g| g.of_device && state.is_some_and(|s| !s.void.contains(&g.op)));
    if !device_gone {
        let added_later = people.adds.iter().any(|(op, who)| *who == own && !people.log.in_view(op, seen));
        // In the end the removal did not take effect: its author was removed himself, or its target had been
        // made owner.
        let voided = gone.iter().any(|g| !g.of_device && !takes_effect(all, &g.op));
        let only_devices = gone.iter().all(|g| g.of_device);
        if added_later || voided || only_devices {
            return;
        }
    }
    let giver = world.given.get(&(key, machine));
    let rightful = giver.is_some_and(|view| {
        view.account_of(&device(machine)) == Some(own) && gone.iter().all(|g| knows(world, view, &own, g))
    });
    if rightful {
        outcome.benign_removed = true;
    } else {
        outcome.leak_removed = true;
    }
}

fn takes_effect(view: &View, removal: &OpId) -> bool {
    view.removals().any(|r| matches!(r, Removal::Member { op, .. } if op == removal))
}

fn knows<S: Sealer>(
    world: &World<'_, S>,
    view: &View,
    account: &madang_model::AccountId,
    gone: &Gone,
) -> bool {
    if !gone.of_device {
        return world.people.log.in_view(&gone.op, view);
    }
    view.account_state(account)
        .is_some_and(|s| s.void.contains(&gone.op) || s.removals.contains_key(&gone.op))
}

fn judge_history<S: Sealer>(
    world: &World<'_, S>,
    all: &View,
    seen: &View,
    key: usize,
    machine: usize,
    outcome: &mut Outcome,
) {
    let own = world.people.accounts[person_of(machine)];
    let facts = &world.keys[key].facts;
    let Some(member) = all.member(&own).filter(|m| m.devices.contains(&device(machine))) else { return };
    let Added::By { op, .. } = &member.added else { return };
    // A machine linked later to an account that was in qualifies for what its account could read then.
    let was_in = seen.member(&own).is_some() || world.people.log.in_view(op, seen);
    if was_in || keys::covers(facts, all, &member.added) {
        return;
    }
    let by_another_add = world.given.get(&(key, machine)).is_some_and(|view| {
        view.member(&own)
            .is_some_and(|then| then.added != member.added && keys::covers(facts, view, &then.added))
    });
    if by_another_add {
        outcome.benign_history = true;
    } else {
        outcome.leak_history = true;
    }
}

fn ought_to_read<S: Sealer>(
    world: &World<'_, S>,
    all: &View,
    seen: &View,
    key: usize,
    machine: usize,
) -> bool {
    let own = world.people.accounts[person_of(machine)];
    let here = all.account_of(&device(machine)) == Some(own);
    let there = seen.account_of(&device(machine)) == Some(own);
    let same_add = all.member(&own).map(|m| m.added) == seen.member(&own).map(|m| m.added);
    let available = || {
        (0..world.people.views.len())
            .any(|holder| all.devices().contains_key(&device(holder)) && world.sealer.holds(holder, key))
    };
    here && there && same_add && available()
}
