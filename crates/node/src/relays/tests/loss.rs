//! Relays that lose, refuse or go away: nothing is lost that its author still has.

use super::{reach::friends, world::World};
use crate::view::MessageState;

const ALICE: usize = 0;
const BOB: usize = 1;
const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

#[test]
fn what_a_wiped_relay_lost_is_put_again() {
    let (mut world, room) = friends();
    world.set_online(BOB, false);
    let message = world.say(ALICE, room, "kept by alice");
    world.pass(10_000);
    assert_eq!(world.state(ALICE, message), (MessageState::Relayed, None));

    world.set_relay(0, false);
    world.relays[0].wipe();
    world.relays[0].refuse = Some("quota");
    world.set_relay(0, true);
    world.pass(1_000);
    assert_eq!(world.state(ALICE, message), (MessageState::Sending, Some("relay_expired")));

    world.relays[0].refuse = None;
    world.pass(MINUTE);
    assert_eq!(world.state(ALICE, message), (MessageState::Relayed, None));
    world.set_online(BOB, true);
    world.pass(MINUTE);
    assert_eq!(world.texts(BOB, room), ["kept by alice"]);
    assert_eq!(world.state(ALICE, message).0, MessageState::Delivered);
}

#[test]
fn a_reader_starts_over_at_a_wiped_relay() {
    let (mut world, room) = friends();
    for n in 0..5 {
        world.say(ALICE, room, &n.to_string());
    }
    world.pass(10_000);
    assert_eq!(world.texts(BOB, room).len(), 5);
    world.set_relay(0, false);
    world.relays[0].wipe();
    world.set_relay(0, true);
    // Fewer items than the cursor of before.
    world.say(ALICE, room, "after the wipe");
    world.pass(MINUTE);
    assert_eq!(world.texts(BOB, room).last().unwrap(), "after the wipe");
}

#[test]
fn a_relay_that_went_back_in_time_is_noticed() {
    let (mut world, room) = friends();
    world.set_online(BOB, false);
    world.pass(MINUTE);
    world.relays[0].copy_disk();
    let message = world.say(ALICE, room, "not in the old copy");
    world.pass(10_000);
    assert_eq!(world.state(ALICE, message), (MessageState::Relayed, None));
    let before = world.relays[0].op_puts(ALICE);
    world.set_relay(0, false);
    world.relays[0].restore_disk();
    world.set_relay(0, true);
    world.pass(MINUTE);
    assert!(world.relays[0].op_puts(ALICE) > before, "put again");
    assert_eq!(world.state(ALICE, message), (MessageState::Relayed, None));
    world.set_online(BOB, true);
    world.pass(MINUTE);
    assert_eq!(world.texts(BOB, room), ["not in the old copy"]);
}

#[test]
fn a_full_relay_makes_the_other_one_take_it() {
    let mut world = World::new(&["Alice", "Bob"], 2);
    world.add_relay(ALICE, 0);
    world.add_relay(BOB, 1);
    let room = world.befriend(ALICE, BOB);
    world.pass(MINUTE);
    world.set_online(BOB, false);
    let items = |world: &World| [world.relays[0].log_items(), world.relays[1].log_items()];
    let before = items(&world);
    world.say(ALICE, room, "at his relay");
    world.pass(10_000);
    assert_eq!(items(&world), [before[0], before[1] + 1], "where he reads first");
    world.relays[1].refuse = Some("quota");
    let message = world.say(ALICE, room, "at mine");
    world.pass(10_000);
    assert_eq!(items(&world), [before[0] + 1, before[1] + 1]);
    // It lies where he reads too, but not at a relay that he lists.
    assert_eq!(world.state(ALICE, message).0, MessageState::Sending);
    world.set_online(BOB, true);
    world.pass(MINUTE);
    assert_eq!(world.texts(BOB, room), ["at his relay", "at mine"]);
}

#[test]
fn a_relay_that_goes_away_with_an_answer_makes_the_other_one_take_it() {
    let mut world = World::new(&["Alice", "Bob"], 2);
    world.add_relay(ALICE, 0);
    world.add_relay(BOB, 1);
    let room = world.befriend(ALICE, BOB);
    world.pass(MINUTE);
    world.set_relay(1, false);
    let message = world.say(ALICE, room, "by the other way");
    world.pass(MINUTE);
    assert_eq!(world.texts(BOB, room), ["by the other way"]);
    assert_eq!(world.state(ALICE, message).0, MessageState::Delivered);
}

#[test]
fn a_message_older_than_the_life_of_its_log_is_put_again() {
    let (mut world, room) = friends();
    world.set_online(BOB, false);
    world.say(ALICE, room, "are you there?");
    world.pass(10_000);
    let before = world.relays[0].op_puts(ALICE);
    world.sleep(13 * DAY);
    assert_eq!(world.relays[0].op_puts(ALICE), before);
    world.sleep(2 * DAY);
    world.pass(10_000);
    assert!(world.relays[0].op_puts(ALICE) > before);
}

#[test]
fn a_request_and_keys_outlive_a_wiped_inbox() {
    let mut world = World::new(&["Alice", "Bob"], 1);
    world.add_relay(ALICE, 0);
    world.add_relay(BOB, 0);
    let (link, _) = world
        .ask(ALICE, |reply| crate::command::Command::CreateInvite { once: true, hours: 24, reply })
        .unwrap();
    world.pass(100);
    world.set_online(ALICE, false);
    let greeting = String::new();
    world.ask(BOB, |reply| crate::command::Command::AddFriend { link, greeting, reply }).unwrap();
    world.pass(MINUTE);
    world.set_online(BOB, false);
    world.set_online(ALICE, true);
    world.pass(MINUTE);
    // Her answer lies in his inbox when the relay loses everything.
    assert!(world.relays[0].inbox_items() > 0);
    world.set_relay(0, false);
    world.relays[0].wipe();
    world.set_relay(0, true);
    world.pass(MINUTE);
    world.set_online(BOB, true);
    world.pass(10 * MINUTE);
    let account = world.account(ALICE);
    let room =
        world.ask(BOB, |reply| crate::command::Command::DirectRoom { account, reply }).expect("a friend");
    world.say(BOB, room, "found you");
    world.pass(MINUTE);
    assert_eq!(world.texts(ALICE, room), ["found you"]);
}
