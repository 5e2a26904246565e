//! Each path between two friends carries alone, and `net why` names the one that did.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its tests share")]

use std::time::Duration;

use madang_testkit::{Pair, Party, Person};

const SOON: Duration = Duration::from_secs(30);
/// Every message of a path comes in a turn of its own, as people type.
const MESSAGES: usize = 10;

/// Sends some messages each way, one by one, and answers the paths that both name.
fn chat(pair: &Pair) -> [String; 2] {
    for number in 0..MESSAGES {
        let (writer, reader) =
            if number % 2 == 0 { (&pair.alice, &pair.bob) } else { (&pair.bob, &pair.alice) };
        let id = writer.send(&pair.room, &format!("message {number}")).unwrap();
        writer.wait_state(&pair.room, &id, &["delivered"]).unwrap();
        assert_eq!(reader.message(&pair.room, &id).unwrap()["text"], format!("message {number}"));
    }
    let texts = pair.wait_same(MESSAGES, SOON).unwrap();
    assert_eq!(texts, (0..MESSAGES).map(|number| format!("message {number}")).collect::<Vec<_>>());
    [path(&pair.alice, &pair.bob), path(&pair.bob, &pair.alice)]
}

fn path(from: &Party, to: &Party) -> String {
    let paths = from.list(&["net", "why"]).unwrap();
    let found = paths.iter().find(|path| path["device"] == to.device.as_str()).unwrap();
    assert_eq!(found["account"], to.account.as_str());
    found["path"].as_str().unwrap().to_owned()
}

#[test]
fn gossip_carries_alone() {
    assert_eq!(chat(&Pair::new(&["--no-stream"]).unwrap()), ["gossip", "gossip"]);
}

#[test]
fn the_stream_carries_alone() {
    assert_eq!(chat(&Pair::new(&["--no-gossip"]).unwrap()), ["stream", "stream"]);
}

/// A node that listens nowhere but at `listen`.
fn only(name: &str, listen: &str, flag: &str) -> Party {
    Party::of(Person::new(name).unwrap(), &["--listen", listen, flag]).unwrap()
}

#[test]
fn tcp_carries_alone() {
    let [alice, bob] = ["Alice", "Bob"].map(|name| only(name, "/ip4/127.0.0.1/udp/0/quic-v1", "--no-quic"));
    for party in [&alice, &bob] {
        let addrs = party.say(&["status"]).unwrap()["addrs"].to_string();
        assert!(addrs.contains("/tcp/") && !addrs.contains("quic"), "{addrs}");
    }
    chat(&Pair::of(alice, bob).unwrap());
}

#[test]
fn quic_carries_alone() {
    let [alice, bob] = ["Alice", "Bob"].map(|name| only(name, "/ip4/127.0.0.1/udp/0/quic-v1", "--no-tcp"));
    for party in [&alice, &bob] {
        let addrs = party.say(&["status"]).unwrap()["addrs"].to_string();
        assert!(addrs.contains("quic") && !addrs.contains("/tcp/"), "{addrs}");
    }
    chat(&Pair::of(alice, bob).unwrap());
}
