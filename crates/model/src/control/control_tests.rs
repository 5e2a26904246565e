use proptest::prelude::*;

use super::script::*;
use super::*;
use crate::dag::{Inserted, LogError};
use crate::hlc::Hlc;
use crate::ids::{ConvId, OpId};
use crate::visible::{Candidate, visible};

use Role::{Admin, Member as Plain, Moderator, Owner, Reader};

/// Alice owns; Bob is admin, Carol moderator, Dave member. Returns the last head.
fn group() -> (Script, usize) {
    let mut s = Script::group(History::Now);
    let bob = s.add(11, &[0], BOB, Admin);
    let carol = s.add(11, &[bob], CAROL, Moderator);
    let dave = s.add(21, &[carol], DAVE, Plain);
    (s, dave)
}

#[test]
fn members_roles_and_settings_follow_the_log() {
    let (mut s, head) = group();
    s.title(21, &[head], "holiday");
    assert_eq!(s.people(), [(ALICE, Owner), (BOB, Admin), (CAROL, Moderator), (DAVE, Plain)]);
    let view = s.view();
    assert_eq!((view.settings().title.as_str(), view.owner()), ("holiday", Some(account(ALICE))));
    assert_eq!(view.settings().history, History::Now);
    assert_eq!(view.heads(), [s.ops[4].id]);
    assert_eq!(s.machines(), [11, 21, 31, 41]);
}

#[test]
fn one_acts_only_on_lower_roles_and_grants_only_lower_ones() {
    let (mut s, head) = group();
    let attempts = [
        s.remove(21, &[head], ALICE),
        s.add(21, &[head], ERIN, Admin),
        s.add(31, &[head], ERIN, Reader),
        s.remove(41, &[head], CAROL),
        s.role(21, &[head], CAROL, Admin),
        s.role(31, &[head], DAVE, Reader),
        s.title(31, &[head], "mine"),
        s.transfer(21, &[head], BOB),
        s.write(41, &[head], Change::Timer { ttl_s: 60 }),
    ];
    let view = s.view();
    assert_eq!(view.members().len(), 4);
    for attempt in attempts {
        assert!(view.void().contains(&s.ops[attempt].id), "op {attempt} has an effect");
    }
    let done = s.remove(31, &[head], DAVE);
    assert_eq!(s.people(), [(ALICE, Owner), (BOB, Admin), (CAROL, Moderator)]);
    s.role(21, &[done], CAROL, Plain);
    assert_eq!(s.people(), [(ALICE, Owner), (BOB, Admin), (CAROL, Plain)]);
}

#[test]
fn an_op_authorised_only_later_never_counts() {
    let (mut s, head) = group();
    let early = s.add(41, &[head], ERIN, Reader);
    let promoted = s.role(11, &[early], DAVE, Admin);
    assert_eq!(s.people().len(), 4);
    // Neither does it when it is concurrent with what would have authorised it.
    let other = s.title(31, &[head], "mine");
    s.role(11, &[promoted, other], CAROL, Admin);
    assert_eq!(s.view().settings().title, "room");
    s.add(41, &[promoted], ERIN, Reader);
    assert_eq!(s.people().len(), 5);
}

#[test]
fn a_removed_admin_who_goes_on_signing_on_old_heads_changes_nothing() {
    let (mut s, head) = group();
    let removal = s.remove(11, &[head], BOB);
    let add = s.add(21, &[head], ERIN, Moderator);
    let erin = s.add(51, &[add], 6, Plain);
    let kick = s.remove(21, &[head], CAROL);
    // A fork of his own log, numbered below the cut.
    s.seq.insert(21, 0);
    let fork = s.add(21, &[head], 7, Plain);
    assert_eq!(s.people(), [(ALICE, Owner), (CAROL, Moderator), (DAVE, Plain)]);
    let view = s.view();
    for op in [add, erin, kick, fork] {
        assert!(view.void().contains(&s.ops[op].id));
    }
    assert_eq!(view.removals().count(), 1);
    assert!(!view.void().contains(&s.ops[removal].id));
}

#[test]
fn an_admin_who_left_and_goes_on_signing_on_old_heads_can_be_cut() {
    let (mut s, head) = group();
    let left = s.write(21, &[head], Change::Leave { quiet: true });
    let add = s.add(21, &[head], ERIN, Moderator);
    assert_eq!(s.people(), [(ALICE, Owner), (CAROL, Moderator), (DAVE, Plain), (ERIN, Moderator)]);
    // Carol stood below him.
    let attempt = s.remove(31, &[left], BOB);
    assert!(s.view().void().contains(&s.ops[attempt].id));
    let removal = s.remove(11, &[left], BOB);
    let kick = s.remove(21, &[head], CAROL);
    assert_eq!(s.people(), [(ALICE, Owner), (CAROL, Moderator), (DAVE, Plain)]);
    let view = s.view();
    for op in [add, kick] {
        assert!(view.void().contains(&s.ops[op].id));
    }
    assert!(!view.void().contains(&s.ops[left].id));
    // So is what he writes on old heads; who comes back by an Add that follows the removal is heard again.
    let before = [s.ops[head].id];
    let by = s.ops[removal].id;
    assert_eq!(s.log.judge_content(&view, &dev(21), 9, &before, |_| false), Verdict::Void { by });
    let back = s.add(11, &[removal], BOB, Plain);
    s.write(21, &[back], Change::Leave { quiet: true });
    assert_eq!(s.people(), [(ALICE, Owner), (CAROL, Moderator), (DAVE, Plain)]);
}

#[test]
fn whoever_was_removed_or_never_was_in_is_not_removed_again() {
    let (mut s, head) = group();
    let gone = s.remove(11, &[head], DAVE);
    let again = s.remove(21, &[gone], DAVE);
    let stranger = s.remove(21, &[gone], ERIN);
    let view = s.view();
    for op in [again, stranger] {
        assert!(view.void().contains(&s.ops[op].id));
    }
}

#[test]
fn an_owner_who_left_counts_as_admin() {
    let (mut s, head) = group();
    let left = s.write(11, &[head], Change::Leave { quiet: true });
    let attempt = s.remove(31, &[left], ALICE);
    s.remove(21, &[attempt], ALICE);
    let add = s.add(11, &[head], ERIN, Plain);
    assert_eq!(s.people(), [(BOB, Owner), (CAROL, Moderator), (DAVE, Plain)]);
    let view = s.view();
    assert!([attempt, add].iter().all(|op| view.void().contains(&s.ops[*op].id)));
}

#[test]
fn a_cut_below_the_removers_ancestors_is_invalid() {
    let (mut s, head) = group();
    let cuts = vec![Cut { device: dev(21), seq: 0 }];
    s.write(11, &[head], Change::Remove { account: account(BOB), cuts });
    assert_eq!(s.people().len(), 4);
    let cuts = vec![Cut { device: dev(21), seq: 1 }];
    s.write(11, &[head], Change::Remove { account: account(BOB), cuts });
    // Dave stays: his Add is within the cut.
    assert_eq!(s.people(), [(ALICE, Owner), (CAROL, Moderator), (DAVE, Plain)]);
}

#[test]
fn ops_of_a_voided_author_fall_with_it() {
    let (mut s, head) = group();
    // Bob makes Erin moderator, she removes Dave; Alice removes Bob without having seen any of it.
    let erin = s.add(21, &[head], ERIN, Moderator);
    let kick = s.remove(51, &[erin], DAVE);
    assert_eq!(s.people(), [(ALICE, Owner), (BOB, Admin), (CAROL, Moderator), (ERIN, Moderator)]);
    let removal = s.remove(11, &[head], BOB);
    assert_eq!(s.people(), [(ALICE, Owner), (CAROL, Moderator), (DAVE, Plain)]);
    // Somebody who merges both goes on from there.
    s.title(11, &[kick, removal], "after");
    assert_eq!(s.view().settings().title, "after");
}

#[test]
fn removal_beats_a_concurrent_add_and_a_re_add_has_it_in_its_past() {
    let (mut s, head) = group();
    let gone = s.remove(21, &[head], DAVE);
    let back_then = s.add(11, &[gone], DAVE, Plain);
    assert_eq!(s.people().len(), 4);
    // Bob removes him again, while Alice, who has not heard of it, does the same and adds him anew.
    let again = s.remove(21, &[back_then], DAVE);
    let alice = s.remove(11, &[back_then], DAVE);
    let added = s.add(11, &[alice], DAVE, Plain);
    assert_eq!(s.people().len(), 3);
    s.add(11, &[again, added], DAVE, Reader);
    assert_eq!(s.people(), [(ALICE, Owner), (BOB, Admin), (CAROL, Moderator), (DAVE, Reader)]);
}

#[test]
fn a_person_added_again_is_heard_again() {
    let (mut s, head) = group();
    let gone = s.remove(11, &[head], BOB);
    let back = s.add(11, &[gone], BOB, Admin);
    s.title(21, &[back], "back");
    assert_eq!(s.view().settings().title, "back");
    assert_eq!(s.view().void().len(), 0);
}

#[test]
fn concurrent_titles_and_roles_go_to_the_higher_author_then_to_the_later_op() {
    let (mut s, head) = group();
    s.title(11, &[head], "by the owner");
    let late = s.title(21, &[head], "by an admin, later");
    assert_eq!(s.view().settings().title, "by the owner");
    s.title(21, &[late], "later still");
    assert_eq!(s.view().settings().title, "by the owner");
    let (mut s, head) = group();
    s.role(11, &[head], DAVE, Reader);
    s.role(21, &[head], DAVE, Moderator);
    assert_eq!(s.view().role(&account(DAVE)), Some(Reader));
}

#[test]
fn there_is_one_owner_after_transfer_and_nobody_removes_him() {
    let (mut s, head) = group();
    s.remove(21, &[head], CAROL);
    let transfer = s.transfer(11, &[head], CAROL);
    // Bob removed Carol without knowing that she was made owner: she stays.
    assert_eq!(s.people(), [(ALICE, Admin), (BOB, Admin), (CAROL, Owner), (DAVE, Plain)]);
    assert_eq!(s.view().removals().count(), 0);
    s.transfer(11, &[transfer], ALICE);
    s.remove(11, &[transfer], CAROL);
    assert_eq!(s.view().owner(), Some(account(CAROL)));
    s.remove(31, &[transfer], ALICE);
    assert_eq!(s.people(), [(BOB, Admin), (CAROL, Owner), (DAVE, Plain)]);
}

#[test]
fn the_owner_who_leaves_is_followed_by_role_then_by_add() {
    let (mut s, head) = group();
    let erin = s.add(11, &[head], ERIN, Admin);
    let leave = s.write(11, &[erin], Change::Leave { quiet: false });
    assert_eq!(s.people(), [(BOB, Owner), (CAROL, Moderator), (DAVE, Plain), (ERIN, Admin)]);
    // The new owner stays the owner whomever he promotes.
    let promoted = s.role(21, &[leave], CAROL, Admin);
    assert_eq!(s.view().owner(), Some(account(BOB)));
    s.write(21, &[promoted], Change::Leave { quiet: true });
    assert_eq!(s.people(), [(CAROL, Owner), (DAVE, Plain), (ERIN, Admin)]);
}

#[test]
fn the_order_of_arrival_of_two_removals_of_different_strength_does_not_matter() {
    let (mut s, head) = group();
    // Carol removes Dave, and Bob, concurrently, removes Carol.
    s.remove(31, &[head], DAVE);
    s.remove(21, &[head], CAROL);
    assert_eq!(s.people(), [(ALICE, Owner), (BOB, Admin), (DAVE, Plain)]);
}

#[test]
fn devices_come_and_go_by_mirrors_that_any_member_may_post() {
    let (mut s, head) = group();
    let laptop = s.admission(BOB, 2);
    let mirror = s.write(41, &[head], Change::DeviceAdded(laptop.clone()));
    assert_eq!(s.machines(), [11, 21, 22, 31, 41]);
    let title = s.title(22, &[mirror], "from the laptop");
    let gone = s.dismissal(BOB, 2);
    let first = s.write(21, &[title], Change::DeviceRemoved(gone.clone()));
    let late = s.title(22, &[title], "from a stolen laptop");
    assert_eq!(s.machines(), [11, 21, 31, 41]);
    assert_eq!(s.view().settings().title, "from the laptop");
    // A second mirror, by a stranger who names the thief's op, cannot bring it back.
    s.write(41, &[late], Change::DeviceRemoved(gone));
    let view = s.view();
    assert_eq!(view.settings().title, "from the laptop");
    assert!(view.void().contains(&s.ops[late].id));
    assert_eq!(view.removals().count(), 1);
    assert!(view.removals_unknown_to(&s.view_at(&[first])).next().is_none());
}

#[test]
fn a_mirror_that_waits_holds_up_nobody_but_its_author() {
    let (mut s, head) = group();
    let laptop = s.admission(BOB, 2);
    let mut orphan = s.ops[head].clone();
    (orphan.id, orphan.author) = (OpId::from_bytes([77; 32]), dev(41));
    (orphan.ctl_deps, orphan.change) =
        (vec![OpId::from_bytes([78; 32])], Change::DeviceAdded(laptop.clone()));
    assert!(matches!(s.log.insert(orphan), Ok(Inserted::Waiting(_))));
    assert!(!s.log.mirrored(&dev(21)).contains(&laptop.id));
    assert!(s.log.mirrored(&dev(41)).contains(&laptop.id), "he does not post it again");
    s.write(21, &[head], Change::DeviceAdded(laptop.clone()));
    assert!(s.log.mirrored(&dev(31)).contains(&laptop.id));
}

#[test]
fn mirrors_need_an_account_op_that_counts() {
    let (mut s, head) = group();
    let mut forged = s.admission(BOB, 2);
    forged.id = OpId::from_bytes([66; 32]);
    forged.author = dev(41);
    forged.change = crate::account::AccountChange::AddDevice { device: dev(29), label: String::new() };
    s.write(41, &[head], Change::DeviceAdded(forged));
    assert_eq!(s.machines(), [11, 21, 31, 41]);
}

#[test]
fn in_a_direct_conversation_only_mirrors_and_the_timer_count() {
    let mut s = Script::direct();
    assert_eq!(s.machines(), [11, 21]);
    let laptop = s.admission(BOB, 2);
    let mirror = s.write(11, &[], Change::DeviceAdded(laptop));
    assert_eq!(s.machines(), [11, 21, 22]);
    let timer = s.write(22, &[mirror], Change::Timer { ttl_s: 3_600 });
    let title = s.title(11, &[timer], "no");
    let add = s.add(11, &[timer], CAROL, Plain);
    let leave = s.write(21, &[timer], Change::Leave { quiet: false });
    let foreign = s.write(31, &[timer], Change::Timer { ttl_s: 5 });
    let view = s.view();
    assert_eq!((view.settings().timer_s, view.settings().history), (3_600, History::All));
    assert_eq!(view.members().len(), 2);
    for op in [title, add, leave, foreign] {
        assert!(view.void().contains(&s.ops[op].id));
    }
}

#[test]
fn joining_follows_the_policy_of_the_room() {
    for (rule, joined) in [(JoinRule::Open, true), (JoinRule::Approve, false), (JoinRule::Invite, false)] {
        let mut s = Script::open_room(rule);
        let entry =
            |role| Entry { account: account(BOB), role, account_heads: vec![OpId::from_bytes([BOB; 32])] };
        let knock = s.write(21, &[0], Change::Join(entry(Reader)));
        s.write(21, &[0], Change::Join(entry(Admin)));
        assert_eq!(s.view().role(&account(BOB)), joined.then_some(Reader));
        s.write(31, &[knock], Change::Join(Entry { account: account(DAVE), ..entry(Reader) }));
        assert_eq!(s.view().member(&account(DAVE)), None);
    }
}

#[test]
fn who_was_removed_from_an_open_room_does_not_let_himself_in_again() {
    let entry =
        || Entry { account: account(BOB), role: Plain, account_heads: vec![OpId::from_bytes([BOB; 32])] };
    let mut s = Script::open_room(JoinRule::Open);
    let joined = s.write(21, &[0], Change::Join(entry()));
    let left = s.write(21, &[joined], Change::Leave { quiet: true });
    let again = s.write(21, &[left], Change::Join(entry()));
    assert_eq!(s.people(), [(ALICE, Owner), (BOB, Plain)]);
    let banned = s.remove(11, &[again], BOB);
    let refused = s.write(21, &[banned], Change::Join(entry()));
    assert_eq!(s.people(), [(ALICE, Owner)]);
    s.add(11, &[refused], BOB, Reader);
    assert_eq!(s.people(), [(ALICE, Owner), (BOB, Reader)]);
}

#[test]
fn ops_and_the_account_logs_they_name_may_come_in_any_order() {
    let (s, _) = group();
    let mut log = ControlLog::new(Conversation::Room, ConvId::from_bytes([100; 32]));
    assert_eq!(log.insert(s.ops[1].clone()), Ok(Inserted::Waiting(s.ops[0].id)));
    assert_eq!(log.insert(s.ops[0].clone()), Ok(Inserted::Waiting(OpId::from_bytes([ALICE; 32]))));
    assert_eq!(log.missing().waiting, 2);
    assert_eq!(log.insert_account_op(s.account_ops[0].clone()), Ok(vec![s.ops[0].id]));
    assert_eq!(log.missing().ops, [OpId::from_bytes([BOB; 32])]);
    assert_eq!(log.insert_account_op(s.account_ops[1].clone()), Ok(vec![s.ops[1].id]));
    assert_eq!(log.insert(s.ops[0].clone()), Ok(Inserted::Duplicate));
    let mut foreign = s.ops[1].clone();
    foreign.conv = ConvId::from_bytes([9; 32]);
    assert_eq!(log.insert(foreign), Err(LogError::WrongLog));
    let mut rootless = s.ops[1].clone();
    rootless.ctl_deps.clear();
    assert_eq!(log.insert(rootless), Err(LogError::WrongLog));
}

#[test]
fn content_counts_by_its_own_past_and_up_to_the_cut() {
    let (mut s, head) = group();
    let erin = s.add(11, &[head], ERIN, Reader);
    let gone = s.remove(21, &[erin], DAVE);
    let view = s.view();
    let id = |s: &Script, n: usize| vec![s.ops[n].id];
    let (before, after) = (id(&s, erin), id(&s, gone));
    assert_eq!(s.log.judge_content(&view, &dev(21), 9, &before, |_| false), Verdict::Counts);
    assert_eq!(s.log.judge_content(&view, &dev(51), 9, &before, |_| false), Verdict::ReadOnly);
    assert_eq!(s.log.judge_content(&view, &dev(61), 9, &before, |_| false), Verdict::NotMember);
    assert_eq!(
        s.log.judge_content(&view, &dev(41), 1, &before, |_| false),
        Verdict::Void { by: s.ops[gone].id }
    );
    assert_eq!(s.log.judge_content(&view, &dev(41), 1, &after, |_| false), Verdict::NotMember);
    assert_eq!(
        s.log.judge_content(&view, &dev(21), 1, &[OpId::from_bytes([9; 32])], |_| false),
        Verdict::Unknown
    );
    let back = s.add(11, &[gone], DAVE, Plain);
    let (view, past) = (s.view(), id(&s, back));
    assert_eq!(s.log.judge_content(&view, &dev(41), 1, &past, |_| false), Verdict::Counts);
    // Dave's next message is beyond the cut; a removal that answers it leaves it alone.
    let removal = s.ops[gone].id;
    let view = s.view();
    assert_eq!(s.log.judge_content(&view, &dev(41), 1, &before, |op| *op == removal), Verdict::Counts);
}

#[test]
fn each_policy_shows_a_newcomer_what_it_says() {
    let day = 86_400_000;
    for (history, old, recent) in [
        (History::All, true, true),
        (History::Days(3), false, true),
        (History::Now, false, false),
        (History::None, false, false),
    ] {
        let mut s = Script::group(history);
        let bob = s.add(11, &[0], BOB, Plain);
        s.now += 10 * day;
        let before = s.view_at(&[bob]);
        let carol = s.add(11, &[bob], CAROL, Plain);
        let view = s.view();
        let at = |back: u64, past| Candidate {
            control: false,
            author: Some(account(ALICE)),
            hlc: Hlc::from_millis(s.ops[carol].hlc.millis() - back),
            past,
        };
        let sees = |op: Candidate<'_>| visible(&op, &account(CAROL), None, &view);
        assert_eq!(sees(at(5 * day, &before)), old, "{history:?}");
        assert_eq!(sees(at(2 * day, &before)), recent, "{history:?}");
        assert!(sees(at(0, &view)));
        assert!(sees(Candidate { control: true, ..at(5 * day, &before) }));
        assert!(sees(Candidate { author: Some(account(CAROL)), ..at(5 * day, &before) }));
        assert!(!visible(&at(0, &view), &account(DAVE), None, &view));
    }
}

#[test]
fn under_none_a_restored_device_sees_only_what_came_after_it() {
    for (history, sees) in [(History::None, false), (History::Now, true)] {
        let mut s = Script::group(history);
        let bob = s.add(11, &[0], BOB, Plain);
        let before = s.view_at(&[bob]);
        let mut restored = s.admission(BOB, 2);
        restored.id = OpId::from_bytes([77; 32]);
        restored.author = dev(200 + BOB);
        restored.seq = 2;
        restored.change = crate::account::AccountChange::AddDevice { device: dev(29), label: String::new() };
        s.write(21, &[bob], Change::DeviceAdded(restored));
        let view = s.view();
        let op = |past| Candidate { control: false, author: Some(account(ALICE)), hlc: s.ops[bob].hlc, past };
        assert!(view.devices().contains_key(&dev(29)));
        assert_eq!(visible(&op(&before), &account(BOB), Some(&dev(29)), &view), sees);
        assert!(visible(&op(&view), &account(BOB), Some(&dev(29)), &view));
        assert!(visible(&op(&before), &account(BOB), Some(&dev(21)), &view));
    }
}

/// What a view says, without what depends on how its log was filled.
type Summary = (Vec<(u8, Role, Added)>, Vec<u8>, Vec<OpId>, Vec<OpId>, Vec<Removal>, Settings);

fn summary(view: &View) -> Summary {
    let members = view.members().iter().map(|(a, m)| (a.as_bytes()[0], m.role, m.added)).collect();
    let devices = view.devices().keys().map(|d| d.as_bytes()[0]).collect();
    let mut removals: Vec<Removal> = view.removals().cloned().collect();
    removals.sort_by_key(|r| match r {
        Removal::Member { op, .. } | Removal::Device { op, .. } => *op,
    });
    (
        members,
        devices,
        view.heads().to_vec(),
        view.void().iter().copied().collect(),
        removals,
        view.settings().clone(),
    )
}

/// A random conversation of six people on three branches that merge now and then.
fn random_room(choices: &[(u8, u8, u8, u8)]) -> Script {
    let (mut s, head) = group();
    let start = s.add(11, &[head], ERIN, Admin);
    let mut tips = vec![vec![start]; 3];
    let mut linked = std::collections::BTreeSet::new();
    for (branch, what, author, target) in choices {
        let branch = (branch % 3) as usize;
        let deps = tips[branch].clone();
        let (author, target) = ((author % 6 + 1) * 10 + 1 + author / 6 % 2, target % 6 + 1);
        let op = match what % 12 {
            0 | 1 => s.add(author, &deps, target, Role::from_number(u32::from(what / 12 % 4) + 2).unwrap()),
            2 | 3 => s.remove(author, &deps, target),
            4 => {
                let seq = if what / 12 % 2 == 0 { u64::MAX } else { 0 };
                let cuts = [1, 2].map(|k| Cut { device: dev(10 * target + k), seq }).to_vec();
                s.write(author, &deps, Change::Remove { account: account(target), cuts })
            }
            5 => s.role(author, &deps, target, Role::from_number(u32::from(what / 12 % 4) + 2).unwrap()),
            6 => s.transfer(author, &deps, target),
            7 => s.title(author, &deps, &format!("{}", s.ops.len())),
            8 => s.write(author, &deps, Change::Leave { quiet: true }),
            9 if linked.insert(target) => {
                let op = s.admission(target, 2);
                s.write(author, &deps, Change::DeviceAdded(op))
            }
            10 if linked.contains(&target) && linked.insert(100 + target) => {
                let op = s.dismissal(target, 2);
                s.write(author, &deps, Change::DeviceRemoved(op))
            }
            _ => {
                let mut merged = [deps, tips[(branch + 1) % 3].clone()].concat();
                merged.sort_unstable();
                merged.dedup();
                tips[branch] = merged;
                continue;
            }
        };
        tips[branch] = vec![op];
    }
    s
}

fn shuffled<T: Clone>(items: &[T], seed: u64) -> Vec<T> {
    let (mut out, mut x) = (items.to_vec(), seed | 1);
    for i in (1..out.len()).rev() {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        out.swap(i, (x % (i as u64 + 1)) as usize);
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Two halves that were apart, filled in any order with duplicates, agree with everybody else.
    #[test]
    fn arrival_order_and_partitions_cannot_matter(
        choices in prop::collection::vec(any::<(u8, u8, u8, u8)>(), 1..30),
        seed in any::<u64>(),
    ) {
        let mut s = random_room(&choices);
        let expected = summary(&s.view());
        let mut log = ControlLog::new(Conversation::Room, s.log.conv());
        let control = shuffled(&s.ops, seed);
        for (n, op) in control.iter().enumerate() {
            log.insert(op.clone()).unwrap();
            if n % 3 == 0 {
                log.view();
            }
        }
        for op in shuffled(&s.account_ops, seed.rotate_left(9)) {
            log.insert_account_op(op).unwrap();
            log.view();
        }
        for op in &control[..control.len() / 2] {
            prop_assert_eq!(log.insert(op.clone()), Ok(Inserted::Duplicate));
        }
        prop_assert_eq!(log.missing(), Missing::default());
        prop_assert_eq!(summary(&log.view()), expected);
        // What somebody saw at an earlier moment is the same in both logs, too.
        let moment = control[0].id;
        let (mine, other) = (log.view_at(&[moment]).unwrap(), s.log.view_at(&[moment]).unwrap());
        prop_assert_eq!(summary(&mine), summary(&other));
    }

    /// Exactly one owner as long as there is a member; nobody void adds, removes or is a member.
    #[test]
    fn there_is_always_one_owner(choices in prop::collection::vec(any::<(u8, u8, u8, u8)>(), 1..40)) {
        let mut s = random_room(&choices);
        let view = s.view();
        let owners = view.members().values().filter(|m| m.role == Owner).count();
        prop_assert_eq!(owners, usize::from(!view.members().is_empty()));
        for member in view.members().values() {
            if let Added::By { op, .. } = member.added {
                prop_assert!(!view.void().contains(&op));
            }
        }
        for removal in view.removals() {
            if let Removal::Member { op, .. } = removal {
                prop_assert!(!view.void().contains(op));
            }
        }
    }
}
