//! What arrives with a time that cannot be, or a past that does not fit.

use madang_crypto::{SignKey, payload, sign_op, verify_op};
use madang_model::{Hlc, Kind, OpId, clock::Source};
use madang_store::ops::{self, Origin};
use madang_wire::{Message as _, OpHeader, SignedOp};

use super::{
    accounts::{Line, genesis, keep},
    pair::{NOON, Pair},
};
use crate::{event::Event, query::rooms};

const ALICE: usize = 0;
const BOB: usize = 1;
const HOUR: u64 = 60 * 60 * 1000;

/// Sets somebody's own time ahead, as two relays with wrong clocks would.
fn ahead(pair: &mut Pair, who: usize, by_ms: u64) {
    let wall = pair.now().wall;
    for relay in [b"one relay", b"two relay"] {
        pair.people[who].core.reference.record(relay, Source::Relay, wall + by_ms, wall);
    }
}

/// The lines of missing messages in the 1:1, with how many and why.
fn reasons(pair: &Pair, who: usize) -> Vec<(u32, Option<&'static str>)> {
    let lines = rooms::gaps(pair.db(who), &pair.conv()).unwrap();
    lines.into_iter().map(|gap| (gap.count, gap.reason)).collect()
}

#[test]
fn a_message_of_the_future_waits_and_drags_nobody_along() {
    let mut pair = Pair::friends(true);
    ahead(&mut pair, ALICE, 72 * HOUR);
    pair.say(ALICE, "from the day after tomorrow");
    pair.run_for(1_000);
    assert_eq!(pair.texts(BOB), Vec::<String>::new());
    assert_eq!(reasons(&pair, BOB), [(1, Some("clock"))], "its line says why it is not shown");
    let told =
        |event: &Event| matches!(event, Event::Gap(gap) if gap.reason == Some("clock") && gap.count == 1);
    assert!(pair.people[BOB].events.iter().any(told));
    let sent = pair.say(BOB, "today");
    assert!(sent.at <= pair.now().wall, "the own clock was not dragged");
    let stamp = madang_store::ops::by_id(pair.db(BOB), &sent.message).unwrap().unwrap().hlc >> 16;
    assert!(stamp < NOON + HOUR, "{stamp}");
    // It is the same after a restart.
    pair.cut();
    pair.restart(BOB);
    pair.connect();
    let sent = pair.say(BOB, "still today");
    let stamp = madang_store::ops::by_id(pair.db(BOB), &sent.message).unwrap().unwrap().hlc >> 16;
    assert!(stamp < NOON + HOUR, "{stamp}");
    pair.run_for(49 * HOUR);
    assert_eq!(pair.texts(BOB), ["today", "still today", "from the day after tomorrow"]);
    assert_eq!(reasons(&pair, BOB), []);
    let over =
        |event: &Event| matches!(event, Event::Gap(gap) if gap.reason == Some("clock") && gap.count == 0);
    assert!(pair.people[BOB].events.iter().any(over));
}

#[test]
fn a_message_of_the_next_hours_counts_at_once() {
    let mut pair = Pair::friends(true);
    ahead(&mut pair, ALICE, 9 * HOUR);
    pair.say(ALICE, "nine hours ahead");
    pair.say(BOB, "an answer");
    pair.run_for(1_000);
    for who in [ALICE, BOB] {
        assert_eq!(pair.texts(who), ["nine hours ahead", "an answer"]);
    }
}

const MALLORY: [u8; 32] = [70; 32];

/// A message of Mallory's machine, one of Alice's account.
fn signed(pair: &Pair, seq: u64, at: u64, prev: Option<OpId>, deps: &[OpId], text: &str) -> SignedOp {
    let text = madang_wire::Text { text: text.to_owned(), ..Default::default() };
    let header = OpHeader {
        v: 1,
        conv: pair.conv().as_bytes().to_vec(),
        seq,
        prev: prev.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
        deps: deps.iter().map(|id| id.as_bytes().to_vec()).collect(),
        hlc: Hlc::from_millis(pair.now().wall + at).as_u64(),
        ctl: vec![1; 32],
        kind: Kind::Text.number(),
        ..OpHeader::default()
    };
    let body = payload(&text.encode_to_vec(), &mut madang_crypto::os_rng()).unwrap();
    sign_op(header, body, &SignKey::from_seed(&MALLORY)).unwrap().op
}

fn id(op: &SignedOp) -> OpId {
    OpId::from_bytes(madang_crypto::op_id(&op.header))
}

fn take(pair: &mut Pair, who: usize, op: &SignedOp) {
    let room = pair.room(who);
    let verified = verify_op(op).unwrap();
    pair.in_turn(who, |core, turn| {
        core.take_op(turn, room, &verified, Origin::Stream).unwrap();
    });
}

/// What somebody shows, and the heads and covered ops of the room.
fn shown(pair: &Pair, who: usize) -> (Vec<String>, Vec<OpId>, Vec<OpId>, u64) {
    let room = &pair.people[who].core.rooms[&pair.room(who)];
    let mut texts = pair.texts(who);
    texts.sort_unstable();
    let unread = madang_store::rooms::count_unread(pair.db(who), pair.room(who), &pair.account(who)).unwrap();
    let stored = madang_store::rooms::get(pair.db(who), pair.room(who)).unwrap().unwrap();
    assert_eq!(stored.unread, unread);
    let heads = room.heads.iter().copied().collect();
    (texts, heads, room.covered.frontier().ids().iter().copied().collect(), unread)
}

/// Alice and Bob know Mallory's machine, have the same room and do not hear each other.
fn with_mallory() -> (Pair, OpId) {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    let account = pair.account(ALICE);
    let added = Line::of(&pair, ALICE).add(&[genesis(&account)], &machine());
    for who in [ALICE, BOB] {
        keep(&mut pair, who, account, std::slice::from_ref(&added));
    }
    pair.say(ALICE, "hi");
    pair.run_for(2_000);
    let said = pair.say(BOB, "hello").message;
    pair.run_for(5_000);
    pair.cut();
    (pair, said)
}

fn machine() -> madang_model::DeviceId {
    madang_model::DeviceId::from_bytes(SignKey::from_seed(&MALLORY).public())
}

#[test]
fn an_op_that_does_not_fit_its_past_has_no_effect_in_whatever_order_it_comes() {
    let (mut pair, said) = with_mallory();
    let base = signed(&pair, 1, 10_000, None, &[], "base");
    let parent = signed(&pair, 2, 90_000, Some(id(&base)), &[], "parent");
    // Its time is that of its parent, and it takes the head away from what Bob said.
    let early = signed(&pair, 3, 90_000, Some(id(&parent)), &[said], "early");
    let skips = signed(&pair, 5, 95_000, Some(id(&parent)), &[], "skips a number");
    let after = signed(&pair, 4, 99_000, Some(id(&early)), &[], "after");
    for op in [&base, &parent, &early, &skips, &after] {
        take(&mut pair, ALICE, op);
    }
    for op in [&after, &skips, &early, &base, &parent] {
        take(&mut pair, BOB, op);
    }
    let (texts, heads, frontier, _) = shown(&pair, ALICE);
    assert_eq!(texts, ["after", "base", "hello", "hi", "parent"]);
    assert!(heads.contains(&said) && heads.contains(&id(&parent)) && !heads.contains(&id(&early)));
    let same = |pair: &Pair| {
        let (one, other) = (shown(pair, ALICE), shown(pair, BOB));
        assert_eq!((&one.0, &one.1, &one.2), (&texts, &heads, &frontier));
        assert_eq!((&other.0, &other.1, &other.2), (&texts, &heads, &frontier));
        assert_eq!((reasons(pair, ALICE), reasons(pair, BOB)), (vec![], vec![]));
    };
    same(&pair);
    assert_eq!(shown(&pair, BOB).3, 4, "what has no effect is not unread");
    // It is the same after a start, and nothing is asked for again and again.
    for who in [ALICE, BOB] {
        pair.restart(who);
    }
    same(&pair);
    pair.connect();
    pair.run_for(120_000);
    pair.sent.clear();
    pair.run_for(600_000);
    assert_eq!(pair.sent.get("want").copied().unwrap_or(0), 0);
    for who in [ALICE, BOB] {
        let line = &pair.people[who].core.rooms[&pair.room(who)].lines[&machine()];
        assert_eq!((line.upto, line.beyond.len()), (5, 0), "it is counted in its line");
        assert_eq!(ops::next_due(pair.db(who)).unwrap(), None);
        assert_eq!(shown(&pair, who).0, texts);
    }
    pair.say(ALICE, "we go on");
    pair.run_for(2_000);
    assert!(pair.texts(BOB).contains(&"we go on".to_owned()));
}

#[test]
fn a_parent_that_comes_after_it_was_given_up_is_looked_at_all_the_same() {
    let (mut pair, said) = with_mallory();
    let parent = signed(&pair, 1, 90_000, None, &[], "parent");
    let early = signed(&pair, 2, 60_000, Some(id(&parent)), &[said], "early");
    let after = signed(&pair, 3, 99_000, Some(id(&early)), &[], "after");
    for op in [&parent, &early, &after] {
        take(&mut pair, ALICE, op);
    }
    for op in [&early, &after] {
        take(&mut pair, BOB, op);
    }
    let room = pair.room(BOB);
    pair.in_turn(BOB, |core, turn| {
        core.rooms.get_mut(&room).unwrap().covered.give_up(id(&parent));
        turn.to_save.insert(room);
    });
    pair.restart(BOB);
    take(&mut pair, BOB, &parent);
    let (one, other) = (shown(&pair, ALICE), shown(&pair, BOB));
    assert_eq!(one.0, ["after", "hello", "hi", "parent"]);
    assert_eq!((one.0, one.1), (other.0, other.1));
}

#[test]
fn a_control_op_is_judged_by_the_control_ops_that_it_follows() {
    let (mut pair, _) = with_mallory();
    let parent = signed(&pair, 1, 90_000, None, &[], "parent");
    let control = pair.people[ALICE].core.rooms[&pair.room(ALICE)].control.heads();
    let body = madang_model::Control { ctl_deps: control, change: madang_model::Change::Timer { ttl_s: 60 } };
    let header = OpHeader {
        v: 1,
        conv: pair.conv().as_bytes().to_vec(),
        seq: 2,
        prev: id(&parent).as_bytes().to_vec(),
        hlc: Hlc::from_millis(pair.now().wall + 60_000).as_u64(),
        ctl: vec![1; 32],
        kind: Kind::Timer.number(),
        ..OpHeader::default()
    };
    let content = madang_wire::typed::control_bytes(&body, Default::default()).unwrap();
    let body = payload(&content, &mut madang_crypto::os_rng()).unwrap();
    let timer = sign_op(header, body, &SignKey::from_seed(&MALLORY)).unwrap().op;
    for (who, ops) in [(ALICE, [&parent, &timer]), (BOB, [&timer, &parent])] {
        ops.iter().for_each(|op| take(&mut pair, who, op));
    }
    for who in [ALICE, BOB] {
        let room = pair.room(who);
        let control = &mut pair.people[who].core.rooms.get_mut(&room).unwrap().control;
        assert_eq!(control.view().settings().timer_s, 60);
    }
    assert_eq!(shown(&pair, ALICE).1, shown(&pair, BOB).1);
}
