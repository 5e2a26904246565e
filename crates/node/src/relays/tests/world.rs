//! People, relays and the time between them. Nobody reaches anybody but through relays, unless a test says so.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use bytes::Bytes;
use madang_crypto::{DataKey, Phrase, os_rng};
use madang_model::{AccountId, ConvId, OpId};
use madang_p2p::PeerId;
use madang_store::Store;
use madang_wire::{Message as _, RelayBody, RelayFrame, StreamBody, StreamFrame};
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
    key: [u8; 32],
    store: Option<Store>,
    pub(super) core: Core,
    ring: Arc<Ring>,
    inputs: VecDeque<Input>,
    wanted: BTreeSet<PeerId>,
    /// Machines that it would talk to.
    knows: BTreeSet<PeerId>,
    /// Has a network.
    online: bool,
    /// The next turns end in a rollback.
    disk_full: bool,
    /// The process does not run; what arrives waits.
    frozen: bool,
}

pub(super) struct World {
    pub(super) people: Vec<Person>,
    pub(super) relays: Vec<FakeRelay>,
    pub(super) now: Now,
    /// Machines that know each other reach each other without a relay.
    direct: bool,
    connected: BTreeSet<(Who, Who)>,
    /// Frames of reconciliation between machines.
    pub(super) comparisons: usize,
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
        let key = *key.bytes();
        let store = Store::open(&path, &key).unwrap();
        let ring = Arc::new(Ring::default());
        let core = core_of(&me, &ring, PeerId::random());
        let inputs = VecDeque::from([Input::Start]);
        let (wanted, knows) = (BTreeSet::new(), BTreeSet::new());
        let store = Some(store);
        Self {
            dir,
            key,
            store,
            core,
            ring,
            inputs,
            wanted,
            knows,
            online: true,
            disk_full: false,
            frozen: false,
        }
    }

    /// The same person and machine in another world: a copy of the disk.
    fn copy(&mut self) -> Self {
        drop(self.store.take());
        let dir = TempDir::new().unwrap();
        for file in std::fs::read_dir(self.dir.path()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), dir.path().join(file.file_name())).unwrap();
        }
        let store = Store::open(&dir.path().join("store.db"), &self.key).unwrap();
        let me = Secrets::load(store.writer.conn()).unwrap();
        let ring = Arc::new(Ring::default());
        Self {
            dir,
            key: self.key,
            core: core_of(&me, &ring, self.core.me.peer),
            store: Some(store),
            ring,
            inputs: VecDeque::from([Input::Start]),
            wanted: BTreeSet::new(),
            knows: BTreeSet::new(),
            online: true,
            disk_full: false,
            frozen: false,
        }
    }

    /// Ends the process and starts it again on the same store.
    fn restart(&mut self) {
        drop(self.store.take());
        let store = Store::open(&self.dir.path().join("store.db"), &self.key).unwrap();
        let me = Secrets::load(store.writer.conn()).unwrap();
        self.ring = Arc::new(Ring::default());
        self.core = core_of(&me, &self.ring, self.core.me.peer);
        self.store = Some(store);
        self.inputs = VecDeque::from([Input::Start]);
        self.wanted.clear();
        self.knows.clear();
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
            direct: false,
            connected: BTreeSet::new(),
            comparisons: 0,
        };
        world.settle();
        world
    }

    /// Another world that goes on from where this one stands. This one is over then.
    pub(super) fn copy(&mut self) -> Self {
        let mut relays = self.relays.clone();
        for relay in &mut relays {
            (0..self.people.len()).for_each(|who| relay.leave(who));
        }
        let mut world = Self {
            people: self.people.iter_mut().map(Person::copy).collect(),
            relays,
            now: self.now,
            direct: false,
            connected: BTreeSet::new(),
            comparisons: 0,
        };
        world.settle();
        world
    }

    /// Runs one turn of somebody.
    fn turn(&mut self, who: Who, commands: Vec<Command>) {
        self.act(who, |core, turn, inputs| core.run(turn, commands, inputs).unwrap());
    }

    /// Does something inside a turn of somebody, and what follows from it.
    pub(super) fn with<T>(&mut self, who: Who, act: impl FnOnce(&mut Core, &mut Turn<'_>) -> T) -> T {
        let done = self.act(who, |core, turn, inputs| {
            let done = act(core, turn);
            core.run(turn, Vec::new(), inputs).unwrap();
            done
        });
        self.settle();
        done
    }

    fn act<T>(&mut self, who: Who, act: impl FnOnce(&mut Core, &mut Turn<'_>, Vec<Input>) -> T) -> T {
        let person = &mut self.people[who];
        let inputs = person.inputs.drain(..).collect();
        let store = person.store.as_mut().unwrap();
        let tx = store.writer.begin().unwrap();
        let mut turn = Turn::new(&tx, self.now);
        let done = act(&mut person.core, &mut turn, inputs);
        let fx = turn.into_effects();
        if person.disk_full {
            // As the engine does: nothing of the turn has happened.
            drop(tx);
            let store = person.store.as_mut().unwrap();
            person.core.reload(store.writer.conn(), self.now).unwrap();
            return done;
        }
        tx.commit().unwrap();
        for send in fx.sends {
            self.send(who, send);
        }
        fx.answers.into_iter().for_each(|answer| answer(None));
        done
    }

    /// Stops somebody's process or lets it go on; what arrives waits.
    pub(super) fn freeze(&mut self, who: Who, frozen: bool) {
        self.people[who].frozen = frozen;
        self.settle();
    }

    /// Lets one turn of somebody fail at its end, with what has arrived.
    pub(super) fn fail_turn(&mut self, who: Who) {
        self.people[who].disk_full = true;
        self.turn(who, Vec::new());
        self.people[who].disk_full = false;
    }

    /// Runs one turn of somebody that is undone because of what has arrived; answers why.
    pub(super) fn undone_turn(&mut self, who: Who) -> Error {
        let person = &mut self.people[who];
        let inputs = person.inputs.drain(..).collect();
        let store = person.store.as_mut().unwrap();
        let tx = store.writer.begin().unwrap();
        let mut turn = Turn::new(&tx, self.now);
        let error = person.core.run(&mut turn, Vec::new(), inputs).unwrap_err();
        drop(tx);
        person.core.reload(store.writer.conn(), self.now).unwrap();
        error
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
                    if self.reaches(to, relay) {
                        self.deliver(to, relay, frame);
                    }
                }
            }
            Send::Frame { peer, frame } => self.direct_frame(who, peer, &frame),
            Send::SetPeer { peer, .. } => {
                self.people[who].knows.insert(peer);
                self.connect();
            }
            Send::ForgetPeer(peer) => drop(self.people[who].knows.remove(&peer)),
            Send::Contact { call, .. } => {
                let result = Err("not reached".to_owned());
                self.people[who].inputs.push_back(Input::ContactAnswer { call, result });
            }
            _ => {}
        }
    }

    fn direct_frame(&mut self, who: Who, peer: PeerId, frame: &[u8]) {
        let Some(to) = self.people.iter().position(|person| person.core.me.peer == peer) else { return };
        if !self.connected.contains(&(who.min(to), who.max(to))) {
            return;
        }
        let from = self.people[who].core.me.peer;
        let person = &mut self.people[to];
        let body = madang_wire::decode::<StreamFrame>(frame).unwrap().body.unwrap();
        self.comparisons += usize::from(matches!(body, StreamBody::Neg(_)));
        let input = match body {
            StreamBody::Ops(ops) => {
                let sealed = ops.sealed.iter().map(|sealed| sealed.encode_to_vec().into()).collect();
                let source = Source::Stream { peer: from, tag: ops.tag };
                ingest::open(&person.ring, source, sealed).map(Input::Arrival)
            }
            frame => Some(Input::Frame { peer: from, frame }),
        };
        person.inputs.extend(input);
    }

    /// Connects those who know each other and have a way.
    fn connect(&mut self) {
        for (one, two) in (0..self.people.len()).flat_map(|two| (0..two).map(move |one| (one, two))) {
            let peers = [one, two].map(|who| self.people[who].core.me.peer);
            let known =
                self.people[one].knows.contains(&peers[1]) && self.people[two].knows.contains(&peers[0]);
            let online = self.people[one].online && self.people[two].online;
            let stands = self.connected.contains(&(one, two));
            if self.direct && known && online && !stands {
                self.connected.insert((one, two));
                // The stream of one, opened with fresh nonces.
                let now = self.now;
                let nonces =
                    [one, two].map(|who| madang_crypto::frame_id(format!("{who} {now:?}").as_bytes()));
                for (who, other, opener) in [(one, 1, true), (two, 0, false)] {
                    let (peer, nonce) = (peers[other], nonces[1 - other]);
                    let hello = madang_wire::StreamHello {
                        v: 1,
                        nonce: nonces[other].to_vec(),
                        now: now.wall,
                        features: Vec::new(),
                    };
                    let inputs = &mut self.people[who].inputs;
                    inputs.push_back(Input::PeerUp { peer, relayed: false, opener, nonce });
                    inputs.push_back(Input::Frame { peer, frame: StreamBody::Hello(hello) });
                }
            } else if stands && !(self.direct && online) {
                self.connected.remove(&(one, two));
                self.people[one].inputs.push_back(Input::PeerDown(peers[1]));
                self.people[two].inputs.push_back(Input::PeerDown(peers[0]));
            }
        }
    }

    /// Gives machines a way to each other without a relay, or takes it.
    pub(super) fn set_direct(&mut self, direct: bool) {
        self.direct = direct;
        self.connect();
        self.settle();
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
                let timer = person.core.next_due().is_some_and(|at| at <= self.now.mono);
                !person.frozen && (timer || !person.inputs.is_empty())
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
            let running = self.people.iter().filter(|person| !person.frozen);
            let next = running.filter_map(|person| person.core.next_due()).min().unwrap_or(end);
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
        self.connect();
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
        let (online, direct) = (self.people[who].online, self.direct);
        self.people[who].online = false;
        self.connect();
        self.people[who].restart();
        (self.people[who].online, self.direct) = (online, direct);
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

    /// How it stands with somebody's relays.
    pub(super) fn relay_list(&mut self, who: Who) -> Vec<view::Relay> {
        self.ask(who, Command::Relays).unwrap()
    }

    /// The row of a room at somebody.
    pub(super) fn row(&self, who: Who, room: ConvId) -> madang_store::RoomRow {
        self.people[who].core.by_conv[&room]
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
