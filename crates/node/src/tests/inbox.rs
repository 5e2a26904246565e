//! What arrives with a time that cannot be, or a past that does not fit.

use madang_model::clock::Source;

use super::pair::{NOON, Pair};

const ALICE: usize = 0;
const BOB: usize = 1;
const HOUR: u64 = 60 * 60 * 1000;

/// Sets somebody's own time ahead, as two relays with wrong clocks would.
fn ahead(pair: &mut Pair, who: usize, by_ms: u64) {
    let wall = pair.now().wall;
    for relay in [b"one relay", b"two relay"] {
        pair.people[who].core.reference.record(relay, Source::Relay, wall + by_ms, wall);
    }
}

#[test]
fn a_message_of_the_future_waits_and_drags_nobody_along() {
    let mut pair = Pair::friends(true);
    ahead(&mut pair, ALICE, 72 * HOUR);
    pair.say(ALICE, "from the day after tomorrow");
    pair.run_for(1_000);
    assert_eq!(pair.texts(BOB), Vec::<String>::new());
    let sent = pair.say(BOB, "today");
    assert!(sent.at <= pair.now().wall, "the own clock was not dragged");
    let stamp = madang_store::ops::by_id(pair.db(BOB), &sent.message).unwrap().unwrap().hlc >> 16;
    assert!(stamp < NOON + HOUR, "{stamp}");
    // It is the same after a restart.
    pair.cut();
    pair.restart(BOB);
    pair.connect();
    let sent = pair.say(BOB, "still today");
    let stamp = madang_store::ops::by_id(pair.db(BOB), &sent.message).unwrap().unwrap().hlc >> 16;
    assert!(stamp < NOON + HOUR, "{stamp}");
    pair.run_for(49 * HOUR);
    assert_eq!(pair.texts(BOB), ["today", "still today", "from the day after tomorrow"]);
}

#[test]
fn a_message_of_the_next_hours_counts_at_once() {
    let mut pair = Pair::friends(true);
    ahead(&mut pair, ALICE, 9 * HOUR);
    pair.say(ALICE, "nine hours ahead");
    pair.say(BOB, "an answer");
    pair.run_for(1_000);
    for who in [ALICE, BOB] {
        assert_eq!(pair.texts(who), ["nine hours ahead", "an answer"]);
    }
}
