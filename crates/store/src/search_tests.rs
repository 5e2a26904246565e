use super::*;
use crate::testing::{ALICE, BOB, account, decode, room, say, store, tail_length, with_store};

fn put(c: &Conn, room: RoomRow, person: u8, seq: u64, hlc: u64, text: &str) -> OpRow {
    let row = say(c, room, person, seq, hlc, text);
    add(c, row, text).unwrap();
    row
}

/// Takes everything into the index.
fn fold_all(c: &Conn) {
    while fold(c, 100, |_, payload| decode(payload)).unwrap() {}
    assert_eq!(tail_length(c), 0);
}

fn find(c: &Conn, text: &str) -> Vec<OpRow> {
    find_in(c, text, None, None)
}

fn find_in(c: &Conn, text: &str, room: Option<RoomRow>, account: Option<&AccountId>) -> Vec<OpRow> {
    let ask = || query(c, &Query { text, room, account, limit: 50 }, |_, payload| decode(payload)).unwrap();
    let found = ask();
    // What is found in the tail is what the index finds.
    c.execute_batch("SAVEPOINT folded").unwrap();
    fold_all(c);
    assert_eq!(ask(), found, "{text}");
    c.execute_batch("ROLLBACK TO folded; RELEASE folded").unwrap();
    found
}

/// A clock value in this second.
fn at(second: u64) -> u64 {
    (second * 1000) << 16
}

/// Everyday queries and a message each must find, among all the others.
const EVERYDAY: [(&str, &str); 15] = [
    ("회의", "내일 주간회의는 10시로 옮겼어요"),
    ("주간회의", "주간회의록 공유드립니다"),
    ("점심", "오늘점심뭐먹지"),
    ("결제", "카드결제가 안 돼요"),
    ("비밀번호", "와이파이 비밀번호는 게시판에 있습니다"),
    ("엄마", "엄마한테 전화했어?"),
    ("김치찌개", "저녁에 김치찌개 끓일게"),
    ("서울역", "서울역에서 3시에 보자"),
    ("사진", "어제 찍은 사진들 올려줘"),
    ("생일", "다음주가 생일이래"),
    ("주소", "집 주소 좀 알려줄래"),
    ("계좌번호", "계좌번호: 110-123-456789"),
    ("택배", "택배가 왔는데 경비실에 맡겼대"),
    ("링크", "아까 보낸 링크가 안 열려"),
    ("ㅋㅋ", "진짜 웃기다 ㅋㅋㅋㅋ"),
];

#[test]
fn fifteen_everyday_korean_queries_find_their_message() {
    with_store(|c| {
        let r = room(c, 1);
        let mut rows = Vec::new();
        for (n, (_, text)) in (1..).zip(EVERYDAY) {
            rows.push(put(c, r, ALICE, n, at(n), text));
        }
        let found = EVERYDAY.iter().zip(&rows).filter(|((text, _), row)| find(c, text).contains(row)).count();
        println!("everyday queries found: {found} of {}", EVERYDAY.len());
        assert_eq!(found, EVERYDAY.len());
        assert_eq!(find(c, "회의").len(), 2);
        assert!(find(c, "없는말").is_empty());
    });
}

#[test]
fn a_syllable_being_typed_and_single_characters_are_found() {
    with_store(|c| {
        let r = room(c, 1);
        let dinner = put(c, r, ALICE, 1, at(1), "저녁 먹었어?");
        let meeting = put(c, r, ALICE, 2, at(2), "주간회의 시작합니다");
        put(c, r, ALICE, 3, at(3), "회사에 있어");
        assert_eq!(find(c, "저녀"), vec![dinner]);
        assert_eq!(find(c, "회으"), vec![meeting]);
        assert_eq!(find(c, "주간회으"), vec![meeting]);
        assert_eq!(find(c, "회ㅇ"), vec![meeting]);
        assert_eq!(find(c, "녁"), vec![dinner]);
        assert_eq!(find(c, "회").len(), 2);
        assert_eq!(find_in(c, "시", Some(r), None), vec![meeting]);
        assert_eq!(find(c, "녁 먹었"), vec![dinner]);
        assert!(find(c, "먹었 회").is_empty());
    });
}

#[test]
fn latin_words_emoji_and_punctuation() {
    with_store(|c| {
        let r = room(c, 1);
        let hello = put(c, r, ALICE, 1, at(1), "Hello WORLD, 2026!");
        let party = put(c, r, ALICE, 2, at(2), "🎉🎉");
        assert_eq!(find(c, "world hello"), vec![hello]);
        assert_eq!(find(c, "wor"), vec![hello], "the last word is found by its beginning");
        assert!(find(c, "wor hello").is_empty());
        assert_eq!(find(c, "🎉"), vec![party]);
        for text in ["", "  ", "\"", "a\" OR b", "NOT", "*", "hello) AND (", "terms:world"] {
            find(c, text);
        }
        assert!(find(c, "   ").is_empty());
    });
}

#[test]
fn hits_are_newest_first_by_the_clock_although_history_arrived_backwards() {
    with_store(|c| {
        let r = room(c, 1);
        let old = (1..=5).rev().map(|n| put(c, r, ALICE, n, at(n), "회의 자료")).collect::<Vec<_>>();
        let found = find(c, "회의");
        assert_eq!(found, old);
        let same_instant: Vec<_> = (1..=700).map(|n| put(c, r, BOB, n, at(9), "공지")).collect();
        assert_eq!((count(c).unwrap(), tail_length(c)), (0, 705));
        fold_all(c);
        assert_eq!((count(c).unwrap(), tail_length(c)), (705, 0));
        let ask = Query { text: "공지", room: None, account: None, limit: 1_000 };
        assert_eq!(query(c, &ask, |_, payload| decode(payload)).unwrap().len(), same_instant.len());
    });
}

#[test]
fn a_search_is_narrowed_to_a_room_and_an_account() {
    with_store(|c| {
        let (one, two) = (room(c, 1), room(c, 2));
        let a = put(c, one, ALICE, 1, at(1), "회의 1");
        let b = put(c, one, BOB, 1, at(2), "회의 2");
        let x = put(c, two, ALICE, 2, at(3), "회의 3");
        assert_eq!(find(c, "회의"), vec![x, b, a]);
        assert_eq!(find_in(c, "회의", Some(one), None), vec![b, a]);
        assert_eq!(find_in(c, "회의", None, Some(&account(ALICE))), vec![x, a]);
        assert_eq!(find_in(c, "회의", Some(one), Some(&account(ALICE))), vec![a]);
        assert_eq!(find_in(c, "회", Some(one), Some(&account(BOB))), vec![b]);
        assert_eq!(find_in(c, "회", None, Some(&account(ALICE))), vec![x, a]);
        let ask = Query { text: "회의", room: None, account: None, limit: 2 };
        fold_all(c);
        assert_eq!(query(c, &ask, |_, _| None).unwrap(), vec![x, b], "the index alone decides");
    });
}

#[test]
fn an_edit_replaces_and_a_removal_leaves_nothing_in_the_file() {
    let (_dir, mut store) = store();
    let tx = store.writer.begin().unwrap();
    let r = room(&tx, 1);
    for n in 1..=200 {
        put(&tx, r, ALICE, n, at(n), "ordinary chatter of the day");
    }
    let row = put(&tx, r, BOB, 1, at(500), "xylophonesecret meeting");
    fold_all(&tx);
    add(&tx, row, "edited text").unwrap();
    assert!(find(&tx, "xylophonesecret").is_empty());
    assert_eq!(find(&tx, "edited"), vec![row]);
    add(&tx, row, "xylophonesecret again").unwrap();
    tx.commit().unwrap();

    let tx = store.writer.begin().unwrap();
    assert!(in_the_index_file(&tx, b"xylophonesecret"));
    assert!(remove(&tx, row).unwrap());
    assert!(!remove(&tx, row).unwrap());
    assert!(crate::ops::purge(&tx, row).unwrap());
    assert!(find(&tx, "xylophonesecret").is_empty());
    tx.commit().unwrap();
    for _ in 0..50 {
        let tx = store.writer.begin().unwrap();
        let done = scrub(&tx).unwrap();
        tx.commit().unwrap();
        if done {
            break;
        }
    }
    assert!(!in_the_index_file(store.writer.conn(), b"xylophonesecret"));
    assert_eq!(find(store.writer.conn(), "ordinary").len(), 50);
}

/// Whether the pages of the index hold these bytes, readable or not by a query.
fn in_the_index_file(c: &Conn, bytes: &[u8]) -> bool {
    all(c, "SELECT block FROM search_data", [], |row| row.get::<_, Vec<u8>>(0))
        .unwrap()
        .iter()
        .any(|block| block.windows(bytes.len()).any(|window| window == bytes))
}
