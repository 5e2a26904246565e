//! Friends in one local network find each other without addresses and without the internet.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its tests share")]

use std::time::Duration;

use madang_testkit::{Host, Lab, Pair, Party, Person, without_addresses};

/// Somebody on a host of the lab, who listens at every address and looks around.
fn at(host: &Host, name: &str) -> Party {
    let mut person = Person::new(name).unwrap();
    person.set_host(&host.entrance());
    Party::with(person, &[]).unwrap()
}

#[test]
fn a_link_without_addresses_is_enough_in_one_network() {
    let mut lab = Lab::new().unwrap();
    let hosts = [lab.host().unwrap(), lab.host().unwrap()];
    let (alice, bob) = (at(&hosts[0], "Alice"), at(&hosts[1], "Bob"));
    let link = without_addresses(&alice.text(&["invite", "create", "--once"], "link").unwrap()).unwrap();
    // The network has to be looked around in first, so the first tries may find nobody.
    bob.wait("the link is enough", |bob| Ok(bob.person.ask(&["friend", "add", &link])?.status.success()))
        .unwrap();
    bob.wait_friend(&alice.account).unwrap();
    alice.wait_friend(&bob.account).unwrap();
    let room = alice.text(&["room", "direct", &bob.account], "room").unwrap();
    let pair = Pair { alice, bob, room };
    pair.wait_connected().unwrap();
    pair.alice.send(&pair.room, "over the cable").unwrap();
    assert_eq!(pair.wait_same(1, Duration::from_secs(20)).unwrap(), ["over the cable"]);
}
