//! Two cores connected in memory: real homes and stores, a virtual clock, and a wire that a test can cut,
//! slow down, repeat and shuffle.
//!
//! Owns what the engine, the network and the pool do around a core in a real node. It must not know what
//! a frame means. Invariant: nothing happens by itself and nothing is random but keys, so a story runs
//! the same way every time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use madang_model::{AccountId, ConvId, Kind, OpId};
use madang_p2p::PeerId;
use madang_store::{Conn, Readers, RoomRow, Writer};
use madang_wire::{Message as _, StreamBody, StreamFrame, StreamHello};
use tempfile::TempDir;

use crate::{
    command::{Command, Reply, Sent},
    core::{Core, Settings},
    effect::{AskId, CallId, Effects, Send},
    engine::run_turn,
    event::Event,
    home::{self, NewAccount},
    ingest::{self, Source},
    input::Input,
    network::Paths,
    node::me,
    ring::Ring,
    turn::{Now, Turn},
    view,
};

/// When every story begins, ms since 1970.
pub(crate) const NOON: u64 = 1_795_000_000_000;
const ALICE: usize = 0;
const BOB: usize = 1;

/// One person with a machine.
pub(crate) struct Person {
    pub(crate) core: Core,
    pub(crate) writer: Writer,
    pub(crate) events: Vec<Event>,
    pub(crate) peer: PeerId,
    readers: Readers,
    ring: Arc<Ring>,
    knows: BTreeMap<PeerId, ()>,
    _held: home::Held,
    _dir: TempDir,
}

/// What is on its way to somebody.
#[derive(Clone)]
enum Packet {
    Frame(Bytes),
    Ask(CallId, Bytes),
    Answer(CallId, Bytes),
}

/// What a test does to frames.
#[derive(Default)]
pub(crate) struct Faults {
    /// Every frame of ops comes so many times more.
    pub(crate) copies: usize,
    /// Frames of ops come in the wrong order, and so do the ops in them.
    pub(crate) shuffle: bool,
    /// Frames of ops are kept back; [`Pair::release`] lets them go.
    pub(crate) hold: bool,
    /// Every n-th frame of ops is lost; 0 loses none.
    pub(crate) lose_every: usize,
    /// Lane packets on the stream are lost.
    pub(crate) lose_lanes: bool,
    /// The test plays this person: what its core says is not sent.
    pub(crate) played: Option<usize>,
    count: usize,
}

/// What a frame of ops carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Control,
    Register,
    Content,
}

/// Two people.
pub(crate) struct Pair {
    pub(crate) people: [Person; 2],
    pub(crate) faults: Faults,
    /// Frames that were sent, by the name of their kind.
    pub(crate) sent: BTreeMap<&'static str, usize>,
    /// What was published on gossip, which carries nothing here: who, topic, bytes.
    pub(crate) published: Vec<(usize, String, Bytes)>,
    now: Now,
    wire: VecDeque<(usize, Packet)>,
    held: Vec<(usize, Packet)>,
    asks: BTreeMap<AskId, (usize, CallId)>,
    next_ask: u64,
    /// Streams so far.
    streams: usize,
    connected: bool,
    online: bool,
}

impl Pair {
    /// Two people who have never met. `alice_first` says whose PeerId is the lower one.
    pub(crate) fn strangers(alice_first: bool) -> Self {
        let mut peers = [PeerId::random(), PeerId::random()];
        peers.sort_by_key(|peer| peer.to_bytes());
        if !alice_first {
            peers.reverse();
        }
        let [lower, upper] = peers;
        let mut pair = Self {
            people: [Person::new("Alice", lower), Person::new("Bob", upper)],
            faults: Faults::default(),
            sent: BTreeMap::new(),
            published: Vec::new(),
            now: Now { wall: NOON, mono: 1 },
            wire: VecDeque::new(),
            held: Vec::new(),
            asks: BTreeMap::new(),
            next_ask: 0,
            streams: 0,
            connected: false,
            online: true,
        };
        for (who, port) in [(ALICE, 4001), (BOB, 4002)] {
            let addr = format!("/ip4/192.0.2.{port_}/tcp/{port}", port_ = port - 4000).parse().unwrap();
            pair.turn(who, Vec::new(), vec![Input::Start]);
            pair.turn(who, Vec::new(), vec![Input::Listening(vec![addr])]);
        }
        pair.settle();
        pair
    }

    /// Two friends who are connected.
    pub(crate) fn friends(alice_first: bool) -> Self {
        let mut pair = Self::strangers(alice_first);
        pair.befriend();
        pair
    }

    /// Bob uses a one-time invite of Alice.
    pub(crate) fn befriend(&mut self) {
        let (reply, mut answer) = Reply::pair();
        self.command(ALICE, Command::CreateInvite { once: true, hours: 1, reply });
        let (link, _) = answer.try_recv().unwrap().unwrap();
        let (reply, mut answer) = Reply::pair();
        self.command(BOB, Command::AddFriend { link, greeting: "hi".to_owned(), reply });
        self.run_for(5_000);
        let (account, state) = answer.try_recv().unwrap().unwrap();
        assert_eq!((account, state), (self.account(ALICE), view::FriendState::Friend));
        assert!(self.connected, "friends know each other's peers");
    }

    pub(crate) fn account(&self, who: usize) -> AccountId {
        self.people[who].core.me.account
    }

    /// The 1:1 of both.
    pub(crate) fn conv(&self) -> ConvId {
        self.people[ALICE].core.direct_conv(&self.account(BOB))
    }

    /// Its row at somebody.
    pub(crate) fn room(&self, who: usize) -> RoomRow {
        self.people[who].core.by_conv[&self.conv()]
    }

    pub(crate) fn db(&self, who: usize) -> &Conn {
        self.people[who].writer.conn()
    }

    pub(crate) fn now(&self) -> Now {
        self.now
    }

    /// Runs a command and what follows from it at once.
    pub(crate) fn command(&mut self, who: usize, command: Command) {
        self.turn(who, vec![command], Vec::new());
        self.settle();
    }

    /// Runs commands in one turn, and what follows from them at once.
    pub(crate) fn commands(&mut self, who: usize, commands: Vec<Command>) {
        self.turn(who, commands, Vec::new());
        self.settle();
    }

    /// Runs commands in a turn that must fail, and answers why.
    pub(crate) fn fails(&mut self, who: usize, commands: Vec<Command>) -> crate::Error {
        let mut fx = Effects::default();
        let person = &mut self.people[who];
        let failed = run_turn(&mut person.writer, &mut person.core, self.now, commands, Vec::new(), &mut fx);
        let error = failed.unwrap_err();
        fx.answers.into_iter().for_each(|answer| answer(Some(error.clone())));
        error
    }

    /// What the engine does after a turn that failed.
    pub(crate) fn begin_anew(&mut self, who: usize) {
        let person = &mut self.people[who];
        person.core.forget_connections(person.writer.conn(), self.now).unwrap();
        self.turn(who, Vec::new(), vec![Input::Start]);
        self.cut();
        self.connect();
    }

    /// Does something inside a turn of somebody.
    pub(crate) fn in_turn(&mut self, who: usize, act: impl FnOnce(&mut Core, &mut Turn<'_>)) {
        let person = &mut self.people[who];
        let tx = person.writer.begin().unwrap();
        let mut turn = Turn::new(&tx, self.now);
        act(&mut person.core, &mut turn);
        person.core.run(&mut turn, Vec::new(), Vec::new()).unwrap();
        let fx = turn.into_effects();
        tx.commit().unwrap();
        self.perform(who, fx);
        self.settle();
    }

    /// Somebody says something; it is durable, and on its way.
    pub(crate) fn say(&mut self, who: usize, text: &str) -> Sent {
        let (reply, mut answer) = Reply::pair();
        let room = self.conv();
        self.command(who, Command::SendText { room, text: text.to_owned(), answers: None, reply });
        answer.try_recv().unwrap().unwrap()
    }

    /// Somebody says many things, 64 in a turn.
    pub(crate) fn say_many(&mut self, who: usize, count: usize) {
        let room = self.conv();
        for first in (0..count).step_by(64) {
            let commands = (first..count.min(first + 64))
                .map(|n| {
                    let (reply, _) = Reply::pair();
                    Command::SendText { room, text: format!("message {n}"), answers: None, reply }
                })
                .collect();
            self.turn(who, commands, Vec::new());
            self.settle();
        }
    }

    /// Texts of the 1:1 as somebody sees them, in their order.
    pub(crate) fn texts(&self, who: usize) -> Vec<String> {
        use madang_store::history::{Cursor, Kinds, page};
        page(self.db(who), self.room(who), Cursor::Newest, &Kinds::MESSAGES, 1_000_000)
            .unwrap()
            .into_iter()
            .filter_map(|op| crate::stored::text(op.payload.as_deref()))
            .map(|text| text.text)
            .collect()
    }

    /// Ids of all ops of the 1:1 at somebody, sorted.
    pub(crate) fn ids(&self, who: usize) -> Vec<OpId> {
        let mut ids = Vec::new();
        madang_store::history::items(self.db(who), self.room(who), 0, u64::MAX, |_, id| {
            ids.push(id);
            Ok(())
        })
        .unwrap();
        ids.sort_unstable();
        ids
    }

    pub(crate) fn status(&mut self, who: usize) -> view::Status {
        let (reply, mut answer) = Reply::pair();
        self.command(who, Command::Status(reply));
        answer.try_recv().unwrap().unwrap()
    }

    /// Keys of the 1:1 that somebody holds, the same in memory and on disk.
    pub(crate) fn keys(&self, who: usize) -> std::collections::BTreeSet<madang_model::KeyId> {
        let room = self.room(who);
        let stored: std::collections::BTreeSet<madang_model::KeyId> =
            madang_store::keys::list(self.db(who), room).unwrap().into_iter().map(|key| key.id).collect();
        let held = self.people[who].core.rooms[&room].keys.keys().copied().collect();
        assert_eq!(stored, held);
        held
    }

    /// Cuts the connection; nothing on the way arrives.
    pub(crate) fn cut(&mut self) {
        self.online = false;
        if std::mem::take(&mut self.connected) {
            self.wire.clear();
            self.held.clear();
            for who in [ALICE, BOB] {
                let peer = self.people[1 - who].peer;
                self.turn(who, Vec::new(), vec![Input::PeerDown(peer)]);
            }
        }
        self.settle();
    }

    /// Connects both again.
    pub(crate) fn connect(&mut self) {
        self.online = true;
        self.try_connect();
        self.settle();
    }

    /// Starts somebody's core anew from what is on the disk.
    pub(crate) fn restart(&mut self, who: usize) {
        assert!(!self.connected, "a restart cuts the connection");
        let now = self.now;
        let person = &mut self.people[who];
        let secrets = home::Secrets::load(person.writer.conn()).unwrap();
        person.ring = Arc::new(Ring::default());
        person.core = core(secrets, person.peer, &person.ring);
        self.turn(who, Vec::new(), vec![Input::Start]);
        assert!(self.people[who].core.next_due().is_some_and(|due| due >= now.mono));
        self.settle();
    }

    /// A frame from one to the other that no core has made.
    pub(crate) fn inject(&mut self, to: usize, body: StreamBody) {
        let frame = StreamFrame { id: 0, body: Some(body) }.encode_to_vec();
        self.wire.push_back((to, Packet::Frame(frame.into())));
        self.settle();
    }

    /// Lets frames go that were kept back.
    pub(crate) fn release(&mut self) {
        self.faults.hold = false;
        self.wire.extend(std::mem::take(&mut self.held));
        self.settle();
    }

    /// Bytes of the frames that are kept back.
    pub(crate) fn held_bytes(&self) -> usize {
        let bytes = |(_, packet): &(usize, Packet)| match packet {
            Packet::Frame(frame) | Packet::Ask(_, frame) | Packet::Answer(_, frame) => frame.len(),
        };
        self.held.iter().map(bytes).sum()
    }

    /// Ops in the frames that are kept back, in their order.
    pub(crate) fn held_ops(&mut self) -> Vec<OpId> {
        let mut found = Vec::new();
        for (to, packet) in self.held.clone() {
            let Some(Input::Arrival(arrival)) = self.input(to, packet) else { continue };
            for item in arrival.items {
                if let ingest::Item::Op(op) = item {
                    found.push(OpId::from_bytes(op.id));
                }
            }
        }
        found
    }

    /// What the frames for somebody that are kept back carry, in their order.
    pub(crate) fn held_parts(&mut self, who: usize) -> Vec<Part> {
        let mut found = Vec::new();
        for (to, packet) in self.held.clone().into_iter().filter(|(to, _)| *to == who) {
            let Some(Input::Arrival(arrival)) = self.input(to, packet) else { continue };
            found.extend(arrival.items.iter().map(|item| match item {
                ingest::Item::Op(op) if Kind::from(op.header.value().kind).is_control() => Part::Control,
                ingest::Item::Op(_) => Part::Content,
                _ => Part::Register,
            }));
        }
        found
    }

    /// Forgets the frames that are kept back: they never arrive.
    pub(crate) fn lose_held(&mut self) {
        self.faults.hold = false;
        self.held.clear();
    }

    /// Lets time pass in which no timer fires, as on a machine that sleeps.
    pub(crate) fn jump(&mut self, ms: u64) {
        self.pass(self.now.mono + ms);
    }

    /// Sets the clocks of both, ms since 1970.
    pub(crate) fn set_wall(&mut self, wall: u64) {
        self.now.wall = wall;
    }

    /// Seals something of `who` under the key in use, and lets it arrive at the other on the stream.
    pub(crate) fn inject_sealed(&mut self, who: usize, inner: madang_wire::InnerBody) {
        let (room, to) = (self.room(who), 1 - who);
        let mut sealed = None;
        self.in_turn(who, |core, turn| {
            let key = core.usable_key(turn, room).unwrap();
            sealed = Some(core.seal(room, key, &madang_wire::Inner { body: Some(inner) }).unwrap().0);
        });
        let ops = madang_wire::Ops { tag: self.tag(to), sealed: sealed.into_iter().collect() };
        self.inject(to, StreamBody::Ops(ops));
    }

    /// The name of the 1:1 on the stream as somebody knows it.
    pub(crate) fn tag(&self, who: usize) -> Vec<u8> {
        let peer = self.people[1 - who].peer;
        self.people[who].core.peers[&peer].open[&self.room(who)].to_vec()
    }

    /// A message as somebody sees it.
    pub(crate) fn message(&self, who: usize, id: &OpId) -> view::Message {
        let me = self.account(who);
        crate::query::messages::by_id(self.db(who), &me, id, self.now.wall).unwrap().unwrap()
    }

    /// Lets time pass: timers fire at their time, frames arrive at once.
    pub(crate) fn run_for(&mut self, ms: u64) {
        let end = self.now.mono + ms;
        self.settle();
        let mut turns = 0_u32;
        while let Some(due) = self.people.iter().filter_map(|person| person.core.next_due()).min()
            && due <= end
        {
            self.pass(due.max(self.now.mono));
            for who in [ALICE, BOB] {
                self.turn(who, Vec::new(), Vec::new());
            }
            self.settle();
            turns += 1;
            assert!(turns < 100_000, "timers fire without end");
        }
        self.pass(end);
    }

    fn pass(&mut self, mono: u64) {
        self.now.wall += mono - self.now.mono;
        self.now.mono = mono;
    }

    /// Delivers until nothing is on its way.
    pub(crate) fn settle(&mut self) {
        let mut delivered = 0_u32;
        while let Some((to, packet)) = self.next_packet() {
            let mut inputs = Vec::new();
            inputs.extend(self.input(to, packet));
            self.turn(to, Vec::new(), inputs);
            delivered += 1;
            assert!(delivered < 200_000, "both talk without end");
        }
    }

    fn next_packet(&mut self) -> Option<(usize, Packet)> {
        if self.faults.shuffle { self.wire.pop_back() } else { self.wire.pop_front() }
    }

    /// What the listener of a node makes of a packet.
    fn input(&mut self, to: usize, packet: Packet) -> Option<Input> {
        let from = self.people[1 - to].peer;
        match packet {
            Packet::Frame(frame) => match madang_wire::decode::<StreamFrame>(&frame).ok()?.body? {
                StreamBody::Ops(ops) => {
                    let mut sealed: Vec<Bytes> =
                        ops.sealed.iter().map(|s| s.encode_to_vec().into()).collect();
                    if self.faults.shuffle {
                        sealed.reverse();
                    }
                    let source = Source::Stream { peer: from, tag: ops.tag };
                    ingest::open(&self.people[to].ring, source, sealed).map(Input::Arrival)
                }
                frame => Some(Input::Frame { peer: from, frame }),
            },
            Packet::Ask(call, frame) => {
                self.next_ask += 1;
                let ask = AskId(self.next_ask);
                self.asks.insert(ask, (1 - to, call));
                Some(Input::Contact { peer: from, ask, frame })
            }
            Packet::Answer(call, frame) => Some(Input::ContactAnswer { call, result: Ok(frame) }),
        }
    }

    /// One turn of somebody's engine.
    fn turn(&mut self, who: usize, commands: Vec<Command>, inputs: Vec<Input>) {
        let mut fx = Effects::default();
        let person = &mut self.people[who];
        run_turn(&mut person.writer, &mut person.core, self.now, commands, inputs, &mut fx).unwrap();
        self.perform(who, fx);
    }

    fn perform(&mut self, who: usize, fx: Effects) {
        for send in fx.sends {
            self.send(who, send);
        }
        for answer in fx.answers {
            answer(None);
        }
        self.people[who].events.extend(fx.events);
    }

    fn send(&mut self, who: usize, send: Send) {
        let to = 1 - who;
        if self.faults.played == Some(who) {
            return;
        }
        match send {
            Send::Frame { peer, frame } if self.connected && peer == self.people[to].peer => {
                self.queue(to, frame)
            }
            Send::Contact { call, frame, .. } if self.online => {
                assert!(frame.len() <= madang_wire::limits::STRANGER_FRAME_BYTES, "{} bytes", frame.len());
                self.wire.push_back((to, Packet::Ask(call, frame)))
            }
            Send::Contact { call, .. } => {
                let input = Input::ContactAnswer { call, result: Err("offline".to_owned()) };
                self.turn(who, Vec::new(), vec![input]);
            }
            Send::ContactAnswer { ask, frame } => {
                let (asker, call) = self.asks.remove(&ask).unwrap();
                self.wire.push_back((asker, Packet::Answer(call, frame)));
            }
            Send::SetPeer { peer, .. } => {
                self.people[who].knows.insert(peer, ());
                self.try_connect();
            }
            Send::ForgetPeer(peer) => drop(self.people[who].knows.remove(&peer)),
            Send::Publish { topic, data } => self.published.push((who, topic, data)),
            _ => {}
        }
    }

    fn queue(&mut self, to: usize, frame: Bytes) {
        assert!(frame.len() <= madang_wire::limits::STREAM_FRAME_BYTES, "{} bytes", frame.len());
        let body = madang_wire::decode::<StreamFrame>(&frame).unwrap().body.unwrap();
        *self.sent.entry(kind(&body)).or_default() += 1;
        if self.faults.lose_lanes && matches!(body, StreamBody::Lane(_)) {
            return;
        }
        let mut copies = 1;
        if matches!(body, StreamBody::Ops(_)) {
            self.faults.count += 1;
            copies += self.faults.copies;
            if self.faults.lose_every > 0 && self.faults.count.is_multiple_of(self.faults.lose_every) {
                return;
            }
            if self.faults.hold {
                self.held.push((to, Packet::Frame(frame)));
                return;
            }
        }
        for _ in 0..copies {
            self.wire.push_back((to, Packet::Frame(frame.clone())));
        }
    }

    fn try_connect(&mut self) {
        let [alice, bob] = &self.people;
        let both = alice.knows.contains_key(&bob.peer) && bob.knows.contains_key(&alice.peer);
        if self.connected || !self.online || !both {
            return;
        }
        self.connected = true;
        self.streams += 1;
        // Sometimes the one opens the stream, sometimes the other, whoever has the lower PeerId.
        let opener = self.streams % 2;
        let nonces = [ALICE, BOB].map(|who| [u8::try_from((2 * self.streams + who) % 256).unwrap(); 16]);
        for who in [ALICE, BOB] {
            let nonce = nonces[who].to_vec();
            let hello = StreamHello { v: 1, nonce, now: self.now.wall, features: Vec::new() };
            let frame = StreamFrame { id: 0, body: Some(StreamBody::Hello(hello)) };
            self.queue(1 - who, frame.encode_to_vec().into());
        }
        for who in [ALICE, BOB] {
            let (peer, nonce) = (self.people[1 - who].peer, nonces[who]);
            let up = Input::PeerUp { peer, relayed: false, opener: who == opener, nonce };
            self.turn(who, Vec::new(), vec![up]);
        }
    }
}

impl Person {
    fn new(name: &str, peer: PeerId) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let held = home::hold(dir.path()).unwrap();
        let new = NewAccount { name, machine: "laptop", passphrase: Some("correct horse"), now_ms: NOON };
        home::create(&held, new, |_| Ok(())).unwrap();
        let opened = home::open(&held, Some("correct horse")).unwrap();
        let ring = Arc::new(Ring::default());
        Self {
            core: core(opened.me, peer, &ring),
            writer: opened.store.writer,
            events: Vec::new(),
            peer,
            readers: opened.store.readers,
            ring,
            knows: BTreeMap::new(),
            _held: held,
            _dir: dir,
        }
    }

    /// Reads what was committed, as a shell does.
    pub(crate) fn read<T>(&self, query: impl FnOnce(&Conn) -> Result<T, madang_store::Error>) -> T {
        self.readers.read(query).unwrap()
    }
}

/// Gossip needs a swarm; streams carry everything here.
fn core(secrets: home::Secrets, peer: PeerId, ring: &Arc<Ring>) -> Core {
    let paths = Paths { gossip: false, stream: true };
    Core::new(me(secrets, peer), Settings { paths }, Arc::clone(ring))
}

fn kind(body: &StreamBody) -> &'static str {
    match body {
        StreamBody::Hello(_) => "hello",
        StreamBody::Open(_) => "open",
        StreamBody::Heads(_) => "heads",
        StreamBody::Ops(_) => "ops",
        StreamBody::Want(_) => "want",
        StreamBody::Neg(_) => "neg",
        StreamBody::NegEnd(_) => "neg_end",
        StreamBody::BulkGet(_) => "bulk_get",
        StreamBody::BulkEnd(_) => "bulk_end",
        StreamBody::RegHave(_) => "reg_have",
        StreamBody::KeyRequest(_) => "key_request",
        StreamBody::Lane(_) => "lane",
        StreamBody::AccountGet(_) => "account_get",
        StreamBody::Account(_) => "account",
        StreamBody::Err(_) => "err",
    }
}
