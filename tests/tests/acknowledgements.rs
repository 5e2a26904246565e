//! What was committed and not acknowledged is shown once, whoever falls over in between and whatever he does then.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in what its tests share")]

use std::time::Duration;

use madang_testkit::{Host, Lab, Pair, Party, Person};

const PATIENCE: Duration = Duration::from_secs(60);

/// What happens after the commit and before the acknowledgement has left.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// The receiver falls asleep and never wakes up.
    ReceiverDies,
    /// The receiver sleeps for a while.
    ReceiverSleeps,
    /// The receiver sleeps for a while, and the sender loses its power meanwhile.
    SenderDies,
}

/// Two friends on two hosts of a network, joined by TCP alone.
struct Story {
    pair: Pair,
    hosts: [Host; 2],
    texts: Vec<String>,
    _lab: Lab,
}

fn at(host: &Host, name: &str) -> Party {
    let mut person = Person::new(name).unwrap();
    person.set_host(&host.entrance());
    let listen = format!("/ip4/{}/tcp/0", host.addr());
    Party::with(person, &["--no-mdns", "--no-quic", "--listen", &listen]).unwrap()
}

impl Story {
    fn new() -> Self {
        let mut lab = Lab::new().unwrap();
        let hosts = [lab.host().unwrap(), lab.host().unwrap()];
        let pair = Pair::of(at(&hosts[0], "Alice"), at(&hosts[1], "Bob")).unwrap();
        let mut story = Self { pair, hosts, texts: Vec::new(), _lab: lab };
        // Keys have been exchanged before anything goes wrong.
        story.chat();
        story
    }

    /// The one who sends, the one who receives, and the host of the latter.
    fn sides(&mut self, alice_sends: bool) -> (&mut Party, &mut Party, &Host) {
        let Pair { alice, bob, .. } = &mut self.pair;
        if alice_sends { (alice, bob, &self.hosts[1]) } else { (bob, alice, &self.hosts[0]) }
    }

    fn room(&self) -> String {
        self.pair.room.clone()
    }

    /// Both say something and both hear it.
    fn chat(&mut self) {
        let room = self.room();
        for alice_sends in [true, false] {
            let text = format!("number {} is quick", self.texts.len());
            let (sender, ..) = self.sides(alice_sends);
            let id = sender.send(&room, &text).unwrap();
            sender.wait_state(&room, &id, &["delivered"]).unwrap();
            self.texts.push(text);
        }
        assert_eq!(self.pair.wait_same(self.texts.len(), PATIENCE).unwrap(), self.texts);
    }

    /// One message that is committed at the receiver while nothing leaves the receiver's machine, and then the fault.
    fn cut_short(&mut self, alice_sends: bool, fault: Fault) {
        let (room, text) = (self.room(), format!("number {} meets {fault:?}", self.texts.len()));
        let (sender, receiver, host) = self.sides(alice_sends);
        host.mute(true).unwrap();
        let id = sender.send(&room, &text).unwrap();
        // Only what is committed is listed.
        receiver.wait("the message is committed", |me| Ok(me.texts(&room)?.contains(&text))).unwrap();
        receiver.process().unwrap().pause().unwrap();
        assert_eq!(sender.message(&room, &id).unwrap()["state"], "sending");
        match fault {
            Fault::ReceiverDies => {
                receiver.kill().unwrap();
                host.bury().unwrap();
                host.mute(false).unwrap();
                // Whatever the receiver had to say is lost.
                assert_eq!(sender.message(&room, &id).unwrap()["state"], "sending");
                receiver.start().unwrap();
            }
            Fault::ReceiverSleeps => {
                host.mute(false).unwrap();
                receiver.process().unwrap().resume().unwrap();
            }
            Fault::SenderDies => {
                sender.kill().unwrap();
                host.mute(false).unwrap();
                sender.start().unwrap();
                receiver.process().unwrap().resume().unwrap();
            }
        }
        sender.wait_state(&room, &id, &["delivered"]).unwrap();
        self.texts.push(text);
        assert_eq!(self.pair.wait_same(self.texts.len(), PATIENCE).unwrap(), self.texts);
        // The connection of afterwards is as good as the one of before.
        self.pair.wait_connected().unwrap();
        self.chat();
    }
}

fn both_ways(fault: Fault) {
    let mut story = Story::new();
    for alice_sends in [true, false, true, false] {
        story.cut_short(alice_sends, fault);
    }
}

#[test]
fn a_receiver_who_dies_before_the_acknowledgement_has_the_message_once() {
    both_ways(Fault::ReceiverDies);
}

#[test]
fn a_receiver_who_sleeps_before_the_acknowledgement_has_the_message_once() {
    both_ways(Fault::ReceiverSleeps);
}

#[test]
fn a_sender_who_dies_before_the_acknowledgement_has_sent_the_message_once() {
    both_ways(Fault::SenderDies);
}
