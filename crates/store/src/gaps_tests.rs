use super::*;
use crate::testing::{ALICE, device_row, room, with_store};

fn stretches(c: &Conn, r: RoomRow) -> Vec<(u64, u64, bool)> {
    list(c, r).unwrap().into_iter().map(|g| (g.from_seq, g.to_seq, g.closed_at.is_some())).collect()
}

#[test]
fn a_gap_shrinks_splits_and_goes_as_ops_come() {
    with_store(|c| {
        let (r, alice) = (room(c, 1), device_row(c, ALICE));
        note(c, r, alice, 3, 7, 10).unwrap();
        note(c, r, alice, 3, 8, 99).unwrap();
        assert_eq!(list(c, r).unwrap()[0].since, 10);
        for (came, left) in [(5, vec![(3, 4), (6, 8)]), (8, vec![(3, 4), (6, 7)]), (3, vec![(4, 4), (6, 7)])]
        {
            fill(c, r, alice, came).unwrap();
            assert_eq!(stretches(c, r), left.into_iter().map(|(a, b)| (a, b, false)).collect::<Vec<_>>());
        }
        for came in [4, 6, 7] {
            fill(c, r, alice, came).unwrap();
        }
        assert!(list(c, r).unwrap().is_empty());
    });
}

#[test]
fn a_closed_gap_stays_closed() {
    with_store(|c| {
        let (r, alice) = (room(c, 1), device_row(c, ALICE));
        note(c, r, alice, 3, 4, 10).unwrap();
        assert_eq!(open_before(c, 11).unwrap().len(), 1);
        assert!(open_before(c, 10).unwrap().is_empty());
        assert!(close(c, r, alice, 3, 50, "revoked").unwrap());
        assert!(!close(c, r, alice, 3, 60, "again").unwrap());
        note(c, r, alice, 3, 9, 70).unwrap();
        assert_eq!(stretches(c, r), vec![(3, 4, true)]);
        assert!(open_before(c, 1_000).unwrap().is_empty());
    });
}
