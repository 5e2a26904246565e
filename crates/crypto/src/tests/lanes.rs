//! Envelopes and Olm sessions.

use super::seeded;
use crate::*;
use madang_wire::pad::is_bucket;
use madang_wire::{
    Envelope, EnvelopeBody, EnvelopeInner, KeyRequest, LaneBody, LaneMessage, LanePacket, LanePlain, Message,
};

struct Person {
    account: LaneAccount,
    end: LaneEnd,
}

fn person(name: u8) -> Person {
    let account = LaneAccount::generate();
    let end = LaneEnd { account: [name; 32], device: [name + 100; 32], olm: account.identity() };
    Person { account, end }
}

fn place(td_seq: u64) -> LanePlace {
    LanePlace { generation: 0, td_seq }
}

fn content(byte: u8) -> LaneContent {
    let request = KeyRequest { conv: vec![byte; 32], key_ids: vec![vec![byte; 16]] };
    LaneContent {
        messages: vec![LaneMessage { body: Some(LaneBody::Request(request)) }],
        from_heads: vec![[byte; 32]],
        ..LaneContent::default()
    }
}

/// Alice opens a session with her first packet, bob takes it.
fn session(alice: &Person, bob: &mut Person) -> (LaneSession, LaneSession, LanePlain) {
    let mut theirs =
        LaneSession::outbound(&alice.account, &bob.end, &bob.account.fallback().unwrap()).unwrap();
    let packet = theirs.encrypt(&alice.end, &bob.end, place(1), content(1)).unwrap();
    let own = bob.end;
    let (ours, plain) = LaneSession::inbound(&mut bob.account, &own, &alice.end, &packet).unwrap();
    (theirs, ours, plain)
}

#[test]
fn alice_and_bob_talk_both_ways() {
    let (alice, mut bob) = (person(1), person(2));
    let (mut at_alice, mut at_bob, first) = session(&alice, &mut bob);
    assert_eq!(first.m, content(1).messages);
    assert_eq!(first.from_heads, [[1; 32]]);
    assert!(!at_alice.is_answered());
    let empty = at_bob.encrypt(&bob.end, &alice.end, place(1), LaneContent::default()).unwrap();
    assert!(at_alice.decrypt(&alice.end, &bob.end, &empty).unwrap().m.is_empty());
    assert!(at_alice.is_answered());
    for seq in 2..50 {
        let packet = at_alice.encrypt(&alice.end, &bob.end, place(seq), content(3)).unwrap();
        assert_eq!(packet.td_seq, seq);
        assert_eq!(at_bob.decrypt(&bob.end, &alice.end, &packet).unwrap().m, content(3).messages);
        let again = at_bob.decrypt(&bob.end, &alice.end, &packet);
        assert!(matches!(again, Err(LaneError::Decrypt)), "a packet is read once");
    }
}

#[test]
fn names_that_do_not_fit_are_refused() {
    let (alice, mut bob) = (person(1), person(2));
    let mallory = LaneEnd { account: [9; 32], ..alice.end };
    let mut lane = LaneSession::outbound(&alice.account, &bob.end, &bob.account.fallback().unwrap()).unwrap();
    // Mallory's device list claims alice's device: the account inside tells.
    let packet = lane.encrypt(&alice.end, &bob.end, place(1), content(1)).unwrap();
    let own = bob.end;
    let claimed = LaneSession::inbound(&mut bob.account, &own, &mallory, &packet);
    assert!(matches!(claimed, Err(LaneError::Name("from_account"))), "{claimed:?}");
    // The packet was meant for another account on the same device key.
    let other = LaneEnd { account: [8; 32], ..bob.end };
    let stale = LaneSession::inbound(&mut bob.account, &other, &alice.end, &packet);
    assert!(matches!(stale, Err(LaneError::Name("to_account"))));
    // Routing names outside the session are checked as well.
    let moved = LanePacket { from: vec![7; 32], ..packet.clone() };
    let moved = LaneSession::inbound(&mut bob.account, &own, &alice.end, &moved);
    assert!(matches!(moved, Err(LaneError::Name("from"))));
    // Another identity key than the one of the bundle.
    let wrong_olm = LaneEnd { olm: [5; 32], ..alice.end };
    let wrong = LaneSession::inbound(&mut bob.account, &own, &wrong_olm, &packet);
    assert!(matches!(wrong, Err(LaneError::Name("from_olm"))));
}

#[test]
fn names_that_do_not_fit_leave_the_session_as_it_was() {
    let (alice, mut bob) = (person(1), person(2));
    let (mut at_alice, mut at_bob, _) = session(&alice, &mut bob);
    let empty = at_bob.encrypt(&bob.end, &alice.end, place(1), LaneContent::default()).unwrap();
    at_alice.decrypt(&alice.end, &bob.end, &empty).unwrap();
    let packet = at_alice.encrypt(&alice.end, &bob.end, place(2), content(1)).unwrap();
    let mallory = LaneEnd { account: [9; 32], ..alice.end };
    let refused = at_bob.decrypt(&bob.end, &mallory, &packet);
    assert!(matches!(refused, Err(LaneError::Name("from_account"))), "{refused:?}");
    assert!(at_bob.decrypt(&bob.end, &alice.end, &packet).is_ok(), "the same packet opens afterwards");
}

#[test]
fn a_bundle_needs_keys_of_their_length_and_of_no_low_order() {
    let bob = person(2);
    let fallback = bob.account.fallback().unwrap();
    let envelope = XWingSecret::generate(&mut seeded(1)).public().to_vec();
    assert!(are_lane_keys(&bob.end.olm, &fallback, &envelope));
    assert!(!are_lane_keys(&bob.end.olm[1..], &fallback, &envelope));
    assert!(!are_lane_keys(&bob.end.olm, &fallback[1..], &envelope));
    assert!(!are_lane_keys(&bob.end.olm, &fallback, &envelope[1..]));
    assert!(!are_lane_keys(&[0; 32], &fallback, &envelope));
    assert!(!are_lane_keys(&bob.end.olm, &[0; 32], &envelope));
    let low_order = [&envelope[..envelope.len() - 32], &[0; 32]].concat();
    assert!(!are_lane_keys(&bob.end.olm, &fallback, &low_order));
    assert!(!are_lane_keys(&bob.end.olm, &fallback, &[0xff; 1_216]));
}

#[test]
fn the_previous_fallback_key_works_until_it_is_forgotten() {
    let (alice, mut bob) = (person(1), person(2));
    let own = bob.end;
    let old = bob.account.fallback().unwrap();
    let packet = |fallback: &[u8; 32], bob: &Person| {
        LaneSession::outbound(&alice.account, &bob.end, fallback)
            .unwrap()
            .encrypt(&alice.end, &bob.end, place(1), content(1))
            .unwrap()
    };
    bob.account.rotate_fallback();
    assert_ne!(bob.account.fallback().unwrap(), old);
    let sent = packet(&old, &bob);
    assert!(LaneSession::inbound(&mut bob.account, &own, &alice.end, &sent).is_ok());
    assert!(bob.account.forget_fallback());
    assert!(!bob.account.forget_fallback());
    let sent = packet(&old, &bob);
    let gone = LaneSession::inbound(&mut bob.account, &own, &alice.end, &sent);
    assert!(matches!(gone, Err(LaneError::FallbackGone)));
    let sent = packet(&bob.account.fallback().unwrap(), &bob);
    assert!(LaneSession::inbound(&mut bob.account, &own, &alice.end, &sent).is_ok());
}

#[test]
fn state_survives_a_restart_and_an_older_copy_fails_cleanly() {
    let (alice, mut bob) = (person(1), person(2));
    let (mut at_alice, mut at_bob, _) = session(&alice, &mut bob);
    let reply = at_bob.encrypt(&bob.end, &alice.end, place(1), content(2)).unwrap();
    at_alice.decrypt(&alice.end, &bob.end, &reply).unwrap();
    let old = at_bob.pickle().unwrap();
    for seq in 2..60 {
        let packet = at_alice.encrypt(&alice.end, &bob.end, place(seq), content(3)).unwrap();
        at_bob = LaneSession::from_pickle(&at_bob.pickle().unwrap()).unwrap();
        at_bob.decrypt(&bob.end, &alice.end, &packet).unwrap();
        let reply = at_bob.encrypt(&bob.end, &alice.end, place(seq), content(4)).unwrap();
        at_alice.decrypt(&alice.end, &bob.end, &reply).unwrap();
    }
    // Bob's disk is restored: what alice sends now does not open, and nothing panics.
    let mut restored = LaneSession::from_pickle(&old).unwrap();
    let packet = at_alice.encrypt(&alice.end, &bob.end, place(60), content(5)).unwrap();
    assert!(matches!(restored.decrypt(&bob.end, &alice.end, &packet), Err(LaneError::Decrypt)));
    // What he sends from the old state is refused by alice, whose ratchet has moved on.
    let stale = restored.encrypt(&bob.end, &alice.end, place(2), content(6)).unwrap();
    assert!(matches!(at_alice.decrypt(&alice.end, &bob.end, &stale), Err(LaneError::Decrypt)));
    // The failed packets have not hurt the true session.
    assert!(at_bob.decrypt(&bob.end, &alice.end, &packet).is_ok());

    let account = LaneAccount::from_pickle(&bob.account.pickle().unwrap()).unwrap();
    assert_eq!(account.identity(), bob.end.olm);
    assert_eq!(account.fallback().unwrap(), bob.account.fallback().unwrap());
    assert!(matches!(LaneSession::from_pickle(b"{}"), Err(LaneError::Pickle)));
    assert!(matches!(LaneAccount::from_pickle(&old), Err(LaneError::Pickle)));
}

#[test]
fn low_order_keys_and_damaged_packets_are_refused() {
    let (alice, mut bob) = (person(1), person(2));
    let own = bob.end;
    let fallback = bob.account.fallback().unwrap();
    let weak = LaneEnd { olm: [0; 32], ..bob.end };
    assert!(matches!(LaneSession::outbound(&alice.account, &weak, &fallback), Err(LaneError::Key)));
    assert!(matches!(LaneSession::outbound(&alice.account, &bob.end, &[0; 32]), Err(LaneError::Key)));
    let mut lane = LaneSession::outbound(&alice.account, &bob.end, &fallback).unwrap();
    let packet = lane.encrypt(&alice.end, &bob.end, place(1), content(1)).unwrap();
    for at in 0..packet.olm.len() {
        let mut damaged = packet.clone();
        damaged.olm[at] ^= 1;
        assert!(LaneSession::inbound(&mut bob.account, &own, &alice.end, &damaged).is_err(), "byte {at}");
    }
    let (mut at_bob, _) = LaneSession::inbound(&mut bob.account, &own, &alice.end, &packet).unwrap();
    let reply = at_bob.encrypt(&bob.end, &alice.end, place(1), content(1)).unwrap();
    let mut fresh = person(3);
    let end = fresh.end;
    let none = LaneSession::inbound(&mut fresh.account, &end, &bob.end, &reply);
    assert!(matches!(none, Err(LaneError::NoSession)));
    let unknown = LanePacket { olm_type: 7, ..reply };
    assert!(matches!(lane.decrypt(&alice.end, &bob.end, &unknown), Err(LaneError::Malformed)));
}

#[test]
fn a_packet_of_a_new_session_is_told_from_one_of_the_old() {
    let (alice, mut bob) = (person(1), person(2));
    let (_, mut at_bob, _) = session(&alice, &mut bob);
    let mut second =
        LaneSession::outbound(&alice.account, &bob.end, &bob.account.fallback().unwrap()).unwrap();
    let reset = LanePlace { generation: 1, td_seq: 1 };
    let packet = second.encrypt(&alice.end, &bob.end, reset, content(1)).unwrap();
    assert!(matches!(at_bob.decrypt(&bob.end, &alice.end, &packet), Err(LaneError::OtherSession)));
}

fn envelope_inner(len: usize) -> EnvelopeInner {
    let packet = LanePacket { olm: vec![0xa7; len], ..LanePacket::default() };
    EnvelopeInner { body: Some(EnvelopeBody::Lane(packet)) }
}

#[test]
fn an_envelope_opens_with_its_key_only_and_names_nobody() {
    let (bob, carol) = (XWingSecret::generate(&mut seeded(1)), XWingSecret::generate(&mut seeded(2)));
    for len in [0, 500, 5_000, 50_000] {
        let inner = envelope_inner(len);
        let envelope = seal_envelope(bob.public(), &inner, &mut seeded(3)).unwrap();
        assert!(is_bucket(envelope.encoded_len()));
        assert_eq!(open_envelope(&bob, &envelope), Ok(inner));
        assert_eq!(open_envelope(&carol, &envelope), Err(EnvelopeError::Other));
        let claimed = Envelope { to: public_id(carol.public()).to_vec(), ..envelope };
        assert!(matches!(open_envelope(&carol, &claimed), Err(EnvelopeError::Box(_))));
    }
    let long = seal_envelope(bob.public(), &envelope_inner(61_000), &mut seeded(3));
    assert!(matches!(long, Err(EnvelopeError::Padding(_))));
}

#[test]
fn changed_envelopes_are_refused() {
    let bob = XWingSecret::generate(&mut seeded(1));
    let envelope = seal_envelope(bob.public(), &envelope_inner(10), &mut seeded(3)).unwrap();
    let refused = |change: &dyn Fn(&mut Envelope)| {
        let mut changed = envelope.clone();
        change(&mut changed);
        open_envelope(&bob, &changed).unwrap_err()
    };
    assert_eq!(refused(&|e| e.v = 2), EnvelopeError::Version(2));
    assert_eq!(refused(&|e| e.ct.truncate(100)), EnvelopeError::Length);
    assert_eq!(refused(&|e| e.enc.clear()), EnvelopeError::Length);
    for at in (0..1_120).step_by(13) {
        assert_eq!(refused(&|e| e.enc[at] ^= 1), EnvelopeError::Box(BoxError::Open), "enc {at}");
    }
    for at in 0..envelope.ct.len() {
        assert_eq!(refused(&|e| e.ct[at] ^= 1), EnvelopeError::Box(BoxError::Open), "ct {at}");
    }
    let no_key = seal_envelope(&[1; 1_215], &envelope_inner(1), &mut seeded(1));
    assert_eq!(no_key, Err(EnvelopeError::Box(BoxError::Key)));
    // Coefficients above the modulus make the lattice part no key.
    let no_point = seal_envelope(&[0xff; 1_216], &envelope_inner(1), &mut seeded(1));
    assert_eq!(no_point, Err(EnvelopeError::Box(BoxError::Key)));
}
