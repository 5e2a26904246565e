use super::*;
use crate::testing::{ALICE, BOB, device, device_row, op_id, room, say, with_store};

#[test]
fn holes_are_found_and_closed() {
    with_store(|c| {
        let r = room(c, 1);
        for seq in [1, 2, 5, 6, 9] {
            say(c, r, ALICE, seq, seq, "a");
        }
        for seq in [4, 5] {
            say(c, r, BOB, seq, seq, "b");
        }
        let alice = device_row(c, ALICE);
        let found = holes(c, r).unwrap();
        assert_eq!(
            found.iter().map(|h| (h.author, h.from_seq, h.to_seq)).collect::<Vec<_>>(),
            vec![(device(ALICE), 3, 4), (device(ALICE), 7, 8), (device(BOB), 1, 3)]
        );
        assert_eq!(contiguous(c, r, alice, 1).unwrap(), 2);
        assert_eq!(contiguous(c, r, alice, 5).unwrap(), 6);
        assert_eq!(contiguous(c, r, alice, 3).unwrap(), 2);
        let lines = list(c, r).unwrap();
        assert_eq!(
            lines.iter().map(|l| (l.author, l.first, l.upto, l.last)).collect::<Vec<_>>(),
            vec![(device(ALICE), 1, 2, 9), (device(BOB), 4, 5, 5)]
        );
        for seq in [3, 4, 7, 8] {
            say(c, r, ALICE, seq, seq, "a");
        }
        assert_eq!(contiguous(c, r, alice, 3).unwrap(), 9);
        assert_eq!(holes(c, r).unwrap().len(), 1);
    });
}

#[test]
fn the_tip_and_a_range_of_a_line() {
    with_store(|c| {
        let r = room(c, 1);
        let alice = device_row(c, ALICE);
        assert_eq!(tip(c, r, alice).unwrap(), None);
        for seq in 1..=5 {
            say(c, r, ALICE, seq, seq * 10, "a");
        }
        assert_eq!(tip(c, r, alice).unwrap(), Some(Tip { seq: 5, id: op_id(ALICE, 5), hlc: 50 }));
        let part = range(c, r, alice, 2, 4, 2).unwrap();
        assert_eq!(part.iter().map(|op| op.seq).collect::<Vec<_>>(), vec![2, 3]);
        assert_eq!(range(c, r, alice, 4, u64::MAX, 9).unwrap().len(), 2);
    });
}
