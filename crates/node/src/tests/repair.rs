//! What is missing comes back: reconciliation between two people.

use std::sync::Arc;

use madang_model::{DeviceId, Hlc, Kind, limits};
use madang_store::{parked, registers};
use madang_wire::{BulkEnd, BulkGet, Message as _, Neg, NegEnd, RegHave, StreamBody, Want};
use negentropy::{Id, Negentropy, NegentropyStorageVector};

use super::pair::{Pair, Part};

const ALICE: usize = 0;
const BOB: usize = 1;

/// Runs statements on somebody's store while the connection is cut, then starts the core anew.
fn damage(pair: &mut Pair, who: usize, statements: &str) {
    pair.cut();
    pair.db(who).execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    pair.db(who).execute_batch(statements).unwrap();
    pair.db(who).execute_batch("PRAGMA foreign_keys = ON").unwrap();
    pair.restart(who);
    pair.sent.clear();
}

/// The name of the 1:1 on the stream as `who` knows it.
fn tag(pair: &Pair, who: usize) -> Vec<u8> {
    let peer = pair.people[1 - who].peer;
    pair.people[who].core.peers[&peer].open[&pair.room(who)].to_vec()
}

fn count(pair: &Pair, kind: &str) -> usize {
    pair.sent.get(kind).copied().unwrap_or(0)
}

/// A message of somebody who has `ids` and has never heard of ours.
fn question(ids: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let vector = made_up(ids);
    Negentropy::borrowed(&vector, 60_000).unwrap().initiate().unwrap()
}

fn made_up(ids: impl IntoIterator<Item = u32>) -> NegentropyStorageVector {
    let mut vector = NegentropyStorageVector::new();
    for n in ids {
        let mut id = [0xee; 32];
        id[..4].copy_from_slice(&n.to_be_bytes());
        vector
            .insert(Hlc::from_millis(super::pair::NOON + u64::from(n)).as_u64(), Id::from_byte_array(id))
            .unwrap();
    }
    vector.seal().unwrap();
    vector
}

#[test]
fn a_hundred_deleted_ops_come_back_and_are_counted() {
    for alice_first in [true, false] {
        let mut pair = Pair::friends(alice_first);
        pair.say_many(ALICE, 300);
        pair.run_for(5_000);
        let (all, texts) = (pair.ids(ALICE), pair.texts(ALICE));
        assert_eq!(pair.ids(BOB), all);
        damage(
            &mut pair,
            BOB,
            "DELETE FROM op WHERE row IN (SELECT row FROM op WHERE kind = 32 ORDER BY id LIMIT 100)",
        );
        assert_eq!(pair.ids(BOB).len(), all.len() - 100);
        pair.connect();
        pair.run_for(10_000);
        assert_eq!(pair.ids(BOB), all);
        assert_eq!(pair.texts(BOB), texts);
        assert_eq!((pair.status(BOB).repaired, pair.status(ALICE).repaired), (100, 0));
        assert_eq!(count(&pair, "want"), 1, "one frame names all of them");
        assert_eq!(count(&pair, "bulk_get"), 0);
        println!("alice_first {alice_first}: {:?}", pair.sent);
    }
}

#[test]
fn both_sides_get_what_they_lack_at_once() {
    let mut pair = Pair::friends(true);
    pair.say_many(ALICE, 100);
    pair.say_many(BOB, 100);
    pair.run_for(5_000);
    let all = pair.ids(ALICE);
    let lose = |rest: u8| format!("DELETE FROM op WHERE kind = 32 AND origin <> 0 AND seq % 5 = {rest}");
    damage(&mut pair, ALICE, &lose(1));
    damage(&mut pair, BOB, &lose(2));
    let lost = [ALICE, BOB].map(|who| u64::try_from(all.len() - pair.ids(who).len()).unwrap());
    assert_eq!(lost, [20, 20]);
    pair.connect();
    pair.run_for(10_000);
    assert_eq!((pair.ids(ALICE), pair.ids(BOB)), (all.clone(), all));
    assert_eq!([pair.status(ALICE).repaired, pair.status(BOB).repaired], lost);
}

#[test]
fn five_thousand_missing_ops_come_as_a_whole() {
    let mut pair = Pair::friends(false);
    pair.say_many(ALICE, 5_000);
    pair.run_for(20_000);
    let all = pair.ids(ALICE);
    assert_eq!(pair.ids(BOB).len(), all.len());
    damage(
        &mut pair,
        BOB,
        "DELETE FROM op WHERE room = (SELECT room FROM op GROUP BY room ORDER BY COUNT(*) DESC LIMIT 1)",
    );
    assert_eq!(pair.ids(BOB).len(), 0);
    pair.connect();
    pair.run_for(20_000);
    assert_eq!(pair.ids(BOB), all);
    assert_eq!(pair.texts(BOB), pair.texts(ALICE));
    assert_eq!(pair.status(BOB).repaired, u64::try_from(all.len()).unwrap());
    assert!((5..=8).contains(&count(&pair, "bulk_get")), "{:?}", pair.sent);
    println!("{:?}", pair.sent);
}

#[test]
fn history_goes_on_where_a_cut_connection_left_it() {
    let mut pair = Pair::friends(true);
    pair.say_many(ALICE, 2_500);
    pair.run_for(20_000);
    let all = pair.ids(ALICE);
    damage(
        &mut pair,
        BOB,
        "DELETE FROM op WHERE room = (SELECT room FROM op GROUP BY room ORDER BY COUNT(*) DESC LIMIT 1)",
    );
    pair.faults.lose_every = 2;
    pair.connect();
    pair.run_for(1_000);
    pair.cut();
    let first = pair.ids(BOB).len();
    assert!(first > 0 && first < all.len(), "{first} of {}", all.len());
    pair.faults.lose_every = 0;
    pair.connect();
    pair.run_for(60_000);
    assert_eq!(pair.ids(BOB), all);
}

#[test]
fn purged_ops_come_back_as_header_and_signature_with_the_reason() {
    let mut pair = Pair::friends(true);
    let target = pair.say(ALICE, "said too much").message;
    pair.say(ALICE, "said well");
    let room = pair.room(ALICE);
    pair.in_turn(ALICE, |core, turn| {
        let delete = madang_wire::Delete { target: target.as_bytes().to_vec() };
        core.post(turn, room, Kind::Delete, &delete.encode_to_vec()).unwrap();
    });
    pair.run_for(3_000);
    let all = pair.ids(BOB);
    let purge =
        "UPDATE op SET payload = NULL WHERE kind = 32 AND seq = (SELECT MIN(seq) FROM op WHERE kind = 32)";
    damage(&mut pair, ALICE, purge);
    damage(&mut pair, BOB, "DELETE FROM op WHERE kind >= 32");
    pair.connect();
    pair.run_for(60_000);
    assert_eq!(pair.ids(BOB), all);
    assert_eq!(pair.texts(BOB), ["said well"]);
}

#[test]
fn a_payload_that_is_missing_without_a_reason_is_a_gap() {
    let mut pair = Pair::friends(true);
    pair.say_many(ALICE, 20);
    pair.run_for(3_000);
    let all = pair.ids(BOB).len();
    damage(&mut pair, ALICE, "UPDATE op SET payload = NULL WHERE kind = 32 AND seq % 2 = 0");
    damage(&mut pair, BOB, "DELETE FROM op WHERE kind = 32 AND seq % 2 = 0");
    pair.connect();
    pair.run_for(60_000);
    assert_eq!(pair.ids(BOB).len(), all - 10, "what has no payload is not here");
    assert_eq!(pair.texts(BOB).len(), 10);
}

#[test]
fn nothing_is_asked_when_nothing_is_missing() {
    let mut pair = Pair::friends(true);
    pair.say_many(ALICE, 50);
    pair.run_for(5_000);
    pair.sent.clear();
    pair.run_for(60 * 60 * 1_000);
    assert_eq!((count(&pair, "want"), count(&pair, "bulk_get"), count(&pair, "err")), (0, 0, 0));
    // Self is not shared; of the 1:1 two questions in two ranges with their answers, every ten minutes.
    let neg = count(&pair, "neg");
    assert!((40..=56).contains(&neg), "{neg} messages in an hour: {:?}", pair.sent);
}

#[test]
fn registers_converge() {
    let mut pair = Pair::friends(true);
    pair.say(ALICE, "hello");
    pair.say(BOB, "hello");
    pair.run_for(5_000);
    let versions = |pair: &Pair, who: usize| registers::versions(pair.db(who), pair.room(who)).unwrap();
    let before = versions(&pair, BOB);
    assert_eq!((before.len(), versions(&pair, ALICE)), (10, before.clone()));
    for who in [BOB, ALICE] {
        // Somebody's own registers are made by him alone; those of the other come back.
        let theirs = pair.people[1 - who].core.me.device;
        let hex: String = theirs.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        damage(&mut pair, who, &format!("DELETE FROM register WHERE author = x'{hex}'"));
        assert_eq!(versions(&pair, who).len(), 5);
        pair.connect();
        pair.run_for(500);
        let after = versions(&pair, who);
        assert_eq!((after.len(), &after), (10, &versions(&pair, 1 - who)));
        assert!((3..=4).contains(&count(&pair, "reg_have")), "{:?}", pair.sent);
    }
}

#[test]
fn accounts_behind_parked_ops_are_asked_for() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    let room = pair.room(BOB);
    parked::park_op(pair.db(BOB), room, &DeviceId::from_bytes([3; 32]), b"op", pair.now().wall).unwrap();
    pair.sent.clear();
    pair.run_for(11 * 60 * 1_000);
    assert!(count(&pair, "account_get") >= 2 && count(&pair, "account") >= 2, "{:?}", pair.sent);
    assert!(count(&pair, "account_get") <= 12, "{:?}", pair.sent);
}

#[test]
fn hostile_messages_are_bounded_and_harmless() {
    let mut pair = Pair::friends(true);
    pair.say_many(ALICE, 300);
    pair.run_for(5_000);
    let (all, name) = (pair.ids(BOB), tag(&pair, BOB));
    pair.faults.played = Some(ALICE);
    pair.sent.clear();
    let neg = |from, to, msg: Vec<u8>| StreamBody::Neg(Neg { tag: name.clone(), from, to, msg });
    for msg in [
        vec![],
        vec![0x61],
        vec![0xff; 60_000],
        vec![0x61; 59_999],
        vec![0x61, 0, 0, 2, 0xc0, 0x80, 0x80, 0x80, 0],
    ] {
        for (from, to) in [(0, u64::MAX), (u64::MAX, 0), (7, 7)] {
            pair.inject(BOB, neg(from, to, msg.clone()));
        }
    }
    let fingerprints = [vec![0x61], [&[2, 0, 1][..], &[9; 16]].concat().repeat(3_000)].concat();
    pair.inject(BOB, neg(0, u64::MAX, fingerprints));
    for tag in [Vec::new(), vec![0; 16]] {
        pair.inject(BOB, StreamBody::Neg(Neg { tag, from: 0, to: u64::MAX, msg: question(0..10) }));
    }
    for _ in 0..200 {
        pair.inject(BOB, neg(0, u64::MAX, question([])));
    }
    assert!(count(&pair, "neg") <= 64, "{:?}", pair.sent);
    assert!(count(&pair, "err") > 100, "told that this is too much: {:?}", pair.sent);

    // Answers that nobody asked for, and questions for what is not here.
    let ids = (0..1_024_u32).map(|n| vec![u8::try_from(n % 256).unwrap(); 32]).collect();
    pair.inject(BOB, StreamBody::Want(Want { tag: name.clone(), ids }));
    pair.inject(BOB, StreamBody::BulkEnd(BulkEnd { tag: name.clone(), more: true }));
    pair.inject(
        BOB,
        StreamBody::BulkGet(BulkGet { tag: name.clone(), before_hlc: 0, before_id: vec![0; 32], max: 9 }),
    );
    pair.inject(
        BOB,
        StreamBody::BulkGet(BulkGet { tag: name.clone(), before_hlc: 1, before_id: vec![1], max: 9 }),
    );
    pair.inject(BOB, StreamBody::RegHave(RegHave { tag: name.clone(), digest: vec![1], have: Vec::new() }));
    assert_eq!(count(&pair, "ops"), 0, "{:?}", pair.sent);
    assert_eq!(pair.ids(BOB), all);

    // The connection is as good as before.
    pair.faults.played = None;
    pair.run_for(2_000);
    pair.say(ALICE, "still here");
    pair.run_for(2_000);
    assert_eq!(pair.ids(BOB), pair.ids(ALICE));
}

#[test]
fn ops_that_do_not_exist_are_not_asked_for_forever() {
    let mut pair = Pair::friends(true);
    pair.say_many(ALICE, 300);
    pair.run_for(5_000);
    let name = tag(&pair, BOB);
    for (invented, kind, most) in [(200_u32, "want", 7), (5_000, "bulk_get", 7)] {
        pair.faults.played = Some(ALICE);
        pair.sent.clear();
        let vector = Arc::new(made_up(0..invented));
        let newest = Hlc::from_millis(pair.now().wall - 30 * limits::DAY_MS).as_u64();
        for _ in 0..60 {
            // Alice hands over, and whatever Bob asks, she has it.
            pair.inject(BOB, StreamBody::NegEnd(NegEnd { tag: name.clone() }));
            let answer = Negentropy::borrowed(&*vector, 60_000).unwrap().reconcile(&question([])).unwrap();
            for (from, to) in [(newest, u64::MAX), (0, newest)] {
                pair.inject(BOB, StreamBody::Neg(Neg { tag: name.clone(), from, to, msg: answer.clone() }));
            }
            pair.run_for(1_000);
        }
        assert!((1..=most).contains(&count(&pair, kind)), "{:?}", pair.sent);
    }
    pair.faults.played = None;
    pair.run_for(20 * 60 * 1_000);
    assert_eq!(pair.ids(BOB), pair.ids(ALICE));
}

#[test]
fn who_begins_anew_again_and_again_is_not_answered_for_ever() {
    for alice_first in [true, false] {
        let mut pair = Pair::friends(alice_first);
        pair.run_for(5_000);
        let name = tag(&pair, BOB);
        pair.faults.played = Some(ALICE);
        pair.sent.clear();
        for _ in 0..200 {
            let msg = question([]);
            pair.inject(BOB, StreamBody::Neg(Neg { tag: name.clone(), from: 0, to: u64::MAX, msg }));
            pair.inject(BOB, StreamBody::NegEnd(NegEnd { tag: name.clone() }));
            pair.run_for(2_000);
        }
        assert!(count(&pair, "neg") <= 2 * 64, "answers and questions of an hour: {:?}", pair.sent);
        assert!(count(&pair, "err") > 100, "{:?}", pair.sent);
        // An hour later there is a new budget.
        pair.jump(60 * 60 * 1_000);
        pair.sent.clear();
        let msg = question([]);
        pair.inject(BOB, StreamBody::Neg(Neg { tag: name, from: 0, to: u64::MAX, msg }));
        assert!(count(&pair, "neg") >= 1, "{:?}", pair.sent);
    }
}

#[test]
fn control_ops_are_served_first_and_then_the_newest() {
    let mut pair = Pair::friends(true);
    let texts: Vec<_> = (0..5).map(|n| pair.say(BOB, &format!("{n}")).message).collect();
    pair.run_for(2_000);
    let control: Vec<_> = madang_store::history::control(pair.db(BOB), pair.room(BOB))
        .unwrap()
        .into_iter()
        .map(|op| op.id)
        .collect();
    assert!(!control.is_empty());
    let name = tag(&pair, BOB);
    pair.faults.hold = true;
    let ids = texts.iter().chain(&control).map(|id| id.as_bytes().to_vec()).collect();
    pair.inject(BOB, StreamBody::Want(Want { tag: name, ids }));
    let served = pair.held_ops();
    assert_eq!(served.len(), texts.len() + control.len());
    assert!(served.iter().take(control.len()).all(|id| control.contains(id)));
    let newest_first: Vec<_> = texts.iter().rev().copied().collect();
    assert_eq!(served[control.len()..], newest_first);
}

/// All of a turn lies in memory until its commit, so that a burst of requests must not be served in one.
#[test]
fn a_peer_is_served_once_in_a_turn_and_refused_when_it_asks_too_much() {
    let mut pair = Pair::friends(true);
    pair.say_many(BOB, 200);
    pair.run_for(5_000);
    let (name, peer) = (tag(&pair, BOB), pair.people[ALICE].peer);
    let ids: Vec<_> = pair.ids(BOB).iter().map(|id| id.as_bytes().to_vec()).collect();
    let requests = [
        StreamBody::Want(Want { tag: name.clone(), ids }),
        StreamBody::BulkGet(BulkGet {
            tag: name,
            before_hlc: u64::MAX,
            before_id: vec![0xff; 32],
            max: limits::BULK_OPS_MAX,
        }),
    ];
    pair.faults.played = Some(ALICE);
    pair.faults.hold = true;
    pair.sent.clear();
    pair.in_turn(BOB, |core, turn| {
        for request in requests.iter().cycle().take(100) {
            core.stream_frame(turn, peer, request.clone()).unwrap();
        }
    });
    let all = pair.ids(BOB).len();
    assert_eq!(pair.held_ops().len(), all, "one answer: {:?}", pair.sent);
    assert_eq!(count(&pair, "err"), 100 - 1 - 16, "{:?}", pair.sent);
    // Those that wait are served later, each in a turn of its own.
    pair.run_for(1_000);
    assert_eq!(pair.held_ops().len(), 17 * all);
    assert_eq!(count(&pair, "bulk_end"), 8);
}

#[test]
fn control_ops_come_first_then_registers_then_content() {
    for alice_first in [true, false] {
        let mut pair = Pair::friends(alice_first);
        pair.say_many(ALICE, 3);
        pair.run_for(5_000);
        let lost = "DELETE FROM op WHERE origin <> 0;
                    DELETE FROM register WHERE name IN ('bundle', 'card', 'prefs')";
        damage(&mut pair, BOB, lost);
        pair.faults.hold = true;
        pair.connect();
        pair.run_for(1_000);
        let parts = pair.held_parts(BOB);
        let first = |part: Part| parts.iter().position(|other| *other == part).unwrap();
        let last = |part: Part| parts.iter().rposition(|other| *other == part).unwrap();
        assert!(last(Part::Control) < first(Part::Register), "{parts:?}");
        assert!(last(Part::Register) < first(Part::Content), "{parts:?}");
    }
}
