//! What can be read at a relay, and in the files of a home: no text, no name, no id of an account or a device, not even
//! that two conversations say the same. A build that seals nothing shows that the search would find them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its tests share")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use data_encoding::HEXLOWER;
use madang_testkit::{
    Outsider, Pair, Party, Person, Read, Relay, Secrets, Trace, WINDOW, common_windows, random_word, unsealed,
};

/// What two people say; each is long enough not to be found by chance.
struct Words(BTreeMap<&'static str, String>);

impl Words {
    fn random() -> Self {
        let names = [
            "name of Alice",
            "name of Bob",
            "greeting",
            "alias",
            "text to somebody awake",
            "text to somebody away",
            "answer to somebody away",
        ];
        Self(names.into_iter().map(|name| (name, random_word(20))).collect())
    }

    fn say(&self, name: &str) -> &str {
        &self.0[name]
    }
}

/// What two people have said and who they are, and where it could be read.
struct Story {
    secrets: Secrets,
    pair: Pair,
    link: String,
    relay: Relay,
    trace: Trace,
}

impl Story {
    /// Names of what can be read in the frames that the relay saw.
    fn in_frames(&self) -> BTreeSet<String> {
        self.trace.frames().flat_map(|(_, frame)| self.secrets.in_bytes(frame)).collect()
    }

    /// Somebody who has the frames and the link.
    fn outsider(&self) -> Outsider {
        let ids = [&self.pair.alice, &self.pair.bob]
            .map(|party| HEXLOWER.decode(party.account.as_bytes()).unwrap().try_into().unwrap());
        Outsider::new(&self.trace, &self.link, &ids).unwrap()
    }

    /// What is not the same in every greeting of a relay: everything but that.
    fn frames(&self) -> impl Iterator<Item = &[u8]> {
        self.trace.frames().filter(|(name, _)| !name.contains("hello")).map(|(_, frame)| frame)
    }
}

/// Friends by an invite at a relay; one of them is away for half of the conversation; both end.
fn story(program: Option<&Path>, words: &Words) -> Story {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("frames");
    let relay = Relay::start(&["--trace-frames", trace.to_str().unwrap()]).unwrap();
    let party = |name: &str| {
        let mut person = Person::new(words.say(name)).unwrap();
        if let Some(program) = program {
            person.set_program(program);
        }
        Party::of(person, &["--relay", relay.addr().unwrap()]).unwrap()
    };
    let (mut alice, mut bob) = (party("name of Alice"), party("name of Bob"));
    let link = alice.text(&["invite", "create"], "link").unwrap();
    bob.wait("the relay is there", |me| Ok(me.say(&["status"])?["relays"][0]["state"] == "connected"))
        .unwrap();
    bob.say(&["friend", "add", &link, "--greeting", words.say("greeting")]).unwrap();
    alice.wait("a request comes", |me| Ok(!me.list(&["friend", "requests"])?.is_empty())).unwrap();
    let request = alice.list(&["friend", "requests"]).unwrap()[0]["request"].as_str().unwrap().to_owned();
    let room = alice.text(&["friend", "accept", &request], "room").unwrap();
    bob.wait_friend(&alice.account).unwrap();
    alice.say(&["friend", "set", &bob.account, "--alias", words.say("alias")]).unwrap();
    alice.send(&room, words.say("text to somebody awake")).unwrap();
    bob.wait("a message has come", |me| Ok(me.texts(&room)?.len() == 1)).unwrap();
    bob.stop().unwrap();
    let waiting = alice.send(&room, words.say("text to somebody away")).unwrap();
    alice.wait_state(&room, &waiting, &["relayed"]).unwrap();
    alice.stop().unwrap();
    bob.start().unwrap();
    bob.wait("a message has come by the relay", |me| Ok(me.texts(&room)?.len() == 2)).unwrap();
    bob.say(&["search", "a text"]).unwrap();
    let answer = bob.send(&room, words.say("answer to somebody away")).unwrap();
    bob.wait_state(&room, &answer, &["relayed"]).unwrap();
    bob.stop().unwrap();

    let mut secrets = Secrets::default();
    for (name, word) in &words.0 {
        secrets.add(name, word.as_bytes()).unwrap();
    }
    for party in [&alice, &bob] {
        secrets.add_id("account", &party.account).unwrap();
        secrets.add_id("device", &party.device).unwrap();
    }
    let trace = Trace::read(&trace).unwrap();
    Story { secrets, pair: Pair { alice, bob, room }, link, relay, trace }
}

#[test]
fn nothing_is_readable_at_the_relay_or_in_the_files_of_a_home() {
    let story = story(None, &Words::random());
    assert_eq!(story.in_frames(), BTreeSet::new());
    assert_eq!(story.secrets.in_files(&story.relay.data()).unwrap(), BTreeSet::new());
    for party in [&story.pair.alice, &story.pair.bob] {
        assert_eq!(story.secrets.in_files(party.person.home()).unwrap(), BTreeSet::new());
    }
    // Nor with every key that the link, its record and the frames lead to.
    let mut outsider = story.outsider();
    assert_eq!(outsider.read(&story.trace), Read::default());
    // Somebody who has Alice's keys reads both conversations at the relay, and what is for her.
    outsider.learn(story.pair.alice.person.home()).unwrap();
    let read = outsider.read(&story.trace);
    assert!(read.ops >= 2 && read.envelopes >= 1, "{read:?}");
}

#[test]
fn the_same_words_said_twice_have_nothing_in_common() {
    let words = Words::random();
    let [one, other] = [story(None, &words), story(None, &words)];
    assert_eq!(common_windows(one.trace.bodies(), other.trace.bodies()), BTreeSet::new());
    assert_eq!(common_windows(one.frames(), other.frames()), BTreeSet::new());
}

#[test]
fn a_build_that_seals_nothing_is_found_out() {
    let words = Words::random();
    let [one, other] = [story(Some(unsealed().unwrap()), &words), story(Some(unsealed().unwrap()), &words)];
    for found in [one.in_frames(), one.secrets.in_files(&one.relay.data()).unwrap()] {
        for what in ["name of Alice", "text to somebody away", "answer to somebody away", "account", "device"]
        {
            assert!(found.contains(what), "{what} is not among {found:?}");
        }
    }
    let read = one.outsider().read(&one.trace);
    assert!(read.ops >= 2, "{read:?}");
    let common = common_windows(one.trace.bodies(), other.trace.bodies());
    let text = words.say("text to somebody away").as_bytes();
    assert!(common.contains(&text[..WINDOW]), "{} windows in common", common.len());
}
