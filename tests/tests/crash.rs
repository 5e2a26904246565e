//! Power cuts, sleeping machines and full disks: what was acknowledged is there exactly once, in one order.
//!
//! `MADANG_STORY_N` sets how many messages each side writes while nodes are killed (300 when it is not set; the full run
//! is 2,000), `MADANG_STORY_SEED` repeats a run.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its tests share")]

use std::{
    collections::BTreeMap,
    path::Path,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use madang_testkit::{Lab, LineEnd, Pair, Party, Person, wait_until};

/// How often a node is killed.
const KILLS: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(120);

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().map_or(otherwise, |text| text.parse().unwrap())
}

/// Numbers that depend on the seed alone (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % below
    }
}

/// Writes until `count` messages were acknowledged as durable; a message whose sending was cut short may be there or
/// not, and is no longer tried. Answers the texts that were acknowledged, and those that may be there.
fn write(person: &Person, room: &str, count: u64) -> (Vec<String>, Vec<String>) {
    let (mut sure, mut unsure) = (Vec::new(), Vec::new());
    let mut number = 0_u64;
    while sure.len() < usize::try_from(count).unwrap() {
        number += 1;
        let text = format!("{} {number}", person.name());
        let answer = person.ask(&["send", room, &text]).unwrap();
        if answer.status.success() {
            sure.push(text);
        } else {
            // Killed: before it was asked (3), or while it was.
            let code = answer.status.code();
            assert!(matches!(code, Some(1 | 3 | 5)), "{answer:?}");
            unsure.push(text);
            // A person who cannot send looks whether the program runs.
            wait_until("the node answers again", PATIENCE, || {
                Ok(person.ask(&["status"])?.status.success().then_some(()))
            })
            .unwrap();
        }
    }
    (sure, unsure)
}

/// Every sure text once, every unsure one at most once, nothing else, and those of one writer in the order of writing.
fn check(texts: &[String], writers: &[(Vec<String>, Vec<String>)]) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for text in texts {
        *seen.entry(text).or_default() += 1;
    }
    for (sure, unsure) in writers {
        for text in sure {
            assert_eq!(seen.remove(text.as_str()), Some(1), "{text}");
        }
        for text in unsure {
            assert!(seen.remove(text.as_str()).unwrap_or(1) == 1, "{text}");
        }
        let own: Vec<&String> = texts.iter().filter(|text| sure.contains(text)).collect();
        assert_eq!(own, sure.iter().collect::<Vec<_>>());
    }
    assert_eq!(seen, BTreeMap::new());
}

#[test]
fn power_cuts_of_either_side_lose_and_double_nothing() {
    let count = number("MADANG_STORY_N", 300);
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let seed = number("MADANG_STORY_SEED", fresh.into());
    println!("MADANG_STORY_SEED={seed} MADANG_STORY_N={count}");
    let mut dice = Dice(seed);
    let mut pair = Pair::new(&[]).unwrap();
    let room = pair.room.clone();
    // Homes and commands alone are shared with the writers; nodes stay here.
    let twins = [&pair.alice, &pair.bob].map(|party| Person::at(party.person.name(), party.person.home()));
    let written = thread::scope(|scope| {
        let writers = twins.each_ref().map(|person| scope.spawn(|| write(person, &room, count)));
        let mut kills = 0;
        while kills < KILLS && !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
            let victim = if dice.next(2) == 0 { &mut pair.alice } else { &mut pair.bob };
            // Kills fall between and into messages: the pause is measured in messages of the victim.
            let more = victim.messages(&room).unwrap().len()
                + usize::try_from(1 + dice.next(count / 12 + 1)).unwrap();
            wait_until("the next power cut", PATIENCE, || {
                let done = writers.iter().all(thread::ScopedJoinHandle::is_finished);
                Ok((done || victim.messages(&room)?.len() >= more).then_some(()))
            })
            .unwrap();
            victim.kill().unwrap();
            victim.start().unwrap();
            kills += 1;
        }
        writers.map(|writer| writer.join().unwrap())
    });
    let known: Vec<String> = pair.alice.texts(&room).unwrap();
    let unsure: Vec<&String> = written.iter().flat_map(|(_, unsure)| unsure).collect();
    let mut last = known.len();
    let texts = wait_until("both have everything that was acknowledged", PATIENCE, || {
        let (alice, bob) = (pair.alice.texts(&room)?, pair.bob.texts(&room)?);
        last = alice.len();
        let sure = usize::try_from(2 * count)?;
        Ok((alice == bob && alice.len() >= sure).then_some(alice))
    })
    .unwrap();
    println!(
        "{last} messages, {} of them from {} that were cut short",
        texts.len() as u64 - 2 * count,
        unsure.len()
    );
    check(&texts, &written);
}

#[test]
fn acknowledgements_that_are_lost_double_nothing() {
    let mut pair = Pair::new(&[]).unwrap();
    let room = pair.room.clone();
    let mut sent = 0;
    for round in 0..4 {
        let tail = pair.bob.tail().unwrap();
        let twin = Person::at("Alice", pair.alice.person.home());
        let text = format!("round {round}");
        let args = ["send", &room, "--count", "100", &text];
        thread::scope(|scope| {
            let writer = scope.spawn(|| twin.say(&args).unwrap());
            // The first one of the round is committed at Bob; his acknowledgements are on their way.
            tail.json_where(PATIENCE, |event| event["event"] == "message").unwrap();
            if round % 2 == 0 {
                // He sleeps between commit and acknowledgement, and never wakes up.
                pair.bob.process().unwrap().pause().unwrap();
                writer.join().unwrap();
                pair.bob.kill().unwrap();
                pair.bob.start().unwrap();
            } else {
                // She has written everything, and none of his answers of now reaches her.
                writer.join().unwrap();
                pair.alice.process().unwrap().pause().unwrap();
                while tail.line(Duration::from_millis(500)) != Err(LineEnd::Late) {}
                pair.alice.kill().unwrap();
                pair.alice.start().unwrap();
            }
        });
        sent += 100;
        pair.wait_same(sent, PATIENCE).unwrap();
    }
    let texts = pair.bob.texts(&room).unwrap();
    let wanted: Vec<String> =
        (0..4).flat_map(|round| (1..=100).map(move |number| format!("round {round} #{number}"))).collect();
    assert_eq!(texts, wanted);
}

fn in_lab(lab: &Lab, name: &str, home: &Path) -> Person {
    let mut person = Person::at(name, home);
    person.set_host(&lab.entrance());
    person
}

#[test]
fn a_full_disk_says_so_and_everything_comes_when_there_is_space_again() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    let lab = Lab::new().unwrap();
    assert!(lab.script("ip link set lo up").unwrap());
    lab.disk(&disk, "24m").unwrap();
    let alice = Party::of(in_lab(&lab, "Alice", &folder.path().join("alice")), &[]).unwrap();
    let bob = Party::of(in_lab(&lab, "Bob", &disk.join("bob")), &[]).unwrap();
    let pair = Pair::of(alice, bob).unwrap();
    let filler = disk.join("filler").display().to_string();
    // It ends badly, because the disk is full then.
    assert!(!lab.script(&format!("cat /dev/zero > {filler}")).unwrap());

    let text = "words".repeat(1_000);
    pair.alice.say(&["send", &pair.room, "--count", "500", &text]).unwrap();
    wait_until("Bob is told that his disk is full", PATIENCE, || {
        let answer = pair.bob.person.ask(&["send", &pair.room, "no space for this"])?;
        Ok((!answer.status.success() && answer.refusal()?.1 == "disk_full").then_some(()))
    })
    .unwrap();
    let some = pair.bob.messages(&pair.room).unwrap().len();
    assert!(lab.script(&format!("rm {filler}")).unwrap());
    let said = pair.bob.texts(&pair.room).unwrap().iter().filter(|t| t.starts_with("no space")).count();
    let texts = pair.wait_same(500 + said, PATIENCE).unwrap();
    let wanted: Vec<String> = (1..=500).map(|number| format!("{text} #{number}")).collect();
    let words: Vec<&String> = texts.iter().filter(|text| text.starts_with("words")).collect();
    // Only the ends: the whole would be megabytes.
    let ends = |texts: &[&String]| -> Vec<String> {
        texts.iter().map(|text| text[text.len() - 9..].to_owned()).collect()
    };
    assert_eq!(ends(&words), ends(&wanted.iter().collect::<Vec<_>>()));
    println!("{some} of 500 fitted on the disk");
    pair.bob.send(&pair.room, "space again").unwrap();
}
