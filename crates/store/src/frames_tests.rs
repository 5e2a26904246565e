use super::*;
use crate::testing::{ALICE, device_row, room, say, with_store};
use crate::{Conn, relays};

fn frame(op: OpRow, body: u8) -> Frame {
    Frame { op, key: KeyId::from_bytes([1; 16]), body: vec![body; 8] }
}

fn own(c: &Conn, r: RoomRow, n: u64) -> Vec<OpRow> {
    (1..=n).map(|seq| say(c, r, ALICE, seq, seq, "own")).collect()
}

#[test]
fn a_retry_sends_the_bytes_of_the_first_try() {
    with_store(|c| {
        let r = room(c, 1);
        let op = own(c, r, 1)[0];
        assert!(put(c, r, &frame(op, 1)).unwrap());
        assert!(!put(c, r, &frame(op, 2)).unwrap());
        assert_eq!(get(c, op).unwrap(), Some(frame(op, 1)));
        assert!(remove(c, op).unwrap());
        assert_eq!(get(c, op).unwrap(), None);
    });
}

#[test]
fn what_everybody_has_is_forgotten_and_the_rest_stays() {
    with_store(|c| {
        let (r, other) = (room(c, 1), room(c, 2));
        let ops = own(c, r, 5);
        for op in &ops {
            put(c, r, &frame(*op, 1)).unwrap();
        }
        let elsewhere = say(c, other, ALICE, 6, 6, "own");
        put(c, other, &frame(elsewhere, 1)).unwrap();
        assert_eq!(rooms(c).unwrap(), vec![(r, 5), (other, 1)]);
        assert_eq!(remove_covered(c, r, device_row(c, ALICE), 3).unwrap(), 3);
        let left: Vec<_> = pending(c, r, OpRow(0), 10).unwrap().into_iter().map(|f| f.op).collect();
        assert_eq!(left, ops[3..]);
        assert_eq!(pending(c, r, ops[3], 10).unwrap().len(), 1);
        assert_eq!(count(c).unwrap(), 3);
    });
}

#[test]
fn copies_of_a_wiped_box_are_lost() {
    with_store(|c| {
        let r = room(c, 1);
        let ops = own(c, r, 2);
        let relay = relays::intern(c, "/ip4/10.0.0.1", b"p", 0).unwrap();
        for (op, at) in ops.iter().zip([10, 20]) {
            stored(c, &Copy { op: *op, relay, relay_box: [4; 16], seq: at, at }).unwrap();
        }
        assert_eq!(copies(c, ops[1]).unwrap()[0].seq, 20);
        assert_eq!(lost(c, relay, &[4; 16], 20).unwrap(), vec![ops[0]]);
        assert_eq!(lost(c, relay, &[4; 16], u64::MAX >> 1).unwrap(), vec![ops[1]]);
        assert!(copies(c, ops[1]).unwrap().is_empty());
        assert!(was_relayed(c, ops[1]).unwrap(), "it was there once");
        assert_eq!(lost(c, relay, &[4; 16], u64::MAX >> 1).unwrap(), vec![], "lost only once");
    });
}

#[test]
fn only_frames_without_a_copy_are_put() {
    with_store(|c| {
        let r = room(c, 1);
        let ops = own(c, r, 3);
        for op in &ops {
            put(c, r, &frame(*op, 1)).unwrap();
        }
        let relay = relays::intern(c, "/ip4/10.0.0.1", b"p", 0).unwrap();
        stored(c, &Copy { op: ops[1], relay, relay_box: [4; 16], seq: 9, at: 10 }).unwrap();
        let left = || without_copy(c, r, 0, 9).unwrap().into_iter().map(|f| f.seq).collect::<Vec<_>>();
        assert_eq!(left(), [1, 3]);
        assert_eq!(after(c, r, 1, 9).unwrap().len(), 2);
        assert!(!was_relayed(c, ops[0]).unwrap());
        lost(c, relay, &[4; 16], 11).unwrap();
        assert_eq!(left(), [1, 2, 3]);
    });
}
