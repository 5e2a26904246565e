//! Keys between two friends: which are made, asked for, given and refused.

use bytes::Bytes;
use madang_crypto::{NewKey, new_key, os_rng, sign_body};
use madang_model::{DeviceId, Hlc, KeyId, Kind};
use madang_store::{keys, lanes, parked};
use madang_wire::{KeyDenied, KeyShare, Message as _, Signal, Text};

use super::{
    accounts::{Line, genesis, keep as accounts_keep},
    pair::Pair,
};
use crate::{
    conversation::{HeldKey, hold},
    event::Event,
    recipients::incomplete_keys,
};

const ALICE: usize = 0;
const BOB: usize = 1;
const HOUR: u64 = 60 * 60 * 1000;
/// The highest epoch that the store holds.
const LAST_EPOCH: u64 = i64::MAX as u64;

fn device(pair: &Pair, who: usize) -> DeviceId {
    pair.people[who].core.me.device
}

/// A key of the 1:1 that Alice says she made.
struct Made<'a> {
    basis: Option<[u8; 32]>,
    epoch: u64,
    recipients: &'a [[u8; 32]],
    created: u64,
    route: Option<[u8; 32]>,
}

fn make(pair: &Pair, made: Made<'_>) -> HeldKey {
    let heads: Vec<[u8; 32]> =
        pair.people[ALICE].core.control_heads(pair.room(ALICE)).iter().map(|id| id.to_bytes()).collect();
    let basis = made.basis.map_or(heads, |id| vec![id]);
    let encoded = new_key(
        &NewKey {
            conv: pair.conv().to_bytes(),
            epoch: made.epoch,
            basis: &basis,
            creator: device(pair, ALICE).to_bytes(),
            created_hlc: Hlc::from_millis(made.created).as_u64(),
            recipients: made.recipients,
            route: made.route,
        },
        &mut os_rng(),
    );
    hold(&encoded).unwrap()
}

fn plain(pair: &Pair, epoch: u64, recipients: &[[u8; 32]]) -> HeldKey {
    make(pair, Made { basis: None, epoch, recipients, created: pair.now().wall, route: None })
}

fn both(pair: &Pair) -> Vec<[u8; 32]> {
    vec![device(pair, ALICE).to_bytes(), device(pair, BOB).to_bytes()]
}

/// Alice keeps a key to herself.
fn keep(pair: &mut Pair, held: HeldKey) -> KeyId {
    let (room, id) = (pair.room(ALICE), held.facts.id);
    pair.in_turn(ALICE, |core, turn| assert!(core.keep_key(turn, room, held).unwrap()));
    id
}

/// Alice writes under a key.
fn write(pair: &mut Pair, key: KeyId, text: &str) {
    let room = pair.room(ALICE);
    let content = Text { text: text.to_owned(), ..Text::default() }.encode_to_vec();
    pair.in_turn(ALICE, |core, turn| {
        core.write(turn, room, Kind::Text, &content, key).unwrap();
    });
}

/// Alice shares keys with Bob.
fn share(pair: &mut Pair, held: &[HeldKey]) {
    let alice = device(pair, ALICE);
    let share = KeyShare {
        keys: held.iter().map(|held| held.encoded.clone()).collect(),
        relays: Vec::new(),
        conv: pair.conv().as_bytes().to_vec(),
    };
    pair.in_turn(BOB, |core, turn| core.key_share(turn, alice, &share).unwrap());
}

#[test]
fn every_op_is_published_on_the_topic_of_its_own_key() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let old = *pair.keys(ALICE).first().unwrap();
    let held = plain(&pair, 9, &both(&pair));
    let new = keep(&mut pair, held);
    let room = pair.room(ALICE);
    let topic = |pair: &Pair, key: &KeyId| pair.people[ALICE].core.rooms[&room].topic_of(key).unwrap();
    assert_ne!(topic(&pair, &old), topic(&pair, &new));
    pair.people[ALICE].core.config.paths.gossip = true;
    let content = Text { text: "hello".to_owned(), ..Text::default() }.encode_to_vec();
    pair.published.clear();
    pair.in_turn(ALICE, |core, turn| {
        for key in [old, new, old] {
            core.write(turn, room, Kind::Text, &content, key).unwrap();
        }
    });
    let topics: Vec<&String> = pair.published.iter().map(|(_, topic, _)| topic).collect();
    let (old, new) = (topic(&pair, &old), topic(&pair, &new));
    assert_eq!(topics, [&old, &new, &old]);
}

#[test]
fn the_route_of_a_key_whose_basis_is_unknown_is_not_taken_over() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    pair.say(ALICE, "as ever");
    let created = pair.now().wall;
    let recipients = both(&pair);
    let strange = make(
        &pair,
        Made { basis: Some([7; 32]), epoch: 50, recipients: &recipients, created, route: Some([8; 32]) },
    );
    let known = pair.people[ALICE].core.rooms[&pair.room(ALICE)].keys.values().map(|held| held.route);
    let known: Vec<_> = known.collect();
    keep(&mut pair, strange);
    let newest = |pair: &Pair| {
        let keys = &pair.people[ALICE].core.rooms[&pair.room(ALICE)].keys;
        let newest = keys.values().max_by_key(|held| held.facts.rank()).unwrap();
        (newest.facts.epoch, newest.route)
    };
    pair.cut();
    pair.jump(25 * HOUR);
    pair.say(ALICE, "under a new key");
    assert_eq!(newest(&pair), (51, known[0]), "of the highest key whose basis is known");
    // That key has not heard of a removal, the strange one even less: nothing is taken over.
    let mut line = Line::of(&pair, ALICE);
    let account = pair.account(ALICE);
    let tablet = DeviceId::from_bytes([70; 32]);
    let ops = [line.add(&[genesis(&account)], &tablet), line.remove(&[], &tablet, 0)];
    accounts_keep(&mut pair, ALICE, account, &ops);
    let strange = make(
        &pair,
        Made { basis: Some([7; 32]), epoch: 60, recipients: &recipients, created, route: Some([8; 32]) },
    );
    keep(&mut pair, strange);
    pair.say(ALICE, "after a removal");
    let (epoch, route) = newest(&pair);
    assert_eq!((epoch, route != [8; 32] && !known.contains(&route)), (61, true));
}

#[test]
fn a_key_that_nobody_can_use_supersedes_none() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let superseded = |pair: &Pair| {
        let kept = keys::list(pair.db(ALICE), pair.room(ALICE)).unwrap();
        kept.iter().filter(|key| key.superseded_at.is_some()).count()
    };
    let (recipients, created) = (both(&pair), pair.now().wall);
    let planted =
        Made { basis: Some([7; 32]), epoch: 50, recipients: &recipients, created, route: Some([8; 32]) };
    let held = make(&pair, planted);
    keep(&mut pair, held);
    pair.in_turn(ALICE, |core, turn| core.retire_keys(turn).unwrap());
    assert_eq!(superseded(&pair), 0);
    let held = plain(&pair, 51, &both(&pair));
    keep(&mut pair, held);
    pair.in_turn(ALICE, |core, turn| core.retire_keys(turn).unwrap());
    assert_eq!(superseded(&pair), 2, "the one before, and the planted one");
}

#[test]
fn a_key_is_not_used_beyond_its_age() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let created =
        pair.people[ALICE].core.rooms[&pair.room(ALICE)].keys.values().next().unwrap().facts.created;
    let age = pair.now().wall - created.millis();
    pair.jump(24 * HOUR - age - 10_000);
    pair.say(ALICE, "just in time");
    assert_eq!(pair.keys(ALICE).len(), 1);
    pair.jump(11_000);
    pair.say(ALICE, "a second too late");
    // Bob may have made one at the same moment, for his registers.
    let me = pair.people[ALICE].core.me.device;
    let made = |key: &&crate::conversation::HeldKey| key.facts.epoch == 2 && key.facts.creator == me;
    assert_eq!(pair.people[ALICE].core.rooms[&pair.room(ALICE)].keys.values().filter(made).count(), 1);
}

#[test]
fn a_missing_key_is_asked_for_on_the_stream() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let route = pair.people[ALICE].core.rooms[&pair.room(ALICE)].keys.values().next().unwrap().route;
    let (recipients, created) = (both(&pair), pair.now().wall);
    let held =
        make(&pair, Made { basis: None, epoch: 9, recipients: &recipients, created, route: Some(route) });
    let key = keep(&mut pair, held);
    write(&mut pair, key, "under a key that Bob lacks");
    pair.run_for(1_000);
    assert_eq!(pair.sent.get("key_request"), Some(&1));
    assert_eq!(pair.texts(BOB), ["under a key that Bob lacks"]);
    assert!(parked::unknown_keys(pair.db(BOB)).unwrap().is_empty());
}

#[test]
fn a_clock_that_is_set_back_stops_no_question() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let (room, bob) = (pair.room(ALICE), device(&pair, BOB));
    let key = *pair.keys(ALICE).first().unwrap();
    let ask = |pair: &mut Pair| {
        let before = pair.sent.get("lane").copied().unwrap_or(0);
        let ids = vec![key.as_bytes().to_vec()];
        pair.in_turn(ALICE, |core, turn| core.key_request(turn, room, bob, &ids).unwrap());
        pair.sent.get("lane").copied().unwrap_or(0) > before
    };
    assert!(ask(&mut pair));
    pair.run_for(HOUR / 2);
    assert!(!ask(&mut pair), "once an hour");
    let back = pair.now().wall - 3 * HOUR;
    pair.set_wall(back);
    assert!(ask(&mut pair), "the last answer lies in the future");
}

#[test]
fn a_holder_who_does_not_know_the_basis_says_so() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let (recipients, created) = (both(&pair), pair.now().wall);
    let strange =
        make(&pair, Made { basis: Some([7; 32]), epoch: 9, recipients: &recipients, created, route: None });
    let key = keep(&mut pair, strange);
    let (room, bob) = (pair.room(ALICE), device(&pair, BOB));
    pair.in_turn(ALICE, |core, turn| {
        core.key_request(turn, room, bob, &[key.as_bytes().to_vec()]).unwrap();
        let row = core.directory.get(&bob).unwrap().row;
        let waiting = lanes::waiting(turn.db, row, 9).unwrap();
        assert!(waiting.iter().any(|message| message.topic == format!("denied/{key}")));
    });
    let row = pair.people[ALICE].core.directory.get(&bob).unwrap().row;
    assert!(keys::shared_at(pair.db(ALICE), &key, row).unwrap().is_some(), "and not again within the hour");
}

#[test]
fn a_refusal_drops_nothing_in_a_conversation_of_two() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let (room, alice, key) = (pair.room(BOB), device(&pair, ALICE), KeyId::from_bytes([5; 16]));
    let denied = KeyDenied {
        conv: pair.conv().as_bytes().to_vec(),
        key_id: key.as_bytes().to_vec(),
        before_you: true,
    };
    pair.in_turn(BOB, |core, turn| {
        core.park(turn, room, key, b"frame").unwrap();
        core.key_denied(turn, alice, &denied).unwrap();
    });
    pair.run_for(1_000);
    assert!(pair.people[BOB].core.asking.was_asked(room, &key, &alice));
    pair.in_turn(BOB, |core, turn| core.key_denied(turn, alice, &denied).unwrap());
    let frames = |pair: &Pair| parked::unknown_keys_of(pair.db(BOB), room).unwrap();
    assert_eq!(frames(&pair), [key]);
    pair.run_for(3 * HOUR);
    assert!(pair.sent["key_request"] + pair.sent["lane"] < 100, "{:?}", pair.sent);
}

#[test]
fn a_machine_that_was_left_out_is_noticed() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    assert_eq!(incomplete_keys(pair.db(BOB), pair.room(BOB)).unwrap(), 0);
    let held = plain(&pair, 9, &[device(&pair, ALICE).to_bytes()]);
    share(&mut pair, &[held.clone(), held]);
    let noticed = |event: &Event| matches!(event, Event::IncompleteKey { .. });
    let notices = |pair: &Pair| pair.people[BOB].events.iter().filter(|event| noticed(event)).count();
    assert_eq!(notices(&pair), 1);
    pair.cut();
    pair.restart(BOB);
    assert_eq!(notices(&pair), 1, "announced once");
    assert_eq!(incomplete_keys(pair.db(BOB), pair.room(BOB)).unwrap(), 1);
}

#[test]
fn a_member_cannot_fill_the_store_with_keys() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let recipients = both(&pair);
    for epoch in 0..8 {
        let held: Vec<HeldKey> = (0..64).map(|_| plain(&pair, epoch, &recipients)).collect();
        share(&mut pair, &held);
    }
    let kept = pair.keys(BOB).len();
    assert!((100..=256).contains(&kept), "{kept}");
    let held = plain(&pair, 3, &recipients);
    share(&mut pair, &[held]);
    assert_eq!(pair.keys(BOB).len(), kept);

    // One that was asked for is taken all the same.
    let held = plain(&pair, 9, &recipients);
    let room = pair.room(BOB);
    pair.in_turn(BOB, |core, turn| core.park(turn, room, held.facts.id, b"frame").unwrap());
    pair.run_for(1_000);
    share(&mut pair, &[held]);
    assert_eq!(pair.keys(BOB).len(), kept + 1);
}

#[test]
fn a_key_of_the_future_opens_and_seals_nothing() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let (recipients, created) = (both(&pair), pair.now().wall + 25 * HOUR);
    let route = pair.people[ALICE].core.rooms[&pair.room(ALICE)].keys.values().next().unwrap().route;
    let held =
        make(&pair, Made { basis: None, epoch: 9, recipients: &recipients, created, route: Some(route) });
    let future = keep(&mut pair, held.clone());
    share(&mut pair, &[held]);
    assert!(pair.keys(BOB).contains(&future));
    write(&mut pair, future, "by a clock that is ahead");
    pair.run_for(2_000);
    assert_eq!(pair.texts(BOB), ["by a clock that is ahead"]);
    for who in [ALICE, BOB] {
        let room = pair.room(who);
        pair.in_turn(who, |core, turn| {
            assert_ne!(core.usable_key(turn, room).unwrap(), future);
            assert_ne!(core.current_key(turn, room), Some(future));
        });
    }
    let before = pair.keys(ALICE).len();
    pair.jump(2 * HOUR);
    pair.say(ALICE, "its time has come");
    let room = pair.room(ALICE);
    pair.in_turn(ALICE, |core, turn| assert_eq!(core.usable_key(turn, room).unwrap(), future));
    assert_eq!(pair.keys(ALICE).len(), before);
}

#[test]
fn a_clock_that_was_ahead_and_was_set_right_makes_one_key() {
    let mut pair = Pair::friends(true);
    pair.run_for(2_000);
    let right = pair.now().wall;
    pair.set_wall(right + 72 * HOUR);
    pair.say(ALICE, "from the future");
    pair.set_wall(right);
    let before = pair.keys(ALICE).len();
    for minute in 0..5 {
        pair.say(ALICE, &format!("minute {minute}"));
        pair.run_for(61_000);
    }
    let made = pair.keys(ALICE).len() - before;
    assert!(made <= 1, "{made} keys");
}

#[test]
fn a_key_of_the_last_epoch_stops_nobody() {
    for epoch in [LAST_EPOCH - 1, LAST_EPOCH] {
        let mut pair = Pair::friends(true);
        pair.run_for(2_000);
        let held = plain(&pair, epoch, &both(&pair));
        keep(&mut pair, held.clone());
        share(&mut pair, &[held]);
        let beyond = plain(&pair, LAST_EPOCH + 1, &both(&pair));
        share(&mut pair, std::slice::from_ref(&beyond));
        assert!(!pair.keys(BOB).contains(&beyond.facts.id), "the store has no such number");
        for day in 0..3 {
            pair.jump(25 * HOUR);
            pair.run_for(10_000);
            pair.say(ALICE, &format!("day {day} of Alice"));
            pair.say(BOB, &format!("day {day} of Bob"));
            pair.run_for(10_000);
        }
        assert_eq!(pair.texts(BOB).len(), 6);
        assert_eq!(pair.texts(BOB), pair.texts(ALICE));
        let keys = &pair.people[ALICE].core.rooms[&pair.room(ALICE)].keys;
        let last = keys.values().filter(|held| held.facts.epoch == LAST_EPOCH).count();
        assert!((3..=8).contains(&last), "{last} keys: one or two a day");
        pair.cut();
        pair.restart(ALICE);
        pair.connect();
        pair.say(ALICE, "after a start");
        pair.run_for(2_000);
        assert_eq!(pair.texts(BOB).len(), 7);
    }
}

#[test]
fn signals_of_strangers_and_old_ones_are_not_passed_on() {
    let mut pair = Pair::friends(true);
    let (room, now) = (pair.room(BOB), pair.now().wall);
    let signal = |pair: &Pair, who: usize, at: u64| {
        let author = device(pair, who);
        let signal = Signal {
            conv: pair.conv().as_bytes().to_vec(),
            author: author.as_bytes().to_vec(),
            name: "typing".to_owned(),
            hlc: Hlc::from_millis(at).as_u64(),
            payload: Vec::new(),
        };
        let signed = sign_body(&signal, &pair.people[who].core.me.key);
        madang_crypto::open_signed::<Signal>(&signed).unwrap()
    };
    let mut stranger = Pair::strangers(true);
    let foreign = signal_of_stranger(&mut stranger, &pair, now);
    for (signal, good) in [
        (signal(&pair, ALICE, now), true),
        (signal(&pair, ALICE, now - 29_000), true),
        (signal(&pair, ALICE, now - 31_000), false),
        (signal(&pair, ALICE, now + 25 * HOUR), false),
        (foreign, false),
    ] {
        pair.in_turn(BOB, |core, turn| assert_eq!(core.takes_signal(turn, room, &signal), good));
    }
}

fn signal_of_stranger(stranger: &mut Pair, pair: &Pair, at: u64) -> madang_crypto::Verified<Signal> {
    let me = &stranger.people[ALICE].core.me;
    let signal = Signal {
        conv: pair.conv().as_bytes().to_vec(),
        author: me.device.as_bytes().to_vec(),
        name: "typing".to_owned(),
        hlc: Hlc::from_millis(at).as_u64(),
        payload: Bytes::new().to_vec(),
    };
    madang_crypto::open_signed::<Signal>(&sign_body(&signal, &me.key)).unwrap()
}
