//! Relay proofs, tokens, invites, safety numbers.

use super::seeded;
use crate::*;
use madang_wire::{InviteRecord, SlotPut};

fn key() -> SignKey {
    SignKey::from_seed(&[1; 32])
}

#[test]
fn a_proof_works_at_one_relay_for_one_challenge() {
    let auth = sign_auth(&key(), &[1; 32], &[2; 32]);
    assert_eq!(verify_auth(&auth, &[1; 32], &[2; 32]), Ok(key().public()));
    assert!(verify_auth(&auth, &[9; 32], &[2; 32]).is_err(), "another relay");
    assert!(verify_auth(&auth, &[1; 32], &[9; 32]).is_err(), "another stream");
}

#[test]
fn every_field_of_a_slot_put_is_signed() {
    let put = SlotPut {
        version: 3,
        body: b"sealed".to_vec(),
        new_pub: vec![4; 32],
        admission: "code".into(),
        ..SlotPut::default()
    };
    let put = sign_slot_put(put, &key(), &[1; 32]).unwrap();
    assert_eq!(verify_slot_put(&put, &[1; 32]), Ok(()));
    assert!(verify_slot_put(&put, &[2; 32]).is_err(), "another relay");
    let refused = |change: fn(&mut SlotPut)| {
        let mut changed = put.clone();
        change(&mut changed);
        assert!(verify_slot_put(&changed, &[1; 32]).is_err());
    };
    refused(|p| p.version = 4);
    refused(|p| p.body.push(0));
    refused(|p| p.new_pub.clear());
    refused(|p| p.admission.clear());
    refused(|p| p.slot_pub = SignKey::from_seed(&[2; 32]).public().to_vec());
    // Bytes moved from one field to the next are another message.
    refused(|p| (p.body, p.new_pub) = (b"seale".to_vec(), [&b"d"[..], &[4; 32]].concat()));
}

#[test]
fn a_deletion_is_no_put_and_a_put_no_deletion() {
    let delete = sign_slot_delete(&key(), &[1; 32], 7);
    assert_eq!(verify_slot_delete(&delete, &[1; 32]), Ok(()));
    let later = madang_wire::SlotDelete { version: 8, ..delete.clone() };
    assert!(verify_slot_delete(&later, &[1; 32]).is_err());
    let put = SlotPut { slot_pub: delete.slot_pub, version: 7, sig: delete.sig, ..SlotPut::default() };
    assert!(verify_slot_put(&put, &[1; 32]).is_err());
}

#[test]
fn own_machines_can_drop_what_one_of_them_put() {
    let secret = del_secret(&[1; 32], b"body");
    assert_eq!(secret, del_secret(&[1; 32], b"body"));
    assert_ne!(secret, del_secret(&[2; 32], b"body"));
    assert_eq!(del_hash(&secret), sha256(&secret)[..16]);
}

#[test]
fn tokens_are_valid_until_their_hour_and_for_their_key() {
    let token = issue_token(&[1; 32], 17, 500_000);
    let valid = TokenSlot { slot: 17, expiry_h: 500_000 };
    assert_eq!(check_token(&[1; 32], &token, 499_000), Ok(valid));
    assert_eq!(check_token(&[1; 32], &token, 500_000), Ok(valid));
    assert_eq!(check_token(&[1; 32], &token, 500_001), Err(TokenError::Expired));
    assert_eq!(check_token(&[2; 32], &token, 1), Err(TokenError::Wrong));
    assert_eq!(check_token(&[1; 32], &token[1..], 1), Err(TokenError::Malformed));
    for at in 0..token.len() {
        let mut changed = token;
        changed[at] ^= 1;
        assert_eq!(check_token(&[1; 32], &changed, 1), Err(TokenError::Wrong), "byte {at}");
    }
}

#[test]
fn each_inbox_has_a_token_key_of_its_own() {
    let key = inbox_token_key(&[4; 32], &[6; 16]);
    // HKDF-SHA256, computed with Python.
    let known = "4d9b5e8c8c98257097fd2bb60cc1dc20ec2bcf7b900052e505977fd9ff230af1";
    assert_eq!(key.to_vec(), super::hex(known));
    let token = issue_token(&key, 17, 500_000);
    for other in [inbox_token_key(&[4; 32], &[7; 16]), inbox_token_key(&[5; 32], &[6; 16])] {
        assert_eq!(check_token(&other, &token, 1), Err(TokenError::Wrong));
    }
}

#[test]
fn who_has_the_link_reads_the_invite() {
    let record = InviteRecord { once: true, expires: 9, ..InviteRecord::default() };
    let sealed = seal_invite(&[1; 16], &record, &key(), &mut seeded(1)).unwrap();
    let opened = open_invite(&[1; 16], &sealed).unwrap();
    assert_eq!((opened.body.value(), opened.signer), (&record, key().public()));
    assert_eq!(open_invite(&[2; 16], &sealed).map(|_| ()), Err(InviteError::Open));
    assert_eq!(open_invite(&[1; 16], &[0; 70_000]).map(|_| ()), Err(InviteError::TooLong(70_000)));
    let mut changed = sealed;
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(open_invite(&[1; 16], &changed).map(|_| ()), Err(InviteError::Open));
    assert_ne!(invite_id(&[1; 16]), invite_id(&[2; 16]));
}

#[test]
fn both_friends_see_the_same_safety_number() {
    let emoji = safety_emoji(&[1; 32], &[2; 32]);
    assert_eq!(emoji, safety_emoji(&[2; 32], &[1; 32]));
    assert_ne!(emoji, safety_emoji(&[1; 32], &[3; 32]));
    let mut seen = std::collections::BTreeSet::new();
    for other in 0..=255_u8 {
        seen.extend(safety_emoji(&[other; 32], &[7; 32]));
    }
    assert_eq!(seen.len(), 64, "each of the emoji occurs, and none is empty");
    assert!(!seen.contains(""));
}
