use super::*;
use crate::testing::{ALICE, BOB, device, device_row, new_op, op_id, room, say, with_store};
use proptest::prelude::*;

#[test]
fn an_op_is_kept_once_and_read_back_as_it_came() {
    with_store(|c| {
        let (r, author) = (room(c, 1), device_row(c, ALICE));
        let id = op_id(ALICE, 1);
        let op = NewOp { late: true, ..new_op(r, author, ALICE, 1, 77, 32, Some(b"hello"), &id) };
        let Inserted::New(row) = insert(c, &op).unwrap() else { panic!("a first copy is new") };
        assert_eq!(insert(c, &op).unwrap(), Inserted::Duplicate(row));
        let kept = by_id(c, &id).unwrap().unwrap();
        assert_eq!((kept.row, kept.room, kept.author, kept.seq, kept.hlc), (row, r, device(ALICE), 1, 77));
        assert_eq!(
            (kept.payload.as_deref(), kept.late, kept.origin),
            (Some(b"hello".as_slice()), true, Origin::Gossip)
        );
        assert_eq!(get(c, row).unwrap(), Some(kept));
        assert_eq!(header(c, &id).unwrap().as_deref(), Some(b"header".as_slice()));
        assert_eq!(exists(c, &[id, op_id(BOB, 1)]).unwrap(), vec![true, false]);
        assert_eq!(count(c).unwrap(), 1);
    });
}

#[test]
fn an_op_of_an_unknown_room_is_refused() {
    with_store(|c| {
        let author = device_row(c, ALICE);
        let id = op_id(ALICE, 1);
        let op = new_op(RoomRow(99), author, ALICE, 1, 1, 32, None, &id);
        assert!(matches!(insert(c, &op), Err(Error::Constraint(_))));
    });
}

#[test]
fn a_purge_takes_the_payload_alone_and_a_full_copy_brings_it_back() {
    with_store(|c| {
        let row = say(c, room(c, 1), ALICE, 1, 1, "secret");
        assert!(purge(c, row).unwrap());
        assert!(!purge(c, row).unwrap());
        let op = get(c, row).unwrap().unwrap();
        assert_eq!((op.payload, op.header.as_slice(), op.sig.len()), (None, b"header".as_slice(), 64));
        assert!(restore(c, row, b"secret").unwrap());
        assert!(!restore(c, row, b"other").unwrap());
        assert_eq!(get(c, row).unwrap().unwrap().payload.as_deref(), Some(b"secret".as_slice()));
    });
}

#[test]
fn an_op_of_the_future_is_handed_out_when_it_is_due() {
    with_store(|c| {
        let (r, author) = (room(c, 1), device_row(c, ALICE));
        for (seq, due_at) in [(1, 0), (2, 200), (3, 100)] {
            let id = op_id(ALICE, seq);
            insert(c, &NewOp { due_at, ..new_op(r, author, ALICE, seq, seq, 32, None, &id) }).unwrap();
        }
        assert_eq!(next_due(c).unwrap(), Some(100));
        assert!(due(c, 99, 10).unwrap().is_empty());
        let ready = due(c, 200, 10).unwrap();
        assert_eq!(ready.iter().map(|op| op.seq).collect::<Vec<_>>(), vec![3, 2]);
        applied(c, ready[0].row).unwrap();
        applied(c, ready[1].row).unwrap();
        assert_eq!(next_due(c).unwrap(), None);
    });
}

proptest! {
    #[test]
    fn the_order_of_authors_is_the_order_of_their_bytes(a: [u8; 32], b: [u8; 32]) {
        prop_assume!(a[..8] != b[..8]);
        let (a, b) = (DeviceId::from_bytes(a), DeviceId::from_bytes(b));
        prop_assert_eq!(author_order(&a).cmp(&author_order(&b)), a.cmp(&b));
    }
}
