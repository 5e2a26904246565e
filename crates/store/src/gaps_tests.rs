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
            fill(c, r, alice, came, 100 + came).unwrap();
            assert_eq!(stretches(c, r), left.into_iter().map(|(a, b)| (a, b, false)).collect::<Vec<_>>());
        }
        for came in [4, 6, 7] {
            fill(c, r, alice, came, 100 + came).unwrap();
        }
        assert!(list(c, r).unwrap().is_empty());
        assert_eq!(settled(c, r).unwrap(), Settled { open: false, closed_at: Some(107) });
    });
}

#[test]
fn open_gaps_follow_the_holes_and_the_end_of_the_last_one_is_known() {
    with_store(|c| {
        let (r, alice) = (room(c, 1), device_row(c, ALICE));
        assert_eq!(settled(c, r).unwrap(), Settled::default());
        set_open(c, r, alice, &[(3, 9)], 10).unwrap();
        set_open(c, r, alice, &[(3, 4), (6, 8), (12, 12)], 20).unwrap();
        let since: Vec<u64> = list(c, r).unwrap().into_iter().map(|gap| gap.since).collect();
        assert_eq!((stretches(c, r).len(), since), (3, vec![10, 10, 20]));
        assert_eq!(settled(c, r).unwrap(), Settled { open: true, closed_at: None });
        set_open(c, r, alice, &[(6, 8)], 30).unwrap();
        assert_eq!(settled(c, r).unwrap(), Settled { open: true, closed_at: Some(30) });
        close(c, r, alice, 6, 40, "never_delivered").unwrap();
        assert_eq!(settled(c, r).unwrap(), Settled { open: false, closed_at: Some(40) });
        set_open(c, r, alice, &[], 50).unwrap();
        assert_eq!(stretches(c, r), vec![(6, 8, true)], "what was given up stays");
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
