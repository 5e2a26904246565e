//! What two friends say about themselves, and what they believe of it.

use madang_crypto::sign_body;
use madang_model::{DeviceId, Hlc, OpId};
use madang_store::{registers, rooms};
use madang_wire::{Card, Frontier, InnerBody, Message as _, Prefs, Register, Signed};

use super::pair::{NOON, Pair};
use crate::{
    command::{Command, Reply},
    register_in::payload_of,
    view::MessageState,
};

const ALICE: usize = 0;
const BOB: usize = 1;
const HOUR: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * HOUR;

fn device(pair: &Pair, who: usize) -> DeviceId {
    pair.people[who].core.me.device
}

/// Names of the registers of `of` that lie at `at`.
fn names(pair: &Pair, at: usize, of: usize) -> Vec<String> {
    let author = device(pair, of);
    let all = registers::list(pair.db(at), pair.room(at)).unwrap();
    all.into_iter().filter(|kept| kept.author == author).map(|kept| kept.name).collect()
}

fn kept(pair: &Pair, at: usize, of: usize, name: &str) -> Option<registers::Register> {
    registers::get(pair.db(at), pair.room(at), &device(pair, of), name).unwrap()
}

/// The ids in a frontier of `of` that lies at `at`.
fn frontier(pair: &Pair, at: usize, of: usize, name: &str) -> Vec<OpId> {
    let payload = kept(pair, at, of, name).and_then(|kept| payload_of(&kept)).unwrap_or_default();
    let frontier = Frontier::decode(payload.as_slice()).unwrap();
    frontier.ids.iter().map(|id| OpId::try_from(id.as_slice()).unwrap()).collect()
}

/// A register signed by somebody's machine.
fn signed(pair: &Pair, who: usize, name: &str, version: u64, payload: Vec<u8>) -> Signed {
    let register = Register {
        conv: pair.conv().as_bytes().to_vec(),
        author: device(pair, who).as_bytes().to_vec(),
        name: name.to_owned(),
        version,
        payload,
    };
    sign_body(&register, &pair.people[who].core.me.key)
}

fn say_register(pair: &mut Pair, who: usize, name: &str, version: u64, payload: Vec<u8>) {
    let signed = signed(pair, who, name, version, payload);
    pair.inject_sealed(who, InnerBody::Register(signed));
}

fn read(pair: &mut Pair, who: usize, message: Option<OpId>) {
    let (reply, mut answer) = Reply::pair();
    let room = pair.conv();
    pair.command(who, Command::MarkRead { room, message, reply });
    answer.try_recv().unwrap().unwrap();
}

fn set(pair: &mut Pair, who: usize, key: &str, value: &str) {
    let (reply, mut answer) = Reply::pair();
    let change = Command::SetSetting { key: key.to_owned(), value: Some(value.to_owned()), reply };
    pair.command(who, change);
    answer.try_recv().unwrap().unwrap();
}

fn unread(pair: &Pair, who: usize) -> u64 {
    rooms::get(pair.db(who), pair.room(who)).unwrap().unwrap().unread
}

#[test]
fn whoever_joins_a_room_says_who_he_is() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    for (at, of) in [(ALICE, BOB), (BOB, ALICE)] {
        let mut said = names(&pair, at, of);
        said.retain(|name| name != "heads");
        assert_eq!(said, ["addr", "bundle", "card", "prefs"]);
    }
    assert!(names(&pair, ALICE, ALICE).iter().all(|name| name != "accountlog"), "only in groups");
}

#[test]
fn a_changed_card_and_a_renewed_bundle_are_published() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let bundle = kept(&pair, BOB, ALICE, "bundle").unwrap();
    pair.people[ALICE].core.me.card.name = "Alicia".to_owned();
    pair.run_for(HOUR + 2_000);
    let card = payload_of(&kept(&pair, BOB, ALICE, "card").unwrap()).unwrap();
    assert_eq!(Card::decode(card.as_slice()).unwrap().name, "Alicia");
    let friend = madang_store::friends::get(pair.db(BOB), &pair.account(ALICE)).unwrap().unwrap();
    assert_eq!(friend.name, "Alicia");
    assert_eq!(kept(&pair, BOB, ALICE, "bundle").unwrap(), bundle, "what did not change is not said again");

    // The envelope key is a week old.
    pair.jump(8 * DAY);
    pair.run_for(3_000);
    let renewed = kept(&pair, BOB, ALICE, "bundle").unwrap();
    assert_ne!(payload_of(&renewed), payload_of(&bundle));
}

#[test]
fn own_registers_are_put_again_every_week() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let first = kept(&pair, BOB, ALICE, "prefs").unwrap();
    pair.jump(6 * DAY);
    pair.run_for(2 * HOUR);
    assert_eq!(kept(&pair, BOB, ALICE, "prefs").unwrap(), first);
    pair.jump(DAY);
    pair.run_for(2 * HOUR);
    let again = kept(&pair, BOB, ALICE, "prefs").unwrap();
    assert!(again.version > first.version);
    assert_eq!(payload_of(&again), payload_of(&first));
}

#[test]
fn registers_go_over_gossip_as_well() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    pair.people[ALICE].core.config.paths.gossip = true;
    set(&mut pair, ALICE, "typing", "off");
    pair.run_for(2_000);
    let topic = pair.people[ALICE].core.rooms[&pair.room(ALICE)].routes()[0].topic().to_owned();
    let carried = pair.published.iter().filter(|(who, on, _)| *who == ALICE && *on == topic).count();
    assert_eq!(carried, 1);
    let prefs = payload_of(&kept(&pair, BOB, ALICE, "prefs").unwrap()).unwrap();
    assert_eq!(Prefs::decode(prefs.as_slice()).unwrap(), Prefs { receipts: true, typing: false });
}

#[test]
fn only_known_registers_of_this_time_are_taken() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let before = names(&pair, BOB, ALICE);
    let now = pair.now().wall;
    let soon = Hlc::from_millis(now + 1).as_u64();
    for name in ["", "hats", "accountlog", "prefs.", "prefs.language", "HEADS"] {
        say_register(&mut pair, ALICE, name, soon, vec![1]);
    }
    assert_eq!(names(&pair, BOB, ALICE), before);
    let card = kept(&pair, BOB, ALICE, "card").unwrap();
    let later = Card { name: "Mallory".to_owned(), ..Card::default() }.encode_to_vec();
    for version in [u64::MAX, u64::MAX >> 1, Hlc::from_millis(now + DAY + 1_000).as_u64()] {
        say_register(&mut pair, ALICE, "card", version, later.clone());
    }
    assert_eq!(kept(&pair, BOB, ALICE, "card").unwrap(), card);
    say_register(&mut pair, ALICE, "card", soon, later);
    assert_eq!(kept(&pair, BOB, ALICE, "card").unwrap().version, soon, "a good one is");
}

#[test]
fn a_register_from_the_end_of_time_does_not_set_the_clock() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let far = Hlc::from_millis(NOON + 1_000 * DAY).as_u64();
    for (who, name) in [(ALICE, "hats"), (BOB, "caps")] {
        let author = device(&pair, who);
        let body = signed(&pair, who, name, far, Vec::new()).encode_to_vec();
        let row = registers::Register { author, name: name.to_owned(), version: far, body };
        registers::put(pair.db(BOB), pair.room(BOB), &row).unwrap();
    }
    pair.cut();
    pair.restart(BOB);
    let sent = pair.say(BOB, "what time is it?");
    let op = madang_store::ops::by_id(pair.db(BOB), &sent.message).unwrap().unwrap();
    let ahead = Hlc::from_u64(op.hlc).millis().saturating_sub(pair.now().wall);
    assert!(ahead <= DAY, "{ahead} ms ahead");
}

#[test]
fn an_op_that_does_not_exist_keeps_back_only_what_stands_on_it() {
    let mut pair = Pair::friends(true);
    let first = pair.say(BOB, "before").message;
    pair.run_for(3_000);
    assert_eq!(frontier(&pair, BOB, ALICE, "heads"), [first]);
    let room = pair.room(BOB);
    pair.in_turn(BOB, |core, _| {
        core.rooms.get_mut(&room).unwrap().heads.insert(OpId::from_bytes([7; 32]));
    });
    let bogus = pair.say(BOB, "stands on nothing").message;
    pair.run_for(3_000);
    assert_eq!(pair.texts(ALICE), ["before", "stands on nothing"]);
    assert_eq!(frontier(&pair, BOB, ALICE, "heads"), [first], "what is covered is still said");
    read(&mut pair, ALICE, None);
    assert_eq!(unread(&pair, ALICE), 0, "it was shown");
    pair.run_for(3_000);
    assert_eq!(frontier(&pair, BOB, ALICE, "read"), [first]);

    // The same after a restart, and in the end nobody waits for it any more.
    pair.cut();
    pair.restart(ALICE);
    assert_eq!(unread(&pair, ALICE), 0);
    pair.jump(31 * DAY);
    pair.run_for(HOUR);
    pair.connect();
    pair.run_for(5_000);
    assert!(frontier(&pair, BOB, ALICE, "heads").contains(&bogus));
    assert!(frontier(&pair, BOB, ALICE, "read").contains(&bogus), "it was shown before");
}

#[test]
fn a_late_message_is_unread_until_it_was_shown() {
    let mut pair = Pair::friends(true);
    pair.say(BOB, "one");
    pair.run_for(3_000);
    pair.faults.hold = true;
    let late = pair.say(BOB, "two").message;
    let held = std::mem::take(&mut pair.faults.hold);
    assert!(held);
    let three = pair.say(BOB, "three").message;
    assert_eq!(pair.texts(ALICE), ["one", "three"]);
    read(&mut pair, ALICE, Some(three));
    assert_eq!(unread(&pair, ALICE), 0, "both that are here were shown");
    pair.release();
    assert_eq!(pair.texts(ALICE), ["one", "two", "three"]);
    assert_eq!(unread(&pair, ALICE), 1, "the late one was not");
    pair.run_for(3_000);
    assert_ne!(pair.message(BOB, &late).state, Some(MessageState::Read));
    assert_ne!(pair.message(BOB, &three).state, Some(MessageState::Read));
    read(&mut pair, ALICE, None);
    pair.run_for(3_000);
    assert_eq!(unread(&pair, ALICE), 0);
    assert_eq!(pair.message(BOB, &late).state, Some(MessageState::Read));
    assert_eq!(pair.message(BOB, &three).state, Some(MessageState::Read));
}

#[test]
fn a_frontier_is_read_again_when_its_ops_come() {
    let mut pair = Pair::friends(true);
    let asked = pair.say(ALICE, "did you see this?").message;
    pair.run_for(3_000);
    assert_eq!(pair.message(ALICE, &asked).state, Some(MessageState::Delivered));
    pair.faults.hold = true;
    let answer = pair.say(BOB, "yes").message;
    pair.faults.hold = false;
    let ids = vec![answer.as_bytes().to_vec()];
    let version = Hlc::from_millis(pair.now().wall).as_u64();
    say_register(&mut pair, BOB, "read", version, Frontier { ids }.encode_to_vec());
    assert_eq!(pair.message(ALICE, &asked).state, Some(MessageState::Delivered), "the answer is not here");
    pair.release();
    assert_eq!(pair.message(ALICE, &asked).state, Some(MessageState::Read));
    assert!(pair.message(ALICE, &asked).unread == Some(0));
}

#[test]
fn what_was_read_stays_read_when_receipts_are_turned_off() {
    let mut pair = Pair::friends(true);
    let seen = pair.say(ALICE, "seen").message;
    pair.run_for(2_000);
    read(&mut pair, BOB, None);
    pair.run_for(3_000);
    assert_eq!(pair.message(ALICE, &seen).state, Some(MessageState::Read));
    set(&mut pair, BOB, "receipts", "off");
    pair.run_for(3_000);
    let later = pair.say(ALICE, "later").message;
    pair.run_for(2_000);
    read(&mut pair, BOB, None);
    pair.run_for(3_000);
    for restarted in [false, true] {
        if restarted {
            pair.cut();
            pair.restart(ALICE);
        }
        assert_eq!(pair.message(ALICE, &seen).state, Some(MessageState::Read));
        assert_eq!(pair.message(ALICE, &later).state, Some(MessageState::Delivered));
    }
    let me = pair.account(ALICE);
    let why = crate::query::messages::why(pair.db(ALICE), &me, &seen).unwrap().pop().unwrap();
    assert_eq!(why.state, crate::view::DeviceState::Read);
}

#[test]
fn without_receipts_one_is_in_no_number_and_sees_none() {
    let mut pair = Pair::friends(true);
    set(&mut pair, BOB, "receipts", "off");
    pair.run_for(3_000);
    let to_bob = pair.say(ALICE, "hello").message;
    let to_alice = pair.say(BOB, "hello").message;
    for who in [ALICE, BOB] {
        read(&mut pair, who, None);
    }
    pair.run_for(3_000);
    let seen = pair.message(ALICE, &to_bob);
    assert_eq!((seen.state, seen.unread), (Some(MessageState::Delivered), Some(0)));
    let seen = pair.message(BOB, &to_alice);
    assert_eq!((seen.state, seen.unread), (Some(MessageState::Delivered), None));
    assert_eq!(kept(&pair, ALICE, BOB, "read"), None, "nobody is told");

    set(&mut pair, BOB, "receipts", "on");
    read(&mut pair, BOB, None);
    pair.run_for(3_000);
    pair.say(ALICE, "again");
    pair.run_for(1_000);
    read(&mut pair, BOB, None);
    pair.run_for(3_000);
    assert_eq!(pair.message(ALICE, &to_bob).state, Some(MessageState::Read));
    assert_eq!(pair.message(BOB, &to_alice).state, Some(MessageState::Read));
}
