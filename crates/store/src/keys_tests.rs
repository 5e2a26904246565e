use super::*;
use crate::testing::{ALICE, BOB, device, device_row, room, with_store};

fn key(id: u8, epoch: u64) -> EpochKey {
    EpochKey {
        id: KeyId::from_bytes([id; 16]),
        epoch,
        created_hlc: 77,
        creator: device(ALICE),
        body: vec![id; 40],
        received_at: 5,
        superseded_at: None,
    }
}

#[test]
fn the_highest_epoch_and_id_come_first_and_a_key_is_kept_once() {
    with_store(|c| {
        let r = room(c, 1);
        for (id, epoch) in [(1, 1), (2, 2), (3, 2)] {
            assert!(insert(c, r, &key(id, epoch)).unwrap());
        }
        assert!(!insert(c, r, &EpochKey { body: vec![0], ..key(3, 2) }).unwrap());
        assert_eq!(list(c, r).unwrap(), vec![key(3, 2), key(2, 2), key(1, 1)]);
        assert_eq!(get(c, &key(2, 2).id).unwrap(), Some((r, key(2, 2))));
        supersede(c, r, &key(1, 1).id, 10).unwrap();
        supersede(c, r, &key(1, 1).id, 20).unwrap();
        assert_eq!(get(c, &key(1, 1).id).unwrap().unwrap().1.superseded_at, Some(10));
        assert!(remove(c, r, &key(1, 1).id).unwrap());
        assert!(!remove(c, r, &key(1, 1).id).unwrap());
        assert!(!format!("{:?}", key(9, 1)).contains("9, 9"), "a key is not printed");
    });
}

#[test]
fn a_key_that_came_is_no_longer_asked_for() {
    with_store(|c| {
        let (r, bob) = (room(c, 1), device_row(c, BOB));
        let id = key(1, 1).id;
        asked(c, r, &id, 100).unwrap();
        asked(c, r, &id, 200).unwrap();
        assert_eq!(ask(c, &id).unwrap(), Some(KeyAsk { id, room: r, asked_at: 200, tries: 2 }));
        assert_eq!((asked_since(c, r, 200).unwrap(), asked_since(c, r, 201).unwrap()), (1, 0));
        insert(c, r, &key(1, 1)).unwrap();
        assert!(asks(c).unwrap().is_empty());
        asked(c, r, &key(2, 1).id, 1).unwrap();
        forget_ask(c, &key(2, 1).id).unwrap();
        assert!(asks(c).unwrap().is_empty());
        assert_eq!(shared_at(c, &id, bob).unwrap(), None);
        shared(c, &id, bob, 5).unwrap();
        shared(c, &id, bob, 6).unwrap();
        assert_eq!(shared_at(c, &id, bob).unwrap(), Some(6));
    });
}
