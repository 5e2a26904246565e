//! What a store has lost comes back from the friend who has it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its tests share")]

use std::time::Duration;

use madang_testkit::{Pair, lose_messages};

const MESSAGES: usize = 200;
const LOST: usize = 100;

#[test]
fn lost_messages_come_back_and_are_counted() {
    let mut pair = Pair::new(&[]).unwrap();
    for party in [&pair.alice, &pair.bob] {
        party.say(&["send", &pair.room, "--count", &MESSAGES.to_string(), "from one of us"]).unwrap();
    }
    let whole = pair.wait_same(2 * MESSAGES, Duration::from_secs(60)).unwrap();
    let before = pair.bob.say(&["status"]).unwrap()["repaired"].as_u64().unwrap();
    pair.bob.stop().unwrap();
    let lost = lose_messages(pair.bob.person.home(), &pair.room, LOST).unwrap();
    assert_eq!(lost, LOST);
    pair.bob.start().unwrap();
    assert_eq!(pair.wait_same(2 * MESSAGES, Duration::from_secs(60)).unwrap(), whole);
    let after = pair.bob.say(&["status"]).unwrap()["repaired"].as_u64().unwrap();
    assert_eq!(after - before, LOST as u64);
    assert!(pair.bob.list(&["search", "from one of us", "--limit", "1000"]).unwrap().len() == 2 * MESSAGES);
}
