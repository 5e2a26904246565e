//! Key slots, backups, escrow.

use super::seeded;
use crate::*;
use madang_wire::EscrowPart;

fn data_key() -> DataKey {
    DataKey::generate(&mut seeded(1))
}

#[test]
fn each_kind_of_slot_opens_with_its_secret() {
    let phrase = Phrase::from_entropy(&[1; 32]);
    let other_phrase = Phrase::from_entropy(&[2; 32]);
    let cases = [
        (SlotSecret::Passphrase("수박 seven"), SlotSecret::Passphrase("수박 eight")),
        (SlotSecret::Key(&[1; 32]), SlotSecret::Key(&[2; 32])),
        (SlotSecret::Phrase(&phrase), SlotSecret::Phrase(&other_phrase)),
    ];
    for (right, wrong) in cases {
        let slot = KeySlot::wrap(&data_key(), right, Cost::TEST, &mut seeded(2)).unwrap();
        let stored = KeySlot::from_bytes(&slot.to_bytes()).unwrap();
        assert_eq!(stored, slot);
        assert_eq!(stored.unlock(right), Ok(data_key()));
        assert_eq!(stored.unlock(wrong), Err(SlotError::WrongSecret));
        let other_kind = if matches!(right, SlotSecret::Key(_)) { cases[0].0 } else { cases[1].0 };
        assert_eq!(stored.unlock(other_kind), Err(SlotError::Kind));
    }
}

#[test]
fn a_changed_slot_gives_no_key() {
    let secret = SlotSecret::Passphrase("melon");
    let bytes = KeySlot::wrap(&data_key(), secret, Cost::TEST, &mut seeded(2)).unwrap().to_bytes();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let opened = KeySlot::from_bytes(&changed).and_then(|slot| slot.unlock(secret));
        assert!(opened.is_err(), "byte {at}");
    }
    assert_eq!(KeySlot::from_bytes(&bytes[1..]), Err(SlotError::Malformed));
}

#[test]
fn an_absurd_cost_is_refused_before_memory_is_taken() {
    let secret = SlotSecret::Passphrase("melon");
    let mut bytes = KeySlot::wrap(&data_key(), secret, Cost::TEST, &mut seeded(2)).unwrap().to_bytes();
    bytes[18..22].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(KeySlot::from_bytes(&bytes), Err(SlotError::Malformed));
}

#[test]
fn a_passphrase_opens_whatever_keyboard_composed_it() {
    let composed = SlotSecret::Passphrase("가방 é");
    let decomposed = "\u{1100}\u{1161}\u{1107}\u{1161}\u{11bc} e\u{301}";
    let slot = KeySlot::wrap(&data_key(), composed, Cost::TEST, &mut seeded(2)).unwrap();
    assert_eq!(slot.unlock(SlotSecret::Passphrase(decomposed)), Ok(data_key()));
}

#[test]
fn one_flipped_bit_refuses_a_backup() {
    let backup = Phrase::from_entropy(&[1; 32]).seed().backup();
    let data = b"ops, keys, contacts";
    let to_key = seal_backup_to_key(backup.public(), data, &mut seeded(3)).unwrap();
    let to_pass = seal_backup_to_passphrase("melon", Cost::TEST, data, &mut seeded(3)).unwrap();
    assert_eq!(backup_kind(&to_key), Ok(BackupKind::Phrase));
    assert_eq!(backup_kind(&to_pass), Ok(BackupKind::Passphrase));
    assert_eq!(open_backup_with_key(&backup, &to_key).unwrap()[..], data[..]);
    assert_eq!(open_backup_with_passphrase("melon", &to_pass).unwrap()[..], data[..]);
    for at in (0..to_key.len()).filter(|at| !(20..1_120).contains(at) || at % 16 == 0) {
        let mut changed = to_key.clone();
        changed[at] ^= 1 << (at % 8);
        assert!(open_backup_with_key(&backup, &changed).is_err(), "byte {at}");
    }
    for at in 0..to_pass.len() {
        let mut changed = to_pass.clone();
        // The highest bytes of the cost would ask for much work before the refusal: one bit each.
        changed[at] ^= 1;
        assert!(open_backup_with_passphrase("melon", &changed).is_err(), "byte {at}");
    }
    for end in [0, 5, 14, 16, 40, to_pass.len() - 1] {
        assert!(open_backup_with_passphrase("melon", &to_pass[..end]).is_err());
    }
}

#[test]
fn a_backup_names_why_it_does_not_open() {
    let (alice, bob) = (Phrase::from_entropy(&[1; 32]).seed(), Phrase::from_entropy(&[2; 32]).seed());
    let file = seal_backup_to_key(alice.backup().public(), b"x", &mut seeded(3)).unwrap();
    assert_eq!(open_backup_with_key(&bob.backup(), &file), Err(BackupError::Open));
    assert_eq!(open_backup_with_passphrase("melon", &file), Err(BackupError::Kind));
    assert_eq!(backup_kind(b"PK\x03\x04"), Err(BackupError::NotABackup));
    let mut newer = file;
    newer[13] = 2;
    assert_eq!(open_backup_with_key(&alice.backup(), &newer), Err(BackupError::Version(2)));
}

fn part(len: usize) -> EscrowPart {
    EscrowPart { account: vec![1; 32], part: 0, of: 1, at: 5, data: vec![7; len] }
}

#[test]
fn escrow_opens_with_the_phrase_and_names_its_signer() {
    let seed = Phrase::from_entropy(&[1; 32]).seed();
    let device = SignKey::from_seed(&[3; 32]);
    let body = seal_escrow(&part(1_000), &device, seed.backup().public(), &mut seeded(1)).unwrap();
    let opened = open_escrow(&body, &seed.backup()).unwrap();
    assert_eq!((opened.body.value(), opened.signer), (&part(1_000), device.public()));
    let other = Phrase::from_entropy(&[2; 32]).seed();
    assert_eq!(open_escrow(&body, &other.backup()).map(|_| ()), Err(EscrowError::Open));
    let long = seal_escrow(&part(61_000), &device, seed.backup().public(), &mut seeded(1));
    assert!(matches!(long, Err(EscrowError::TooLong(_))));
}

#[test]
fn the_account_slot_opens_with_the_seal_key() {
    let seed = Phrase::from_entropy(&[1; 32]).seed();
    let body = seal_account_slot(&seed.account_seal(), b"account log", &mut seeded(1)).unwrap();
    assert_eq!(open_account_slot(&seed.account_seal(), &body).unwrap()[..], b"account log"[..]);
    assert_eq!(open_account_slot(&[0; 32], &body), Err(EscrowError::Open));
    assert_eq!(open_account_slot(&seed.account_seal(), &body[..20]), Err(EscrowError::Open));
    let long = seal_account_slot(&[0; 32], &[0; 65_536], &mut seeded(1));
    assert_eq!(long, Err(EscrowError::TooLong(65_576)));
}
