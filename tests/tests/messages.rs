//! Messages between two friends: what is sent, what is shown, in which order and state.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its tests share")]

use std::{io::Write as _, process::Stdio, time::Duration};

use madang_testkit::{Pair, Party};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);

fn refusal(code: i32, name: &str) -> (i32, String) {
    (code, name.to_owned())
}

/// Sends what comes by standard input.
fn send_stdin(party: &Party, room: &str, text: &str) -> String {
    let mut command = party.person.command().unwrap();
    command.args(["--json", "send", room, "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let sent: Value = serde_json::from_slice(&output.stdout).unwrap();
    sent["message"].as_str().unwrap().to_owned()
}

fn room_of(party: &Party, room: &str) -> Value {
    party.list(&["room", "list"]).unwrap().into_iter().find(|found| found["room"] == room).unwrap()
}

#[test]
fn what_is_sent_arrives_as_it_was_typed() {
    let pair = Pair::new(&[]).unwrap();
    let sent = pair.alice.say(&["send", &pair.room, "첫 메시지 👨‍👩‍👧‍👦"]).unwrap();
    assert_eq!(sent["room"], pair.room.as_str());
    let first = sent["message"].as_str().unwrap().to_owned();
    pair.wait_same(1, SOON).unwrap();
    let second = send_stdin(&pair.bob, &pair.room, "two\nlines");
    pair.wait_same(2, SOON).unwrap();
    let third = pair.bob.text(&["send", &pair.room, "to that", "--reply", &second], "message").unwrap();
    pair.wait_same(3, SOON).unwrap();
    let last = pair.alice.text(&["send", &pair.room, "--count", "3", "many"], "message").unwrap();
    let texts = pair.wait_same(6, SOON).unwrap();
    assert_eq!(texts, ["첫 메시지 👨‍👩‍👧‍👦", "two\nlines", "to that", "many #1", "many #2", "many #3"]);

    let at_bob = pair.bob.messages(&pair.room).unwrap();
    let ids: Vec<&str> = at_bob.iter().map(|m| m["message"].as_str().unwrap()).collect();
    assert_eq!((ids[0], ids[1], ids[2], ids[5]), (&*first, &*second, &*third, &*last));
    assert_eq!(at_bob[2]["reply"], second.as_str());
    assert_eq!(
        (&at_bob[0]["sender"], &at_bob[0]["sender_name"]),
        (&json!(pair.alice.account), &json!("Alice"))
    );
    assert_eq!((&at_bob[0]["state"], &at_bob[0]["kind"]), (&Value::Null, &json!("text")));

    // Pages: newest, before, after.
    let page = |args: &[&str]| -> Vec<String> {
        let args = [&["messages", &pair.room], args].concat();
        let page = pair.bob.list(&args).unwrap();
        page.iter().map(|m| m["text"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(page(&["--limit", "2"]), ["many #2", "many #3"]);
    assert_eq!(page(&["--limit", "2", "--before", &third]), ["첫 메시지 👨‍👩‍👧‍👦", "two\nlines"]);
    assert_eq!(page(&["--limit", "2", "--after", &third]), ["many #1", "many #2"]);
}

#[test]
fn texts_over_the_limit_are_refused_and_those_at_it_are_not() {
    let pair = Pair::new(&[]).unwrap();
    // One limit counts characters, the other one bytes: a family is one character of 25 bytes.
    let (whole, over) = ("가".repeat(10_000), "가".repeat(10_001));
    assert_eq!(pair.alice.refused(&["send", &pair.room, &over]).unwrap(), refusal(2, "too_large"));
    let heavy = "👨‍👩‍👧‍👦".repeat(61_440 / 25 + 1);
    assert_eq!(pair.alice.refused(&["send", &pair.room, &heavy]).unwrap(), refusal(2, "too_large"));
    pair.alice.send(&pair.room, &whole).unwrap();
    assert_eq!(pair.wait_same(1, SOON).unwrap(), [whole]);
    assert_eq!(pair.alice.refused(&["send", &"0".repeat(64), "text"]).unwrap(), refusal(4, "not_found"));
    assert_eq!(
        pair.alice.refused(&["send", &pair.room, "text", "--reply", &"0".repeat(64)]).unwrap(),
        refusal(4, "not_found")
    );
}

#[test]
fn states_go_from_sending_over_delivered_to_read() {
    let mut pair = Pair::new(&[]).unwrap();
    // What made them friends must not be counted below.
    pair.alice.wait("nothing is on its way", |me| Ok(me.say(&["status"])?["outbox"] == 0)).unwrap();
    pair.bob.stop().unwrap();
    let id = pair.alice.send(&pair.room, "are you there").unwrap();
    let message = pair.alice.message(&pair.room, &id).unwrap();
    assert_eq!((&message["state"], &message["unread"]), (&json!("sending"), &json!(1)));
    let why = pair.alice.say(&["message", "why", &id]).unwrap();
    assert_eq!(why["devices"][0]["state"], "queued", "{why}");
    assert_eq!(pair.alice.say(&["status"]).unwrap()["outbox"], 1);

    pair.bob.start().unwrap();
    pair.alice.wait_state(&pair.room, &id, &["delivered"]).unwrap();
    let message = pair.alice.message(&pair.room, &id).unwrap();
    assert_eq!(message["unread"], 1);
    let why = pair.alice.say(&["message", "why", &id]).unwrap();
    let device = &why["devices"][0];
    assert_eq!((&device["account"], &device["device"]), (&json!(pair.bob.account), &json!(pair.bob.device)));
    assert_eq!(device["state"], "delivered", "{why}");
    assert_eq!(pair.alice.say(&["status"]).unwrap()["outbox"], 0);
    assert_eq!(pair.bob.message(&pair.room, &id).unwrap()["unread"], 1);
    assert_eq!(room_of(&pair.bob, &pair.room)["unread"], 1);

    assert_eq!(pair.bob.say(&["read", &pair.room]).unwrap(), json!({ "room": pair.room }));
    pair.alice.wait_state(&pair.room, &id, &["read"]).unwrap();
    assert_eq!(pair.alice.message(&pair.room, &id).unwrap()["unread"], 0);
    assert_eq!(pair.alice.say(&["message", "why", &id]).unwrap()["devices"][0]["state"], "read");
    assert_eq!(room_of(&pair.bob, &pair.room)["unread"], 0);
}

#[test]
fn rooms_count_what_was_not_read() {
    let pair = Pair::new(&[]).unwrap();
    pair.alice.send(&pair.room, "first").unwrap();
    let second = pair.alice.send(&pair.room, "second").unwrap();
    pair.alice.say(&["send", &pair.room, "--count", "3", "more"]).unwrap();
    pair.wait_same(5, SOON).unwrap();
    let room = room_of(&pair.bob, &pair.room);
    assert_eq!(
        (&room["unread"], &room["kind"], &room["title"]),
        (&json!(5), &json!("direct"), &json!("Alice"))
    );
    assert_eq!((&room["last"]["text"], &room["members"]), (&json!("more #3"), &json!(2)));
    pair.bob.say(&["read", &pair.room, &second]).unwrap();
    assert_eq!(room_of(&pair.bob, &pair.room)["unread"], 3);
    let members = pair.bob.list(&["room", "members", &pair.room]).unwrap();
    let mut names: Vec<&str> = members.iter().map(|member| member["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["Alice", "Bob"]);
    assert_eq!(pair.bob.say(&["room", "history", &pair.room]).unwrap()["history"], "all");
    assert_eq!(room_of(&pair.alice, &pair.room)["unread"], 0);
}

#[test]
fn notes_to_oneself_are_delivered_at_once() {
    let alice = Party::new("Alice", &[]).unwrap();
    let rooms = alice.list(&["room", "list"]).unwrap();
    let own = rooms.iter().find(|room| room["kind"] == "self").unwrap()["room"].as_str().unwrap().to_owned();
    assert_eq!(alice.text(&["room", "direct", &alice.account], "room").unwrap(), own);
    let id = alice.send(&own, "milk").unwrap();
    let note = alice.message(&own, &id).unwrap();
    assert_eq!((&note["state"], &note["text"]), (&json!("delivered"), &json!("milk")));
    assert_eq!(room_of(&alice, &own)["unread"], 0);
    assert_eq!(alice.say(&["status"]).unwrap()["outbox"], 0);
}

#[test]
fn a_tail_speaks_of_what_is_committed_already() {
    let pair = Pair::new(&[]).unwrap();
    let tail = pair.bob.tail().unwrap();
    // The subscription is there once something that Bob does himself is told.
    let own = pair.bob.text(&["room", "direct", &pair.bob.account], "room").unwrap();
    pair.bob
        .wait("the tail has begun", |bob| {
            bob.send(&own, "tick")?;
            Ok(tail.json_where(Duration::from_millis(300), |_| true).is_ok())
        })
        .unwrap();
    for number in 0..20 {
        let text = format!("number {number}");
        let id = pair.alice.send(&pair.room, &text).unwrap();
        let event = tail
            .json_where(SOON, |event| event["event"] == "message" && event["message"] == id.as_str())
            .unwrap();
        let listed = pair.bob.message(&pair.room, &id).unwrap();
        for (field, value) in listed.as_object().unwrap() {
            assert_eq!(&event[field], value, "{field}");
        }
    }
}

#[test]
fn two_syllables_of_korean_are_found() {
    let pair = Pair::new(&[]).unwrap();
    pair.alice.send(&pair.room, "오늘 저녁에 마당에서 만나자").unwrap();
    pair.alice.send(&pair.room, "저녁은 내가 살게").unwrap();
    pair.wait_same(2, SOON).unwrap();
    pair.bob.send(&pair.room, "See you in the Garden").unwrap();
    pair.wait_same(3, SOON).unwrap();
    let found = |party: &Party, args: &[&str]| -> Vec<String> {
        let mut texts: Vec<String> = party
            .list(&[&["search"], args].concat())
            .unwrap()
            .iter()
            .map(|m| m["text"].as_str().unwrap().to_owned())
            .collect();
        texts.sort();
        texts
    };
    for party in [&pair.alice, &pair.bob] {
        assert_eq!(found(party, &["마당"]), ["오늘 저녁에 마당에서 만나자"]);
        assert_eq!(found(party, &["저녁"]).len(), 2);
        assert_eq!(found(party, &["garden"]), ["See you in the Garden"]);
        assert_eq!(found(party, &["저녁", "--from", &pair.bob.account]), Vec::<String>::new());
        assert_eq!(found(party, &["저녁", "--room", &pair.room, "--limit", "1"]).len(), 1);
        assert_eq!(found(party, &["바다"]), Vec::<String>::new());
    }
}

#[test]
fn both_write_at_the_same_time_and_see_one_order() {
    let pair = Pair::new(&[]).unwrap();
    std::thread::scope(|scope| {
        for person in [&pair.alice.person, &pair.bob.person] {
            let (room, name) = (&pair.room, person.name());
            scope.spawn(move || {
                for number in 0..5 {
                    person.say(&["send", room, &format!("{name} {number}")]).unwrap();
                    person.say(&["send", room, "--count", "20", name]).unwrap();
                }
            });
        }
    });
    let texts = pair.wait_same(210, Duration::from_secs(60)).unwrap();
    for name in ["Alice", "Bob"] {
        let singles: Vec<&String> =
            texts.iter().filter(|text| text.starts_with(name) && !text.contains('#')).collect();
        assert_eq!(
            singles,
            (0..5).map(|n| format!("{name} {n}")).collect::<Vec<_>>().iter().collect::<Vec<_>>()
        );
    }
}
