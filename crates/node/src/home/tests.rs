//! What a person relies on: a home is whole or absent, opens with the right secret only, and a failure changes nothing.

use std::{collections::BTreeMap, fs, io, path::Path};

use madang_crypto::{KeySlot, SlotSecret, verify_op};
use madang_store::{Home, accounts, devices, envelopes};
use madang_wire::SignedOp;

use super::*;

const NOW: u64 = 1_790_000_000_000;

fn alice(passphrase: &str) -> NewAccount<'_> {
    NewAccount { name: "Alice", machine: "laptop", passphrase: Some(passphrase), now_ms: NOW }
}

fn sum(path: &Path) -> [u8; 32] {
    madang_crypto::sha256(&fs::read(path).unwrap())
}

fn make(dir: &Path) -> Created {
    let held = hold(dir).unwrap();
    create(&held, alice("correct horse"), |_| Ok(())).unwrap()
}

/// Every file of a home but the lock, which a holder writes to, by the sum of its bytes.
fn files(dir: &Path) -> BTreeMap<String, [u8; 32]> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != "lock" && entry.path().is_file())
        .map(|entry| (entry.file_name().into_string().unwrap(), sum(&entry.path())))
        .collect()
}

#[test]
fn an_account_is_made_and_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut told = Vec::new();
    let held = hold(dir.path()).unwrap();
    assert!(matches!(open(&held, None), Err(Error::NoAccount)));
    let keep = |phrase: &Phrase| {
        told = phrase.words().collect();
        Ok(())
    };
    let created = create(&held, NewAccount { name: "  Alice ", ..alice("correct horse") }, keep).unwrap();
    assert_eq!(told.len(), 24);
    assert_eq!(created.phrase.words().collect::<Vec<_>>(), told);
    assert_eq!(created.name, "Alice");
    assert!(!created.key_in_file);

    let Opened { store, me } = open(&held, Some("correct horse")).unwrap();
    assert_eq!((me.account, me.device), (created.account, created.device));
    assert_eq!(me.card.name, "Alice");
    assert_eq!(me.escrow_slots.len(), 64);
    let seed = created.phrase.seed();
    assert_eq!(me.account_slot.public(), seed.account_slot().public());
    assert_eq!(me.escrow_slots[63].public(), seed.escrow_slot(63).public());
    assert_eq!(me.backup_public, seed.backup().public());
    assert_ne!(me.network, me.key.seed());

    let db = store.writer.conn();
    let log = accounts::list(db, &me.account).unwrap();
    let [genesis] = log.as_slice() else { panic!("{} ops", log.len()) };
    let op = SignedOp {
        header: genesis.header.clone(),
        sig: genesis.sig.clone(),
        payload: Some(genesis.payload.clone()),
    };
    let verified = verify_op(&op).unwrap();
    assert_eq!(verified.id, me.account.to_bytes());
    assert_eq!(verified.header.value().author, seed.root().public());
    assert_eq!(devices::of_account(db, &me.account).unwrap().len(), 1);
    assert_eq!(envelopes::keys(db).unwrap().len(), 1);
    madang_crypto::LaneAccount::from_pickle(&secrets::olm(db).unwrap()).unwrap();
}

#[test]
fn the_seed_and_the_root_key_are_nowhere_in_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let created = make(dir.path());
    let opened = open(&hold(dir.path()).unwrap(), Some("correct horse")).unwrap();
    let values = madang_store::meta::list(opened.store.writer.conn(), "").unwrap();
    assert!(values.len() >= 11);
    let root = created.phrase.seed().root().seed();
    for (name, value) in &values {
        assert!(!value.windows(32).any(|window| window == &root[..]), "{name}");
    }
}

#[test]
fn a_second_account_is_refused_and_the_first_untouched() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let before = files(dir.path());
    let held = hold(dir.path()).unwrap();
    assert!(matches!(create(&held, alice("other"), |_| Ok(())), Err(Error::Exists)));
    assert!(matches!(check_empty(dir.path()), Err(Error::Exists)));
    assert_eq!(files(dir.path()), before);
}

#[test]
fn wrong_and_missing_passphrases_are_told_apart_and_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let before = files(dir.path());
    let held = hold(dir.path()).unwrap();
    assert!(matches!(open(&held, Some("battery staple")), Err(Error::WrongSecret)));
    assert!(matches!(open(&held, None), Err(Error::Locked)));
    assert_eq!(files(dir.path()), before);
}

#[test]
fn the_recovery_phrase_is_a_way_to_the_key() {
    let dir = tempfile::tempdir().unwrap();
    let created = make(dir.path());
    let held = hold(dir.path()).unwrap();
    let slots = unlock::read_slots(&held).unwrap();
    let keys: Vec<_> = slots
        .iter()
        .filter_map(|slot| slot.try_secret(SlotSecret::Phrase(&created.phrase)).unwrap())
        .chain(
            slots.iter().filter_map(|slot| slot.try_secret(SlotSecret::Passphrase("correct horse")).unwrap()),
        )
        .collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0].bytes(), keys[1].bytes());
    assert_eq!(slot_kinds(dir.path()).unwrap(), ["passphrase", "recovery phrase"]);
}

#[test]
fn nothing_is_left_when_the_phrase_cannot_be_kept() {
    let dir = tempfile::tempdir().unwrap();
    let held = hold(dir.path()).unwrap();
    let refuse = |_: &Phrase| Err(io::Error::from(io::ErrorKind::PermissionDenied));
    assert!(matches!(create(&held, alice("p"), refuse), Err(Error::Unkept(_))));
    let full = |_: &Phrase| Err(io::Error::from(io::ErrorKind::StorageFull));
    assert!(matches!(create(&held, alice("p"), full), Err(Error::DiskFull)));
    assert!(files(dir.path()).is_empty());
    assert!(!dir.path().join("making").exists());
    create(&held, alice("p"), |_| Ok(())).unwrap();
}

#[test]
fn bad_names_are_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let held = hold(dir.path()).unwrap();
    for name in ["", "   ", "a name of more than twenty characters", "two\nlines"] {
        let new = NewAccount { name, ..alice("p") };
        assert!(matches!(create(&held, new, |_| Ok(())), Err(Error::Name(_))), "{name:?}");
    }
    assert!(files(dir.path()).is_empty());
}

#[test]
fn every_crash_between_making_and_moving_leaves_all_or_nothing() {
    let whole = tempfile::tempdir().unwrap();
    make(whole.path());
    let moved = ["store.check", "store.db", "slots"];
    // Before the account has come to be: nothing of it counts.
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    fs::create_dir_all(home.join("making")).unwrap();
    for name in moved {
        fs::copy(whole.path().join(name), home.join("making").join(name)).unwrap();
    }
    assert!(!has_account(&home).unwrap());
    drop(create(&hold(&home).unwrap(), alice("p"), |_| Ok(())).unwrap());
    assert!(!home.join("making").exists());
    // After it: whoever opens the home finishes, wherever the crash was.
    for done in 0..=moved.len() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path();
        fs::create_dir(home.join("made")).unwrap();
        for (index, name) in moved.iter().enumerate() {
            let to = if index < done { home.join(name) } else { home.join("made").join(name) };
            fs::copy(whole.path().join(name), to).unwrap();
        }
        assert!(has_account(home).unwrap(), "{done}");
        let held = hold(home).unwrap();
        assert!(matches!(create(&held, alice("p"), |_| Ok(())), Err(Error::Exists)), "{done}");
        open(&held, Some("correct horse")).unwrap();
        assert!(!home.join("made").exists());
    }
}

#[test]
fn damaged_slots_are_told_from_a_wrong_secret() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let path = dir.path().join("slots");
    let whole = fs::read(&path).unwrap();
    let held = hold(dir.path()).unwrap();
    for length in [0, 1, 8, 9, 40, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(open(&held, Some("correct horse")), Err(Error::Damaged(_))), "{length}");
    }
    for at in (0..whole.len()).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(open(&held, Some("correct horse")), Err(Error::Damaged(_))), "{at}");
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(open(&held, Some("correct horse")), Err(Error::SlotsMissing)));
    assert!(matches!(create(&held, alice("p"), |_| Ok(())), Err(Error::SlotsMissing)));
    assert!(matches!(has_account(dir.path()), Err(Error::SlotsMissing)));
    assert!(matches!(slot_kinds(dir.path()), Err(Error::SlotsMissing)));
    fs::write(&path, &whole).unwrap();
    open(&held, Some("correct horse")).unwrap();
}

#[test]
fn a_damaged_store_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    make(dir.path());
    let path = dir.path().join("store.db");
    let whole = fs::read(&path).unwrap();
    let held = hold(dir.path()).unwrap();
    for length in [0, 1, 100, 4096, whole.len() / 2] {
        fs::write(&path, &whole[..length]).unwrap();
        let before = files(dir.path());
        assert!(matches!(open(&held, Some("correct horse")), Err(Error::Damaged(_))), "{length}");
        assert_eq!(files(dir.path()), before, "{length}");
    }
    fs::write(&path, &whole).unwrap();
    open(&held, Some("correct horse")).unwrap();
}

#[test]
fn slots_of_two_homes_cannot_be_mixed() {
    let (alice, bob) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    make(alice.path());
    make(bob.path());
    fs::copy(bob.path().join("slots"), alice.path().join("slots")).unwrap();
    let held = hold(alice.path()).unwrap();
    assert!(matches!(open(&held, Some("correct horse")), Err(Error::Damaged(_))));
}

#[test]
fn a_phrase_is_checked_before_a_relay_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    let words = "abandon ".repeat(23) + "art";
    let check = |phrase: &str| restore(dir.path(), phrase, "Alice", None).unwrap_err();
    assert!(matches!(check(&words), Error::Offline(_)));
    let position = |error: Error| match error {
        Error::Phrase(error) => error.to_string(),
        other => panic!("{other}"),
    };
    assert!(position(check(&words.replacen("abandon", "abandom", 1))).contains("word 1 "));
    assert!(position(check("abandon art")).contains("2 words"));
    assert!(position(check(&words.replace("art", "abandon"))).contains("do not belong together"));
    let home = tempfile::tempdir().unwrap();
    make(home.path());
    assert!(matches!(restore(home.path(), &words, "Alice", None), Err(Error::Exists)));
}

#[test]
fn the_home_has_one_holder() {
    let dir = tempfile::tempdir().unwrap();
    let _held: Home = hold(dir.path()).unwrap();
    let pid = std::process::id();
    assert!(matches!(hold(dir.path()), Err(Error::InUse { pid: holder }) if holder == pid));
}

#[test]
fn the_name_of_this_machine_is_a_label() {
    madang_model::text::check_device_label(&machine_name()).unwrap();
}

#[test]
fn the_file_of_slots_has_a_bound() {
    let key = madang_crypto::DataKey::generate(&mut madang_crypto::os_rng());
    let slot = || {
        let secret = SlotSecret::Key(&[7; 32]);
        let slot = KeySlot::wrap(&key, secret, madang_crypto::Cost::STANDARD, &mut madang_crypto::os_rng());
        slots::Slot { place: slots::Place::Keyring, slot: slot.unwrap() }
    };
    let many: Vec<_> = (0..16).map(|_| slot()).collect();
    assert_eq!(slots::decode(&slots::encode(&many).unwrap()).unwrap().len(), 16);
    let more: Vec<_> = (0..17).map(|_| slot()).collect();
    assert!(slots::encode(&more).is_err());
}
