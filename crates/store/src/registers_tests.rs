use super::*;
use crate::testing::{ALICE, BOB, device, room, with_store};

fn register(person: u8, name: &str, version: u64) -> Register {
    Register { author: device(person), name: name.to_owned(), version, body: version.to_be_bytes().to_vec() }
}

#[test]
fn the_highest_version_wins() {
    with_store(|c| {
        let r = room(c, 1);
        assert!(put(c, r, &register(ALICE, "heads", 2)).unwrap());
        assert!(!put(c, r, &register(ALICE, "heads", 1)).unwrap());
        assert!(!put(c, r, &register(ALICE, "heads", 2)).unwrap());
        assert!(put(c, r, &register(ALICE, "read", 1)).unwrap());
        assert!(put(c, r, &register(BOB, "heads", 9)).unwrap());
        assert_eq!(get(c, r, &device(ALICE), "heads").unwrap(), Some(register(ALICE, "heads", 2)));
        assert_eq!(
            named(c, r, "heads").unwrap(),
            vec![register(ALICE, "heads", 2), register(BOB, "heads", 9)]
        );
        assert_eq!(newest_of(c, r, &device(ALICE)).unwrap(), 2);
        assert_eq!(newest_of(c, r, &device(7)).unwrap(), 0);
        assert_eq!(list(c, r).unwrap().len(), 3);
        assert_eq!(
            versions(c, r).unwrap(),
            vec![
                (device(ALICE), "heads".to_owned(), 2),
                (device(ALICE), "read".to_owned(), 1),
                (device(BOB), "heads".to_owned(), 9)
            ]
        );
        assert!(list(c, room(c, 2)).unwrap().is_empty());
    });
}
