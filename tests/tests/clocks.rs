//! Wrong clocks hinder nobody: messages appear at once, in one order, also after a clock was set right.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its tests share")]

use std::{
    fs,
    time::{Duration, Instant},
};

use madang_testkit::{Clock, Pair, Party, Person};

/// A message must be there after this (quality of the product, not of the machine: loopback needs milliseconds).
const AT_ONCE: Duration = Duration::from_secs(2);

/// Sends one message and waits until the other side lists it as the newest one.
fn appears(from: &Party, to: &Party, room: &str, text: &str) {
    let sent = Instant::now();
    let id = from.send(room, text).unwrap();
    to.wait("the message is the newest one", |to| {
        Ok(to
            .list(&["messages", room, "--limit", "1"])?
            .first()
            .is_some_and(|last| last["message"] == id.as_str()))
    })
    .unwrap();
    assert!(sent.elapsed() < AT_ONCE, "{text} took {:?}", sent.elapsed());
}

#[test]
fn nine_hours_ahead_and_two_behind_talk_as_if_nothing_was() {
    let folder = tempfile::tempdir().unwrap();
    let setting = folder.path().join("clock");
    fs::write(&setting, "+9h").unwrap();
    let (mut alice, mut bob) = (Person::new("Alice").unwrap(), Person::new("Bob").unwrap());
    alice.set_clock(Some(Clock::kept_in(&setting)));
    bob.set_clock(Some(Clock::offset("-2h")));
    let pair = Pair::of(Party::of(alice, &[]).unwrap(), Party::of(bob, &[]).unwrap()).unwrap();
    let mut said = Vec::new();
    let mut talk = |phase: &str| {
        for number in 0..3 {
            for (from, to) in [(&pair.alice, &pair.bob), (&pair.bob, &pair.alice)] {
                let text = format!("{} {phase} {number}", from.person.name());
                appears(from, to, &pair.room, &text);
                said.push(text);
            }
        }
    };
    talk("with wrong clocks");
    fs::write(&setting, "+0").unwrap();
    talk("after her clock was set back");
    assert_eq!(pair.wait_same(said.len(), Duration::from_secs(10)).unwrap(), said);
}

#[test]
fn a_clock_more_than_a_day_ahead_is_named_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let setting = folder.path().join("clock");
    fs::write(&setting, "+0").unwrap();
    let mut alice = Person::new("Alice").unwrap();
    alice.set_clock(Some(Clock::kept_in(&setting)));
    let pair = Pair::of(Party::of(alice, &[]).unwrap(), Party::new("Bob", &[]).unwrap()).unwrap();
    fs::write(&setting, "+30h").unwrap();
    // Once she has heard what time it is elsewhere.
    let own = pair.alice.text(&["room", "direct", &pair.alice.account], "room").unwrap();
    pair.alice
        .wait("her clock is found wrong", |me| Ok(!me.person.ask(&["send", &own, "?"])?.status.success()))
        .unwrap();
    assert_eq!(pair.alice.refused(&["send", &pair.room, "too early"]).unwrap(), (1, "clock".to_owned()));
    // He writes as ever.
    appears(&pair.bob, &pair.alice, &pair.room, "what time is it at your place?");
    fs::write(&setting, "+0").unwrap();
    pair.alice.wait("her clock is right", |me| Ok(me.send(&pair.room, "now I see").is_ok())).unwrap();
    pair.wait_same(2, Duration::from_secs(10)).unwrap();
}
