//! Conversation keys, frames, routes.

use super::seeded;
use crate::*;
use madang_wire::pad::{BUCKETS, is_bucket};
use madang_wire::{Inner, InnerBody, Key, Message, Sealed, SignedOp, decode};

fn key(seed: u64, route: Option<[u8; 32]>) -> Vec<u8> {
    let new = NewKey {
        conv: [1; 32],
        epoch: 3,
        basis: &[[2; 32], [3; 32]],
        creator: [4; 32],
        created_hlc: 5,
        recipients: &[[6; 32], [4; 32]],
        route,
    };
    new_key(&new, &mut seeded(seed)).to_vec()
}

fn inner(text: &[u8]) -> Inner {
    let op = SignedOp { header: vec![1; 200], sig: vec![2; 64], payload: Some(text.to_vec()) };
    Inner { body: Some(InnerBody::Op(op)) }
}

fn seal(text: &[u8]) -> (SealKey, Sealed) {
    let key = SealKey::new(&key(1, None)).unwrap();
    let frame = key.seal(&inner(text), &mut seeded(9)).unwrap();
    (key, decode(&frame).unwrap())
}

#[test]
fn members_open_what_one_of_them_sealed() {
    let (key, sealed) = seal(b"hello");
    assert_eq!(key.open(&sealed), Ok(inner(b"hello")));
    assert_eq!(sealed.key_id, key.id());
}

#[test]
fn a_frame_has_a_bucket_length_and_no_plaintext() {
    let key = SealKey::new(&key(1, None)).unwrap();
    for len in [16, 100, 500, 5_000, 20_000, 60_000] {
        let text = vec![0xa7; len];
        let frame = key.seal(&inner(&text), &mut seeded(1)).unwrap();
        assert!(is_bucket(frame.len()), "{len} gives {}", frame.len());
        #[cfg(not(feature = "insecure-noop-seal"))]
        assert!(!frame.windows(16).any(|window| window == [0xa7; 16]));
    }
    assert_eq!(key.seal(&inner(&[]), &mut seeded(1)).unwrap().len(), BUCKETS[0]);
    assert!(matches!(key.seal(&inner(&[0; 62_000]), &mut seeded(1)), Err(SealError::Padding(_))));
}

#[test]
fn every_changed_byte_of_a_frame_is_refused() {
    let (key, sealed) = seal(b"hello");
    let bytes = sealed.encode_to_vec();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let opened = decode::<Sealed>(&changed).map_err(|_| ()).and_then(|f| key.open(&f).map_err(|_| ()));
        assert!(opened.is_err(), "byte {at}");
    }
}

#[test]
fn a_frame_without_the_route_is_dropped_before_it_is_opened() {
    let (key, sealed) = seal(b"hello");
    let forged = Sealed { rmac: vec![0; 16], ..sealed.clone() };
    assert_eq!(key.open(&forged), Err(SealError::Rmac));
    for rmac in [vec![], sealed.rmac[..8].to_vec(), [sealed.rmac.clone(), vec![0]].concat()] {
        assert_eq!(key.open(&Sealed { rmac, ..sealed.clone() }), Err(SealError::Rmac), "a shorter one");
    }
    let other = Route::new(&[8; 32]);
    assert!(!other.check_rmac(&sealed) && key.route().check_rmac(&sealed));
}

#[test]
fn a_key_of_the_same_route_passes_the_outer_check_but_opens_nothing() {
    let route = Some([7; 32]);
    let (old, new) = (SealKey::new(&key(1, route)).unwrap(), SealKey::new(&key(2, route)).unwrap());
    let sealed: Sealed = decode(&old.seal(&inner(b"hello"), &mut seeded(1)).unwrap()).unwrap();
    assert!(new.route().check_rmac(&sealed));
    assert_eq!(new.open(&sealed), Err(SealError::OtherKey));
    // A member who knows the route renames the key: the name is authenticated.
    let renamed = Sealed { key_id: new.id().to_vec(), ..sealed };
    let rmac = new.route().rmac(&renamed.key_id, &renamed.nonce, &renamed.ct).to_vec();
    assert_eq!(new.open(&Sealed { rmac, ..renamed }), Err(SealError::Open));
}

#[test]
fn a_repeating_generator_repeats_no_nonce_for_other_text() {
    let key = SealKey::new(&key(1, None)).unwrap();
    let nonce = |text: &[u8], seed| {
        decode::<Sealed>(&key.seal(&inner(text), &mut seeded(seed)).unwrap()).unwrap().nonce
    };
    assert_ne!(nonce(b"a", 1), nonce(b"b", 1), "same state of the generator, other text");
    assert_ne!(nonce(b"a", 1), nonce(b"a", 2), "same text, other state");
}

#[test]
fn keys_of_another_suite_or_length_are_refused() {
    let change = |change: fn(&mut Key)| {
        let mut changed: Key = decode(&key(1, None)).unwrap();
        change(&mut changed);
        SealKey::new(&changed.encode_to_vec()).map(|_| ())
    };
    assert_eq!(change(|_| {}), Ok(()));
    assert_eq!(change(|k| k.suite = 0), Err(SealError::Suite(0)));
    assert_eq!(change(|k| k.suite = 65_537), Err(SealError::Suite(65_537)));
    assert_eq!(change(|k| k.secret.truncate(31)), Err(SealError::KeyField("secret")));
    assert_eq!(change(|k| k.route.clear()), Err(SealError::KeyField("route")));
    assert_eq!(change(|k| k.conv.push(1)), Err(SealError::KeyField("conv")));
    assert!(matches!(SealKey::new(&[0xff; 9]), Err(SealError::Key(_))));
}

#[test]
fn a_frame_is_bound_to_the_suite_and_conversation_of_its_key() {
    let original: Key = decode(&key(1, None)).unwrap();
    let moved = Key { conv: vec![9; 32], ..original.clone() };
    let (one, two) =
        (SealKey::new(&original.encode_to_vec()).unwrap(), SealKey::new(&moved.encode_to_vec()).unwrap());
    assert_ne!(one.id(), two.id(), "every field is in the id");
    let sealed: Sealed = decode(&one.seal(&inner(b"hello"), &mut seeded(1)).unwrap()).unwrap();
    let renamed = Sealed { key_id: two.id().to_vec(), ..sealed };
    let rmac = two.route().rmac(&renamed.key_id, &renamed.nonce, &renamed.ct).to_vec();
    assert_eq!(two.open(&Sealed { rmac, ..renamed }), Err(SealError::Open));
}

#[test]
fn every_byte_of_a_key_is_in_its_id() {
    let bytes = key(1, None);
    let id = key_id(&bytes);
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert_ne!(key_id(&changed), id, "byte {at}");
    }
}

#[test]
fn a_new_key_takes_over_the_route_it_is_given() {
    let read = |bytes: &[u8]| decode::<Key>(bytes).unwrap();
    let (kept, fresh) = (read(&key(1, Some([7; 32]))), read(&key(1, None)));
    assert_eq!(kept.route, [7; 32]);
    assert_ne!(fresh.route, kept.route);
    assert_eq!(kept.recipients, ids_hash(&[[4; 32], [6; 32]]));
    assert_ne!(read(&key(2, None)).secret, fresh.secret);
}

#[test]
fn names_derived_from_a_route_do_not_reveal_each_other() {
    let route = Route::new(&[7; 32]);
    assert_eq!(route.topic().len(), 22);
    let tag = route.tag(&[1; 16], &[2; 16]);
    assert_ne!(tag, route.tag(&[2; 16], &[1; 16]), "opener and accepter differ");
    assert_ne!(tag, route.tag(&[1; 16], &[3; 16]), "every stream has its own names");
    assert_ne!(route.register_slot(&[1; 32], "read"), route.register_slot(&[1; 32], "heads"));
    assert_eq!(route.log_id(), box_id(&route.log_key().public()));
    assert_ne!(Route::new(&[8; 32]).topic(), route.topic());
}

#[test]
fn both_sides_of_a_conversation_find_the_same_id() {
    assert_eq!(direct_conv(&[1; 32], &[2; 32]), direct_conv(&[2; 32], &[1; 32]));
    assert_ne!(direct_conv(&[1; 32], &[1; 32]), self_conv(&[1; 32]));
}

#[test]
fn the_rules_see_what_the_creator_wrote() {
    let bytes = key(1, None);
    let facts = key_facts(&bytes).unwrap();
    assert_eq!(facts.id.to_bytes(), key_id(&bytes));
    assert_eq!((facts.epoch, facts.created.as_u64(), facts.creator.to_bytes()), (3, 5, [4; 32]));
    let basis: Vec<_> = facts.basis.iter().map(|id| id.to_bytes()).collect();
    assert_eq!(basis, [[2; 32], [3; 32]]);
    assert_eq!(key_names_recipients(&bytes, &[[4; 32], [6; 32]]), Ok(true));
    assert_eq!(key_names_recipients(&bytes, &[[4; 32]]), Ok(false), "a device was left out");
    let mut changed: Key = decode(&bytes).unwrap();
    changed.basis[0].pop();
    assert_eq!(key_facts(&changed.encode_to_vec()), Err(SealError::KeyField("basis")));
}

/// The proof that the search for plaintext can fail: this build must be caught by it.
#[test]
#[cfg(feature = "insecure-noop-seal")]
fn the_build_that_seals_nothing_shows_its_plaintext() {
    let (_, sealed) = seal(b"a text of more than sixteen bytes");
    let bytes = sealed.encode_to_vec();
    assert!(bytes.windows(16).any(|window| window == b"a text of more t"));
    assert!(is_bucket(bytes.len()));
}

#[test]
fn equal_sets_of_registers_have_equal_digests() {
    let (a, b) = (([1; 32], "read", 5), ([2; 32], "heads", 6));
    assert_eq!(registers_digest([a, b]), registers_digest([b, a, a]));
    assert_ne!(registers_digest([a]), registers_digest([a, b]));
    assert_ne!(registers_digest([a]), registers_digest([([1; 32], "read", 6)]));
    assert_ne!(registers_digest([]), registers_digest([a]));
}
