//! Two people over a wire that misbehaves.

use madang_store::lanes;
use madang_wire::{ContactUpdate, LaneBody};

use super::pair::Pair;
use crate::event::Event;

const ALICE: usize = 0;
const BOB: usize = 1;

/// Both have everything, in the same order, and nothing waits.
fn assert_same(pair: &mut Pair, messages: usize) {
    assert_eq!(pair.ids(ALICE), pair.ids(BOB));
    assert_eq!(pair.texts(ALICE), pair.texts(BOB));
    assert_eq!(pair.texts(ALICE).len(), messages);
    for who in [ALICE, BOB] {
        assert_eq!(pair.status(who).outbox, 0);
    }
}

/// Messages that were announced to somebody.
fn announced(pair: &Pair, who: usize) -> usize {
    pair.people[who].events.iter().filter(|event| matches!(event, Event::Message(_))).count()
}

#[test]
fn strangers_become_friends_and_chat() {
    for alice_first in [true, false] {
        let mut pair = Pair::friends(alice_first);
        pair.say(ALICE, "hello Bob");
        pair.say(BOB, "hello Alice");
        pair.run_for(2_000);
        assert_eq!(pair.texts(ALICE), ["hello Bob", "hello Alice"]);
        assert_same(&mut pair, 2);
        for who in [ALICE, BOB] {
            let status = pair.status(who);
            assert_eq!((status.repaired, status.peers.len()), (0, 1));
        }
    }
}

#[test]
fn copies_of_a_frame_are_shown_once() {
    let mut pair = Pair::friends(true);
    pair.faults.copies = 2;
    for n in 0..20 {
        pair.say(n % 2, &format!("message {n}"));
    }
    pair.run_for(3_000);
    assert_same(&mut pair, 20);
    assert_eq!((announced(&pair, ALICE), announced(&pair, BOB)), (20, 20));
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let mut pair = Pair::friends(true);
    pair.faults.hold = true;
    pair.say_many(ALICE, 300);
    pair.say_many(BOB, 20);
    assert_eq!(pair.texts(BOB).len(), 20);
    pair.faults.shuffle = true;
    pair.release();
    pair.faults.shuffle = false;
    pair.run_for(5_000);
    assert_same(&mut pair, 320);
    assert_eq!(announced(&pair, BOB), 320);
}

#[test]
fn lost_frames_leave_a_gap_that_is_filled() {
    for alice_first in [true, false] {
        let mut pair = Pair::friends(alice_first);
        pair.faults.lose_every = 3;
        for n in 0..30 {
            pair.say(ALICE, &format!("message {n}"));
            pair.run_for(100);
        }
        pair.faults.lose_every = 0;
        let gaps = pair.people[BOB].events.iter().filter(|event| matches!(event, Event::Gap(_))).count();
        assert!(gaps > 0, "the hole was seen");
        pair.run_for(40_000);
        assert_same(&mut pair, 30);
        assert_eq!(announced(&pair, BOB), 30);
    }
}

#[test]
fn a_message_that_comes_late_says_so() {
    let mut pair = Pair::friends(true);
    pair.cut();
    pair.say(ALICE, "written while away");
    pair.run_for(5 * 60 * 1_000);
    pair.say(BOB, "meanwhile");
    pair.connect();
    pair.run_for(5_000);
    assert_eq!(pair.texts(BOB), ["written while away", "meanwhile"]);
    assert_same(&mut pair, 2);
    let late: Vec<bool> = pair.people[BOB]
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Message(message) => Some(message.late),
            _ => None,
        })
        .collect();
    assert_eq!(late, [false, true]);
}

#[test]
fn what_is_on_the_disk_is_all_that_a_restart_needs() {
    let mut pair = Pair::friends(false);
    pair.say_many(ALICE, 10);
    pair.cut();
    pair.say_many(ALICE, 100);
    for who in [ALICE, BOB] {
        pair.restart(who);
    }
    pair.connect();
    pair.say_many(BOB, 10);
    pair.run_for(5_000);
    assert_same(&mut pair, 120);
    assert_eq!(pair.people[ALICE].read(madang_store::frames::count), 0);
}

#[test]
fn a_lane_that_lost_its_session_begins_anew() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    pair.cut();
    pair.db(BOB).execute_batch("UPDATE lane SET session = NULL").unwrap();
    pair.restart(BOB);
    pair.connect();
    let bob = pair.people[BOB].core.me.device;
    pair.in_turn(ALICE, |core, turn| {
        core.lane_send(turn, bob, "story", LaneBody::Update(ContactUpdate { c: None })).unwrap();
    });
    pair.run_for(120_000);
    for who in [ALICE, BOB] {
        let db = pair.db(who);
        for row in lanes::devices(db).unwrap() {
            let open = lanes::waiting(db, row, 9).unwrap();
            assert!(open.iter().all(|message| message.topic == "ack"), "the other side has everything");
            assert_eq!(lanes::load(db, row).unwrap().in_gen, 2, "both begin a second time");
        }
    }
    pair.say(ALICE, "and we still talk");
    pair.run_for(2_000);
    assert_same(&mut pair, 1);
}

#[test]
fn keys_are_replaced_after_a_day_and_die_after_a_week_while_every_message_stays_readable() {
    const HOUR: u64 = 60 * 60 * 1000;
    let mut pair = Pair::friends(true);
    pair.say(0, "under the first key");
    pair.settle();
    let first = pair.keys(1);
    assert_eq!(first.len(), 1);

    pair.cut();
    pair.run_for(25 * HOUR);
    pair.connect();
    pair.say(0, "under the second key");
    pair.settle();
    let second = pair.keys(1);
    assert_eq!(second.len(), 2, "a day old key is no longer used for sending");
    assert_eq!(pair.keys(0), second);

    pair.cut();
    pair.run_for(8 * 24 * HOUR);
    for who in [0, 1] {
        // Registers that are published every week may have made a newer one.
        let left = pair.keys(who);
        assert!(left.is_disjoint(&first), "a superseded key dies");
        assert!(!left.is_empty());
    }
    pair.connect();
    pair.settle();
    assert_eq!(pair.texts(1), ["under the first key", "under the second key"]);
}
