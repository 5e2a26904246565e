use super::*;
use crate::search::{Query, query};
use crate::testing::{
    ALICE, BOB, decode, device_row, insert, new_op, op_id, room, say, tail_length, with_store,
};

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn found(c: &Conn, text: &str) -> usize {
    let ask = Query { text, room: None, account: None, limit: 50 };
    query(c, &ask, |_, payload| decode(payload)).unwrap().len()
}

#[test]
fn a_phrase_is_found_in_a_row_and_its_end_by_its_beginning() {
    let text = words("a bc d bc de");
    for (phrase, open, is_in) in [
        ("bc d", false, true),
        ("bc de", false, true),
        ("bc d", true, true),
        ("a d", false, false),
        ("d b", false, false),
        ("d b", true, true),
        ("a bc d bc de f", false, false),
    ] {
        assert_eq!(Phrase { terms: words(phrase), open }.is_in(&text), is_in, "{phrase} {open}");
    }
    assert!(!Phrase { terms: words("a"), open: true }.is_in(&[]));
}

#[test]
fn the_tail_is_taken_in_piece_by_piece_and_nothing_is_found_twice_or_lost() {
    with_store(|c| {
        let r = room(c, 1);
        for n in 1..=25 {
            say(c, r, ALICE, n, n << 16, "everybody says hello");
            // Control ops lie between and are no messages.
            insert(c, r, BOB, n, n << 16, 3, Some(b"hello"));
        }
        let mut rounds = 0;
        loop {
            assert_eq!((found(c, "hello"), found(c, "says hel")), (25, 25));
            if !fold(c, 7, |_, payload| decode(payload)).unwrap() {
                break;
            }
            rounds += 1;
        }
        assert_eq!((rounds, tail_length(c), search::count(c).unwrap()), (7, 0, 25));
        assert_eq!(found(c, "hello"), 25);
    });
}

#[test]
fn what_becomes_due_behind_the_end_of_the_index_is_taken_in_at_once() {
    with_store(|c| {
        let r = room(c, 1);
        let id = op_id(ALICE, 1);
        let mut op = new_op(r, device_row(c, ALICE), ALICE, 1, 9 << 16, 32, Some(b"from the future"), &id);
        op.due_at = 90;
        let row = crate::ops::insert(c, &op).unwrap().row();
        assert_eq!(found(c, "future"), 0);
        fold(c, 100, |_, payload| decode(payload)).unwrap();
        assert_eq!(found(c, "future"), 0);
        crate::ops::applied(c, row).unwrap();
        add(c, row, "from the future").unwrap();
        assert_eq!(found(c, "future"), 1);
    });
}
