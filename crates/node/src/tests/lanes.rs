//! The lane between two devices when packets are lost, late, forged, or sealed for nobody.

use madang_crypto::{XWingSecret, sign_body};
use madang_model::DeviceId;
use madang_store::{devices, envelopes, friends, lanes, relays};
use madang_wire::{
    Contact, ContactUpdate, DeviceBundle, Envelope, KeyShare, LaneBody, LaneMessage, LanePacket,
    Message as _, StreamBody,
};

use super::pair::{NOON, Pair};
use crate::{lane_in::Delivered, own_contact::Extent};

const ALICE: usize = 0;
const BOB: usize = 1;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

fn device(pair: &Pair, who: usize) -> DeviceId {
    pair.people[who].core.me.device
}

/// Row of the other person's device at somebody.
fn row_of_other(pair: &Pair, who: usize) -> madang_store::DeviceRow {
    devices::by_id(pair.db(who), &device(pair, 1 - who)).unwrap().unwrap().row
}

fn lane(pair: &Pair, who: usize) -> lanes::Lane {
    lanes::load(pair.db(who), row_of_other(pair, who)).unwrap()
}

fn waiting(pair: &Pair, who: usize) -> Vec<lanes::Waiting> {
    lanes::waiting(pair.db(who), row_of_other(pair, who), 1_000).unwrap()
}

/// Sealed packets that somebody keeps, oldest first.
fn packets(pair: &Pair, who: usize) -> Vec<Envelope> {
    let envelopes = waiting(pair, who).into_iter().filter_map(|m| m.envelope).filter(|e| !e.is_empty());
    envelopes.map(|bytes| Envelope::decode(bytes.as_slice()).unwrap()).collect()
}

/// Somebody tells the other a new name of his own, in the lane.
fn rename(pair: &mut Pair, who: usize, name: &str) {
    let (other, friend) = (device(pair, 1 - who), pair.account(1 - who));
    pair.in_turn(who, |core, turn| {
        let mut contact = core.own_contact(turn, Extent::Whole, Some(friend)).unwrap();
        contact.card.as_mut().unwrap().name = name.to_owned();
        let update = ContactUpdate { c: Some(contact) };
        core.lane_send(turn, other, &format!("name/{name}"), LaneBody::Update(update)).unwrap();
    });
}

/// The name by which somebody knows the other.
fn name_at(pair: &Pair, who: usize) -> String {
    friends::get(pair.db(who), &pair.account(1 - who)).unwrap().unwrap().name
}

fn reset(pair: &mut Pair, who: usize) {
    let other = device(pair, 1 - who);
    let mut lane = lane(pair, who);
    pair.in_turn(who, |core, turn| core.reset_lane(turn, other, &mut lane).unwrap());
}

/// Friends whose lanes are at rest.
fn friends_at_rest() -> Pair {
    let mut pair = Pair::friends(true);
    pair.run_for(MINUTE);
    pair
}

#[test]
fn both_begin_anew_at_once_and_nothing_is_lost_in_either_order() {
    for (alice_hears_first, late) in [(true, false), (false, false), (true, true), (false, true)] {
        let mut pair = friends_at_rest();
        pair.faults.lose_lanes = true;
        for who in [ALICE, BOB] {
            reset(&mut pair, who);
            rename(&mut pair, who, "first");
            rename(&mut pair, who, &format!("second of {who}"));
        }
        assert_eq!(lane(&pair, ALICE).out_gen, lane(&pair, BOB).out_gen);
        let sealed = [packets(&pair, ALICE), packets(&pair, BOB)];
        let order = if alice_hears_first { [BOB, ALICE] } else { [ALICE, BOB] };
        for from in order {
            for envelope in &sealed[from] {
                pair.inject(1 - from, StreamBody::Lane(envelope.clone()));
            }
            if late {
                // What the other one has sealed comes only after both have agreed.
                pair.faults.lose_lanes = false;
                pair.run_for(2 * MINUTE);
                for who in [ALICE, BOB] {
                    rename(&mut pair, who, &format!("third of {who}"));
                }
            }
        }
        pair.faults.lose_lanes = false;
        pair.run_for(2 * MINUTE);
        let newest = if late { "third" } else { "second" };
        for who in [ALICE, BOB] {
            assert_eq!(name_at(&pair, 1 - who), format!("{newest} of {who}"));
            assert!(waiting(&pair, who).iter().all(|m| m.topic == "ack"), "{:?}", waiting(&pair, who));
        }
        let (alice, bob) = (lane(&pair, ALICE), lane(&pair, BOB));
        assert_eq!((alice.in_gen, bob.in_gen, alice.out_gen), (2, 2, 2), "one generation stays");
    }
}

#[test]
fn a_packet_that_does_not_open_is_not_swallowed_and_the_reset_comes_when_it_may() {
    let mut pair = friends_at_rest();
    pair.db(BOB)
        .execute_batch(&format!("UPDATE lane SET session = NULL, reset_at = {}", pair.now().wall))
        .unwrap();
    rename(&mut pair, ALICE, "Alice Cooper");
    pair.run_for(HOUR - 2 * MINUTE);
    assert_eq!((name_at(&pair, BOB).as_str(), lane(&pair, BOB).out_gen), ("Alice", 1), "not yet");
    pair.run_for(4 * MINUTE);
    assert_eq!((name_at(&pair, BOB).as_str(), lane(&pair, BOB).out_gen), ("Alice Cooper", 2));
}

/// Alice seals `count` packets that are lost, and forgets them.
fn lost_packets(pair: &mut Pair, count: usize) -> Vec<Envelope> {
    // One that only acknowledges is not acknowledged itself, and may still be there.
    let before = packets(pair, ALICE).len();
    pair.faults.lose_lanes = true;
    for n in 1..=count {
        rename(pair, ALICE, &format!("Alice {n}"));
    }
    let sealed = packets(pair, ALICE).split_off(before);
    let row = row_of_other(pair, ALICE);
    pair.in_turn(ALICE, |_, turn| assert!(lanes::clear(turn.db, row).unwrap() >= count));
    pair.faults.lose_lanes = false;
    assert!(sealed.len() >= count);
    sealed
}

#[test]
fn every_gap_is_skipped_not_only_the_first() {
    let mut pair = friends_at_rest();
    let before = lane(&pair, BOB).in_next;
    let sealed = lost_packets(&mut pair, 4);
    for n in [1, 3] {
        pair.inject(BOB, StreamBody::Lane(sealed[n].clone()));
    }
    assert_eq!(lane(&pair, BOB).in_next, before);
    pair.run_for(MINUTE);
    assert_eq!(lane(&pair, BOB).in_next, before + 4);
    assert_eq!((name_at(&pair, BOB).as_str(), lane(&pair, BOB).out_gen), ("Alice 4", 1), "without a reset");
}

#[test]
fn a_generation_whose_beginning_is_lost_is_followed() {
    let mut pair = friends_at_rest();
    pair.faults.lose_lanes = true;
    reset(&mut pair, ALICE);
    let sealed = lost_packets(&mut pair, 2);
    // The Reset itself was in a packet before these two.
    pair.inject(BOB, StreamBody::Lane(sealed[1].clone()));
    pair.run_for(MINUTE);
    let bob = lane(&pair, BOB);
    assert_eq!((name_at(&pair, BOB).as_str(), bob.in_gen, bob.out_gen), ("Alice 2", 2, 2));
    rename(&mut pair, BOB, "Robert");
    pair.run_for(MINUTE);
    assert_eq!(name_at(&pair, ALICE), "Robert");
}

#[test]
fn a_gap_is_looked_at_again_after_a_restart() {
    let mut pair = friends_at_rest();
    let before = lane(&pair, BOB).in_next;
    let sealed = lost_packets(&mut pair, 2);
    pair.inject(BOB, StreamBody::Lane(sealed[1].clone()));
    pair.cut();
    pair.restart(BOB);
    pair.run_for(MINUTE);
    assert_eq!(lane(&pair, BOB).in_next, before + 2, "what is missing was passed over");
}

#[test]
fn a_packet_far_ahead_waits_for_those_before_it() {
    let mut pair = friends_at_rest();
    let sealed = lost_packets(&mut pair, 70);
    pair.inject(BOB, StreamBody::Lane(sealed[69].clone()));
    assert_eq!(lane(&pair, BOB).out_gen, 1, "the others may be on their way");
    for envelope in &sealed[..69] {
        pair.inject(BOB, StreamBody::Lane(envelope.clone()));
    }
    assert_eq!((name_at(&pair, BOB).as_str(), lane(&pair, BOB).out_gen), ("Alice 70", 1));
    let sealed = lost_packets(&mut pair, 40);
    pair.inject(BOB, StreamBody::Lane(sealed[39].clone()));
    pair.run_for(MINUTE);
    assert_eq!(lane(&pair, BOB).out_gen, 2, "too many are missing to be skipped");
}

#[test]
fn a_gap_stays_while_an_own_inbox_was_not_read() {
    let mut pair = friends_at_rest();
    own_relay_away(&mut pair, BOB);
    let before = lane(&pair, BOB).in_next;
    let sealed = lost_packets(&mut pair, 2);
    pair.inject(BOB, StreamBody::Lane(sealed[1].clone()));
    pair.run_for(5 * MINUTE);
    assert_eq!(lane(&pair, BOB).in_next, before, "the missing one may lie in the inbox");
    pair.in_turn(BOB, |_, turn| {
        let relay = relays::list(turn.db).unwrap()[0].row;
        relays::set_own(turn.db, relay, false, "").unwrap();
    });
    pair.run_for(MINUTE);
    assert_eq!(name_at(&pair, BOB), "Alice 2");
}

/// Gives somebody an own relay with an inbox that is never reached.
fn own_relay_away(pair: &mut Pair, who: usize) {
    pair.in_turn(who, |_, turn| {
        let peer = madang_p2p::PeerId::random();
        let addr = format!("/ip4/192.0.2.9/tcp/443/p2p/{peer}");
        let relay = relays::intern(turn.db, &addr, &peer.to_bytes(), 1).unwrap();
        relays::set_own(turn.db, relay, true, "").unwrap();
        let inbox = relays::RelayBox {
            relay,
            id: [9; 16],
            kind: relays::BoxKind::Inbox,
            room: None,
            secret: vec![1; 32],
            epoch: vec![1; 8],
            cursor: 0,
            until: None,
            version: 0,
        };
        relays::put_box(turn.db, &inbox).unwrap();
    });
}

#[test]
fn packets_from_before_an_own_reset_are_dropped() {
    let mut pair = friends_at_rest();
    let sealed = lost_packets(&mut pair, 1);
    pair.faults.lose_lanes = true;
    reset(&mut pair, BOB);
    let before = lane(&pair, BOB);
    pair.inject(BOB, StreamBody::Lane(sealed[0].clone()));
    assert_eq!((lane(&pair, BOB).in_gen, lane(&pair, BOB).in_next), (before.in_gen, before.in_next));
    assert_eq!(name_at(&pair, BOB), "Alice");
}

#[test]
fn a_forged_packet_ahead_makes_nothing_be_skipped() {
    let mut pair = friends_at_rest();
    let before = lane(&pair, BOB);
    let forged = LanePacket {
        from: device(&pair, ALICE).as_bytes().to_vec(),
        to: device(&pair, BOB).as_bytes().to_vec(),
        r#gen: before.in_gen,
        td_seq: before.in_next + 3,
        olm_type: 1,
        olm: vec![7; 100],
    };
    let sealed = seal_for(&pair, BOB, forged);
    pair.in_turn(BOB, |core, turn| {
        assert_eq!(core.envelope(turn, &sealed, None).unwrap(), Delivered::Done);
    });
    pair.run_for(MINUTE);
    rename(&mut pair, ALICE, "Alice Cooper");
    pair.run_for(2 * MINUTE);
    assert_eq!(name_at(&pair, BOB), "Alice Cooper");
}

/// A packet in an envelope to somebody's newest key.
fn seal_for(pair: &Pair, who: usize, packet: LanePacket) -> Envelope {
    let inner = madang_wire::EnvelopeInner { body: Some(madang_wire::EnvelopeBody::Lane(packet)) };
    let key = envelopes::keys(pair.db(who)).unwrap()[0].public.clone();
    madang_crypto::seal_envelope(&key, &inner, &mut madang_crypto::os_rng()).unwrap()
}

#[test]
fn a_device_speaks_only_for_itself_on_its_stream() {
    let mut pair = friends_at_rest();
    let mut packet = LanePacket {
        from: vec![3; 32],
        to: device(&pair, BOB).as_bytes().to_vec(),
        r#gen: 9,
        td_seq: 9,
        olm_type: 1,
        olm: vec![7; 100],
    };
    let peer = pair.people[ALICE].peer;
    let other = seal_for(&pair, BOB, packet.clone());
    packet.from = device(&pair, ALICE).as_bytes().to_vec();
    let own = seal_for(&pair, BOB, packet);
    pair.in_turn(BOB, |core, turn| {
        assert_eq!(core.envelope(turn, &other, Some(peer)).unwrap(), Delivered::Refused("bad_frame"));
        assert_eq!(core.envelope(turn, &own, Some(peer)).unwrap(), Delivered::Done, "it waits for its turn");
    });
}

#[test]
fn copies_of_a_packet_do_not_let_acknowledgements_grow() {
    let mut pair = friends_at_rest();
    pair.faults.lose_lanes = true;
    rename(&mut pair, ALICE, "Alice Cooper");
    let sealed = packets(&pair, ALICE);
    for _ in 0..20 {
        pair.inject(BOB, StreamBody::Lane(sealed.last().unwrap().clone()));
    }
    assert_eq!(name_at(&pair, BOB), "Alice Cooper");
    assert_eq!(waiting(&pair, BOB).iter().filter(|m| m.topic == "ack").count(), 1);
    let answered = pair.sent["lane"];
    pair.faults.lose_lanes = false;
    pair.run_for(2_000);
    pair.inject(BOB, StreamBody::Lane(sealed.last().unwrap().clone()));
    assert!(pair.sent["lane"] > answered, "a copy is answered, once a second");
}

#[test]
fn keys_for_a_device_out_of_reach_wait_as_one_message_and_leave_sealed_when_it_comes() {
    let mut pair = friends_at_rest();
    pair.cut();
    let (bob, conv) = (device(&pair, BOB), pair.conv());
    let share = |key: u8| {
        LaneBody::Share(KeyShare {
            keys: vec![vec![key; 40]],
            relays: Vec::new(),
            conv: conv.as_bytes().to_vec(),
        })
    };
    for key in [1, 2, 3] {
        pair.in_turn(ALICE, |core, turn| core.lane_send(turn, bob, "keys", share(key)).unwrap());
    }
    pair.run_for(HOUR);
    let kept: Vec<_> = waiting(&pair, ALICE).into_iter().filter(|m| m.topic.starts_with("keys/")).collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].envelope, None, "nothing is sealed that cannot leave");
    let message = LaneMessage::decode(kept[0].body.as_slice()).unwrap();
    let Some(LaneBody::Share(share)) = message.body else { panic!("{message:?}") };
    assert_eq!(share.keys.len(), 3);
    pair.connect();
    pair.run_for(MINUTE);
    assert!(waiting(&pair, ALICE).iter().all(|m| m.topic == "ack"));
}

#[test]
fn friends_who_are_away_are_not_dialled_for_packets() {
    let mut pair = friends_at_rest();
    pair.cut();
    rename(&mut pair, ALICE, "Alice Cooper");
    let calls = pair.people[ALICE].core.next_call;
    pair.run_for(10 * MINUTE);
    assert_eq!(pair.people[ALICE].core.next_call, calls);
    pair.connect();
    pair.run_for(MINUTE);
    assert_eq!(name_at(&pair, BOB), "Alice Cooper");
}

/// A bundle of somebody with something changed, signed by his device.
fn changed_bundle(pair: &Pair, who: usize, change: impl Fn(&mut DeviceBundle)) -> madang_wire::Signed {
    let core = &pair.people[who].core;
    let mut bundle = core.directory.get(&core.me.device).unwrap().bundle.clone().unwrap();
    bundle.version += 1_000;
    change(&mut bundle);
    sign_body(&bundle, &core.me.key)
}

#[test]
fn nothing_is_queued_for_a_device_that_sleeps() {
    let mut pair = friends_at_rest();
    pair.cut();
    let (bob, row) = (device(&pair, BOB), row_of_other(&pair, ALICE));
    let end = NOON - 46 * DAY;
    let old = changed_bundle(&pair, BOB, |bundle| bundle.envelope_not_after = end);
    pair.in_turn(ALICE, |core, turn| assert!(core.take_bundle(turn, &old).unwrap()));
    rename(&mut pair, ALICE, "Alice Cooper");
    assert!(waiting(&pair, ALICE).iter().all(|m| !m.topic.starts_with("name/")));
    let asleep = devices::get(pair.db(ALICE), row).unwrap().unwrap().asleep_since;
    assert_eq!(asleep, Some(end + 45 * DAY));
    let new = changed_bundle(&pair, BOB, |bundle| bundle.version += 1);
    pair.in_turn(ALICE, |core, turn| assert!(core.take_bundle(turn, &new).unwrap()));
    rename(&mut pair, ALICE, "Alice Munro");
    assert!(waiting(&pair, ALICE).iter().any(|m| m.topic.starts_with("name/")), "it is awake");
    assert!(pair.people[ALICE].core.directory.get(&bob).unwrap().asleep_since(NOON).is_none());
}

#[test]
fn whoever_begins_anew_or_has_a_new_bundle_is_given_the_current_key() {
    let given = |pair: &Pair| {
        let key = *pair.keys(ALICE).last().unwrap();
        madang_store::keys::shared_at(pair.db(ALICE), &key, row_of_other(pair, ALICE)).unwrap()
    };
    let mut pair = friends_at_rest();
    assert_eq!(given(&pair), None);
    reset(&mut pair, BOB);
    pair.run_for(MINUTE);
    assert!(given(&pair).is_some(), "after a Reset");

    let mut pair = friends_at_rest();
    let bundle = changed_bundle(&pair, BOB, |_| ());
    let (bob, alice) = (device(&pair, BOB), pair.account(ALICE));
    let mut update = Contact::default();
    pair.in_turn(BOB, |core, turn| update = core.own_contact(turn, Extent::Whole, Some(alice)).unwrap());
    update.bundles = vec![bundle];
    pair.in_turn(ALICE, |core, turn| core.contact_update(turn, bob, Some(&update)).unwrap());
    assert!(given(&pair).is_some(), "after a new bundle");
}

type Change = fn(&mut DeviceBundle);

#[test]
fn a_bundle_that_cannot_be_written_to_is_refused_and_never_ends_a_turn() {
    let bad: [(&str, Change); 6] = [
        ("a short fallback key", |b| b.fallback.truncate(31)),
        ("a fallback key of low order", |b| b.fallback = vec![0; 32]),
        ("an identity of low order", |b| b.olm_identity = vec![0; 32]),
        ("a short envelope key", |b| b.envelope_pk.truncate(1_215)),
        ("an envelope key that is none", |b| b.envelope_pk = vec![0xff; 1_216]),
        ("an op that did not admit it", |b| b.add_op = vec![5; 32]),
    ];
    for (what, change) in bad {
        let mut pair = friends_at_rest();
        let (row, bob, alice) = (row_of_other(&pair, ALICE), device(&pair, BOB), pair.account(ALICE));
        let bundle = changed_bundle(&pair, BOB, change);
        pair.in_turn(ALICE, |core, turn| assert!(!core.take_bundle(turn, &bundle).unwrap(), "{what}"));
        let mut contact = Contact::default();
        pair.in_turn(BOB, |core, turn| contact = core.own_contact(turn, Extent::Whole, Some(alice)).unwrap());
        contact.bundles = vec![bundle.clone()];
        pair.in_turn(ALICE, |core, turn| {
            assert!(core.check_contact(turn.db, &contact, &bob).unwrap().is_none(), "{what}");
        });
        // A store of before may hold one: the turn goes on without it, and with the next bundle all is well.
        pair.db(ALICE).execute_batch("UPDATE lane SET session = NULL").unwrap();
        pair.in_turn(ALICE, |core, turn| {
            devices::set_bundle(turn.db, row, &bundle.encode_to_vec(), u64::MAX >> 1).unwrap();
            core.directory.refresh(turn.db, &bob).unwrap();
        });
        rename(&mut pair, ALICE, "Alice Cooper");
        pair.say(ALICE, "the turn goes on");
        pair.run_for(MINUTE);
        assert!(pair.texts(BOB).contains(&"the turn goes on".to_owned()), "{what}");
    }
}

#[test]
fn envelope_keys_rotate_weekly_and_a_bundle_signed_anew_keeps_their_end() {
    let bundle = |pair: &Pair| {
        let core = &pair.people[ALICE].core;
        core.directory.get(&core.me.device).unwrap().bundle.clone().unwrap()
    };
    let mut pair = Pair::strangers(true);
    let first = bundle(&pair);
    assert_eq!(first.envelope_not_after, NOON + 14 * DAY);
    pair.run_for(3 * DAY);
    own_relay_away(&mut pair, ALICE);
    pair.in_turn(ALICE, |core, turn| core.renew_bundle(turn).unwrap());
    let second = bundle(&pair);
    assert_eq!(second.inboxes.len(), 1, "it was signed anew");
    assert_eq!(
        (second.envelope_pk, second.envelope_not_after),
        (first.envelope_pk.clone(), first.envelope_not_after)
    );
    pair.run_for(4 * DAY - 2 * HOUR);
    assert_eq!(bundle(&pair).envelope_pk, first.envelope_pk);
    pair.run_for(4 * HOUR);
    let third = bundle(&pair);
    assert_ne!(third.envelope_pk, first.envelope_pk);
    assert_eq!(third.fallback, first.fallback, "what is sealed for it may lie in the inbox");
    pair.in_turn(ALICE, |_, turn| {
        let relay = relays::list(turn.db).unwrap()[0].row;
        relays::set_own(turn.db, relay, false, "").unwrap();
    });
    pair.run_for(2 * HOUR);
    assert_ne!(bundle(&pair).fallback, first.fallback);
}

/// Relays tell somebody that it is so much later than his clock says, ms.
fn clock_is_behind(pair: &mut Pair, who: usize, ms: i64) {
    pair.in_turn(who, |core, turn| {
        for _ in 0..3 {
            let relay = crate::time::Reference::Relay(madang_p2p::PeerId::random());
            core.clock_sample(turn, relay, turn.now.wall.checked_add_signed(ms).unwrap());
        }
    });
}

#[test]
fn the_end_of_an_envelope_key_is_by_the_corrected_time() {
    let mut pair = Pair::strangers(true);
    let bundle = |pair: &Pair| {
        let core = &pair.people[ALICE].core;
        core.directory.get(&core.me.device).unwrap().bundle.clone().unwrap()
    };
    clock_is_behind(&mut pair, ALICE, 100 * DAY as i64);
    pair.run_for(MINUTE);
    let corrected = bundle(&pair);
    let end = NOON + 114 * DAY;
    assert!((end..end + MINUTE).contains(&corrected.envelope_not_after), "nobody takes it for asleep");
    pair.run_for(2 * HOUR);
    for _ in 0..2 {
        assert_eq!(bundle(&pair), corrected);
        // After a start nobody has said yet what time it is.
        pair.cut();
        pair.restart(ALICE);
    }
}

#[test]
fn whether_somebody_sleeps_is_judged_by_the_corrected_time() {
    let mut pair = friends_at_rest();
    pair.cut();
    let old = changed_bundle(&pair, BOB, |bundle| bundle.envelope_not_after = NOON - 46 * DAY);
    pair.in_turn(ALICE, |core, turn| assert!(core.take_bundle(turn, &old).unwrap()));
    clock_is_behind(&mut pair, ALICE, -60 * DAY as i64);
    rename(&mut pair, ALICE, "Alice Cooper");
    assert!(waiting(&pair, ALICE).iter().any(|m| m.topic.starts_with("name/")), "my own clock is ahead");
    pair.in_turn(ALICE, |_, turn| {
        let row = lanes::devices(turn.db).unwrap();
        row.into_iter().for_each(|row| assert!(lanes::clear(turn.db, row).unwrap() > 0));
    });
    clock_is_behind(&mut pair, ALICE, DAY as i64);
    clock_is_behind(&mut pair, ALICE, DAY as i64);
    rename(&mut pair, ALICE, "Alice Munro");
    assert!(!waiting(&pair, ALICE).iter().any(|m| m.topic.starts_with("name/")));
}

#[test]
fn an_old_envelope_secret_stays_until_the_inboxes_were_read() {
    let mut pair = Pair::strangers(true);
    own_relay_away(&mut pair, ALICE);
    let secret = XWingSecret::generate(&mut madang_crypto::os_rng());
    let id = madang_crypto::public_id(secret.public());
    pair.in_turn(ALICE, |core, turn| {
        let old = envelopes::EnvelopeKey {
            id,
            secret: secret.seed().to_vec(),
            public: secret.public().to_vec(),
            made_at: 1,
            retired_at: Some(NOON - 22 * DAY),
        };
        envelopes::insert_key(turn.db, &old).unwrap();
        core.chores(turn).unwrap();
    });
    pair.run_for(2 * HOUR);
    assert!(envelopes::key(pair.db(ALICE), &id).unwrap().is_some());
    pair.in_turn(ALICE, |core, turn| {
        let relay = relays::list(turn.db).unwrap()[0].row;
        relays::set_own(turn.db, relay, false, "").unwrap();
        core.chores(turn).unwrap();
    });
    assert!(envelopes::key(pair.db(ALICE), &id).unwrap().is_none());
}

#[test]
fn on_the_contact_protocol_only_the_answer_to_an_open_request_is_taken() {
    let mut pair = friends_at_rest();
    let sealed = lost_packets(&mut pair, 2);
    let before = lane(&pair, BOB);
    let garbage = seal_for(
        &pair,
        BOB,
        LanePacket {
            from: device(&pair, ALICE).as_bytes().to_vec(),
            to: device(&pair, BOB).as_bytes().to_vec(),
            r#gen: before.in_gen,
            td_seq: before.in_next,
            olm_type: 1,
            olm: vec![7; 100],
        },
    );
    let peer = pair.people[ALICE].peer;
    pair.in_turn(BOB, |core, turn| {
        for (envelope, code) in [(&sealed[0], "denied"), (&sealed[1], "busy"), (&garbage, "bad_frame")] {
            assert_eq!(core.contact_put_came(turn, envelope, peer).unwrap(), Delivered::Refused(code));
        }
    });
    let row = row_of_other(&pair, BOB);
    assert_eq!(lane(&pair, BOB), before, "nothing moves and nothing begins anew");
    assert!(lanes::early(pair.db(BOB), row).unwrap().is_empty());
    // The same packet on the stream is taken.
    pair.inject(BOB, StreamBody::Lane(sealed[0].clone()));
    assert_eq!(name_at(&pair, BOB), "Alice 1");
}
