use super::*;
use crate::testing::{ALICE, room, say, with_store};

fn relay_box(relay: RelayRow, id: u8, room: Option<RoomRow>) -> RelayBox {
    RelayBox {
        relay,
        id: [id; 16],
        kind: BoxKind::Log,
        room,
        secret: vec![9; 32],
        epoch: Vec::new(),
        cursor: 0,
        until: None,
        version: 0,
    }
}

fn put_of(relay: RelayRow, op: Option<OpRow>, due_at: u64) -> NewPut {
    NewPut {
        relay,
        relay_box: [1; 16],
        kind: BoxKind::Log,
        op,
        lane: None,
        token: Some(vec![1]),
        slot: None,
        del_hash: Some(vec![2]),
        ttl_h: 336,
        body: vec![5; 100],
        at: 1,
        due_at,
    }
}

#[test]
fn a_relay_is_one_row_and_takes_its_boxes_and_puts_with_it() {
    with_store(|c| {
        let relay = intern(c, "/ip4/10.0.0.1", b"peer", 5).unwrap();
        assert_eq!(intern(c, "/ip4/10.0.0.1", b"other", 6).unwrap(), relay);
        set_own(c, relay, true, "code").unwrap();
        set_addr(c, relay, "/dns4/relay.example").unwrap();
        let r = room(c, 1);
        put_box(c, &relay_box(relay, 1, Some(r))).unwrap();
        let row = queue(c, &put_of(relay, None, 0)).unwrap();
        let kept = get(c, relay).unwrap().unwrap();
        assert_eq!((kept.own, kept.code.as_str(), kept.peer.as_slice()), (true, "code", b"peer".as_slice()));
        assert_eq!(kept.addr, "/dns4/relay.example");
        assert_eq!(list(c).unwrap(), vec![kept]);
        assert_eq!(boxes_of_room(c, r).unwrap(), vec![relay_box(relay, 1, Some(r))]);
        assert!(remove(c, relay).unwrap());
        assert!(boxes(c, relay).unwrap().is_empty());
        assert_eq!(get_put(c, row).unwrap(), None);
    });
}

#[test]
fn a_cursor_only_rises_within_an_epoch() {
    with_store(|c| {
        let relay = intern(c, "/ip4/10.0.0.1", b"peer", 5).unwrap();
        put_box(c, &relay_box(relay, 1, None)).unwrap();
        let cursor = || get_box(c, relay, &[1; 16]).unwrap().unwrap().cursor;
        assert!(!set_cursor(c, relay, &[1; 16], b"epoch 1", 10).unwrap());
        assert!(!set_cursor(c, relay, &[1; 16], b"epoch 1", 8).unwrap());
        assert_eq!(cursor(), 10);
        assert!(set_cursor(c, relay, &[1; 16], b"epoch 2", 0).unwrap(), "the box was made anew");
        assert_eq!(cursor(), 0);
        set_until(c, relay, &[1; 16], Some(99)).unwrap();
        assert_eq!(get_box(c, relay, &[1; 16]).unwrap().unwrap().until, Some(99));
        assert!(remove_box(c, relay, &[1; 16]).unwrap());
    });
}

#[test]
fn puts_go_out_when_due_and_come_back_after_a_failure() {
    with_store(|c| {
        let relay = intern(c, "/ip4/10.0.0.1", b"peer", 5).unwrap();
        let op = say(c, room(c, 1), ALICE, 1, 1, "hi");
        let (late, soon) =
            (queue(c, &put_of(relay, Some(op), 50)).unwrap(), queue(c, &put_of(relay, None, 20)).unwrap());
        assert_eq!(next_due(c, relay).unwrap(), Some(20));
        assert!(due(c, relay, 19, 9).unwrap().is_empty());
        let ready: Vec<_> = due(c, relay, 50, 9).unwrap().into_iter().map(|p| p.row).collect();
        assert_eq!(ready, vec![soon, late]);
        failed(c, soon, "quota", 80).unwrap();
        let again = get_put(c, soon).unwrap().unwrap();
        assert_eq!((again.tries, again.error.as_str(), again.put.due_at), (1, "quota", 80));
        assert_eq!(again.put, NewPut { due_at: 80, ..put_of(relay, None, 20) });
        assert!(stored(c, soon).unwrap());
        assert!(!stored(c, soon).unwrap());
        assert_eq!([BoxKind::Log, BoxKind::Inbox].map(|kind| waiting(c, kind).unwrap()), [1, 0]);
        assert!(carries(c, op).unwrap());
        let other = queue(c, &put_of(relay, Some(say(c, room(c, 2), ALICE, 2, 2, "ho")), 50)).unwrap();
        let carried = get_put(c, other).unwrap().unwrap().put.op.unwrap();
        assert_eq!(uncarry(c, carried).unwrap(), 1);
        assert_eq!(get_put(c, other).unwrap().unwrap().put.op, None);
        assert!(stored(c, other).unwrap());
        assert_eq!(drop_puts_of(c, op).unwrap(), 1);
        assert!(!carries(c, op).unwrap());
        assert_eq!(next_due(c, relay).unwrap(), None);
    });
}

#[test]
fn puts_are_found_by_kind_and_bytes_and_a_register_is_replaced() {
    with_store(|c| {
        let relay = intern(c, "/ip4/10.0.0.1", b"peer", 5).unwrap();
        let inbox = NewPut { kind: BoxKind::Inbox, body: vec![6], ..put_of(relay, None, 1) };
        let register = NewPut { slot: Some(vec![3; 16]), ..put_of(relay, None, 1) };
        let (first, second) = (queue(c, &inbox).unwrap(), queue(c, &register).unwrap());
        let of = |kind| due_of(c, relay, kind, 1, 9).unwrap().into_iter().map(|p| p.row).collect::<Vec<_>>();
        assert_eq!((of(BoxKind::Inbox), of(BoxKind::Log)), (vec![first], vec![second]));
        assert!(is_queued(c, relay, &[1; 16], &[6]).unwrap());
        assert!(!is_queued(c, relay, &[1; 16], &[7]).unwrap());
        assert_eq!(with_puts(c).unwrap(), vec![relay]);
        assert_eq!(drop_register(c, &[1; 16], &[3; 16]).unwrap(), 1);
        assert_eq!(of(BoxKind::Log), vec![]);
    });
}
