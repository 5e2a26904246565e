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
fn what_is_on_its_way_names_the_relays_that_hold_it() {
    with_store(|c| {
        let r = room(c, 1);
        let ops = own(c, r, 3);
        for op in &ops {
            put(c, r, &frame(*op, 1)).unwrap();
        }
        let near = relays::intern(c, "/ip4/10.0.0.1", b"near", 0).unwrap();
        let far = relays::intern(c, "/ip4/10.0.0.2", b"far", 0).unwrap();
        for (relay, seq) in [(near, 9), (far, 4)] {
            stored(c, &Copy { op: ops[1], relay, relay_box: [4; 16], seq, at: 10 }).unwrap();
        }
        let at = |after| -> Vec<(u64, Vec<RelayRow>)> {
            placed(c, r, after, 9).unwrap().into_iter().map(|p| (p.seq, p.relays)).collect()
        };
        assert_eq!(at(OpRow(0)), [(1, vec![]), (2, vec![near, far]), (3, vec![])]);
        assert_eq!(at(ops[1]), [(3, vec![])]);
        assert!(!was_relayed(c, ops[0]).unwrap());
        assert_eq!(boxes_with_copies(c).unwrap(), [(near, [4; 16], r), (far, [4; 16], r)]);
        assert_eq!(lost(c, near, &[4; 16], 11).unwrap(), vec![ops[1]]);
        assert_eq!(at(OpRow(0))[1], (2, vec![far]));
        assert_eq!(boxes_with_copies(c).unwrap(), [(far, [4; 16], r)]);
        assert_eq!(after(c, r, 1, 9).unwrap().len(), 2);
    });
}

#[test]
fn copies_with_numbers_that_a_relay_has_dropped_are_lost() {
    with_store(|c| {
        let r = room(c, 1);
        let ops = own(c, r, 3);
        let relay = relays::intern(c, "/ip4/10.0.0.1", b"p", 0).unwrap();
        for (op, seq) in ops.iter().zip([5, 6, 7]) {
            stored(c, &Copy { op: *op, relay, relay_box: [4; 16], seq, at: 1 }).unwrap();
        }
        assert_eq!(lost_below(c, relay, &[5; 16], 7).unwrap(), vec![], "another box");
        assert_eq!(lost_below(c, relay, &[4; 16], 7).unwrap(), ops[..2].to_vec());
        assert_eq!(lost_below(c, relay, &[4; 16], 7).unwrap(), vec![], "lost only once");
        assert_eq!(lost_below(c, relay, &[4; 16], u64::MAX).unwrap(), vec![ops[2]]);
    });
}

#[test]
fn a_copy_that_was_there_already_keeps_its_age() {
    with_store(|c| {
        let op = own(c, room(c, 1), 1)[0];
        let relay = relays::intern(c, "/ip4/10.0.0.1", b"p", 0).unwrap();
        let copy = |relay_box, seq, at| Copy { op, relay, relay_box: [relay_box; 16], seq, at };
        held(c, &copy(4, 5, 10)).unwrap();
        held(c, &copy(4, 5, 90)).unwrap();
        assert_eq!(copies(c, op).unwrap(), [copy(4, 5, 10)]);
        lost(c, relay, &[4; 16], 50).unwrap();
        held(c, &copy(4, 5, 95)).unwrap();
        assert_eq!(copies(c, op).unwrap(), [copy(4, 5, 10)]);
        held(c, &copy(8, 1, 99)).unwrap();
        assert_eq!(copies(c, op).unwrap(), [copy(8, 1, 99)], "another box has another age");
        stored(c, &copy(8, 2, 120)).unwrap();
        assert_eq!(copies(c, op).unwrap(), [copy(8, 2, 120)]);
    });
}

#[test]
fn a_key_is_needed_while_a_frame_is_sealed_under_it() {
    with_store(|c| {
        let (r, other) = (room(c, 1), room(c, 2));
        let op = own(c, r, 1)[0];
        put(c, r, &frame(op, 1)).unwrap();
        let needed = |room, key| sealed_under(c, room, &KeyId::from_bytes([key; 16])).unwrap();
        assert!(needed(r, 1));
        assert!(!needed(r, 2) && !needed(other, 1));
        remove(c, op).unwrap();
        assert!(!needed(r, 1));
    });
}

#[test]
fn what_a_device_waits_for_is_counted_by_kind_and_by_relay() {
    with_store(|c| {
        let r = room(c, 1);
        let ops = own(c, r, 4);
        for op in &ops {
            put(c, r, &frame(*op, 1)).unwrap();
        }
        let relay = relays::intern(c, "/ip4/10.0.0.1", b"p", 0).unwrap();
        for (op, seq) in [(ops[1], 5), (ops[3], 0)] {
            stored(c, &Copy { op, relay, relay_box: [4; 16], seq, at: 10 }).unwrap();
        }
        let kind = crate::ops::get(c, ops[0]).unwrap().unwrap().kind;
        assert_eq!(waiting(c, r, 0, kind).unwrap(), (4, 1), "a copy that was lost counts no more");
        assert_eq!(waiting(c, r, 2, kind).unwrap(), (2, 0));
        assert_eq!(waiting(c, r, 0, kind + 1).unwrap(), (0, 0));
    });
}
