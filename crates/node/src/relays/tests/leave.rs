//! The inbox at a relay that was given up.

use madang_model::ConvId;

use super::world::World;
use crate::command::Command;

const ALICE: usize = 0;
const BOB: usize = 1;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

fn follows(world: &World, number: usize) -> bool {
    world.people[ALICE].core.relays.links.contains_key(&world.relays[number].peer)
}

/// Alice gives up her relay for another one, with a key of Bob's in her inbox that she has not read; Bob is away then.
fn moved() -> (World, ConvId) {
    let mut world = World::new(&["Alice", "Bob"], 3);
    world.add_relay(ALICE, 0);
    world.add_relay(BOB, 2);
    let room = world.befriend(ALICE, BOB);
    world.pass(MINUTE);
    world.set_online(ALICE, false);
    world.sleep(25 * HOUR);
    world.say(BOB, room, "under a new key");
    world.pass(MINUTE);
    world.set_online(BOB, false);
    assert!(world.relays[0].inbox_items() > 0);
    let (old, new) = (world.relays[0].addr.clone(), world.relays[1].addr.clone());
    world.ask(ALICE, |reply| Command::AddRelay { addr: new, code: None, reply }).unwrap();
    world.ask(ALICE, |reply| Command::RemoveRelay { addr: old, reply }).unwrap();
    world.restart(ALICE);
    world.set_online(ALICE, true);
    world.pass(MINUTE);
    (world, room)
}

#[test]
fn an_inbox_that_was_given_up_is_read_until_friends_know_the_new_one() {
    let (mut world, _) = moved();
    assert_eq!(world.relays[0].inbox_items(), 0, "what lay there is read");
    world.pass(2 * HOUR);
    assert!(follows(&world, 0), "he may write there still");
    world.set_online(BOB, true);
    world.pass(5 * MINUTE);
    assert!(!follows(&world, 0), "he has heard of the other one");
}

#[test]
fn an_inbox_that_was_given_up_is_read_for_fifteen_days_at_most_when_it_is_drained() {
    let (mut world, _) = moved();
    world.sleep(14 * DAY);
    world.pass(2 * MINUTE);
    assert!(follows(&world, 0));
    world.sleep(DAY);
    world.pass(2 * MINUTE);
    assert!(!follows(&world, 0));
}
