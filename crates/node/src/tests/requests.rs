//! Requests for keys are few, whatever comes: frames under invented keys, and askers without end (protocol section 3.3).

use madang_crypto::{NewKey, SealKey, new_key, os_rng};
use madang_model::KeyId;
use madang_store::parked;
use madang_wire::{Inner, Ops, Sealed, StreamBody, StreamKeyRequest, decode};

use super::pair::Pair;
use crate::conversation::hold;

const ALICE: usize = 0;
const BOB: usize = 1;
const HOUR: u64 = 60 * 60 * 1_000;
/// Unknown keys that are asked for per conversation and hour.
const KEYS_PER_HOUR: usize = 10;

/// The name of the 1:1 on the stream as `who` knows it.
fn tag(pair: &Pair, who: usize) -> Vec<u8> {
    let peer = pair.people[1 - who].peer;
    pair.people[who].core.peers[&peer].open[&pair.room(who)].to_vec()
}

/// A key of Bob that belongs to the route of the 1:1.
fn encoded(pair: &Pair, epoch: u64, basis: &[[u8; 32]]) -> Vec<u8> {
    let held = pair.people[BOB].core.rooms[&pair.room(BOB)].keys.values().next().unwrap();
    let device = pair.people[BOB].core.me.device.to_bytes();
    let new = NewKey {
        conv: pair.conv().to_bytes(),
        epoch,
        basis,
        creator: device,
        created_hlc: pair.now().wall << 16,
        recipients: &[device],
        route: Some(held.route),
    };
    new_key(&new, &mut os_rng()).to_vec()
}

/// A frame of the 1:1 with a good route MAC, under a key that nobody has.
fn invented(pair: &Pair, epoch: u64) -> Sealed {
    let key = SealKey::new(&encoded(pair, epoch, &[])).unwrap();
    decode(&key.seal(&Inner { body: None }, &mut os_rng()).unwrap()).unwrap()
}

/// Bob sends frames under this many keys that only he has.
fn flood(pair: &mut Pair, count: u64) {
    let tag = tag(pair, ALICE);
    let frames: Vec<Sealed> = (1..=count).map(|number| invented(pair, number)).collect();
    for sealed in frames.chunks(100) {
        pair.inject(ALICE, StreamBody::Ops(Ops { tag: tag.clone(), sealed: sealed.to_vec() }));
    }
}

fn count(pair: &Pair, kind: &str) -> usize {
    pair.sent.get(kind).copied().unwrap_or(0)
}

#[test]
fn a_thousand_invented_keys_cause_ten_requests_an_hour() {
    let mut pair = Pair::friends(true);
    pair.say(ALICE, "hello");
    pair.run_for(5_000);
    pair.faults.played = Some(BOB);
    pair.sent.clear();
    flood(&mut pair, 1_000);
    assert_eq!(parked::unknown_keys(pair.db(ALICE)).unwrap().len(), 1_000, "they are kept for a while");
    for hour in 1..=3 {
        pair.run_for(HOUR - 10_000);
        let requests = count(&pair, "key_request");
        println!("hour {hour}: {requests} requests on the stream, {:?}", pair.sent);
        assert!(requests > 0, "somebody is asked");
        assert!(requests <= hour * KEYS_PER_HOUR, "{requests} requests in {hour} hours");
    }
    // The conversation is as good as before.
    pair.faults.played = None;
    pair.say(BOB, "it was nothing");
    pair.run_for(5_000);
    assert_eq!(pair.texts(ALICE), ["hello", "it was nothing"]);
}

#[test]
fn what_is_parked_stays_within_its_bounds() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    pair.faults.played = Some(BOB);
    flood(&mut pair, 3_000);
    let parked: (i64, i64) = pair
        .db(ALICE)
        .query_row("SELECT COUNT(*), SUM(length(frame)) FROM parked", (), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert!(parked.0 == 1_000 && parked.1 <= 8 * 1_024 * 1_024, "{parked:?}");
}

#[test]
fn a_key_that_was_asked_for_opens_what_waited_for_it() {
    let mut pair = Pair::friends(true);
    pair.say(BOB, "hello");
    pair.run_for(5_000);
    let room = pair.room(BOB);
    let basis: Vec<[u8; 32]> =
        pair.people[BOB].core.control_heads(room).iter().map(|head| head.to_bytes()).collect();
    // A key of Bob whose way to Alice fails, hidden among keys that nobody has.
    let key = encoded(&pair, 2, &basis);
    pair.in_turn(BOB, |core, turn| {
        assert!(core.keep_key(turn, room, hold(&key).unwrap()).unwrap());
    });
    flood(&mut pair, 5);
    pair.say(BOB, "can you read this");
    assert_eq!(pair.texts(ALICE), ["hello", "can you read this"]);
    assert_eq!(pair.keys(ALICE), pair.keys(BOB));
    assert!(count(&pair, "key_request") > 0, "it was asked for");
}

#[test]
fn a_thousand_askers_get_one_answer_an_hour() {
    let mut pair = Pair::friends(true);
    pair.say(ALICE, "hello");
    pair.run_for(5_000);
    let key: KeyId = *pair.keys(ALICE).first().unwrap();
    pair.faults.played = Some(BOB);
    for hour in 1..=2 {
        pair.sent.clear();
        let request = StreamKeyRequest { tag: tag(&pair, ALICE), key_ids: vec![key.as_bytes().to_vec(); 16] };
        for _ in 0..1_000 {
            pair.inject(ALICE, StreamBody::KeyRequest(request.clone()));
        }
        assert!((1..=1).contains(&count(&pair, "lane")), "hour {hour}: {:?}", pair.sent);
        pair.run_for(HOUR + 1_000);
    }
}
