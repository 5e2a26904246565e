use super::*;
use crate::testing::{ALICE, BOB, CAROL, account, device_row, room, with_store};
use proptest::prelude::*;

#[test]
fn what_a_device_has_never_falls() {
    with_store(|c| {
        let (r, alice, bob, carol) =
            (room(c, 1), device_row(c, ALICE), device_row(c, BOB), device_row(c, CAROL));
        assert!(raise(c, r, bob, alice, 5).unwrap());
        assert!(!raise(c, r, bob, alice, 4).unwrap());
        assert!(!raise(c, r, bob, alice, 5).unwrap());
        set_also(c, r, bob, alice, &[9; 32]).unwrap();
        assert_eq!(get(c, r, bob, alice).unwrap(), (5, vec![9; 32]));
        assert_eq!(get(c, r, carol, alice).unwrap(), (0, Vec::new()));
        assert_eq!(beyond(c, r).unwrap(), vec![(bob, alice, vec![OpId::from_bytes([9; 32])])]);
        assert_eq!(vectors(c, r).unwrap()[&bob][&alice], 5);
        assert_eq!(missing(c, r, alice, 5, &[bob, carol]).unwrap(), vec![carol]);
        assert_eq!(missing(c, r, alice, 6, &[bob]).unwrap(), vec![bob]);
        assert_eq!(floor(c, r, alice, &[bob]).unwrap(), Some(5));
        assert_eq!(floor(c, r, alice, &[bob, carol]).unwrap(), Some(0));
        assert_eq!(floor(c, r, alice, &[]).unwrap(), None);
        forget(c, r, bob).unwrap();
        assert!(vectors(c, r).unwrap().is_empty());
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn read_marks_end_at_the_highest_report(reports in prop::collection::vec(0u64..1000, 1..20)) {
        with_store(|c| {
            let (r, alice) = (room(c, 1), device_row(c, ALICE));
            for seq in &reports {
                raise_read(c, r, &account(BOB), alice, *seq).unwrap();
            }
            let highest = *reports.iter().max().unwrap();
            assert_eq!(read_mark(c, r, &account(BOB), alice).unwrap(), highest);
            assert_eq!(read_marks(c, r).unwrap()[&account(BOB)][&alice], highest);
        });
    }
}
