use super::*;
use crate::testing::{ALICE, BOB, account, device, with_store};

#[test]
fn a_device_is_made_once_and_learns_its_account_later() {
    with_store(|c| {
        let row = intern(c, &device(ALICE), None).unwrap();
        assert_eq!(get(c, row).unwrap().unwrap().account, None);
        assert_eq!(intern(c, &device(ALICE), Some(&account(ALICE))).unwrap(), row);
        assert_eq!(intern(c, &device(ALICE), Some(&account(BOB))).unwrap(), row);
        assert_eq!(by_id(c, &device(ALICE)).unwrap().unwrap().account, Some(account(ALICE)));
        assert_eq!(of_account(c, &account(ALICE)).unwrap().len(), 1);
        assert_eq!(list(c).unwrap().len(), 1);
    });
}

#[test]
fn the_newest_bundle_and_address_win() {
    with_store(|c| {
        let row = intern(c, &device(BOB), Some(&account(BOB))).unwrap();
        set_asleep(c, row, Some(77)).unwrap();
        assert!(set_bundle(c, row, b"newer", 2).unwrap());
        assert!(!set_bundle(c, row, b"older", 1).unwrap());
        assert!(!set_bundle(c, row, b"same version", 2).unwrap());
        assert!(set_addr(c, row, b"there", 8, b"peer b").unwrap());
        assert!(!set_addr(c, row, b"here", 7, b"peer a").unwrap());
        let bob = get(c, row).unwrap().unwrap();
        assert_eq!((bob.bundle.unwrap(), bob.bundle_version), (b"newer".to_vec(), 2));
        assert_eq!(bob.asleep_since, None);
        assert_eq!(by_peer(c, b"peer b").unwrap().len(), 1);
        assert!(by_peer(c, b"peer a").unwrap().is_empty());
    });
}

#[test]
fn the_time_of_the_last_sign_of_life_never_goes_back() {
    with_store(|c| {
        let row = intern(c, &device(BOB), None).unwrap();
        seen(c, row, 50).unwrap();
        seen(c, row, 40).unwrap();
        assert_eq!(get(c, row).unwrap().unwrap().last_seen, 50);
    });
}
