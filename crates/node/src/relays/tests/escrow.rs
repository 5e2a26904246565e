//! What the phrase gives back lies at every own relay, and nowhere else.

use super::world::World;
use crate::command::Command;

const ALICE: usize = 0;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

fn set(world: &mut World, key: &str, value: &str) {
    let (key, value) = (key.to_owned(), Some(value.to_owned()));
    world.ask(ALICE, |reply| Command::SetSetting { key, value, reply }).unwrap();
}

/// The account slot and one part of the escrow.
const BOTH: usize = 2;

fn alone() -> World {
    let mut world = World::new(&["Alice"], 2);
    world.add_relay(ALICE, 0);
    world.pass(MINUTE);
    assert_eq!(world.relays[0].slots(), BOTH);
    world
}

fn versions(world: &World) -> Vec<u64> {
    world.relays[0].slots.values().map(|(version, ..)| *version).collect()
}

#[test]
fn nothing_counts_as_written_before_the_relay_says_so() {
    for silent in [false, true] {
        let mut world = World::new(&["Alice"], 1);
        if silent {
            world.relays[0].mutes_slots = true;
        } else {
            world.relays[0].refuse_slots = Some("busy");
        }
        world.add_relay(ALICE, 0);
        world.pass(5 * MINUTE);
        assert_eq!(world.relays[0].slots(), 0);
        (world.relays[0].refuse_slots, world.relays[0].mutes_slots) = (None, false);
        world.pass(30 * MINUTE);
        assert_eq!(world.relays[0].slots(), BOTH, "silent: {silent}");
        let before = versions(&world);
        world.pass(3 * HOUR);
        assert_eq!(versions(&world), before, "written once");
    }
}

#[test]
fn a_wiped_relay_gets_it_again() {
    let mut world = alone();
    world.set_relay(0, false);
    world.relays[0].wipe();
    world.set_relay(0, true);
    world.pass(MINUTE);
    assert_eq!(world.relays[0].slots(), BOTH);
}

#[test]
fn a_clock_that_was_set_back_changes_nothing() {
    let mut world = alone();
    let before = versions(&world);
    world.now.wall -= 30 * DAY;
    set(&mut world, "language", "ko");
    world.pass(2 * HOUR);
    let after = versions(&world);
    assert!(after.iter().zip(&before).all(|(after, before)| after > before), "{before:?} {after:?}");
}

#[test]
fn what_was_typed_and_not_sent_stays_at_home() {
    let mut world = alone();
    let before = world.relays[0].slots.clone();
    set(&mut world, "draft.0123", "nobody shall read this");
    world.pass(3 * HOUR);
    assert_eq!(world.relays[0].slots, before, "a draft wrote the copy again");
    set(&mut world, "language", "ko");
    world.pass(3 * HOUR);
    assert_ne!(world.relays[0].slots, before);
}

#[test]
fn a_version_that_somebody_passed_is_passed_again() {
    let mut world = alone();
    for (version, ..) in world.relays[0].slots.values_mut() {
        *version += DAY / 2;
    }
    let before = versions(&world);
    set(&mut world, "language", "ko");
    world.pass(3 * HOUR);
    assert!(versions(&world).iter().zip(&before).all(|(after, before)| after > before));
}

#[test]
fn switched_off_it_is_deleted_at_once_and_until_that_is_sure() {
    let mut world = alone();
    set(&mut world, "escrow", "off");
    world.settle();
    assert_eq!(world.relays[0].slots(), 1, "the account slot stays");
    set(&mut world, "escrow", "on");
    world.pass(2 * HOUR);
    assert_eq!(world.relays[0].slots(), BOTH);
    world.set_relay(0, false);
    set(&mut world, "escrow", "off");
    world.pass(2 * MINUTE);
    world.relays[0].refuse_slots = Some("busy");
    world.set_relay(0, true);
    world.pass(5 * MINUTE);
    assert_eq!(world.relays[0].slots(), BOTH);
    world.relays[0].refuse_slots = None;
    world.pass(30 * MINUTE);
    assert_eq!(world.relays[0].slots(), 1);
}

#[test]
fn a_relay_that_is_given_up_keeps_nothing() {
    let mut world = alone();
    world.add_relay(ALICE, 1);
    world.pass(MINUTE);
    let remove = |addr: String| move |reply| Command::RemoveRelay { addr, reply };
    let addr = world.relays[1].addr.clone();
    world.ask(ALICE, remove(addr)).unwrap();
    world.pass(MINUTE);
    assert_eq!(world.relays[1].slots(), 0);
    assert!(!world.people[ALICE].core.relays.links.contains_key(&world.relays[1].peer));
    // One that is away when it is given up is asked when it is back.
    world.set_relay(0, false);
    let addr = world.relays[0].addr.clone();
    assert!(world.ask(ALICE, remove(addr)).unwrap().is_empty());
    world.pass(5 * MINUTE);
    world.restart(ALICE);
    world.pass(DAY);
    assert_eq!(world.relays[0].slots(), BOTH);
    world.set_relay(0, true);
    world.pass(MINUTE);
    assert_eq!(world.relays[0].slots(), 0);
    assert!(world.people[ALICE].core.relays.links.is_empty());
}

#[test]
fn a_relay_that_was_given_up_and_never_comes_back_is_forgotten() {
    let mut world = alone();
    world.set_relay(0, false);
    let addr = world.relays[0].addr.clone();
    world.ask(ALICE, |reply| Command::RemoveRelay { addr, reply }).unwrap();
    // Until then something may lie in the inbox there.
    world.sleep(46 * DAY);
    world.restart(ALICE);
    world.pass(MINUTE);
    assert!(world.people[ALICE].core.relays.links.is_empty());
}
