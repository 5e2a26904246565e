//! How two people become friends, stay friends over restarts, and stop being friends.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its tests share")]

use madang_testkit::{Clock, Pair, Party};
use serde_json::{Value, json};

fn refusal(code: i32, name: &str) -> (i32, String) {
    (code, name.to_owned())
}

fn invite_of(party: &Party, invite: &str) -> Value {
    let invites = party.list(&["invite", "list"]).unwrap();
    invites.into_iter().find(|found| found["invite"] == invite).unwrap()
}

fn friend_of(party: &Party, account: &str) -> Option<Value> {
    party.list(&["friend", "list"]).unwrap().into_iter().find(|friend| friend["account"] == account)
}

/// The one request that waits for an answer, once it has come.
fn request_at(party: &Party) -> Value {
    party.wait("a request comes", |me| Ok(!me.list(&["friend", "requests"])?.is_empty())).unwrap();
    let mut requests = party.list(&["friend", "requests"]).unwrap();
    assert_eq!(requests.len(), 1, "{requests:?}");
    requests.remove(0)
}

#[test]
fn a_link_for_one_person_makes_friends_at_once_and_only_once() {
    let alice = Party::new("Alice", &[]).unwrap();
    let bob = Party::new("Bob", &[]).unwrap();
    let carol = Party::new("Carol", &[]).unwrap();
    let made = alice.say(&["invite", "create", "--once"]).unwrap();
    let (link, invite) = (made["link"].as_str().unwrap(), made["invite"].as_str().unwrap());
    assert!(link.starts_with("madang://"), "{link}");

    let shown = bob.say(&["invite", "show", link]).unwrap();
    assert_eq!(shown, json!({ "account": alice.account, "name": "Alice", "verified": true }));
    assert!(bob.list(&["friend", "list"]).unwrap().is_empty());
    assert_eq!(invite_of(&alice, invite)["used"], 0);

    let added = bob.say(&["friend", "add", link, "--greeting", "It is me"]).unwrap();
    assert_eq!(added, json!({ "friend": alice.account, "state": "friend" }));
    assert_eq!(friend_of(&bob, &alice.account).unwrap()["name"], "Alice");
    alice.wait_friend(&bob.account).unwrap();
    assert_eq!(friend_of(&alice, &bob.account).unwrap()["name"], "Bob");
    let room = alice.text(&["room", "direct", &bob.account], "room").unwrap();
    assert_eq!(bob.text(&["room", "direct", &alice.account], "room").unwrap(), room);
    assert_eq!(alice.text(&["room", "direct", &bob.account], "room").unwrap(), room);

    assert_eq!(invite_of(&alice, invite)["used"], 1);
    assert_eq!(carol.refused(&["friend", "add", link]).unwrap(), refusal(1, "invite_used"));
    assert_eq!(carol.refused(&["invite", "show", link]).unwrap(), refusal(1, "invite_used"));
    assert!(alice.list(&["friend", "requests"]).unwrap().is_empty());
    // For the one who used it nothing changes: he is a friend already.
    let before = friend_of(&bob, &alice.account).unwrap();
    let again = bob.say(&["friend", "add", link]).unwrap();
    assert_eq!(again, json!({ "friend": alice.account, "state": "friend" }));
    assert_eq!(friend_of(&bob, &alice.account).unwrap(), before);
    assert_eq!(invite_of(&alice, invite)["used"], 1);
}

#[test]
fn a_link_for_many_asks_and_the_answer_is_the_makers() {
    let alice = Party::new("Alice", &[]).unwrap();
    let bob = Party::new("Bob", &[]).unwrap();
    let carol = Party::new("Carol", &[]).unwrap();
    let link = alice.text(&["invite", "create"], "link").unwrap();

    let added = bob.say(&["friend", "add", &link, "--greeting", "안녕, it is Bob"]).unwrap();
    assert_eq!(added, json!({ "friend": alice.account, "state": "requested" }));
    let request = request_at(&alice);
    assert_eq!((&request["account"], &request["name"]), (&json!(bob.account), &json!("Bob")));
    assert_eq!(request["greeting"], "안녕, it is Bob");
    assert!(friend_of(&alice, &bob.account).is_none());
    let answer = alice.say(&["friend", "accept", request["request"].as_str().unwrap()]).unwrap();
    assert_eq!(answer["friend"], bob.account.as_str());
    bob.wait_friend(&alice.account).unwrap();
    assert_eq!(bob.text(&["room", "direct", &alice.account], "room").unwrap(), answer["room"]);
    assert!(alice.list(&["friend", "requests"]).unwrap().is_empty());

    carol.say(&["friend", "add", &link]).unwrap();
    let request = request_at(&alice);
    let request = request["request"].as_str().unwrap();
    let declined = alice.say(&["friend", "decline", request]).unwrap();
    assert_eq!(declined, json!({ "friend": carol.account, "room": null }));
    assert!(alice.list(&["friend", "requests"]).unwrap().is_empty());
    assert!(friend_of(&alice, &carol.account).is_none());
    assert!(friend_of(&carol, &alice.account).is_none());
    assert_eq!(alice.refused(&["friend", "accept", request]).unwrap(), refusal(4, "not_found"));
    assert_eq!(alice.refused(&["room", "direct", &carol.account]).unwrap(), refusal(4, "not_found"));
}

#[test]
fn withdrawn_expired_and_damaged_links_say_so() {
    let alice = Party::new("Alice", &[]).unwrap();
    let bob = Party::new("Bob", &[]).unwrap();
    let made = alice.say(&["invite", "create"]).unwrap();
    let (link, invite) = (made["link"].as_str().unwrap(), made["invite"].as_str().unwrap());
    assert_eq!(alice.say(&["invite", "revoke", invite]).unwrap()["revoked"], true);
    assert_eq!(invite_of(&alice, invite)["revoked"], true);
    for verb in [["invite", "show"], ["friend", "add"]] {
        let args = [verb[0], verb[1], link];
        assert_eq!(bob.refused(&args).unwrap(), refusal(1, "invite_revoked"), "{args:?}");
    }

    // Three hours later at the inviter's, whose clock counts.
    let mut carol = Party::new("Carol", &[]).unwrap();
    let short = carol.text(&["invite", "create", "--expires-hours", "1"], "link").unwrap();
    carol.stop().unwrap();
    carol.person.set_clock(Some(Clock::offset("+3h")));
    carol.start().unwrap();
    assert_eq!(bob.refused(&["friend", "add", &short]).unwrap(), refusal(1, "invite_expired"));

    let whole = alice.text(&["invite", "create"], "link").unwrap();
    let middle = whole.len() / 2;
    let swapped = if whole.as_bytes()[middle] == b'7' { "8" } else { "7" };
    let flipped = format!("{}{swapped}{}", &whole[..middle], &whole[middle + 1..]);
    for damaged in [&whole[..whole.len() - 1], &whole[..middle], &flipped, "madang://invite/1/", "hello"] {
        assert_eq!(bob.refused(&["friend", "add", damaged]).unwrap(), refusal(1, "bad_link"), "{damaged}");
    }
    assert!(bob.list(&["friend", "list"]).unwrap().is_empty());
    assert_eq!(bob.say(&["invite", "show", &whole]).unwrap()["verified"], true);
}

#[test]
fn an_inviter_who_is_away_is_told_apart_from_a_bad_link() {
    let mut alice = Party::new("Alice", &[]).unwrap();
    let bob = Party::new("Bob", &[]).unwrap();
    let link = alice.text(&["invite", "create"], "link").unwrap();
    alice.stop().unwrap();
    assert_eq!(bob.refused(&["invite", "show", &link]).unwrap(), refusal(5, "offline"));
}

#[test]
fn what_is_kept_about_a_friend_can_be_changed_and_lasts() {
    let mut pair = Pair::new(&[]).unwrap();
    let bob = pair.bob.account.clone();
    let fresh = friend_of(&pair.alice, &bob).unwrap();
    for mark in ["favourite", "hidden", "blocked"] {
        assert_eq!(fresh[mark], false, "{mark}");
    }
    assert_eq!((&fresh["alias"], &fresh["room"]), (&Value::Null, &json!(pair.room)));
    let set = pair
        .alice
        .say(&["friend", "set", &bob, "--favourite", "on", "--hidden", "on", "--alias", "Bobby"])
        .unwrap();
    assert_eq!((&set["favourite"], &set["hidden"]), (&json!(true), &json!(true)));
    assert_eq!((&set["alias"], &set["name"]), (&json!("Bobby"), &json!("Bob")));
    pair.alice.kill().unwrap();
    pair.alice.start().unwrap();
    assert_eq!(friend_of(&pair.alice, &bob).unwrap(), set);
    let set = pair.alice.say(&["friend", "set", &bob, "--favourite", "off", "--alias", ""]).unwrap();
    assert_eq!(
        (&set["favourite"], &set["hidden"], &set["alias"]),
        (&json!(false), &json!(true), &Value::Null)
    );
    assert_eq!(
        pair.alice.refused(&["friend", "set", &pair.alice.account, "--hidden", "on"]).unwrap(),
        refusal(4, "not_found")
    );
}

/// Whether a device of this account is connected.
fn is_connected(party: &Party, account: &str) -> bool {
    let status = party.say(&["status"]).unwrap();
    status["peers"].as_array().unwrap().iter().any(|peer| peer["account"] == account)
}

/// What Bob says now reaches Alice through Carol, whom both know.
fn word_gets_round(pair: &Pair, carol: &Party, rooms: &[String; 2], words: &str) {
    let told = pair.bob.send(&rooms[1], words).unwrap();
    pair.bob.wait_state(&rooms[1], &told, &["delivered"]).unwrap();
    assert_eq!(carol.texts(&rooms[1]).unwrap().last().unwrap(), words);
    let passed_on = carol.send(&rooms[0], words).unwrap();
    carol.wait_state(&rooms[0], &passed_on, &["delivered"]).unwrap();
    assert_eq!(pair.alice.texts(&rooms[0]).unwrap().last().unwrap(), words);
}

#[test]
fn whoever_is_blocked_reaches_nobody_until_the_block_is_lifted() {
    let mut pair = Pair::new(&[]).unwrap();
    let carol = Party::new("Carol", &[]).unwrap();
    let rooms = [&pair.alice, &pair.bob].map(|party| party.befriend(&carol).unwrap());
    let room = pair.room.clone();
    pair.alice.say(&["friend", "set", &pair.bob.account, "--blocked", "on"]).unwrap();
    pair.alice.wait("Bob is gone", |me| Ok(!is_connected(me, &pair.bob.account))).unwrap();
    pair.bob.wait("Alice is gone", |me| Ok(!is_connected(me, &pair.alice.account))).unwrap();
    let id = pair.bob.send(&room, "can you hear me").unwrap();
    for words in ["she does not answer", "nor after I started anew", "nor after she started anew"] {
        // What he says afterwards has come by another way; a start anew tries everything that waits.
        word_gets_round(&pair, &carol, &rooms, words);
        assert_eq!(pair.alice.texts(&room).unwrap(), Vec::<String>::new());
        assert_eq!(pair.bob.message(&room, &id).unwrap()["state"], "sending");
        assert!(
            !is_connected(&pair.alice, &pair.bob.account) && !is_connected(&pair.bob, &pair.alice.account)
        );
        let party = if words.starts_with("she") { &mut pair.bob } else { &mut pair.alice };
        party.stop().unwrap();
        party.start().unwrap();
        party.wait_connected(&carol.account).unwrap();
    }
    let why = pair.bob.say(&["message", "why", &id]).unwrap();
    assert_eq!(why["devices"][0]["state"], "queued", "{why}");

    pair.alice.say(&["friend", "set", &pair.bob.account, "--blocked", "off"]).unwrap();
    assert_eq!(pair.wait_same(1, std::time::Duration::from_secs(60)).unwrap(), ["can you hear me"]);
    pair.bob.wait_state(&room, &id, &["delivered"]).unwrap();
}

#[test]
fn a_removed_friend_is_gone_from_the_list_and_a_new_link_brings_him_back() {
    let pair = Pair::new(&[]).unwrap();
    pair.alice.send(&pair.room, "before").unwrap();
    pair.wait_same(1, std::time::Duration::from_secs(20)).unwrap();
    let removed = pair.alice.say(&["friend", "remove", &pair.bob.account]).unwrap();
    assert_eq!(removed["account"], pair.bob.account.as_str());
    assert!(friend_of(&pair.alice, &pair.bob.account).is_none());
    assert_eq!(pair.alice.texts(&pair.room).unwrap(), ["before"]);
    assert_eq!(
        pair.alice.refused(&["friend", "remove", &pair.bob.account]).unwrap(),
        refusal(4, "not_found")
    );
    let link = pair.bob.text(&["invite", "create", "--once"], "link").unwrap();
    pair.alice.say(&["friend", "add", &link]).unwrap();
    pair.alice.wait_friend(&pair.bob.account).unwrap();
    pair.alice.send(&pair.room, "after").unwrap();
    assert_eq!(pair.wait_same(2, std::time::Duration::from_secs(60)).unwrap(), ["before", "after"]);
}

#[test]
fn whoever_does_not_know_that_he_was_removed_comes_back_with_a_new_link() {
    let pair = Pair::new(&[]).unwrap();
    pair.alice.send(&pair.room, "before").unwrap();
    pair.wait_same(1, std::time::Duration::from_secs(20)).unwrap();
    pair.alice.say(&["friend", "remove", &pair.bob.account]).unwrap();
    pair.bob.send(&pair.room, "are you there").unwrap();
    let link = pair.alice.text(&["invite", "create", "--once"], "link").unwrap();
    assert_eq!(pair.bob.text(&["friend", "add", &link], "state").unwrap(), "friend");
    pair.alice.wait_friend(&pair.bob.account).unwrap();
    pair.alice.send(&pair.room, "welcome back").unwrap();
    let texts = pair.wait_same(3, std::time::Duration::from_secs(60)).unwrap();
    assert_eq!(texts, ["before", "are you there", "welcome back"]);
}

#[test]
fn friends_meet_again_by_their_remembered_ports() {
    let mut pair = Pair::new(&[]).unwrap();
    pair.alice.stop().unwrap();
    pair.bob.stop().unwrap();
    pair.bob.start().unwrap();
    pair.alice.start().unwrap();
    pair.wait_connected().unwrap();
    pair.alice.kill().unwrap();
    pair.bob.kill().unwrap();
    pair.alice.start().unwrap();
    pair.bob.start().unwrap();
    pair.wait_connected().unwrap();
    pair.bob.send(&pair.room, "still here").unwrap();
    assert_eq!(pair.wait_same(1, std::time::Duration::from_secs(20)).unwrap(), ["still here"]);
}
