//! Streams with relays that do not keep to the protocol: closed with a reason, and opened again later.

use madang_wire::{HelloOk, RelayBody};

use super::{
    malice::{Act, Malice},
    reach::friends,
    relay::refusal,
    world::World,
};
use crate::{
    command::Command,
    home::secrets,
    view::{MessageState, RelayState},
};

const ALICE: usize = 0;
const BOB: usize = 1;
const MINUTE: u64 = 60_000;

fn reason(world: &mut World) -> (RelayState, Option<String>) {
    let list = world.relay_list(ALICE);
    (list[0].state, list[0].reason.clone())
}

fn hellos(world: &World) -> usize {
    world.relays[0].count(ALICE, |body| matches!(body, RelayBody::Hello(_)))
}

#[test]
fn a_relay_with_the_key_of_another_gets_no_proof() {
    let mut world = World::new(&["Alice"], 1);
    let foreign = HelloOk { relay_key: vec![9; 32], ..world.relays[0].hello(world.now.wall) };
    world.relays[0].greeting = Some(RelayBody::HelloOk(foreign));
    world.add_relay(ALICE, 0);
    assert_eq!(reason(&mut world), (RelayState::Failed, Some("wrong_key".to_owned())));
    world.pass(60 * MINUTE);
    let signed = |body: &RelayBody| {
        matches!(body, RelayBody::Auth(_) | RelayBody::SlotPut(_) | RelayBody::SlotDelete(_))
    };
    assert_eq!(world.relays[0].count(ALICE, signed), 0, "what is signed for one relay would work at another");
    assert!((5..=20).contains(&hellos(&world)), "{} times in an hour", hellos(&world));
    assert_eq!(reason(&mut world).1.as_deref(), Some("wrong_key"));
    world.relays[0].greeting = None;
    world.pass(11 * MINUTE);
    assert_eq!(reason(&mut world), (RelayState::Connected, None));
}

#[test]
fn a_greeting_that_leads_nowhere_is_tried_again_and_told() {
    let mut world = World::new(&["Alice"], 1);
    let good = world.relays[0].hello(world.now.wall);
    let bad = [
        (refusal("busy", 90_000, 0), "busy"),
        (RelayBody::HelloOk(HelloOk { v: 2, ..good.clone() }), "version"),
        (RelayBody::HelloOk(HelloOk { relay_key: vec![1; 31], ..good.clone() }), "bad_frame"),
        (RelayBody::HelloOk(HelloOk { challenge: Vec::new(), ..good }), "bad_frame"),
        (RelayBody::Ok(madang_wire::ROk {}), "bad_frame"),
    ];
    world.add_relay(ALICE, 0);
    for (greeting, told) in bad {
        // A good while makes up for what was before.
        world.pass(70 * MINUTE);
        world.set_relay(0, false);
        world.relays[0].greeting = Some(greeting);
        world.set_relay(0, true);
        world.pass(100);
        assert_eq!(reason(&mut world), (RelayState::Failed, Some(told.to_owned())));
        let before = hellos(&world);
        world.pass(30_000);
        assert_eq!(told == "busy", hellos(&world) == before, "{told}: no sooner than it says");
        world.relays[0].greeting = None;
        world.pass(20 * MINUTE);
        assert_eq!(reason(&mut world), (RelayState::Connected, None), "{told}");
    }
}

#[test]
fn a_relay_that_never_answers_is_left_for_a_while() {
    let mut world = World::new(&["Alice", "Bob"], 2);
    world.add_relay(ALICE, 0);
    world.add_relay(BOB, 1);
    let room = world.befriend(ALICE, BOB);
    world.pass(MINUTE);
    world.set_online(BOB, false);
    world.relays[1].malice = Some(Malice::only(Act::Silence, 100));
    let message = world.say(ALICE, room, "somebody takes it");
    world.pass(2 * MINUTE);
    assert!(world.relays[0].op_puts(ALICE) > 0, "the relay that answers has it");
    assert_eq!(world.state(ALICE, message).0, MessageState::Sending, "which Bob does not list");
    let count = |world: &World| world.relays[1].got.len();
    let before = count(&world);
    world.pass(60 * MINUTE);
    let frames = count(&world) - before;
    assert!(frames < 100, "{frames} frames in an hour to a relay that does not answer");
    world.relays[1].malice = None;
    world.set_online(BOB, true);
    world.pass(20 * MINUTE);
    assert_eq!(world.texts(BOB, room), ["somebody takes it"]);
}

#[test]
fn answers_to_other_questions_end_the_stream_and_nothing_is_lost() {
    let (mut world, room) = friends();
    world.set_online(BOB, false);
    world.relays[0].malice = Some(Malice::only(Act::Confuse, 100));
    world.say(ALICE, room, "still there");
    world.pass(10_000);
    assert_eq!(reason(&mut world), (RelayState::Failed, Some("bad_frame".to_owned())));
    world.relays[0].malice = None;
    world.set_online(BOB, true);
    world.pass(20 * MINUTE);
    assert_eq!(world.texts(BOB, room), ["still there"]);
}

#[test]
fn more_items_than_credit_end_the_stream() {
    let (mut world, room) = friends();
    world.set_online(ALICE, false);
    for n in 0..700 {
        world.say(BOB, room, &n.to_string());
    }
    world.pass(MINUTE);
    world.relays[0].ignores_credit = true;
    world.set_online(ALICE, true);
    world.pass(1_000);
    assert_eq!(reason(&mut world), (RelayState::Failed, Some("credit".to_owned())));
    world.relays[0].ignores_credit = false;
    world.pass(MINUTE);
    assert_eq!(world.texts(ALICE, room).len(), 700);
}

#[test]
fn a_page_behind_one_that_was_not_kept_moves_no_cursor() {
    let (mut world, room) = friends();
    world.say(BOB, room, "kept");
    world.pass(10_000);
    // Each is pushed in a page of its own. The turn that takes the first one is rolled back.
    world.freeze(ALICE, true);
    world.say(BOB, room, "first");
    world.pass(2_000);
    world.fail_turn(ALICE);
    world.say(BOB, room, "second");
    world.pass(2_000);
    world.freeze(ALICE, false);
    world.pass(MINUTE);
    assert_eq!(world.texts(ALICE, room), ["kept", "first", "second"]);
}

#[test]
fn items_of_an_inbox_behind_a_turn_that_was_rolled_back_are_read_again() {
    let (mut world, room) = friends();
    // A key of its own age is needed for the next message, and lies in the inbox.
    world.sleep(25 * 60 * MINUTE);
    world.freeze(ALICE, true);
    world.say(BOB, room, "under a new key");
    world.pass(2_000);
    world.fail_turn(ALICE);
    world.freeze(ALICE, false);
    world.pass(MINUTE);
    assert_eq!(world.texts(ALICE, room), ["under a new key"]);
    assert_eq!(world.relays[0].inbox_items(), 0);
}

#[test]
fn a_relay_of_an_invite_link_that_misbehaves_ends_the_look_at_it() {
    let mut world = World::new(&["Alice", "Bob"], 1);
    world.add_relay(ALICE, 0);
    let (link, _) = world.ask(ALICE, |reply| Command::CreateInvite { once: true, hours: 24, reply }).unwrap();
    world.pass(100);
    world.relays[0].greeting = Some(refusal("busy", 0, 0));
    let shown = world.ask(BOB, |reply| Command::ShowInvite { link, reply });
    assert!(matches!(shown, Err(crate::error::Error::Offline(_))), "{shown:?}");
}

#[test]
fn a_busy_relay_of_an_invite_link_is_asked_again_while_somebody_looks() {
    let mut world = World::new(&["Alice", "Bob"], 1);
    world.add_relay(ALICE, 0);
    let (link, _) = world.ask(ALICE, |reply| Command::CreateInvite { once: true, hours: 24, reply }).unwrap();
    world.pass(100);
    world.relays[0].busy_reads = 3;
    let shown = world.ask(BOB, |reply| Command::ShowInvite { link: link.clone(), reply });
    assert_eq!(shown.map(|shown| shown.name), Ok("Alice".to_owned()));
    // One that stays busy ends the look in its time.
    let reads = |world: &World| world.relays[0].count(BOB, |body| matches!(body, RelayBody::SlotGet(_)));
    world.relays[0].busy_reads = 1_000;
    let before = reads(&world);
    let shown = world.ask(BOB, |reply| Command::ShowInvite { link, reply });
    assert!(matches!(shown, Err(crate::error::Error::Offline(_))), "{shown:?}");
    world.pass(MINUTE);
    let asked = reads(&world) - before;
    assert!((5..=15).contains(&asked), "asked {asked} times");
}

/// The same bytes undo one turn at most, whichever stream brings them, and what lies behind them is taken.
#[test]
fn an_item_of_an_inbox_that_has_undone_a_turn_is_passed_over_on_every_stream() {
    let (mut world, room) = friends();
    let own = world.with(ALICE, |_, turn| secrets::olm(turn.db).unwrap().to_vec());
    world.freeze(ALICE, true);
    world.with(ALICE, |_, turn| secrets::set_olm(turn.db, b"broken").unwrap());
    world.with(BOB, |core, turn| core.update_contacts(turn).unwrap());
    world.pass(2_000);
    assert_eq!(world.relays[0].inbox_items(), 1);
    let error = world.undone_turn(ALICE);
    assert!(!error.is_of_store(), "{error:?}");
    // It could be taken now, but nobody knows that.
    world.with(ALICE, |_, turn| secrets::set_olm(turn.db, &own).unwrap());
    world.freeze(ALICE, false);
    world.say(BOB, room, "behind it");
    world.pass(10 * MINUTE);
    assert_eq!(world.relays[0].inbox_items(), 0, "it is acknowledged");
    assert_eq!(world.texts(ALICE, room), ["behind it"]);
    let db = world.people[BOB].store().writer.conn();
    assert_eq!(madang_store::lanes::devices_about(db, "update").unwrap().len(), 1, "and was not taken");
}
