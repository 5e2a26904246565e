use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::dag::{Inserted, LogError};
use crate::hlc::Hlc;
use crate::ids::{AccountId, DeviceId, OpId};

const DAY: u64 = 86_400_000;
const START: u64 = 1_790_000_000_000;

fn dev(n: u8) -> DeviceId {
    DeviceId::from_bytes([n; 32])
}

/// Writes ops of one account; every op names the heads its author has seen.
struct Writer {
    ops: Vec<AccountOp>,
    seq: BTreeMap<DeviceId, u64>,
    account: AccountId,
    now: u64,
}

const ROOT: u8 = 200;

impl Writer {
    /// Account with its first device 1.
    fn new() -> Self {
        let account = AccountId::from_bytes([1; 32]);
        let genesis = AccountChange::Genesis { root: dev(ROOT), first_device: dev(1), label: "desk".into() };
        let op = AccountOp {
            id: OpId::from_bytes(account.to_bytes()),
            account,
            author: dev(ROOT),
            seq: 1,
            parents: vec![],
            hlc: Hlc::from_millis(START),
            change: genesis,
        };
        Self { ops: vec![op], seq: BTreeMap::from([(dev(ROOT), 1)]), account, now: START }
    }

    fn write(&mut self, author: u8, parents: &[usize], change: AccountChange) -> usize {
        self.now += 1_000;
        let seq = self.seq.entry(dev(author)).or_default();
        *seq += 1;
        let number = self.ops.len();
        let mut id = [0u8; 32];
        id[0] = (number as u8).wrapping_mul(97);
        id[31] = number as u8;
        self.ops.push(AccountOp {
            id: OpId::from_bytes(id),
            account: self.account,
            author: dev(author),
            seq: *seq,
            parents: parents.iter().map(|p| self.ops[*p].id).collect(),
            hlc: Hlc::from_millis(self.now),
            change,
        });
        number
    }

    fn add(&mut self, author: u8, parents: &[usize], device: u8) -> usize {
        self.write(
            author,
            parents,
            AccountChange::AddDevice { device: dev(device), label: format!("m{device}") },
        )
    }

    fn remove(&mut self, author: u8, parents: &[usize], device: u8, cut: u64, cosigners: &[u8]) -> usize {
        self.write(author, parents, AccountChange::RemoveDevice(self::cut(device, cut, cosigners)))
    }

    fn log(&self) -> AccountLog {
        let mut log = AccountLog::new(self.account);
        for op in &self.ops {
            log.insert(op.clone()).unwrap();
        }
        log
    }

    fn active(&self) -> Vec<u8> {
        self.log().state().devices.keys().map(|d| d.as_bytes()[0]).collect()
    }
}

fn cut(device: u8, cut: u64, cosigners: &[u8]) -> DeviceCut {
    DeviceCut { device: dev(device), cut, cosigners: cosigners.iter().map(|d| dev(*d)).collect() }
}

/// Devices 1, 2 and 3, each admitted by the one before; returns the last head.
fn three() -> (Writer, usize) {
    let mut w = Writer::new();
    let two = w.add(1, &[0], 2);
    let three = w.add(2, &[two], 3);
    (w, three)
}

#[test]
fn any_active_device_admits_and_the_order_is_kept() {
    let (w, _) = three();
    let state = w.log().state();
    let order: Vec<_> = [1, 2, 3].iter().map(|d| state.devices[&dev(*d)].order).collect();
    assert_eq!(order, [0, 1, 2]);
    assert_eq!(state.devices[&dev(3)].label, "m3");
    assert_eq!(state.root, Some(dev(ROOT)));
    assert_eq!(state.heads, vec![w.ops[2].id]);
    assert!(state.void.is_empty() && !state.devices[&dev(1)].by_root);
}

#[test]
fn strangers_and_removed_devices_do_nothing() {
    let (mut w, head) = three();
    let gone = w.remove(1, &[head], 3, 0, &[]);
    w.add(3, &[gone], 9);
    w.add(77, &[gone], 8);
    assert_eq!(w.active(), [1, 2]);
}

#[test]
fn an_earlier_device_removes_a_later_one_and_not_the_reverse() {
    let (mut w, head) = three();
    let attempt = w.remove(3, &[head], 1, 9, &[]);
    assert_eq!(w.active(), [1, 2, 3]);
    let done = w.remove(1, &[attempt], 3, 1, &[]);
    let state = w.log().state();
    assert_eq!(
        state.removed[&dev(3)],
        RemovedDevice { cut: 1, by: w.ops[done].id, strength: Strength::Single }
    );
    assert!(state.void.contains(&w.ops[attempt].id));
    w.remove(2, &[done], 2, 9, &[]);
    assert_eq!(w.active(), [1]);
}

#[test]
fn concurrent_admissions_are_ordered_by_time() {
    let mut w = Writer::new();
    let two = w.add(1, &[0], 2);
    let three = w.add(2, &[two], 3);
    let four = w.add(1, &[two], 4);
    let attempt = w.remove(4, &[three, four], 3, 9, &[]);
    assert_eq!(w.active(), [1, 2, 3, 4]);
    w.remove(3, &[attempt], 4, 9, &[]);
    assert_eq!(w.active(), [1, 2, 3]);
}

#[test]
fn a_cut_below_the_removers_own_past_is_invalid() {
    let (mut w, head) = three();
    let added = w.add(3, &[head], 4);
    w.remove(1, &[added], 3, 0, &[]);
    assert_eq!(w.active(), [1, 2, 3, 4]);
    w.remove(1, &[added], 3, 1, &[]);
    assert_eq!(w.active(), [1, 2, 4]);
}

#[test]
fn what_a_removed_device_did_beyond_the_cut_is_void_with_all_that_follows() {
    let (mut w, head) = three();
    let mallory = w.add(3, &[head], 30);
    w.add(30, &[mallory], 31);
    w.remove(1, &[head], 3, 0, &[]);
    let state = w.log().state();
    assert_eq!(state.devices.keys().copied().collect::<Vec<_>>(), [dev(1), dev(2)]);
    assert_eq!(state.ever, [1, 2, 3, 30, 31].iter().map(|d| dev(*d)).collect::<BTreeSet<_>>());
}

#[test]
fn a_forked_log_does_not_slip_under_the_cut() {
    let (mut w, head) = three();
    let seen = w.add(3, &[head], 4);
    w.remove(1, &[seen], 3, 1, &[]);
    w.seq.insert(dev(3), 0);
    w.add(3, &[head], 30);
    assert_eq!(w.active(), [1, 2, 4]);
}

#[test]
fn what_the_cut_counts_stands_though_the_remover_had_not_followed_it() {
    // Carol's first op is in the removal's past, her second one is within the cut, her third one beyond it.
    let (mut w, head) = three();
    let first = w.add(3, &[head], 4);
    let second = w.add(3, &[first], 5);
    w.add(3, &[second], 6);
    w.remove(1, &[first], 3, 2, &[]);
    assert_eq!(w.active(), [1, 2, 4, 5]);
    // Another op with the number of the one that was seen is a fork.
    w.seq.insert(dev(3), 0);
    w.add(3, &[head], 30);
    assert_eq!(w.active(), [1, 2, 4, 5]);
}

#[test]
fn ops_of_a_later_version_change_nothing_but_others_follow_them() {
    let (mut w, head) = three();
    let later = w.write(3, &[head], AccountChange::Unknown);
    let foreign = w.write(77, &[later], AccountChange::Unknown);
    let done = w.remove(1, &[later], 3, 1, &[]);
    assert_eq!(w.active(), [1, 2]);
    let mut log = w.log();
    let state = log.state();
    assert!(!state.void.contains(&w.ops[later].id) && state.void.contains(&w.ops[foreign].id));
    assert_eq!(log.effective().last(), Some(&w.ops[done].id));
    assert!(log.effective().contains(&w.ops[later].id), "the removal follows it");
    assert!(!log.effective().contains(&w.ops[foreign].id));
}

#[test]
fn junk_in_the_name_of_an_account_is_left_out() {
    let (mut w, head) = three();
    let junk = w.add(77, &[head], 88);
    w.add(77, &[junk], 89);
    let seen = w.write(78, &[head], AccountChange::Unknown);
    let after = w.add(2, &[seen], 4);
    let mut log = w.log();
    let mut orphan = w.ops[junk].clone();
    (orphan.id, orphan.parents) = (OpId::from_bytes([99; 32]), vec![OpId::from_bytes([98; 32])]);
    assert!(matches!(log.insert(orphan), Ok(Inserted::Waiting(_))));
    let mut kept = log.trimmed();
    let left: BTreeSet<OpId> = kept.ops().iter().map(|op| op.id).collect();
    let expected = [0, 1, head, seen, after].map(|n| w.ops[n].id);
    assert_eq!(left, expected.into());
    assert_eq!((&kept.state().devices, kept.missing()), (&w.log().state().devices, vec![]));
    assert_eq!(kept.state().heads, [w.ops[after].id]);
    assert_eq!(kept.trimmed().ops().len(), 5);
}

#[test]
fn what_somebody_lacks_is_what_his_heads_do_not_follow() {
    let (mut w, head) = three();
    let four = w.add(1, &[head], 4);
    let log = w.log();
    let id = |n: usize| w.ops[n].id;
    assert_eq!(log.unknown_to(&[id(head)]), [id(four)]);
    assert_eq!(log.unknown_to(&[id(four)]), []);
    assert_eq!(log.unknown_to(&[id(1), OpId::from_bytes([99; 32])]), [id(head), id(four)]);
    assert_eq!(log.unknown_to(&[]).len(), 4);
}

#[test]
fn two_devices_beat_the_single_removals_of_a_stolen_oldest_machine() {
    // The thief holds device 1 and removes 2 and 3 first; both sign together although his removals are known.
    let (mut w, head) = three();
    let first = w.remove(1, &[head], 2, 1, &[]);
    let second = w.remove(1, &[first], 3, 0, &[]);
    assert_eq!(w.active(), [1]);
    let both = w.remove(2, &[second], 1, 3, &[3]);
    let state = w.log().state();
    assert_eq!(w.active(), [2, 3]);
    assert_eq!(state.removed[&dev(1)].strength, Strength::Two);
    assert_eq!(state.removals.keys().collect::<Vec<_>>(), [&w.ops[both].id]);
    // The same when his removals were not yet known to them.
    let (mut w, head) = three();
    let first = w.remove(1, &[head], 2, 1, &[]);
    w.remove(1, &[first], 3, 0, &[]);
    w.remove(2, &[head], 1, 1, &[3]);
    assert_eq!(w.active(), [2, 3]);
}

#[test]
fn single_removals_older_than_thirty_days_stand() {
    let (mut w, head) = three();
    let first = w.remove(1, &[head], 2, 1, &[]);
    let second = w.remove(1, &[first], 3, 0, &[]);
    w.now += 30 * DAY;
    w.remove(2, &[second], 1, 3, &[3]);
    assert_eq!(w.active(), [1]);
}

#[test]
fn one_signature_given_twice_or_by_the_target_is_not_two() {
    let (mut w, head) = three();
    w.remove(2, &[head], 1, 9, &[2]);
    w.remove(3, &[head], 1, 9, &[1]);
    w.remove(3, &[head], 1, 9, &[99]);
    assert_eq!(w.active(), [1, 2, 3]);
}

#[test]
fn the_phrase_beats_two_devices() {
    let (mut w, head) = three();
    w.remove(2, &[head], 1, 1, &[3]);
    w.remove(ROOT, &[head], 2, 1, &[]);
    assert_eq!(w.active(), [1, 3]);
}

#[test]
fn a_new_phrase_replaces_the_old_one_and_removes_along_with_it() {
    let (mut w, head) = three();
    let restored = w.add(ROOT, &[head], 4);
    let rotate = AccountChange::RotateRoot { root: dev(201), remove: vec![cut(4, 0, &[])] };
    let rotated = w.write(ROOT, &[restored], rotate);
    assert_eq!(w.active(), [1, 2, 3]);
    w.add(ROOT, &[rotated], 5);
    assert_eq!(w.active(), [1, 2, 3]);
    w.seq.insert(dev(201), 0);
    w.add(201, &[rotated], 6);
    let state = w.log().state();
    assert_eq!(state.root, Some(dev(201)));
    assert!(state.devices[&dev(6)].by_root);
    assert_eq!(state.removed[&dev(4)].strength, Strength::Root);
}

#[test]
fn a_thief_who_removes_himself_is_cut_by_a_stronger_right() {
    // Author, cosigners and cut of the owner's removal; the thief holds machine 3, or 1, the oldest.
    for (thief, author, cosigners, strength) in [
        (3, 1, &[][..], Strength::Single),
        (3, 1, &[2][..], Strength::Two),
        (1, 2, &[3][..], Strength::Two),
        (3, ROOT, &[][..], Strength::Root),
        (1, ROOT, &[][..], Strength::Root),
    ] {
        let (mut w, head) = three();
        let left = w.remove(thief, &[head], thief, u64::MAX, &[]);
        let seq = w.seq[&dev(thief)];
        w.add(thief, &[head], 30);
        assert!(w.active().contains(&30), "the cut that he names himself lets him go on");
        let done = w.remove(author, &[left], thief, seq, cosigners);
        w.add(thief, &[head], 31);
        w.seq.insert(dev(thief), seq - 1);
        w.add(thief, &[head], 32);
        let others: Vec<u8> = (1..=3).filter(|d| *d != thief).collect();
        assert_eq!(w.active(), others, "{thief} by {strength:?}");
        let removed = RemovedDevice { cut: seq, by: w.ops[done].id, strength };
        let expected = if strength > Strength::Single {
            removed
        } else {
            // Of equal ones the first stands for both; the lower cut counts.
            RemovedDevice { by: w.ops[left].id, ..removed }
        };
        assert_eq!(w.log().state().removed[&dev(thief)], expected);
    }
}

#[test]
fn a_weaker_right_removes_nobody_again() {
    let (mut w, head) = three();
    let gone = w.remove(1, &[head], 2, 1, &[]);
    let by_later = w.remove(3, &[gone], 2, 1, &[]);
    let by_itself = w.remove(2, &[gone], 2, 1, &[]);
    let state = w.log().state();
    for op in [by_later, by_itself] {
        assert!(state.void.contains(&w.ops[op].id));
    }
    assert_eq!(state.removals.len(), 1);
}

#[test]
fn a_removed_device_key_never_comes_back() {
    let (mut w, head) = three();
    let gone = w.remove(1, &[head], 3, 0, &[]);
    w.add(1, &[gone], 3);
    w.add(2, &[head], 3);
    assert_eq!(w.active(), [1, 2]);
}

#[test]
fn ops_wait_for_their_past_and_wrong_ones_are_refused() {
    let (w, _) = three();
    let mut log = AccountLog::new(w.account);
    assert_eq!(log.insert(w.ops[2].clone()), Ok(Inserted::Waiting(w.ops[1].id)));
    assert_eq!(log.missing(), [w.ops[1].id]);
    assert_eq!(log.insert(w.ops[1].clone()), Ok(Inserted::Waiting(w.ops[0].id)));
    let all: Vec<OpId> = w.ops.iter().map(|o| o.id).collect();
    assert_eq!(log.insert(w.ops[0].clone()), Ok(Inserted::Added(all)));
    assert_eq!(log.insert(w.ops[1].clone()), Ok(Inserted::Duplicate));
    let mut foreign = w.ops[1].clone();
    foreign.account = AccountId::from_bytes([9; 32]);
    assert_eq!(log.insert(foreign), Err(LogError::WrongLog));
    let mut early = w.ops[2].clone();
    early.id = OpId::from_bytes([88; 32]);
    early.hlc = w.ops[1].hlc;
    assert_eq!(log.insert(early), Err(LogError::NotAfterPast));
}

/// What is drawn for one op: branch, kind, author, target, cosigner and cut.
type Choice = (u8, u8, u8, u8, u8, u8);

/// A random log: authors, targets, cosigners, cuts and the heads they have seen are arbitrary.
fn random_log(choices: &[Choice]) -> Writer {
    let mut w = Writer::new();
    let mut tips: Vec<Vec<usize>> = vec![vec![0]; 3];
    for (branch, what, author, target, cosigner, cut) in choices {
        let branch = (*branch % 3) as usize;
        let parents = tips[branch].clone();
        let (author, target, cosigner) = (author % 5 + 1, target % 5 + 1, cosigner % 5 + 1);
        let seen = |device: u8| w.seq.get(&dev(device)).copied().unwrap_or(0);
        let named = |device: u8| match cut % 4 {
            0 => u64::MAX,
            1 => 0,
            _ => seen(device),
        };
        let (of_target, of_author) = (named(target), named(author));
        let op = match what % 10 {
            0..=2 => w.add(author, &parents, target),
            3 | 4 => w.remove(author, &parents, target, of_target, &[]),
            5 => w.remove(author, &parents, target, of_target, &[cosigner]),
            6 => w.remove(ROOT, &parents, target, of_target, &[]),
            7 => w.remove(author, &parents, author, of_author, &[]),
            8 => w.add(author, &[*cut as usize % w.ops.len()], target),
            _ => {
                let other = tips[(branch + 1) % 3].clone();
                tips[branch].extend(other);
                tips[branch].sort_unstable();
                tips[branch].dedup();
                continue;
            }
        };
        tips[branch] = vec![op];
    }
    w
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any order of arrival, with duplicates and in two parts, gives the same state.
    #[test]
    fn arrival_order_cannot_matter(
        choices in prop::collection::vec(any::<Choice>(), 1..25),
        seed in any::<u64>(),
        split in any::<prop::sample::Index>(),
    ) {
        let w = random_log(&choices);
        let expected = w.log().state();
        let mut shuffled = w.ops.clone();
        let mut x = seed | 1;
        for i in (1..shuffled.len()).rev() {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            shuffled.swap(i, (x % (i as u64 + 1)) as usize);
        }
        let mut log = AccountLog::new(w.account);
        let at = split.index(shuffled.len());
        for op in shuffled[at..].iter().chain(&shuffled) {
            log.insert(op.clone()).unwrap();
            log.state();
        }
        prop_assert_eq!(&*log.state(), &*expected);
        // A restored part resolves as it did when it was all there was.
        let head = shuffled[at].id;
        let part = log.state_at(&[head]).unwrap();
        let mut alone = AccountLog::new(w.account);
        for op in &w.ops {
            if log.state_at(&[head]).is_some() && past_contains(&w, head, op.id) {
                alone.insert(op.clone()).unwrap();
            }
        }
        prop_assert_eq!(&*alone.state(), &*part);
    }

    /// Whatever a machine has done to itself and others before, once the phrase has removed it nothing that it signs
    /// changes anything, on any heads, with any number and with machines that it admits.
    #[test]
    fn a_machine_that_the_phrase_removed_changes_nothing_more(
        choices in prop::collection::vec(any::<Choice>(), 1..25),
        thief in 1u8..=5,
        more in prop::collection::vec(any::<Choice>(), 1..12),
    ) {
        let mut w = random_log(&choices);
        let log = w.log();
        let heads: Vec<usize> = (0..w.ops.len())
            .filter(|n| w.ops.iter().all(|op| !op.parents.contains(&w.ops[*n].id)))
            .collect();
        let cut = log.ops().iter().filter(|op| op.author == dev(thief)).map(|op| op.seq).max().unwrap_or(0);
        let removal = w.remove(ROOT, &heads, thief, cut, &[]);
        let before = w.log().state();
        prop_assume!(!before.void.contains(&w.ops[removal].id));
        for (old, what, number, target, _, named) in more {
            let parents = [old as usize % removal];
            if number % 3 == 0 {
                w.seq.insert(dev(thief), u64::from(number) % (cut + 1));
            }
            let author = if what % 5 == 0 { 30 } else { thief };
            let named = if named % 2 == 0 { u64::MAX } else { 9 };
            match what % 3 {
                0 => w.add(author, &parents, 30 + target % 2),
                1 => w.remove(author, &parents, target % 5 + 1, named, &[]),
                _ => w.remove(author, &parents, thief, named, &[]),
            };
        }
        let after = w.log().state();
        prop_assert_eq!(&after.devices, &before.devices);
        prop_assert_eq!(&after.removed, &before.removed);
    }
}

fn past_contains(w: &Writer, head: OpId, id: OpId) -> bool {
    let mut open = vec![head];
    let mut seen = BTreeSet::new();
    while let Some(next) = open.pop() {
        if seen.insert(next) {
            open.extend(w.ops.iter().filter(|o| o.id == next).flat_map(|o| o.parents.clone()));
        }
    }
    seen.contains(&id)
}
