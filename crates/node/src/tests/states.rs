//! What is known of a message on its way, and what a peer can make one believe.

use madang_model::{DeviceId, OpId};
use madang_p2p::PeerId;
use madang_store::{devices, frames, gaps, lines, ops, relays};
use madang_wire::{Heads, StreamBody, StreamHello, Upto};

use super::pair::{NOON, Pair};
use crate::{
    command::{Command, Reply},
    event::Event,
    outbox::STREAM_BYTES,
    query::messages,
    view::{self, MessageState, Path},
};

const ALICE: usize = 0;
const BOB: usize = 1;
const HOUR: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * HOUR;

fn device(pair: &Pair, who: usize) -> DeviceId {
    pair.people[who].core.me.device
}

/// Number of a message in its author's line.
fn seq(pair: &Pair, id: &OpId) -> u64 {
    ops::by_id(pair.db(ALICE), id).unwrap().unwrap().seq
}

/// Notes in Alice's store that a relay holds a message.
fn store_at(pair: &Pair, relay: PeerId, message: &OpId) {
    let addr = address(relay);
    let row = relays::intern(pair.db(ALICE), &addr, &relay.to_bytes(), NOON).unwrap();
    let op = ops::by_id(pair.db(ALICE), message).unwrap().unwrap().row;
    let copy = frames::Copy { op, relay: row, relay_box: [1; 16], seq: 1, at: pair.now().wall };
    frames::stored(pair.db(ALICE), &copy).unwrap();
}

fn address(relay: PeerId) -> String {
    format!("/ip4/192.0.2.9/tcp/4001/p2p/{relay}")
}

fn heads(pair: &Pair, to: usize, upto: &[(DeviceId, u64)], also: &[OpId]) -> StreamBody {
    let line = |(author, seq): &(DeviceId, u64)| Upto { author: author.as_bytes().to_vec(), seq: *seq };
    StreamBody::Heads(Heads {
        tag: pair.tag(to),
        upto: upto.iter().map(line).collect(),
        also: also.iter().map(|id| id.as_bytes().to_vec()).collect(),
    })
}

fn why(pair: &Pair, message: &OpId) -> view::DeviceDelivery {
    let me = pair.account(ALICE);
    messages::why(pair.db(ALICE), &me, message).unwrap().pop().unwrap()
}

#[test]
fn a_message_is_relayed_when_it_lies_where_its_recipient_reads() {
    let mut pair = Pair::friends(true);
    let [theirs, other] = [PeerId::random(), PeerId::random()];
    pair.in_turn(BOB, |core, turn| {
        core.add_relay(turn, &address(theirs), None).unwrap();
    });
    pair.run_for(2_000);
    pair.cut();
    let message = pair.say(ALICE, "are you there?").message;
    assert_eq!(pair.message(ALICE, &message).state, Some(MessageState::Sending));
    store_at(&pair, other, &message);
    assert_eq!(pair.message(ALICE, &message).state, Some(MessageState::Sending), "Bob does not read there");
    assert_eq!(why(&pair, &message).state, view::DeviceState::Queued);
    store_at(&pair, theirs, &message);
    assert_eq!(pair.message(ALICE, &message).state, Some(MessageState::Relayed));
    assert_eq!(why(&pair, &message).state, view::DeviceState::Relayed);
    for relay in relays::list(pair.db(ALICE)).unwrap() {
        frames::lost(pair.db(ALICE), relay.row, &[1; 16], u64::MAX >> 1).unwrap();
    }
    let lost = pair.message(ALICE, &message);
    assert_eq!((lost.state, lost.reason), (Some(MessageState::Sending), Some("relay_expired")));
}

#[test]
fn what_did_not_reach_a_friend_who_was_removed_has_failed() {
    let mut pair = Pair::friends(true);
    let arrived = pair.say(ALICE, "still friends").message;
    pair.run_for(1_000);
    pair.cut();
    let message = pair.say(ALICE, "on its way").message;
    let (reply, mut answer) = Reply::pair();
    let account = pair.account(BOB);
    pair.command(ALICE, Command::RemoveFriend { account, reply });
    answer.try_recv().unwrap().unwrap();
    let failed = pair.message(ALICE, &message);
    assert_eq!((failed.state, failed.reason), (Some(MessageState::Failed), Some("not_member")));
    assert_eq!(why(&pair, &message).reason, Some("not_member"));
    assert_eq!(pair.message(ALICE, &arrived).state, Some(MessageState::Delivered));
}

#[test]
fn messages_beyond_a_gap_are_delivered_and_stay_so() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let me = device(&pair, ALICE);
    pair.faults.hold = true;
    let [first, second, third] = ["one", "two", "three"].map(|text| pair.say(ALICE, text).message);
    let last = seq(&pair, &first) - 1;
    let states = |pair: &Pair| [first, second, third].map(|id| pair.message(ALICE, &id).state.unwrap());
    pair.people[ALICE].events.clear();
    pair.inject(ALICE, heads(&pair, ALICE, &[(me, last)], &[second, third]));
    let expected = [MessageState::Sending, MessageState::Delivered, MessageState::Delivered];
    assert_eq!(states(&pair), expected);
    let told = |event: &Event| matches!(event, Event::Receipt { messages, .. } if messages.len() == 2);
    assert!(pair.people[ALICE].events.iter().any(told), "shells hear of it");

    // A frame about somebody else says nothing about this.
    pair.inject(ALICE, heads(&pair, ALICE, &[(device(&pair, BOB), 1)], &[]));
    assert_eq!(states(&pair), expected);
    pair.cut();
    pair.restart(ALICE);
    assert_eq!(states(&pair), expected, "it is on the disk");
}

#[test]
fn invented_authors_leave_no_trace() {
    let mut pair = Pair::friends(true);
    let message = pair.say(ALICE, "hello").message;
    pair.run_for(2_000);
    let known = devices::list(pair.db(ALICE)).unwrap().len();
    let invented: Vec<(DeviceId, u64)> = (0..1_024_u16)
        .map(|n| {
            let mut id = [0xee; 32];
            id[..2].copy_from_slice(&n.to_be_bytes());
            (DeviceId::from_bytes(id), u64::MAX)
        })
        .collect();
    pair.inject(ALICE, heads(&pair, ALICE, &invented, &[OpId::from_bytes([9; 32])]));
    assert_eq!(devices::list(pair.db(ALICE)).unwrap().len(), known);
    let (room, bob) = (pair.room(ALICE), device(&pair, BOB));
    assert!(pair.people[ALICE].core.rooms[&room].acks[&bob].upto.len() <= 2);

    // Nor has anybody what was not written.
    let me = device(&pair, ALICE);
    pair.inject(ALICE, heads(&pair, ALICE, &[(me, u64::MAX)], &[]));
    assert_eq!(pair.people[ALICE].core.own_upto(room, &bob), seq(&pair, &message));
    pair.cut();
    let next = pair.say(ALICE, "and now?").message;
    assert_eq!(pair.message(ALICE, &next).state, Some(MessageState::Sending));
}

#[test]
fn it_is_known_when_a_message_arrived_and_was_read() {
    let mut pair = Pair::friends(true);
    pair.cut();
    let message = pair.say(ALICE, "when you have time").message;
    assert_eq!(why(&pair, &message).at, pair.now().wall);
    pair.run_for(2 * HOUR);
    let came = pair.now().wall;
    pair.connect();
    pair.run_for(5_000);
    let delivered = why(&pair, &message);
    assert_eq!(delivered.state, view::DeviceState::Delivered);
    assert!((came..=came + 5_000).contains(&delivered.at), "{}", delivered.at);
    pair.run_for(HOUR);
    let read = pair.now().wall;
    let (reply, _answer) = Reply::pair();
    let room = pair.conv();
    pair.command(BOB, Command::MarkRead { room, message: None, reply });
    pair.run_for(5_000);
    let seen = why(&pair, &message);
    assert_eq!(seen.state, view::DeviceState::Read);
    assert!((read..=read + 5_000).contains(&seen.at), "{}", seen.at);
}

#[test]
fn the_relay_is_named_only_when_it_held_the_message() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let path = |pair: &mut Pair| {
        let mut found = None;
        pair.in_turn(ALICE, |core, turn| {
            found = core.net_why(turn).unwrap().first().map(|device| device.path);
        });
        found
    };
    let (room, bob, me) = (pair.room(ALICE), device(&pair, BOB), device(&pair, ALICE));
    pair.faults.hold = true;
    let message = pair.say(ALICE, "by stream").message;
    let upto = seq(&pair, &message);
    pair.in_turn(ALICE, |core, turn| core.acknowledged(turn, room, bob, &[(me, upto)], None).unwrap());
    assert_eq!(path(&mut pair), Some(Path::Stream), "the register came before the heads");
    pair.lose_held();
    pair.cut();
    let message = pair.say(ALICE, "by the relay").message;
    store_at(&pair, PeerId::random(), &message);
    let upto = seq(&pair, &message);
    pair.in_turn(ALICE, |core, turn| core.acknowledged(turn, room, bob, &[(me, upto)], None).unwrap());
    assert_eq!(path(&mut pair), Some(Path::Relay));
    let message = pair.say(ALICE, "by a pigeon").message;
    pair.people[ALICE].core.paths.clear();
    let upto = seq(&pair, &message);
    pair.in_turn(ALICE, |core, turn| core.acknowledged(turn, room, bob, &[(me, upto)], None).unwrap());
    assert_eq!(path(&mut pair), Some(Path::None), "nobody knows");
}

#[test]
fn a_page_lies_between_two_messages() {
    let mut pair = Pair::friends(true);
    let ids: Vec<OpId> = (0..6).map(|n| pair.say(ALICE, &format!("{n}")).message).collect();
    let page = |limit, before: Option<usize>, after: Option<usize>| -> Vec<String> {
        let (me, conv, now) = (pair.account(ALICE), pair.conv(), pair.now().wall);
        let bounds = (before.map(|n| ids[n]), after.map(|n| ids[n]));
        let page = messages::list(pair.db(ALICE), &me, &conv, limit, bounds, now).unwrap();
        page.into_iter().filter_map(|message| message.text).collect()
    };
    assert_eq!(page(9, Some(4), Some(1)), ["2", "3"]);
    assert_eq!(page(1, Some(4), Some(1)), ["2"]);
    assert_eq!(page(9, Some(1), Some(4)), Vec::<String>::new());
    assert_eq!(page(9, None, Some(3)), ["4", "5"]);
    assert_eq!(page(2, Some(2), None), ["0", "1"]);
}

#[test]
fn a_second_hello_changes_nothing() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    pair.sent.clear();
    for n in 0..50 {
        let hello = StreamHello { v: 1, nonce: vec![n; 16], now: NOON, features: Vec::new() };
        pair.inject(ALICE, StreamBody::Hello(hello));
    }
    assert_eq!(pair.sent.get("open"), None, "no new names for every room");
    pair.say(BOB, "the old names are as good as before");
    assert_eq!(pair.texts(ALICE).len(), 1);
}

#[test]
fn what_a_stream_takes_is_bounded_in_bytes() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    pair.cut();
    let long = "文".repeat(9_900);
    for n in 0..300 {
        pair.say(ALICE, &format!("{n} {long}"));
    }
    pair.faults.hold = true;
    pair.connect();
    pair.run_for(1_000);
    let flying = pair.people[ALICE].core.peers.values().map(|link| link.flight.bytes()).sum::<usize>();
    assert!(flying > STREAM_BYTES / 2 && flying < STREAM_BYTES + STREAM_BYTES / 2, "{flying} bytes");
    // As much again answers what Bob asked for.
    assert!(pair.held_bytes() < 3 * STREAM_BYTES, "{} bytes", pair.held_bytes());
    pair.release();
    pair.run_for(60_000);
    assert_eq!(pair.texts(BOB).len(), 300);
    assert_eq!(pair.status(ALICE).outbox, 0);
}

/// Bob's line has a number that was never written.
fn with_hole(pair: &mut Pair) -> OpId {
    let room = pair.room(BOB);
    pair.say(BOB, "before");
    pair.in_turn(BOB, |core, _| {
        let own = &mut core.rooms.get_mut(&room).unwrap().own;
        own.seq += 1;
        own.prev = Some(OpId::from_bytes([9; 32]));
    });
    let behind = pair.say(BOB, "behind").message;
    pair.run_for(3_000);
    assert_eq!(gaps::list(pair.db(ALICE), pair.room(ALICE)).unwrap().len(), 1);
    behind
}

fn line(pair: &Pair) -> u64 {
    pair.people[ALICE].core.rooms[&pair.room(ALICE)].lines[&device(pair, BOB)].upto
}

#[test]
fn a_gap_that_was_given_up_counts_as_here() {
    let mut pair = Pair::friends(true);
    let behind = with_hole(&mut pair);
    let (room, author) = (pair.room(ALICE), device(&pair, BOB));
    let last = ops::by_id(pair.db(ALICE), &behind).unwrap().unwrap().seq;
    assert_eq!(line(&pair), last - 2);
    pair.cut();
    pair.jump(31 * DAY);
    pair.run_for(HOUR);
    assert_eq!(line(&pair), last);
    pair.restart(ALICE);
    assert_eq!(line(&pair), last, "also after a restart");
    let closed = gaps::list(pair.db(ALICE), room).unwrap()[0].closed_at;
    assert!(closed.is_some_and(|at| at > NOON + 31 * DAY));
    pair.connect();
    pair.run_for(5_000);
    let row = devices::by_id(pair.db(BOB), &author).unwrap().unwrap().row;
    let mine = lines::tip(pair.db(BOB), pair.room(BOB), row).unwrap().unwrap();
    assert_eq!(pair.people[BOB].core.own_upto(pair.room(BOB), &device(&pair, ALICE)), mine.seq);
}

#[test]
fn a_key_lives_a_week_longer_than_the_last_gap_under_it() {
    let mut pair = Pair::friends(true);
    with_hole(&mut pair);
    let first = pair.keys(ALICE);
    assert_eq!(first.len(), 1);
    pair.run_for(25 * HOUR);
    pair.say(BOB, "under a new key");
    pair.run_for(HOUR);
    pair.cut();
    pair.jump(32 * DAY);
    pair.run_for(HOUR);
    assert!(gaps::list(pair.db(ALICE), pair.room(ALICE)).unwrap()[0].closed_at.is_some(), "given up");
    assert!(pair.keys(ALICE).is_superset(&first));
    pair.jump(6 * DAY);
    pair.run_for(HOUR);
    assert!(pair.keys(ALICE).is_superset(&first), "what comes late can still be opened");
    pair.jump(DAY);
    pair.run_for(HOUR);
    assert!(pair.keys(ALICE).is_disjoint(&first));
}

#[test]
fn a_gap_stays_open_while_its_machine_is_heard_of() {
    let mut pair = Pair::friends(true);
    let behind = with_hole(&mut pair);
    let last = ops::by_id(pair.db(ALICE), &behind).unwrap().unwrap().seq;
    for _ in 0..32 {
        pair.jump(DAY);
        pair.say(BOB, "still here");
        pair.run_for(1_000);
    }
    pair.run_for(HOUR);
    assert_eq!(line(&pair), last - 2, "a connected machine is not lost");
}
