//! Power cuts and full disks: what was acknowledged is there exactly once, in one order.
//!
//! `MADANG_STORY_N` sets how many messages each side writes while nodes are killed (300 when it is not set; the full run
//! is 2,000), `MADANG_STORY_SEED` repeats the moments of the power cuts.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its tests share")]

use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use madang_testkit::{Lab, Pair, Party, Person, wait_until};

/// How often each of the two nodes is killed.
const KILLS_EACH: u64 = 10;
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

/// Where in the run of one writer his node is killed: once in every part of it but the last, so that he cannot be done
/// before the last power cut.
struct Cuts {
    /// Messages that the writer writes.
    count: u64,
    /// Acknowledged messages after which the node is killed, rising.
    at: Vec<u64>,
    /// How many the writer may have while a power cut is due.
    slack: u64,
    written: AtomicU64,
    done: AtomicUsize,
}

impl Cuts {
    fn new(dice: &mut Dice, count: u64) -> Self {
        let part = count / (KILLS_EACH + 1);
        assert!(part >= 4, "{count} messages are too few for {KILLS_EACH} power cuts");
        let at = (0..KILLS_EACH).map(|cut| cut * part + 1 + dice.next(part / 2)).collect();
        Self { count, at, slack: part / 4, written: AtomicU64::new(0), done: AtomicUsize::new(0) }
    }

    fn next(&self) -> Option<u64> {
        self.at.get(self.done.load(Relaxed)).copied()
    }

    fn is_due(&self) -> bool {
        self.next().is_some_and(|at| self.written.load(Relaxed) >= at)
    }

    /// Waits while the writer is far ahead of a power cut.
    fn wait(&self) {
        wait_until("the power cut that is due", PATIENCE, || {
            let ahead = self.next().is_some_and(|at| self.written.load(Relaxed) >= at + self.slack);
            Ok((!ahead).then_some(()))
        })
        .unwrap();
    }
}

/// Writes until all messages were acknowledged as durable; a message whose sending was cut short may be there or
/// not, and is no longer tried. Answers the texts that were acknowledged, and those that may be there.
fn write(person: &Person, room: &str, cuts: &Cuts) -> (Vec<String>, Vec<String>) {
    let (mut sure, mut unsure) = (Vec::new(), Vec::new());
    let mut number = 0_u64;
    while cuts.written.load(Relaxed) < cuts.count {
        cuts.wait();
        number += 1;
        let text = format!("{} {number}", person.name());
        let answer = person.ask(&["send", room, &text]).unwrap();
        if answer.status.success() {
            sure.push(text);
            cuts.written.fetch_add(1, Relaxed);
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

/// Kills the nodes where the cuts say, and answers how often.
fn cut_power(pair: &mut Pair, cuts: &[Cuts; 2], dice: &mut Dice) -> u64 {
    let mut kills = 0;
    while cuts.iter().any(|cuts| cuts.next().is_some()) {
        let first = usize::try_from(dice.next(2)).unwrap();
        let victim = wait_until("the next power cut", PATIENCE, || {
            Ok([first, 1 - first].into_iter().find(|victim| cuts[*victim].is_due()))
        })
        .unwrap();
        let party = if victim == 0 { &mut pair.alice } else { &mut pair.bob };
        party.kill().unwrap();
        assert!(
            cuts[victim].written.load(Relaxed) < cuts[victim].count,
            "every power cut falls into the writing"
        );
        party.start().unwrap();
        cuts[victim].done.fetch_add(1, Relaxed);
        kills += 1;
    }
    kills
}

#[test]
fn power_cuts_of_either_side_lose_and_double_nothing() {
    let count = number("MADANG_STORY_N", 300);
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let seed = number("MADANG_STORY_SEED", fresh.into());
    println!("MADANG_STORY_SEED={seed} MADANG_STORY_N={count}");
    let (start, mut dice) = (Instant::now(), Dice(seed));
    let mut pair = Pair::new(&[]).unwrap();
    let room = pair.room.clone();
    let cuts = [Cuts::new(&mut dice, count), Cuts::new(&mut dice, count)];
    // Homes and commands alone are shared with the writers; nodes stay here.
    let twins = [&pair.alice, &pair.bob].map(|party| Person::at(party.person.name(), party.person.home()));
    let (kills, written) = thread::scope(|scope| {
        let (room, [alice, bob]) = (&room, &twins);
        let writers = [(alice, &cuts[0]), (bob, &cuts[1])]
            .map(|(person, cuts)| scope.spawn(move || write(person, room, cuts)));
        let kills = cut_power(&mut pair, &cuts, &mut dice);
        (kills, writers.map(|writer| writer.join().unwrap()))
    });
    assert_eq!(kills, 2 * KILLS_EACH);
    let unsure: usize = written.iter().map(|(_, unsure)| unsure.len()).sum();
    let texts = wait_until("both have everything that was acknowledged", PATIENCE, || {
        let (alice, bob) = (pair.alice.texts(&room)?, pair.bob.texts(&room)?);
        let sure = usize::try_from(2 * count)?;
        Ok((alice == bob && alice.len() >= sure).then_some(alice))
    })
    .unwrap();
    check(&texts, &written);
    for party in [&pair.alice, &pair.bob] {
        party.wait("everything is delivered", |me| Ok(me.say(&["status"])?["outbox"] == 0)).unwrap();
    }
    let more = texts.len() as u64 - 2 * count;
    println!(
        "{kills} power cuts in {:.0?}: {} messages, {more} of them from {unsure} that were cut short",
        start.elapsed(),
        texts.len()
    );
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
