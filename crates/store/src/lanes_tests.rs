use super::*;
use crate::testing::{ALICE, BOB, device_row, with_store};

#[test]
fn a_lane_begins_fresh_and_is_kept() {
    with_store(|c| {
        let bob = device_row(c, BOB);
        let mut lane = load(c, bob).unwrap();
        assert_eq!((lane.out_next, lane.in_next, lane.out_gen), (1, 1, 0));
        lane.session = Some(vec![1, 2, 3]);
        lane.out_next = 9;
        lane.in_gen = 2;
        save(c, &lane).unwrap();
        save(c, &lane).unwrap();
        assert_eq!(load(c, bob).unwrap(), lane);
    });
}

#[test]
fn a_newer_message_replaces_the_unsent_one_of_its_topic() {
    with_store(|c| {
        let (alice, bob) = (device_row(c, ALICE), device_row(c, BOB));
        let sent = queue(c, bob, "keys", b"old keys, sent", 1).unwrap();
        sealed(c, &[sent], 1, 1, b"bytes").unwrap();
        queue(c, bob, "keys", b"old keys", 2).unwrap();
        queue(c, bob, "", b"ack", 3).unwrap();
        queue(c, bob, "", b"ack", 3).unwrap();
        queue(c, alice, "keys", b"keys of alice", 3).unwrap();
        let newest = queue(c, bob, "keys", b"new keys", 4).unwrap();
        let bodies = |rows: Vec<Waiting>| rows.into_iter().map(|w| w.body).collect::<Vec<_>>();
        assert_eq!(
            bodies(waiting(c, bob, 10).unwrap()),
            vec![b"old keys, sent".to_vec(), b"ack".to_vec(), b"ack".to_vec(), b"new keys".to_vec()]
        );
        assert_eq!(unsealed(c, bob, 10).unwrap().len(), 3);
        assert_eq!(get(c, newest).unwrap().unwrap().at, 4);
        assert_eq!(devices(c).unwrap(), vec![alice, bob]);
    });
}

#[test]
fn an_acknowledgement_removes_its_generation_up_to_its_number() {
    with_store(|c| {
        let bob = device_row(c, BOB);
        let rows: Vec<_> = (0..4).map(|n| queue(c, bob, "", &[n], 1).unwrap()).collect();
        sealed(c, &rows[..2], 1, 1, b"one packet").unwrap();
        sealed(c, &rows[2..3], 1, 2, b"two").unwrap();
        let carried: Vec<_> = waiting(c, bob, 9).unwrap().into_iter().map(|w| w.envelope).collect();
        assert_eq!(carried, vec![Some(b"one packet".to_vec()), Some(vec![]), Some(b"two".to_vec()), None]);
        assert_eq!(acked(c, bob, 2, 9).unwrap(), 0);
        assert_eq!(acked(c, bob, 1, 1).unwrap(), 2);
        assert_eq!(unseal(c, bob).unwrap(), 1);
        assert_eq!(acked(c, bob, 1, u64::MAX).unwrap(), 0);
        assert_eq!(unsealed(c, bob, 9).unwrap().len(), 2);
        assert_eq!(clear(c, bob).unwrap(), 2);
    });
}

#[test]
fn early_packets_wait_within_bounds() {
    with_store(|c| {
        let bob = device_row(c, BOB);
        assert!(keep_early(c, bob, 1, 5, b"five").unwrap());
        assert!(keep_early(c, bob, 1, 5, b"five").unwrap(), "a copy has its place");
        assert!(!keep_early(c, bob, 1, 5, b"another").unwrap());
        assert!(keep_early(c, bob, 1, 3, b"three").unwrap());
        assert_eq!(early(c, bob).unwrap(), vec![(1, 3), (1, 5)]);
        assert_eq!(early_devices(c).unwrap(), vec![bob]);
        assert_eq!(take_early(c, bob, 1, 5).unwrap().as_deref(), Some(b"five".as_slice()));
        assert_eq!(take_early(c, bob, 1, 5).unwrap(), None);
        // The generation is for the sender to choose, so the bound is over all of them.
        for generation in 2..202 {
            keep_early(c, bob, generation, 9, b"x").unwrap();
        }
        assert_eq!(early(c, bob).unwrap().len(), EARLY_CAP);
        assert_eq!(drop_early(c, bob, 3).unwrap(), 2);
        assert!(keep_early(c, bob, 4, 1, b"y").unwrap());
    });
}

#[test]
fn an_unsealed_message_is_found_by_its_topic_and_can_be_dropped() {
    with_store(|c| {
        let bob = device_row(c, BOB);
        let sent = queue(c, bob, "keys", b"sent", 1).unwrap();
        sealed(c, &[sent], 1, 1, b"bytes").unwrap();
        let row = queue(c, bob, "keys", b"new", 2).unwrap();
        let found = unsealed_about(c, bob, "keys").unwrap();
        assert_eq!(found.iter().map(|w| w.row).collect::<Vec<_>>(), vec![row]);
        remove(c, row).unwrap();
        assert!(unsealed_about(c, bob, "keys").unwrap().is_empty());
        assert_eq!(waiting(c, bob, 9).unwrap().len(), 1);
    });
}
