use super::*;
use crate::testing::{ALICE, BOB, device, room, with_store};

fn key(id: u8) -> KeyId {
    KeyId::from_bytes([id; 16])
}

#[test]
fn frames_are_taken_out_by_key_in_order() {
    with_store(|c| {
        let r = room(c, 1);
        for n in 0..5 {
            park_frame(c, r, &key(n % 2), &[n], 10 + u64::from(n)).unwrap();
        }
        assert_eq!(unknown_keys(c).unwrap(), vec![(r, key(0), 10), (r, key(1), 11)]);
        assert_eq!(take_frames(c, r, &key(0), 2).unwrap(), vec![vec![0], vec![2]]);
        assert_eq!(take_frames(c, r, &key(0), 9).unwrap(), vec![vec![4]]);
        assert_eq!(drop_frames(c, r, &key(1)).unwrap(), 2);
        assert!(unknown_keys(c).unwrap().is_empty());
    });
}

#[test]
fn a_full_park_drops_the_oldest_unknown_key_first_in_its_room_alone() {
    with_store(|c| {
        let (r, other) = (room(c, 1), room(c, 2));
        park_frame(c, other, &key(7), &[1], 1).unwrap();
        park_frame(c, r, &key(1), &[1], 2).unwrap();
        for n in 0..FRAMES_CAP - 1 {
            assert_eq!(park_frame(c, r, &key(2), &n.to_be_bytes(), n as u64).unwrap(), 0);
        }
        assert_eq!(park_frame(c, r, &key(3), &[3], 9).unwrap(), 1);
        assert!(take_frames(c, r, &key(1), 9).unwrap().is_empty());
        assert_eq!(take_frames(c, r, &key(2), 5_000).unwrap().len(), FRAMES_CAP - 1);
        for n in 0..200 {
            park_frame(c, r, &key(4), &[n; 60 * 1024], 1).unwrap();
        }
        let bytes = take_frames(c, r, &key(4), 5_000).unwrap().iter().map(Vec::len).sum::<usize>();
        assert!(bytes as u64 <= FRAME_BYTES_CAP && bytes > 7 * 1024 * 1024, "{bytes}");
        assert_eq!(take_frames(c, other, &key(7), 9).unwrap().len(), 1);
    });
}

#[test]
fn ops_wait_for_their_author_within_bounds() {
    with_store(|c| {
        let r = room(c, 1);
        park_op(c, r, &device(ALICE), b"first", 3).unwrap();
        for n in 0..OPS_CAP {
            park_op(c, r, &device(BOB), &n.to_be_bytes(), 4).unwrap();
        }
        assert_eq!(unknown_authors(c).unwrap(), vec![(r, device(BOB), 4)]);
        assert!(take_ops(c, r, &device(ALICE), 9).unwrap().is_empty());
        assert_eq!(take_ops(c, r, &device(BOB), 1).unwrap(), vec![0_usize.to_be_bytes().to_vec()]);
        assert_eq!(take_ops(c, r, &device(BOB), 9_999).unwrap().len(), OPS_CAP - 1);
    });
}

#[test]
fn copies_take_no_place() {
    with_store(|c| {
        let (r, other) = (room(c, 1), room(c, 2));
        for _ in 0..3 {
            park_frame(c, r, &key(1), b"frame", 1).unwrap();
            park_frame(c, r, &key(2), b"frame", 2).unwrap();
            park_frame(c, other, &key(1), b"frame", 3).unwrap();
            park_op(c, r, &device(ALICE), b"op", 4).unwrap();
            park_op(c, r, &device(BOB), b"op", 5).unwrap();
        }
        assert_eq!(unknown_keys_of(c, r).unwrap(), vec![key(1), key(2)]);
        assert_eq!(take_frames(c, r, &key(1), 9).unwrap(), vec![b"frame".to_vec()]);
        assert_eq!(take_frames(c, r, &key(2), 9).unwrap().len(), 1);
        assert_eq!(take_frames(c, other, &key(1), 9).unwrap().len(), 1);
        assert_eq!(take_ops(c, r, &device(ALICE), 9).unwrap(), vec![b"op".to_vec()]);
        assert_eq!(take_ops(c, r, &device(BOB), 9).unwrap().len(), 1);
    });
}
