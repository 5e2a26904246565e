use super::*;
use crate::testing::{ALICE, device, device_row, room, with_store};
use madang_model::KeyId;

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
    });
}

#[test]
fn open_gaps_follow_the_holes() {
    with_store(|c| {
        let (r, alice) = (room(c, 1), device_row(c, ALICE));
        set_open(c, r, alice, &[(3, 9)], 10).unwrap();
        set_open(c, r, alice, &[(3, 4), (6, 8), (12, 12)], 20).unwrap();
        let since: Vec<u64> = list(c, r).unwrap().into_iter().map(|gap| gap.since).collect();
        assert_eq!((stretches(c, r).len(), since), (3, vec![10, 10, 20]));
        assert!(any_open(c, r).unwrap());
        set_open(c, r, alice, &[(6, 8)], 30).unwrap();
        close(c, r, alice, 6, 40, "never_delivered").unwrap();
        assert!(!any_open(c, r).unwrap());
        set_open(c, r, alice, &[], 50).unwrap();
        assert_eq!(stretches(c, r), vec![(6, 8, true)], "what was given up stays");
    });
}

/// A key that was in use between two times in ms.
fn key(c: &Conn, r: RoomRow, number: u8, made: u64, superseded_at: u64) -> EpochKey {
    let key = EpochKey {
        id: KeyId::from_bytes([number; 16]),
        epoch: u64::from(number),
        created_hlc: Hlc::from_millis(made).as_u64(),
        creator: device(ALICE),
        body: Vec::new(),
        received_at: made,
        superseded_at: Some(superseded_at),
    };
    keys::insert(c, r, &key).unwrap();
    key
}

#[test]
fn a_key_waits_for_the_gaps_that_began_while_it_was_in_use() {
    const DAY: u64 = FUTURE_TOLERANCE_MS;
    with_store(|c| {
        let (r, alice) = (room(c, 1), device_row(c, ALICE));
        let old = key(c, r, 1, 10 * DAY, 12 * DAY);
        let new = key(c, r, 2, 14 * DAY, 15 * DAY);
        assert_eq!(settled(c, r, &old).unwrap(), Settled::default());
        set_open(c, r, alice, &[(3, 4), (6, 6)], 12 * DAY).unwrap();
        assert!(settled(c, r, &old).unwrap().open);
        assert!(!settled(c, r, &new).unwrap().open, "what is missing is older than the key");
        fill(c, r, alice, 6, 20 * DAY).unwrap();
        assert_eq!(settled(c, r, &old).unwrap(), Settled { open: true, closed_at: Some(20 * DAY) });
        set_open(c, r, alice, &[(9, 9)], 21 * DAY).unwrap();
        let ended = Settled { open: false, closed_at: Some(21 * DAY) };
        assert_eq!(settled(c, r, &old).unwrap(), ended);
        close(c, r, alice, 9, 60 * DAY, "never_delivered").unwrap();
        assert_eq!(settled(c, r, &old).unwrap(), ended, "a gap that began later is none under this key");
        assert_eq!(settled(c, r, &new).unwrap(), Settled::default());
        keys::remove(c, r, &old.id).unwrap();
        assert_eq!(meta::get(c, &keys::gap_ended(r, &old.id)).unwrap(), None);
    });
}

#[test]
fn a_key_of_the_future_waits_for_gaps_as_any_other() {
    const DAY: u64 = FUTURE_TOLERANCE_MS;
    with_store(|c| {
        let (r, alice) = (room(c, 1), device_row(c, ALICE));
        let future =
            EpochKey { created_hlc: Hlc::from_millis(90 * DAY).as_u64(), ..key(c, r, 1, 10 * DAY, 12 * DAY) };
        set_open(c, r, alice, &[(3, 4)], 11 * DAY).unwrap();
        assert!(settled(c, r, &future).unwrap().open);
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
