//! A relay that lies, one lie at a time: what it costs is bounded, and whatever it does is made good by an honest path.

use madang_model::ConvId;
use madang_wire::RelayBody;

use super::{
    malice::{Act, Malice},
    reach::friends,
    relay::Who,
    world::World,
};
use crate::{
    command::Command,
    view::{MessageState, RelayState},
};

const ALICE: usize = 0;
const BOB: usize = 1;
const MINUTE: u64 = 60_000;

/// Both talk for some minutes while the relay does this to so many of a hundred frames; then it is honest, and they
/// meet. Answers how many frames the relay was sent meanwhile.
fn endured(act: Act, percent: u64) -> usize {
    let (mut world, room) = friends();
    let before = world.relays[0].got.len();
    world.relays[0].malice = Some(Malice::only(act, percent));
    for n in 0..20 {
        let who = n % 2;
        world.set_online(1 - who, n % 3 != 0);
        world.say(who, room, &format!("{who} {n}"));
        world.pass(30_000);
        world.set_online(1 - who, true);
    }
    world.pass(10 * MINUTE);
    let sent = world.relays[0].got.len() - before;
    world.relays[0].malice = None;
    world.set_direct(true);
    world.pass(20 * MINUTE);
    assert_whole(&world, room, 20);
    println!("{act:?}: {sent} frames");
    sent
}

/// Both have everything once, each author's in order.
fn assert_whole(world: &World, room: ConvId, count: usize) {
    let texts = world.texts(ALICE, room);
    assert_eq!(texts, world.texts(BOB, room), "both sides are equal");
    assert_eq!(texts.len(), count, "each once: {texts:?}");
    for who in [ALICE, BOB] {
        let own: Vec<usize> = texts
            .iter()
            .filter_map(|text| text.strip_prefix(&format!("{who} ")))
            .map(|n| n.parse().unwrap())
            .collect();
        assert!(own.is_sorted(), "{own:?}");
        assert_eq!(own.len(), count / 2);
    }
}

/// Frames that twenty messages in twenty minutes may lead to at a relay that lies all the time.
const BOUND: usize = 1_500;

#[test]
fn items_that_are_thrown_away_after_they_were_stored_come_another_way() {
    assert!(endured(Act::Forget, 100) < BOUND);
}

#[test]
fn answers_that_come_late_or_never_cost_little() {
    assert!(endured(Act::Withhold, 40) < BOUND);
    assert!(endured(Act::Silence, 40) < BOUND);
}

#[test]
fn what_comes_again_or_in_another_order_is_shown_once_and_in_order() {
    assert!(endured(Act::Repeat, 100) < BOUND);
    assert!(endured(Act::Reorder, 100) < BOUND);
    assert!(endured(Act::Shuffle, 100) < BOUND);
}

#[test]
fn items_that_are_left_out_come_another_way() {
    assert!(endured(Act::Omit, 60) < BOUND);
}

#[test]
fn answers_that_name_the_wrong_part_or_number_cost_little() {
    assert!(endured(Act::Index, 60) < BOUND);
    assert!(endured(Act::Number, 100) < BOUND);
}

#[test]
fn refusals_without_a_reason_cost_little() {
    assert!(endured(Act::Refuse, 60) < BOUND);
    assert!(endured(Act::Confuse, 60) < BOUND);
}

#[test]
fn a_relay_that_lies_about_the_end_of_a_log_is_not_listened_to() {
    assert!(endured(Act::Head, 100) < BOUND);
    let (mut world, room) = friends();
    world.relays[0].malice = Some(Malice::only(Act::Head, 100));
    for n in 0..20 {
        world.say(BOB, room, &n.to_string());
        world.pass(1_000);
    }
    world.pass(10_000);
    assert_eq!(told(&mut world, ALICE), Some("epoch".to_owned()));
}

#[test]
fn a_relay_whose_boxes_are_others_all_the_time_is_not_listened_to() {
    assert!(endured(Act::Epoch, 100) < BOUND);
    let (mut world, room) = friends();
    world.set_online(BOB, false);
    world.relays[0].malice = Some(Malice::only(Act::Epoch, 100));
    for n in 0..20 {
        world.say(ALICE, room, &n.to_string());
        world.pass(1_000);
    }
    assert_eq!(told(&mut world, ALICE), Some("epoch".to_owned()));
    // Each message at first, all of them after each stream: not all of them with every answer.
    let puts = world.relays[0].op_puts(ALICE);
    assert!(puts < 150, "{puts} puts of 20 messages");
}

/// What somebody's list of relays says of the first one.
fn told(world: &mut World, who: Who) -> Option<String> {
    let list = world.relay_list(who);
    assert_eq!(list[0].state, RelayState::Failed);
    list[0].reason.clone()
}

#[test]
fn a_relay_that_says_with_every_page_that_everything_is_lost_starts_no_storm() {
    assert!(endured(Act::Truncate, 100) < BOUND);
    // Own messages are put again, but not with every page.
    let (mut world, room) = friends();
    world.set_online(BOB, false);
    world.relays[0].malice = Some(Malice::only(Act::Truncate, 100));
    for n in 0..50 {
        world.say(ALICE, room, &n.to_string());
        world.pass(5_000);
    }
    let puts = world.relays[0].op_puts(ALICE);
    assert!(puts < 150, "{puts} puts of 50 messages");
    // And what may have been missed is looked for, but not with every page.
    let (mut world, room) = friends();
    world.set_direct(true);
    world.pass(MINUTE);
    for person in &mut world.people {
        // Everything new goes through the relay alone.
        (person.core.config.paths.gossip, person.core.config.paths.stream) = (false, false);
    }
    world.relays[0].malice = Some(Malice::only(Act::Truncate, 100));
    let before = world.comparisons;
    for n in 0..50 {
        world.say(BOB, room, &n.to_string());
        world.pass(5_000);
    }
    assert_eq!(world.texts(ALICE, room).len(), 50);
    let comparisons = world.comparisons - before;
    assert!((1..20).contains(&comparisons), "{comparisons} comparisons for 50 pages");
}

#[test]
fn a_greeting_of_another_relay_costs_little() {
    assert!(endured(Act::Greet, 60) < BOUND);
}

#[test]
fn an_old_record_of_a_withdrawn_invite_makes_nobody_a_friend() {
    let mut world = World::new(&["Alice", "Bob"], 1);
    world.add_relay(ALICE, 0);
    let (link, invite) =
        world.ask(ALICE, |reply| Command::CreateInvite { once: true, hours: 24, reply }).unwrap();
    world.pass(100);
    let old = world.relays[0].slots.clone();
    world.ask(ALICE, |reply| Command::RevokeInvite { invite: invite.invite, reply }).unwrap();
    world.pass(100);
    // It gives the slot as it was before.
    world.relays[0].slots = old;
    world.ask(BOB, |reply| Command::AddFriend { link, greeting: String::new(), reply }).unwrap();
    world.pass(5 * MINUTE);
    let account = world.account(BOB);
    let room = world.ask(ALICE, |reply| Command::DirectRoom { account, reply });
    assert!(room.is_err(), "he is no friend");
}

#[test]
fn a_batch_of_which_some_answers_stay_away_is_put_again() {
    let mut world = World::new(&["Alice", "Bob"], 1);
    world.add_relay(ALICE, 0);
    world.add_relay(BOB, 0);
    let room = world.befriend(ALICE, BOB);
    world.pass(MINUTE);
    world.set_online(BOB, false);
    world.set_relay(0, false);
    let messages: Vec<_> = (0..60).map(|n| world.say(ALICE, room, &n.to_string())).collect();
    world.relays[0].malice = Some(Malice::only(Act::Silence, 10));
    world.set_relay(0, true);
    world.pass(60 * MINUTE);
    world.relays[0].malice = None;
    world.pass(15 * MINUTE);
    assert!(messages.iter().all(|message| world.state(ALICE, *message).0 == MessageState::Relayed));
    let puts = world.relays[0].op_puts(ALICE);
    assert!(puts < 1_000, "{puts} puts of 60 messages in an hour");
    let creates = world.relays[0].count(ALICE, |body| matches!(body, RelayBody::LogCreate(_)));
    assert!(creates < 60, "{creates} times was the log asked for");
    world.set_online(BOB, true);
    world.pass(MINUTE);
    assert_eq!(world.texts(BOB, room).len(), 60);
}
