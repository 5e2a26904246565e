//! People, relays and the time between them. Nobody reaches anybody but through relays.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use madang_crypto::{DataKey, Phrase, os_rng};
use madang_model::{AccountId, ConvId, OpId};
use madang_p2p::PeerId;
use madang_store::Store;
use madang_wire::{Message as _, RelayBody, RelayFrame};
use tempfile::TempDir;

use super::relay::{FakeRelay, Who};
use crate::{
    command::{Command, Reply},
    core::{Core, Me, Settings},
    effect::Send,
    error::Error,
    home::{NewAccount, Secrets, write_store},
    ingest::{self, Page, Source},
    input::Input,
    ring::{BoxId, Ring},
    turn::{Now, Turn},
    view,
};

const START: u64 = 1_790_000_000_000;

pub(super) struct Person {
    dir: TempDir,
    key: DataKey,
    store: Option<Store>,
    pub(super) core: Core,
    ring: Arc<Ring>,
    inputs: VecDeque<Input>,
    wanted: BTreeSet<PeerId>,
    /// Has a network.
    online: bool,
}

pub(super) struct World {
    pub(super) people: Vec<Person>,
    pub(super) relays: Vec<FakeRelay>,
    pub(super) now: Now,
}

fn core_of(me: &Secrets, ring: &Arc<Ring>, peer: PeerId) -> Core {
    let me = Me {
        account: me.account,
        device: me.device,
        key: me.key.clone(),
        add_op: OpId::from_bytes(me.account.to_bytes()),
        peer,
        card: me.card.clone(),
        token_key: *me.token_key,
        delete_key: *me.delete_key,
    };
    Core::new(me, Settings::default(), Arc::clone(ring))
}

impl Person {
    fn new(name: &str, now: u64) -> Self {
        let dir = TempDir::new().unwrap();
        let key = DataKey::generate(&mut os_rng());
        let phrase = Phrase::generate(&mut os_rng());
        let new = NewAccount { name, machine: "laptop", passphrase: None, now_ms: now };
        let path = dir.path().join("store.db");
        let me = write_store(&path, &key, &phrase, new, name, &mut os_rng()).unwrap();
        let store = Store::open(&path, key.bytes()).unwrap();
        let ring = Arc::new(Ring::default());
        let core = core_of(&me, &ring, PeerId::random());
        let inputs = VecDeque::from([Input::Start]);
        Self { dir, key, store: Some(store), core, ring, inputs, wanted: BTreeSet::new(), online: true }
    }

    /// Ends the process and starts it again on the same store.
    fn restart(&mut self) {
        drop(self.store.take());
        let store = Store::open(&self.dir.path().join("store.db"), self.key.bytes()).unwrap();
        let me = Secrets::load(store.writer.conn()).unwrap();
        self.ring = Arc::new(Ring::default());
        self.core = core_of(&me, &self.ring, self.core.me.peer);
        self.store = Some(store);
        self.inputs = VecDeque::from([Input::Start]);
        self.wanted.clear();
    }

    pub(super) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }
}

impl World {
    pub(super) fn new(people: &[&str], relays: u8) -> Self {
        let now = Now { wall: START, mono: 1_000 };
        let mut world = Self {
            people: people.iter().map(|name| Person::new(name, START)).collect(),
            relays: (1..=relays).map(FakeRelay::new).collect(),
            now,
        };
        world.settle();
        world
    }

    /// Runs one turn of somebody.
    fn turn(&mut self, who: Who, commands: Vec<Command>) {
        let person = &mut self.people[who];
        let inputs = person.inputs.drain(..).collect();
        let store = person.store.as_mut().unwrap();
        let tx = store.writer.begin().unwrap();
        let mut turn = Turn::new(&tx, self.now);
        person.core.run(&mut turn, commands, inputs).unwrap();
        let fx = turn.into_effects();
        tx.commit().unwrap();
        for send in fx.sends {
            self.send(who, send);
        }
        fx.answers.into_iter().for_each(|answer| answer(None));
    }

    fn send(&mut self, who: Who, send: Send) {
        match send {
            Send::SetRelay(addr) => {
                let (_, relay) = madang_p2p::address::split_peer(addr);
                let relay = relay.unwrap();
                if self.people[who].wanted.insert(relay) {
                    self.dial(who, relay);
                }
            }
            Send::ForgetRelay(relay) => {
                self.people[who].wanted.remove(&relay);
                self.relay(relay).leave(who);
            }
            Send::Relay { relay, frame } if self.reaches(who, relay) => {
                let frame = RelayFrame::decode(frame).unwrap();
                let wall = self.now.wall;
                for (to, frame) in self.relay(relay).take(who, frame, wall) {
                    self.deliver(to, relay, frame);
                }
            }
            Send::Contact { call, .. } => {
                let result = Err("not reached".to_owned());
                self.people[who].inputs.push_back(Input::ContactAnswer { call, result });
            }
            _ => {}
        }
    }

    pub(super) fn relay(&mut self, peer: PeerId) -> &mut FakeRelay {
        self.relays.iter_mut().find(|relay| relay.peer == peer).unwrap()
    }

    fn reaches(&self, who: Who, relay: PeerId) -> bool {
        let up = self.relays.iter().any(|r| r.peer == relay && r.up);
        up && self.people[who].online && self.people[who].wanted.contains(&relay)
    }

    fn dial(&mut self, who: Who, relay: PeerId) {
        let input = if self.reaches(who, relay) {
            Input::RelayUp { relay }
        } else {
            Input::RelayDown { relay, reason: "refused".to_owned() }
        };
        self.people[who].inputs.push_back(input);
    }

    /// As the listener does: items of a followed log are opened.
    fn deliver(&mut self, who: Who, relay: PeerId, frame: RelayFrame) {
        let person = &mut self.people[who];
        if let Some(RelayBody::Items(items)) = &frame.body
            && !items.items.is_empty()
            && person.ring.by_log(&items.box_id).is_some()
        {
            let log = BoxId::try_from(items.box_id.as_slice()).unwrap();
            let source = Source::Relay { relay, log, page: Page::of(items) };
            let sealed = items.items.iter().map(|item| Bytes::from(item.body.clone())).collect();
            person.inputs.push_back(Input::Arrival(ingest::open(&person.ring, source, sealed).unwrap()));
            return;
        }
        let frame = Bytes::from(frame.encode_to_vec());
        person.inputs.push_back(Input::RelayFrame { relay, frame });
    }

    /// Runs until nothing is left to be done now.
    pub(super) fn settle(&mut self) {
        for _ in 0..10_000 {
            let due = |person: &Person| {
                !person.inputs.is_empty() || person.core.next_due().is_some_and(|at| at <= self.now.mono)
            };
            let Some(who) = self.people.iter().position(due) else { return };
            self.turn(who, Vec::new());
        }
        panic!("there is no end to it");
    }

    /// Lets time pass, timer by timer.
    pub(super) fn pass(&mut self, ms: u64) {
        self.settle();
        let end = self.now.mono + ms;
        while self.now.mono < end {
            let next = self.people.iter().filter_map(|person| person.core.next_due()).min().unwrap_or(end);
            let step = next.clamp(self.now.mono + 1, end) - self.now.mono;
            self.now.mono += step;
            self.now.wall += step;
            self.settle();
        }
    }

    /// Lets time pass in which nobody's timer runs: the machines sleep.
    pub(super) fn sleep(&mut self, ms: u64) {
        self.now.mono += ms;
        self.now.wall += ms;
        self.settle();
    }

    /// Gives a command; answers its answer, after up to two minutes.
    pub(super) fn ask<T: std::marker::Send + 'static>(
        &mut self,
        who: Who,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, Error> {
        let (reply, mut answer) = Reply::pair();
        self.turn(who, vec![command(reply)]);
        for _ in 0..120 {
            self.settle();
            if let Ok(answer) = answer.try_recv() {
                return answer;
            }
            self.pass(1_000);
        }
        panic!("no answer");
    }

    /// Takes the network from somebody or gives it back.
    pub(super) fn set_online(&mut self, who: Who, online: bool) {
        self.people[who].online = online;
        for relay in self.people[who].wanted.clone() {
            self.relay(relay).leave(who);
            self.dial(who, relay);
        }
        self.settle();
    }

    pub(super) fn restart(&mut self, who: Who) {
        for relay in self.people[who].wanted.clone() {
            self.relay(relay).leave(who);
        }
        self.people[who].restart();
        self.settle();
    }

    /// Stops a relay or starts it.
    pub(super) fn set_relay(&mut self, number: usize, up: bool) {
        self.relays[number].up = up;
        let relay = self.relays[number].peer;
        for who in 0..self.people.len() {
            self.relays[number].leave(who);
            if self.people[who].wanted.contains(&relay) {
                self.dial(who, relay);
            }
        }
        self.settle();
    }

    pub(super) fn add_relay(&mut self, who: Who, number: usize) -> Vec<view::Relay> {
        let addr = self.relays[number].addr.clone();
        let code = Some(self.relays[number].code.to_owned());
        self.ask(who, |reply| Command::AddRelay { addr, code, reply }).unwrap();
        self.pass(100);
        self.ask(who, Command::Relays).unwrap()
    }

    pub(super) fn account(&self, who: Who) -> AccountId {
        self.people[who].core.me.account
    }

    /// Makes two people friends, by a one-time invite in a slot.
    pub(super) fn befriend(&mut self, inviter: Who, guest: Who) -> ConvId {
        let (link, _) =
            self.ask(inviter, |reply| Command::CreateInvite { once: true, hours: 24, reply }).unwrap();
        self.pass(100);
        let greeting = "hello".to_owned();
        self.ask(guest, |reply| Command::AddFriend { link, greeting, reply }).unwrap();
        self.pass(60_000);
        let account = self.account(guest);
        self.ask(inviter, |reply| Command::DirectRoom { account, reply }).unwrap()
    }

    pub(super) fn say(&mut self, who: Who, room: ConvId, text: &str) -> OpId {
        let text = text.to_owned();
        self.ask(who, |reply| Command::SendText { room, text, answers: None, reply }).unwrap().message
    }

    /// Texts in a room, oldest first.
    pub(super) fn texts(&self, who: Who, room: ConvId) -> Vec<String> {
        self.messages(who, room).into_iter().filter_map(|message| message.text).collect()
    }

    pub(super) fn messages(&self, who: Who, room: ConvId) -> Vec<view::Message> {
        let db = self.people[who].store().writer.conn();
        crate::query::messages::list(db, &self.account(who), &room, 1_000, (None, None), self.now.wall)
            .unwrap()
    }

    pub(super) fn state(&self, who: Who, message: OpId) -> (view::MessageState, Option<&'static str>) {
        let db = self.people[who].store().writer.conn();
        let found =
            crate::query::messages::by_id(db, &self.account(who), &message, self.now.wall).unwrap().unwrap();
        (found.state.unwrap(), found.reason)
    }
}
