use super::*;
use crate::testing::{ALICE, device, room, with_store};

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
