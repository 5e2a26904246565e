use super::*;
use crate::testing::{ALICE, BOB, CAROL, device, insert, op_id, room, say, with_store};

fn seqs(ops: &[Op]) -> Vec<(u64, u64)> {
    ops.iter().map(|op| (op.hlc, op.seq)).collect()
}

/// Twenty messages of Alice and Bob, in pairs with equal clock values, arriving newest first.
fn talk(c: &Conn) -> RoomRow {
    let r = room(c, 1);
    for n in (1..=10).rev() {
        say(c, r, BOB, n, n * 100, "bob");
        say(c, r, ALICE, n, n * 100, "alice");
    }
    r
}

#[test]
fn pages_walk_the_room_both_ways_without_loss_or_repetition() {
    with_store(|c| {
        let r = talk(c);
        let mut walked = Vec::new();
        let mut cursor = Cursor::Newest;
        loop {
            let page = page(c, r, cursor, &Kinds::MESSAGES, 3).unwrap();
            let Some(first) = page.first() else { break };
            cursor = Cursor::Before(first.place());
            walked.splice(0..0, page);
        }
        assert_eq!(walked.len(), 20);
        let mut forth = page(c, r, Cursor::After(walked[0].place()), &Kinds::MESSAGES, 100).unwrap();
        forth.insert(0, walked[0].clone());
        assert_eq!(walked, forth);
        let places: Vec<_> = walked.iter().map(Op::place).collect();
        let mut sorted = places.clone();
        sorted.sort();
        assert_eq!(places, sorted);
    });
}

#[test]
fn a_page_holds_the_asked_kinds_and_nothing_that_is_not_due() {
    with_store(|c| {
        let r = room(c, 1);
        insert(c, r, ALICE, 1, 10, 1, Some(b"genesis"));
        say(c, r, ALICE, 2, 20, "text");
        insert(c, r, ALICE, 3, 30, 35, Some(b"react"));
        let later = say(c, r, ALICE, 4, 40, "tomorrow");
        c.execute("UPDATE op SET due_at = 9 WHERE row = ?1", [later]).unwrap();
        let kinds = |kinds: &Kinds| {
            page(c, r, Cursor::Newest, kinds, 10).unwrap().iter().map(|op| op.kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds(&Kinds::ALL), vec![1, 32, 35]);
        assert_eq!(kinds(&Kinds::MESSAGES), vec![32]);
        assert_eq!(kinds(&Kinds::CONTENT), vec![32, 35]);
        assert_eq!(kinds(&Kinds::between(35, 40)), vec![35]);
        assert_eq!(control(c, r).unwrap().len(), 1);
        assert_eq!(count_after(c, r, None, &Kinds::CONTENT).unwrap(), 2);
        let text = Place { hlc: 20, author: device(ALICE), seq: 2 };
        assert_eq!(count_after(c, r, Some(text), &Kinds::CONTENT).unwrap(), 1);
    });
}

#[test]
fn a_page_around_an_op_has_it_in_the_middle() {
    with_store(|c| {
        talk(c);
        let page = around(c, &op_id(BOB, 5), &Kinds::MESSAGES, 5).unwrap().unwrap();
        assert_eq!(page.len(), 5);
        assert_eq!(page[2].id, op_id(BOB, 5));
        assert_eq!(seqs(&page), vec![(400, 4), (500, 5), (500, 5), (600, 6), (600, 6)]);
        assert_eq!(around(c, &op_id(CAROL, 5), &Kinds::MESSAGES, 5).unwrap(), None);
    });
}

#[test]
fn reconciliation_gets_every_item_of_the_range() {
    with_store(|c| {
        let r = talk(c);
        let mut items_seen = Vec::new();
        items(c, r, 300, 500, |hlc, id| {
            items_seen.push((hlc, id));
            Ok(())
        })
        .unwrap();
        assert_eq!(items_seen.iter().map(|(hlc, _)| *hlc).collect::<Vec<_>>(), vec![300, 300, 400, 400]);
        let mut n = 0;
        items(c, r, 0, u64::MAX, |_, _| {
            n += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(n, 20);
    });
}

#[test]
fn a_bulk_transfer_resumes_at_its_cursor() {
    with_store(|c| {
        let r = talk(c);
        let (mut hlc, mut id) = (u64::MAX, OpId::from_bytes([0xff; 32]));
        let mut got = Vec::new();
        loop {
            let part = bulk(c, r, hlc, &id, 3).unwrap();
            let Some(last) = part.last() else { break };
            (hlc, id) = (last.hlc, last.id);
            got.extend(part.iter().map(|op| (op.hlc, op.id)));
        }
        let mut sorted = got.clone();
        sorted.sort();
        sorted.reverse();
        assert_eq!(got, sorted);
        assert_eq!(got.len(), 20);
    });
}
