use super::*;
use crate::control::script::*;
use crate::control::{Change, Role};

const HOUR: u64 = 3_600_000;

fn check(s: &mut Script, key: &KeyFacts) -> Result<(), Unusable> {
    let basis = s.log.view_at(&key.basis).unwrap();
    let view = s.view();
    usable(key, &basis, &view, s.now, &Rules::ALL)
}

fn reshare(s: &mut Script, key: &KeyFacts, device: u8) -> Result<(), Denied> {
    let basis = s.log.view_at(&key.basis).unwrap();
    let view = s.view();
    may_reshare(key, &basis, &view, &dev(device), &Rules::ALL)
}

/// Alice owns, Bob and Carol are admins. Returns the last head.
fn group(history: History) -> (Script, usize) {
    let mut s = Script::group(history);
    let bob = s.add(11, &[0], BOB, Role::Admin);
    let carol = s.add(11, &[bob], CAROL, Role::Admin);
    (s, carol)
}

#[test]
fn a_key_is_usable_until_a_removal_and_a_new_one_after_it() {
    let (mut s, head) = group(History::Now);
    let key = s.key(1, &[head]);
    assert_eq!(check(&mut s, &key), Ok(()));
    let gone = s.remove(11, &[head], CAROL);
    assert_eq!(check(&mut s, &key), Err(Unusable::RemovalUnknown(account(CAROL))));
    let next = s.key(2, &[gone]);
    assert_eq!(check(&mut s, &next), Ok(()));
    let view = s.view();
    let now = s.now;
    let keys = [key, next];
    assert_eq!(choose(&mut s.log, &keys, &view, now, &Rules::ALL), Some(&keys[1]));
    assert_eq!(next_epoch(&keys), 3);
}

#[test]
fn a_key_whose_basis_is_not_seen_is_not_used() {
    let (mut s, head) = group(History::All);
    let title = s.title(11, &[head], "x");
    let key = s.key(1, &[title]);
    let (basis, view) = (s.view_at(&[title]), s.view_at(&[head]));
    assert_eq!(usable(&key, &basis, &view, s.now, &Rules::ALL), Err(Unusable::BasisNotSeen));
    assert_eq!(may_reshare(&key, &basis, &view, &dev(21), &Rules::ALL), Err(Denied::BasisNotSeen));
}

#[test]
fn two_removals_at_once_need_a_third_key() {
    let (mut s, head) = group(History::Now);
    let dave = s.add(11, &[head], DAVE, Role::Member);
    let erin = s.add(11, &[dave], ERIN, Role::Member);
    let one = s.remove(21, &[erin], DAVE);
    let two = s.remove(31, &[erin], ERIN);
    let (first, second) = (s.key(1, &[one]), s.key(2, &[two]));
    assert_eq!(check(&mut s, &first), Err(Unusable::RemovalUnknown(account(ERIN))));
    assert_eq!(check(&mut s, &second), Err(Unusable::RemovalUnknown(account(DAVE))));
    let third = s.key(3, &[one, two]);
    assert_eq!(check(&mut s, &third), Ok(()));
}

#[test]
fn a_key_given_to_somebody_whose_add_was_overruled_is_exposed() {
    // The removal of Bob is in the basis, and so is all that rules (a), (b) and (e) ask for. His Add of Dave came
    // afterwards from old heads: a holder who had not heard of the removal may have given Dave the key.
    let (mut s, head) = group(History::All);
    let gone = s.remove(11, &[head], BOB);
    let key = s.key(1, &[gone]);
    s.add(21, &[head], DAVE, Role::Member);
    assert_eq!(s.people().len(), 2);
    assert_eq!(check(&mut s, &key), Err(Unusable::Exposed(dev(41))));
    let (basis, view) = (s.view_at(&[gone]), s.view());
    let without = Rules { exposure: false, ..Rules::ALL };
    assert_eq!(usable(&key, &basis, &view, s.now, &without), Ok(()));
}

#[test]
fn adding_somebody_who_once_removed_a_machine_rotates_nothing() {
    let (mut s, head) = group(History::All);
    let key = s.key(1, &[head]);
    s.admission(DAVE, 2);
    let dismissed = s.dismissal(DAVE, 2);
    let dave = s.add(11, &[head], DAVE, Role::Member);
    assert_eq!(s.machines(), [11, 21, 31, 41]);
    assert_eq!(check(&mut s, &key), Ok(()));
    let known = s.log.mirrored(&dev(11));
    assert!(known.contains(&dismissed.id), "the Add tells of it: nobody posts a mirror");
    // A machine that is removed after the Add still rotates.
    let laptop = s.admission(BOB, 2);
    let mirror = s.write(21, &[dave], Change::DeviceAdded(laptop));
    let gone = s.dismissal(BOB, 2);
    s.write(21, &[mirror], Change::DeviceRemoved(gone));
    assert_eq!(check(&mut s, &key), Err(Unusable::RemovalUnknown(account(BOB))));
}

#[test]
fn a_new_machine_of_a_removed_one_exposes_and_a_new_machine_of_a_member_does_not() {
    let (mut s, head) = group(History::Now);
    let laptop = s.admission(BOB, 2);
    let mirror = s.write(21, &[head], Change::DeviceAdded(laptop));
    let old = s.key(1, &[head]);
    assert_eq!(check(&mut s, &old), Ok(()));
    let key = s.key(2, &[mirror]);
    let gone = s.dismissal(BOB, 2);
    let removed = s.write(21, &[mirror], Change::DeviceRemoved(gone.clone()));
    assert_eq!(check(&mut s, &key), Err(Unusable::RemovalUnknown(account(BOB))));
    let next = s.key(3, &[removed]);
    assert_eq!(check(&mut s, &next), Ok(()));
    // A second mirror of the same removal takes no further effect.
    s.write(31, &[mirror], Change::DeviceRemoved(gone));
    assert_eq!(check(&mut s, &next), Ok(()));
}

#[test]
fn a_removal_voided_by_a_cut_makes_its_key_unusable() {
    // Bob removes Dave on old heads and makes a key; his removal is void, so Dave must be served again.
    let (mut s, head) = group(History::Now);
    let dave = s.add(11, &[head], DAVE, Role::Member);
    let void = s.remove(21, &[dave], DAVE);
    let key = s.key(1, &[void]);
    assert!(s.view_at(&[void]).member(&account(DAVE)).is_none());
    let gone = s.remove(11, &[dave], BOB);
    assert_eq!(check(&mut s, &key), Err(Unusable::RemovalUnknown(account(BOB))));
    assert!(s.view().member(&account(DAVE)).is_some());
    let next = s.key(2, &[void, gone]);
    assert_eq!((check(&mut s, &next), reshare(&mut s, &next, 41)), (Ok(()), Ok(())));
}

#[test]
fn keys_grow_old_by_the_size_of_the_conversation() {
    let (mut s, head) = group(History::Now);
    let key = s.key(1, &[head]);
    s.now += 24 * HOUR - 1;
    assert_eq!(check(&mut s, &key), Ok(()));
    s.now += 1;
    assert_eq!(check(&mut s, &key), Err(Unusable::TooOld));
    assert_eq!((rotation_age_ms(16), rotation_age_ms(17)), (24 * HOUR, 7 * 24 * HOUR));
    assert_eq!((key_retention_ms(16), key_retention_ms(17)), (7 * 24 * HOUR, 30 * 24 * HOUR));
    assert!(is_expired(Some(0), 2, 7 * 24 * HOUR) && !is_expired(None, 2, u64::MAX));
    assert!(route_is_followed(0, 15 * 24 * HOUR - 1) && !route_is_followed(0, 15 * 24 * HOUR));
}

#[test]
fn a_newcomer_makes_one_rotation_necessary_unless_the_policy_covers_him() {
    for (history, covered) in
        [(History::All, true), (History::Days(2), true), (History::Now, false), (History::None, false)]
    {
        let (mut s, head) = group(history);
        let key = s.key(1, &[head]);
        let dave = s.add(11, &[head], DAVE, Role::Member);
        let expected = if covered { Ok(()) } else { Err(Unusable::NotCovered(account(DAVE))) };
        assert_eq!(check(&mut s, &key), expected, "{history:?}");
        let asked = if covered { Ok(()) } else { Err(Denied::BeforeYou) };
        assert_eq!(reshare(&mut s, &key, 41), asked, "{history:?}");
        let next = s.key(2, &[dave]);
        assert_eq!((check(&mut s, &next), reshare(&mut s, &next, 41)), (Ok(()), Ok(())));
    }
}

#[test]
fn days_reach_back_to_the_millisecond() {
    let (mut s, head) = group(History::Days(2));
    let key = s.key(1, &[head]);
    s.now = key.created.millis() + 48 * HOUR - 1_000;
    s.add(11, &[head], DAVE, Role::Member);
    assert_eq!(reshare(&mut s, &key, 41), Ok(()));
    s.add(11, &[head], ERIN, Role::Member);
    assert_eq!(reshare(&mut s, &key, 51), Err(Denied::BeforeYou));
}

#[test]
fn a_person_added_again_gets_no_key_from_the_time_between() {
    let (mut s, head) = group(History::Now);
    let early = s.key(1, &[head]);
    let gone = s.remove(11, &[head], CAROL);
    let between = s.key(2, &[gone]);
    let back = s.add(11, &[gone], CAROL, Role::Member);
    let late = s.key(3, &[back]);
    assert_eq!(reshare(&mut s, &early, 31), Err(Denied::BeforeYou));
    assert_eq!(reshare(&mut s, &between, 31), Err(Denied::BeforeYou));
    assert_eq!(reshare(&mut s, &late, 31), Ok(()));
    assert!(Denied::BeforeYou.before_you() && !Denied::NotADevice.before_you());
}

#[test]
fn a_machine_added_later_gets_the_keys_of_its_account_and_a_removed_one_nothing() {
    let (mut s, head) = group(History::Now);
    let key = s.key(1, &[head]);
    let laptop = s.admission(BOB, 2);
    let mirror = s.write(21, &[head], Change::DeviceAdded(laptop));
    assert_eq!(reshare(&mut s, &key, 22), Ok(()));
    let gone = s.dismissal(BOB, 2);
    s.write(21, &[mirror], Change::DeviceRemoved(gone));
    assert_eq!(reshare(&mut s, &key, 22), Err(Denied::NotADevice));
    assert_eq!(reshare(&mut s, &key, 21), Ok(()));
}

#[test]
fn routes_change_only_after_a_removal() {
    let (mut s, head) = group(History::Now);
    let dave = s.add(11, &[head], DAVE, Role::Member);
    let (before, after) = (s.view_at(&[head]), s.view_at(&[dave]));
    assert!(needs_new_route(None, &before));
    assert!(!needs_new_route(Some(&before), &after));
    let gone = s.remove(11, &[dave], DAVE);
    let removed = s.view_at(&[gone]);
    assert!(needs_new_route(Some(&after), &removed));
    assert!(!needs_new_route(Some(&removed), &removed));
}

#[test]
fn a_removal_travels_under_the_key_from_before_it() {
    let (mut s, head) = group(History::Now);
    let key = s.key(1, &[head]);
    s.now += 400 * 24 * HOUR;
    let gone = s.remove(11, &[head], CAROL);
    let next = s.key(2, &[gone]);
    let keys = [key, next];
    let op = s.ops[gone].id;
    assert_eq!(choose_for_control(&mut s.log, &keys, &op), Some(&keys[0]));
    let title = s.title(11, &[gone], "x");
    let op = s.ops[title].id;
    assert_eq!(choose_for_control(&mut s.log, &keys, &op), Some(&keys[1]));
}

#[test]
fn in_a_direct_conversation_membership_is_the_same_add_always() {
    let mut s = Script::direct();
    let key = s.key(1, &[]);
    let laptop = s.admission(BOB, 2);
    s.write(11, &[], Change::DeviceAdded(laptop));
    assert_eq!((check(&mut s, &key), reshare(&mut s, &key, 22)), (Ok(()), Ok(())));
    assert_eq!(reshare(&mut s, &key, 31), Err(Denied::NotADevice));
    let view = s.view();
    assert!(has_fixed_members(&view));
    assert_eq!(recipients(&view, &dev(11)).len(), 2);
}
