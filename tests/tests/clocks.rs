//! Wrong clocks hinder nobody: messages appear at once, in one order, also after a clock was set right.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its tests share")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use madang_testkit::{Clock, Pair, Party, Person, Relay};

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

/// Somebody whose clock is as wrong as the setting says.
fn with_clock(name: &str, setting: &Path, args: &[&str]) -> Party {
    let mut person = Person::new(name).unwrap();
    person.set_clock(Some(Clock::kept_in(setting)));
    Party::of(person, args).unwrap()
}

/// A board without a battery: the account is made, friends are met and spoken with ten years ago, and the clock is set
/// right in the middle of it.
fn ten_years_behind(args: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let setting = folder.path().join("clock");
    fs::write(&setting, "-10y").unwrap();
    let alice = with_clock("Alice", &setting, args);
    let mut pair = Pair::of(alice, Party::of(Person::new("Bob").unwrap(), args).unwrap()).unwrap();
    let mut said = Vec::new();
    for (phase, clock) in [("ten years ago", "-10y"), ("today", "+0"), ("and back", "-10y")] {
        fs::write(&setting, clock).unwrap();
        for (from, to) in [(&pair.alice, &pair.bob), (&pair.bob, &pair.alice)] {
            let text = format!("{} {phase}", from.person.name());
            appears(from, to, &pair.room, &text);
            said.push(text);
        }
        pair.alice.stop().unwrap();
        pair.alice.start().unwrap();
        pair.wait_connected().unwrap();
    }
    assert_eq!(pair.wait_same(said.len(), Duration::from_secs(10)).unwrap(), said);
}

#[test]
fn a_clock_ten_years_behind_hinders_nobody() {
    ten_years_behind(&[]);
}

#[test]
fn a_clock_ten_years_behind_hinders_nobody_at_a_relay() {
    let relay = Relay::start(&[]).unwrap();
    ten_years_behind(&["--relay", relay.addr().unwrap()]);
}

#[test]
fn what_waits_at_a_relay_reaches_a_clock_ten_years_behind() {
    let relay = Relay::start(&[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let setting = folder.path().join("clock");
    fs::write(&setting, "-10y").unwrap();
    let args = ["--relay", relay.addr().unwrap()];
    let alice = with_clock("Alice", &setting, &args);
    let mut pair = Pair::of(alice, Party::of(Person::new("Bob").unwrap(), &args).unwrap()).unwrap();
    pair.alice.stop().unwrap();
    let first = pair.bob.send(&pair.room, "while you were away").unwrap();
    pair.bob.wait_state(&pair.room, &first, &["relayed"]).unwrap();
    pair.bob.stop().unwrap();
    pair.alice.start().unwrap();
    pair.alice.wait("it came", |me| Ok(me.texts(&pair.room)? == ["while you were away"])).unwrap();
    let second = pair.alice.send(&pair.room, "and you").unwrap();
    pair.alice.wait_state(&pair.room, &second, &["relayed"]).unwrap();
    pair.alice.stop().unwrap();
    pair.bob.start().unwrap();
    pair.bob.wait("it came", |me| Ok(me.texts(&pair.room)? == ["while you were away", "and you"])).unwrap();
}

#[test]
fn an_account_made_ten_years_ahead_makes_friends_when_its_clock_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let setting = folder.path().join("clock");
    fs::write(&setting, "+10y").unwrap();
    let (alice, bob) = (with_clock("Alice", &setting, &[]), Party::new("Bob", &[]).unwrap());
    let link = alice.text(&["invite", "create", "--once"], "link").unwrap();
    // By her clock his keys are long out of date.
    assert_eq!(bob.text(&["friend", "add", &link], "state").unwrap(), "requested");
    assert!(alice.list(&["friend", "list"]).unwrap().is_empty());
    fs::write(&setting, "+0").unwrap();
    bob.wait_friend(&alice.account).unwrap();
    alice.wait_friend(&bob.account).unwrap();
    let room = bob.text(&["room", "direct", &alice.account], "room").unwrap();
    let pair = Pair { alice, bob, room };
    pair.wait_connected().unwrap();
    appears(&pair.bob, &pair.alice, &pair.room, "what year was it at your place?");
    appears(&pair.alice, &pair.bob, &pair.room, "now I see");
    let said = pair.wait_same(2, Duration::from_secs(10)).unwrap();
    assert_eq!(said, ["what year was it at your place?", "now I see"]);
}

#[test]
fn a_start_ten_years_ahead_does_no_harm_that_stays() {
    let folder = tempfile::tempdir().unwrap();
    let setting = folder.path().join("clock");
    fs::write(&setting, "+0").unwrap();
    let mut pair = Pair::of(with_clock("Alice", &setting, &[]), Party::new("Bob", &[]).unwrap()).unwrap();
    appears(&pair.alice, &pair.bob, &pair.room, "as ever");
    pair.alice.stop().unwrap();
    fs::write(&setting, "+10y").unwrap();
    pair.alice.start().unwrap();
    pair.wait_connected().unwrap();
    assert_eq!(pair.alice.refused(&["send", &pair.room, "too early"]).unwrap(), (1, "clock".to_owned()));
    appears(&pair.bob, &pair.alice, &pair.room, "what year is it at your place?");
    pair.alice.stop().unwrap();
    fs::write(&setting, "+0").unwrap();
    pair.alice.start().unwrap();
    pair.wait_connected().unwrap();
    appears(&pair.alice, &pair.bob, &pair.room, "now I see");
    let last = pair.bob.send(&pair.room, "at last").unwrap();
    pair.bob.wait_state(&pair.room, &last, &["delivered"]).unwrap();
    let said = pair.wait_same(4, Duration::from_secs(10)).unwrap();
    assert_eq!(said, ["as ever", "what year is it at your place?", "now I see", "at last"]);
}
