//! What people read in a terminal: that it is true now, that it says what to do, and in their language. What programs
//! read stays as it is.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its tests share")]

use std::time::{Duration, Instant};

use madang_testkit::{Answer, Pair, Party, Person, Process, Relay};

const SOON: Duration = Duration::from_secs(30);

/// A command without `--json`.
fn plain(person: &Person, args: &[&str]) -> Answer {
    Answer::of(person.command().unwrap().args(args)).unwrap()
}

/// The next line that holds all of `parts`; others are passed over.
fn line_with(process: &Process, parts: &[&str]) -> String {
    let start = Instant::now();
    loop {
        let line = process.line(SOON.saturating_sub(start.elapsed())).unwrap();
        if parts.iter().all(|part| line.contains(part)) {
            return line;
        }
    }
}

#[test]
fn a_tail_for_people_names_time_room_and_sender() {
    let mut pair = Pair::new(&[]).unwrap();
    let tail = Process::start(pair.alice.person.command().unwrap().arg("tail")).unwrap();
    let room = pair.room.clone();
    pair.alice
        .wait("the tail has begun", |_| {
            pair.bob.send(&room, "are you there")?;
            Ok(tail.line(Duration::from_millis(500)).is_ok())
        })
        .unwrap();
    pair.bob.send(&room, "two\nlines").unwrap();
    let line = line_with(&tail, &["lines"]);
    let (time, rest) = line.split_once("  ").unwrap();
    assert!(time.len() == 8 && time.matches(':').count() == 2, "{line}");
    assert_eq!(rest, "[Bob] Bob: two lines");
    pair.alice.send(&room, "hello").unwrap();
    line_with(&tail, &["[Bob] \"hello\": delivered"]);
    pair.bob.stop().unwrap();
    line_with(&tail, &["Bob is not connected any more"]);
}

#[test]
fn what_was_well_before_is_not_called_well_now() {
    let relay = Relay::start(&[]).unwrap();
    let mut pair = Pair::new(&[]).unwrap();
    let addr = relay.addr().unwrap().to_owned();
    pair.alice.say(&["relay", "add", &addr]).unwrap();
    let id = pair.alice.send(&pair.room, "by day").unwrap();
    pair.alice.wait_state(&pair.room, &id, &["delivered"]).unwrap();
    let why = plain(&pair.alice.person, &["net", "why"]).stdout;
    assert!(why.contains("connected directly"), "{why}");
    assert_eq!(plain(&pair.alice.person, &["doctor"]).status.code(), Some(0));

    pair.bob.stop().unwrap();
    relay.stop().unwrap();
    pair.alice.send(&pair.room, "by night").unwrap();
    pair.alice
        .wait("it is told", |me| {
            let doctor = plain(&me.person, &["doctor"]);
            let said = ["last heard of ", "1 message waits", "failed for ", "nobody: "];
            Ok(doctor.status.code() == Some(1) && said.iter().all(|part| doctor.stdout.contains(part)))
        })
        .unwrap();
    let why = pair.alice.list(&["net", "why"]).unwrap().remove(0);
    assert_eq!((&why["connection"], &why["waiting"]), (&"none".into(), &1.into()), "{why}");
    let told = plain(&pair.alice.person, &["net", "why"]).stdout;
    assert!(told.contains("not connected") && !told.contains("all is well"), "{told}");
    // The whole address, as it was added and is listed.
    assert_eq!(pair.alice.list(&["relay", "list"]).unwrap()[0]["addr"], addr.as_str());
    assert!(pair.alice.list(&["relay", "remove", &addr]).unwrap().is_empty());
}

#[test]
fn whoever_writes_to_a_former_friend_is_told_what_is_so() {
    let pair = Pair::new(&[]).unwrap();
    pair.alice.say(&["friend", "remove", &pair.bob.account]).unwrap();
    let send = ["send", &pair.room, "do you hear me"];
    assert_eq!(pair.alice.refused(&send).unwrap(), (1, "not_member".to_owned()));
    let refused = plain(&pair.alice.person, &send);
    assert_eq!(refused.stderr.lines().count(), 1, "nothing is said twice: {}", refused.stderr);
    assert!(
        refused.stderr.contains("not friends") && !refused.stderr.contains("invite you"),
        "{}",
        refused.stderr
    );
    pair.alice.say(&["friend", "list"]).unwrap();
}

#[test]
fn help_errors_and_states_follow_the_language_and_json_does_not() {
    let mut person = Person::new("Alice").unwrap();
    person.set("LANG", "ko_KR.UTF-8");
    let alice = Party::of(person, &[]).unwrap();
    let help = plain(&alice.person, &["relay", "remove", "--help"]);
    assert!(help.stdout.contains("사용법: madang relay remove"), "{}", help.stdout);
    let wrong = plain(&alice.person, &["relay", "remove"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(wrong.stderr.contains("빠졌습니다: <ADDR>"), "{}", wrong.stderr);
    let status = plain(&alice.person, &["status"]).stdout;
    assert!(status.starts_with("계정\t"), "{status}");
    let refused = alice.person.ask(&["relay", "remove"]).unwrap();
    assert!(
        refused.stderr.contains("required arguments") && !refused.stderr.contains("빠졌"),
        "{}",
        refused.stderr
    );
    assert_eq!(alice.say(&["status"]).unwrap()["account"], alice.account.as_str());
}

#[test]
fn what_is_refused_is_told_in_korean_to_the_last_word() {
    let mut person = Person::new("Alice").unwrap();
    person.set("LANG", "ko_KR.UTF-8");
    let alice = Party::of(person, &[]).unwrap();
    let link = alice.text(&["invite", "create"], "link").unwrap();
    for (args, told) in [
        (&["friend", "add", &link][..], "내가 만든 초대입니다"),
        (&["friend", "add", &link[..link.len() - 3]], "글자가 바뀌었거나 끝이 잘렸습니다"),
        (&["run"], "번이 쓰고 있습니다"),
        (
            &["account", "restore", "--name", "a", "--phrase-file", "/no/such"],
            "그런 파일이나 폴더가 없습니다",
        ),
        (&["doctor", "--offline", "--passphrase-file", "/no/such"], "지정한 파일을 쓸 수 없습니다"),
        (&["friend", "list"], "아직 친구가 없습니다"),
    ] {
        let said = plain(&alice.person, args).stderr;
        assert!(said.contains(told), "{args:?}: {said}");
        assert!(!said.contains("명령이 올바르지"), "{said}");
    }
    assert_eq!(alice.person.ask(&["friend", "list"]).unwrap().stderr, "", "programs get no hints");
}

#[test]
fn a_port_that_is_taken_is_told_and_not_shared() {
    let alice = Party::new("Alice", &[]).unwrap();
    let addrs = alice.say(&["status"]).unwrap()["addrs"].clone();
    let addrs: Vec<&str> = addrs.as_array().unwrap().iter().filter_map(|addr| addr.as_str()).collect();
    let taken = addrs.iter().find(|addr| addr.contains("/tcp/")).unwrap();
    let bob = Person::new("Bob").unwrap();
    bob.create().unwrap();
    let refused = plain(&bob, &["run", "--no-mdns", "--listen", taken]);
    assert_eq!(refused.status.code(), Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("listens on this port already"), "{}", refused.stderr);
    assert!(refused.stderr.contains(taken), "{}", refused.stderr);
}

#[test]
fn a_doctor_without_a_node_names_the_one_that_needs_none() {
    let alice = Person::new("Alice").unwrap();
    alice.create().unwrap();
    let doctor = plain(&alice, &["doctor"]);
    assert_eq!(doctor.status.code(), Some(3));
    assert!(doctor.stderr.contains("madang doctor --offline"), "{}", doctor.stderr);
    assert_eq!(alice.ask(&["doctor"]).unwrap().refusal().unwrap(), (3, "not_running".to_owned()));
}

#[test]
fn a_log_in_a_file_has_no_colours_and_an_address_that_cannot_be_had_a_reason() {
    let alice = Person::new("Alice").unwrap();
    alice.create().unwrap();
    for (listen, reason) in [
        ("8.8.8.8", "Write it as /ip4/8.8.8.8/tcp/0"),
        ("/ip4/192.0.2.1/tcp/0", "Cannot assign requested address"),
        ("/dns4/hanok.example/tcp/1", "/ip4/0.0.0.0/tcp/0"),
    ] {
        let run = ["-v", "run", "--no-mdns", "--listen", listen];
        let refused = plain(&alice, &run);
        assert_eq!(refused.status.code(), Some(2), "{listen}");
        assert!(refused.stderr.contains(reason), "{}", refused.stderr);
        assert!(!refused.stderr.contains('\u{1b}'), "{}", refused.stderr);
    }
}
