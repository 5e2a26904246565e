//! Friends who are never awake together: what a relay keeps for them, and what they do when it fails.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its tests share")]

use std::time::Duration;

use madang_testkit::{Pair, Party, Person, Relay, without_addresses};
use serde_json::json;

const SOON: Duration = Duration::from_secs(60);

/// Somebody whose account uses this relay, which may want a code.
fn at(relay: &Relay, name: &str, code: Option<&str>) -> Party {
    let party = Party::of(Person::new(name).unwrap(), &[]).unwrap();
    let mut add = vec!["relay", "add", relay.addr().unwrap()];
    add.extend(code.iter().flat_map(|code| ["--code", code]));
    party.say(&add).unwrap();
    wait_relay(&party, "connected");
    party
}

fn wait_relay(party: &Party, state: &str) {
    party
        .wait(&format!("the relay is {state}"), |me| Ok(me.say(&["status"])?["relays"][0]["state"] == state))
        .unwrap();
}

fn wait_texts(party: &Party, room: &str, wanted: &[String]) {
    party.wait("every message has come, once and in order", |me| Ok(me.texts(room)? == wanted)).unwrap();
}

/// By which path the last message of one reached the device of the other.
fn path(from: &Party, to: &Party) -> String {
    let paths = from.list(&["net", "why"]).unwrap();
    let found = paths.iter().find(|path| path["device"] == to.device.as_str()).unwrap();
    assert_eq!(found["account"], to.account.as_str());
    found["path"].as_str().unwrap().to_owned()
}

fn numbered(text: &str, count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("{text} #{number}")).collect()
}

/// Two friends at one relay, both awake.
fn friends(relay: &Relay) -> Pair {
    Pair::of(at(relay, "Alice", None), at(relay, "Bob", None)).unwrap()
}

#[test]
fn messages_wait_at_a_relay_that_is_killed_while_both_are_away() {
    let relay = Relay::start(&[]).unwrap();
    let mut pair = friends(&relay);
    let room = pair.room.clone();
    pair.bob.stop().unwrap();
    let last = pair.alice.text(&["send", &room, "--count", "50", "while you were away"], "message").unwrap();
    pair.alice.wait_state(&room, &last, &["relayed"]).unwrap();
    let why = pair.alice.say(&["message", "why", &last]).unwrap();
    assert_eq!(why["devices"][0]["state"], "relayed", "{why}");
    pair.alice.stop().unwrap();
    let relay = relay.restart(false).unwrap();

    pair.bob.start().unwrap();
    let mut texts = numbered("while you were away", 50);
    wait_texts(&pair.bob, &room, &texts);
    // Bob has sent nothing yet.
    assert_eq!(path(&pair.bob, &pair.alice), "none");
    let answer = pair.bob.send(&room, "and I answer while you are").unwrap();
    pair.bob.wait_state(&room, &answer, &["relayed"]).unwrap();
    pair.bob.stop().unwrap();
    let relay = relay.restart(false).unwrap();

    pair.alice.start().unwrap();
    texts.push("and I answer while you are".to_owned());
    wait_texts(&pair.alice, &room, &texts);
    // Bob's acknowledgement came by the relay too: he has not been seen since.
    pair.alice.wait_state(&room, &last, &["delivered"]).unwrap();
    assert_eq!(pair.alice.say(&["status"]).unwrap()["peers"], json!([]));
    assert_eq!(path(&pair.alice, &pair.bob), "relay");
    pair.bob.start().unwrap();
    pair.bob.wait_state(&room, &answer, &["delivered"]).unwrap();
    assert_eq!(pair.wait_same(51, SOON).unwrap(), texts);
    assert!(relay.stop().unwrap().success());
}

#[test]
fn the_relay_carries_alone_and_is_named() {
    let relay = Relay::start(&[]).unwrap();
    let [alice, bob] = ["Alice", "Bob"].map(|name| {
        let args = ["--no-gossip", "--no-stream", "--relay", relay.addr().unwrap()];
        let party = Party::of(Person::new(name).unwrap(), &args).unwrap();
        wait_relay(&party, "connected");
        party
    });
    let pair = Pair::of(alice, bob).unwrap();
    for number in 0..6 {
        let (from, to) = if number % 2 == 0 { (&pair.alice, &pair.bob) } else { (&pair.bob, &pair.alice) };
        let id = from.send(&pair.room, &format!("message {number}")).unwrap();
        from.wait_state(&pair.room, &id, &["delivered"]).unwrap();
        assert_eq!(path(from, to), "relay");
    }
    let texts: Vec<String> = (0..6).map(|number| format!("message {number}")).collect();
    assert_eq!(pair.wait_same(6, SOON).unwrap(), texts);
}

#[test]
fn what_a_relay_has_lost_is_told_and_put_again() {
    let relay = Relay::start(&[]).unwrap();
    let mut pair = friends(&relay);
    let room = pair.room.clone();
    pair.bob.stop().unwrap();
    let last = pair.alice.text(&["send", &room, "--count", "20", "kept twice"], "message").unwrap();
    pair.alice.wait_state(&room, &last, &["relayed"]).unwrap();
    pair.alice.stop().unwrap();

    // Bob finds nothing, and does not take that for everything.
    let relay = relay.restart(true).unwrap();
    pair.bob.start().unwrap();
    wait_relay(&pair.bob, "connected");
    assert_eq!(pair.bob.texts(&room).unwrap(), Vec::<String>::new());
    pair.bob.stop().unwrap();

    // A relay that lost everything and lets nobody make a box: nothing is kept anywhere, and Alice is told.
    let relay = relay.restart_with(true, &["--admission", "open sesame"]).unwrap();
    pair.alice.start().unwrap();
    pair.alice.wait_state(&room, &last, &["sending"]).unwrap();
    let message = pair.alice.message(&room, &last).unwrap();
    assert_eq!(message["reason"], "relay_expired", "{message}");
    wait_relay(&pair.alice, "failed");
    pair.alice.say(&["relay", "add", relay.addr().unwrap(), "--code", "open sesame"]).unwrap();
    pair.alice.wait_state(&room, &last, &["relayed"]).unwrap();
    pair.alice.stop().unwrap();

    pair.bob.start().unwrap();
    let texts = numbered("kept twice", 20);
    wait_texts(&pair.bob, &room, &texts);
    pair.alice.start().unwrap();
    pair.alice.wait_state(&room, &last, &["delivered"]).unwrap();
    assert_eq!(pair.wait_same(20, SOON).unwrap(), texts);
}

#[test]
fn everything_arrives_once_the_sender_is_back_after_the_relay_was_wiped() {
    let relay = Relay::start(&[]).unwrap();
    let mut pair = friends(&relay);
    let room = pair.room.clone();
    pair.bob.stop().unwrap();
    let last = pair.alice.text(&["send", &room, "--count", "100", "lost on the way"], "message").unwrap();
    pair.alice.wait_state(&room, &last, &["relayed"]).unwrap();
    pair.alice.stop().unwrap();
    let _relay = relay.restart(true).unwrap();
    pair.bob.start().unwrap();
    wait_relay(&pair.bob, "connected");
    pair.alice.start().unwrap();
    assert_eq!(pair.wait_same(100, SOON).unwrap(), numbered("lost on the way", 100));
    pair.alice.wait_state(&room, &last, &["delivered"]).unwrap();
}

#[test]
fn two_thousand_at_a_relay_and_what_comes_directly_meanwhile_arrive_once_and_in_order() {
    let relay = Relay::start(&[]).unwrap();
    let mut pair = friends(&relay);
    let room = pair.room.clone();
    pair.bob.stop().unwrap();
    let last = pair.alice.text(&["send", &room, "--count", "2000", "queued"], "message").unwrap();
    pair.alice.wait_state(&room, &last, &["relayed"]).unwrap();
    // Both paths at once: the relay pushes what it has, and Alice is there too and says more.
    pair.bob.start().unwrap();
    let mut texts = numbered("queued", 2_000);
    for number in 0..20 {
        let text = format!("directly {number}");
        pair.alice.send(&room, &text).unwrap();
        texts.push(text);
    }
    assert_eq!(pair.wait_same(2_020, SOON).unwrap(), texts);
    pair.alice.wait("everything is delivered", |me| Ok(me.say(&["status"])?["outbox"] == 0)).unwrap();
}

#[test]
fn two_people_whose_relays_refuse_each_other_become_friends_and_write_while_the_other_is_away() {
    let hers = Relay::start(&["--admission", "for Alice and hers"]).unwrap();
    let his = Relay::start(&["--admission", "for Bob and his"]).unwrap();
    let mut alice = at(&hers, "Alice", Some("for Alice and hers"));
    let mut bob = at(&his, "Bob", Some("for Bob and his"));
    // Each is refused by the other's relay.
    for (party, other) in [(&alice, &his), (&bob, &hers)] {
        party.say(&["relay", "add", other.addr().unwrap(), "--code", "a guess"]).unwrap();
        party
            .wait("the other relay refuses", |me| {
                let relays = me.list(&["relay", "list"])?;
                let found = relays.iter().find(|relay| relay["addr"] == other.addr().unwrap_or_default());
                Ok(found.is_some_and(|relay| relay["state"] == "failed" && relay["reason"] == "admission"))
            })
            .unwrap();
        party.say(&["relay", "remove", other.addr().unwrap()]).unwrap();
    }
    // Nothing but the relay leads to Alice.
    let link = without_addresses(&alice.text(&["invite", "create", "--once"], "link").unwrap()).unwrap();
    alice.wait("the invite is at the relay", |_| Ok(bob.say(&["invite", "show", &link]).is_ok())).unwrap();
    alice.stop().unwrap();

    assert_eq!(
        bob.say(&["friend", "add", &link, "--greeting", "It is Bob"]).unwrap(),
        json!({ "friend": alice.account, "state": "requested" })
    );
    wait_nothing_waits(&bob);
    bob.stop().unwrap();
    alice.start().unwrap();
    alice.wait_friend(&bob.account).unwrap();
    let room = alice.text(&["room", "direct", &bob.account], "room").unwrap();
    let first = alice.send(&room, "welcome, though we never met").unwrap();
    // It lies at her relay, which is none of his: that is not called relayed, and said all the same.
    wait_at_own_relay(&alice, &first);
    assert_eq!(alice.message(&room, &first).unwrap()["state"], "sending");
    alice.stop().unwrap();

    bob.start().unwrap();
    bob.wait_friend(&alice.account).unwrap();
    wait_texts(&bob, &room, &["welcome, though we never met".to_owned()]);
    let second = bob.send(&room, "thank you").unwrap();
    wait_at_own_relay(&bob, &second);
    bob.stop().unwrap();

    alice.start().unwrap();
    wait_texts(&alice, &room, &["welcome, though we never met".to_owned(), "thank you".to_owned()]);
    alice.wait_state(&room, &first, &["delivered"]).unwrap();
    bob.start().unwrap();
    bob.wait_state(&room, &second, &["delivered"]).unwrap();
}

/// A message lies at the own relay, where the other side looks too.
fn wait_at_own_relay(party: &Party, id: &str) {
    party
        .wait("a message lies at the own relay", |me| {
            let device = me.say(&["message", "why", id])?["devices"][0].take();
            Ok(device["state"] == "relayed" || device["reason"] == "at_other_relay")
        })
        .unwrap();
}

/// The request has left the machine: somebody who closes the lid now has not asked in vain.
fn wait_nothing_waits(party: &Party) {
    party.wait("nothing waits to be sent", |me| Ok(me.say(&["status"])?["outbox"] == 0)).unwrap();
}
