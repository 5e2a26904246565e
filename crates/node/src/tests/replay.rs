//! What was sent once may come again: each packet three times, and all of them once more after restarts. It counts
//! once. And what was sent first may come last.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use madang_model::ConvId;
use madang_store::lanes;
use madang_wire::{ContactUpdate, LaneBody, Message as _, StreamBody, StreamFrame};

use super::pair::{NOON, Pair};
use crate::{
    command::{Command, Reply},
    core::{Core, Settings},
    effect::{AskId, CallId, Effects, Send},
    engine::run_turn,
    event::Event,
    home,
    ingest::{self, Source},
    input::Input,
    network::Paths,
    node::me,
    ring::Ring,
    turn::Now,
    view,
};

const ALICE: usize = 0;
const BOB: usize = 1;
/// Every packet comes so often.
const TIMES: usize = 3;

#[derive(Clone)]
enum Packet {
    Frame(Bytes),
    Ask(CallId, Bytes),
    Answer(CallId, Bytes),
}

/// Two people whose every packet is written down and can be sent again.
struct Tape {
    pair: Pair,
    now: Now,
    wire: VecDeque<(usize, Packet)>,
    /// Everything that carries something sealed: ops, registers, envelopes.
    written: Vec<(usize, Packet)>,
    asks: BTreeMap<AskId, (usize, CallId)>,
    next_ask: u64,
    knows: [bool; 2],
    online: bool,
    up: bool,
    copies: usize,
    /// Packets with something sealed wait, to be sent newest first.
    held: Option<Vec<(usize, Packet)>>,
}

impl Tape {
    /// Two people who have never met.
    fn strangers(copies: usize) -> Self {
        Self {
            pair: Pair::strangers(true),
            now: Now { wall: NOON, mono: 1 },
            wire: VecDeque::new(),
            written: Vec::new(),
            asks: BTreeMap::new(),
            next_ask: 0,
            knows: [false; 2],
            online: true,
            up: false,
            copies,
            held: None,
        }
    }

    /// Bob uses an invite of Alice; answers the invite. A reusable one is accepted by hand.
    fn befriend(&mut self, once: bool) {
        let (link, _) = self.ask(ALICE, |reply| Command::CreateInvite { once, hours: 24, reply });
        let (reply, mut answer) = Reply::pair();
        self.turn(BOB, vec![Command::AddFriend { link, greeting: "hi".to_owned(), reply }], Vec::new());
        self.run_for(1_000);
        if !once {
            let request = self.requests().remove(0).request;
            self.ask(ALICE, |reply| Command::AcceptRequest { request, reply });
        }
        self.run_for(5_000);
        assert!(answer.try_recv().unwrap().is_ok());
        assert!(self.up, "friends are connected");
    }

    /// Requests that were announced to Alice.
    fn requests(&self) -> Vec<view::Request> {
        let requests = self.pair.people[ALICE].events.iter().filter_map(|event| match event {
            Event::Request(request) => Some(request.clone()),
            _ => None,
        });
        requests.collect()
    }

    fn conv(&self) -> ConvId {
        self.pair.conv()
    }

    fn ask<T: std::marker::Send + 'static>(
        &mut self,
        who: usize,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> T {
        let (reply, mut answer) = Reply::pair();
        self.turn(who, vec![command(reply)], Vec::new());
        self.settle();
        answer.try_recv().unwrap().unwrap()
    }

    fn say(&mut self, who: usize, text: &str) {
        let (room, text) = (self.conv(), text.to_owned());
        self.ask(who, |reply| Command::SendText { room, text, answers: None, reply });
    }

    fn turn(&mut self, who: usize, commands: Vec<Command>, inputs: Vec<Input>) {
        let mut fx = Effects::default();
        let person = &mut self.pair.people[who];
        run_turn(&mut person.writer, &mut person.core, self.now, commands, inputs, &mut fx).unwrap();
        self.perform(who, fx);
    }

    fn perform(&mut self, who: usize, fx: Effects) {
        self.pair.people[who].events.extend(fx.events);
        fx.answers.into_iter().for_each(|answer| answer(None));
        for send in fx.sends {
            self.send(who, send);
        }
    }

    fn send(&mut self, who: usize, send: Send) {
        let to = 1 - who;
        match send {
            Send::Frame { frame, .. } if self.up => self.post(to, Packet::Frame(frame)),
            Send::Contact { call, frame, .. } if self.online => self.post(to, Packet::Ask(call, frame)),
            Send::Contact { call, .. } => {
                let result = Err("offline".to_owned());
                self.turn(who, Vec::new(), vec![Input::ContactAnswer { call, result }]);
            }
            Send::ContactAnswer { ask, frame } => {
                if let Some((asker, call)) = self.asks.remove(&ask) {
                    self.wire.push_back((asker, Packet::Answer(call, frame)));
                }
            }
            Send::SetPeer { .. } => {
                self.knows[who] = true;
                self.try_connect();
            }
            Send::ForgetPeer(_) => {
                self.knows[who] = false;
                self.disconnect();
            }
            _ => {}
        }
    }

    fn post(&mut self, to: usize, packet: Packet) {
        let sealed = match &packet {
            Packet::Frame(frame) => matches!(body(frame), StreamBody::Ops(_) | StreamBody::Lane(_)),
            _ => true,
        };
        if sealed {
            self.written.push((to, packet.clone()));
            if let Some(held) = &mut self.held {
                held.push((to, packet));
                return;
            }
        }
        for _ in 0..self.copies {
            self.wire.push_back((to, packet.clone()));
        }
    }

    fn try_connect(&mut self) {
        if !self.up && self.online && self.knows == [true; 2] {
            self.up = true;
            let nonces =
                [ALICE, BOB].map(|who| madang_crypto::frame_id(format!("{who} {:?}", self.now).as_bytes()));
            for who in [ALICE, BOB] {
                let (peer, nonce) = (self.pair.people[1 - who].peer, nonces[who]);
                let up = Input::PeerUp { peer, relayed: false, opener: who == ALICE, nonce };
                self.turn(who, Vec::new(), vec![up]);
            }
            for who in [ALICE, BOB] {
                let peer = self.pair.people[1 - who].peer;
                let nonce = nonces[1 - who].to_vec();
                let hello =
                    madang_wire::StreamHello { v: 1, nonce, now: self.now.wall, features: Vec::new() };
                self.turn(who, Vec::new(), vec![Input::Frame { peer, frame: StreamBody::Hello(hello) }]);
            }
        }
    }

    fn disconnect(&mut self) {
        if std::mem::take(&mut self.up) {
            self.wire.retain(|(_, packet)| !matches!(packet, Packet::Frame(_)));
            for who in [ALICE, BOB] {
                let peer = self.pair.people[1 - who].peer;
                self.turn(who, Vec::new(), vec![Input::PeerDown(peer)]);
            }
        }
    }

    fn cut(&mut self) {
        self.online = false;
        self.disconnect();
        self.settle();
    }

    fn connect(&mut self) {
        self.online = true;
        self.try_connect();
        self.settle();
    }

    fn settle(&mut self) {
        let mut delivered = 0_u32;
        while let Some((to, packet)) = self.wire.pop_front() {
            if let Some(input) = self.input(to, packet) {
                self.turn(to, Vec::new(), vec![input]);
            }
            delivered += 1;
            assert!(delivered < 200_000, "both talk without end");
        }
    }

    fn input(&mut self, to: usize, packet: Packet) -> Option<Input> {
        let peer = self.pair.people[1 - to].peer;
        match packet {
            Packet::Frame(frame) => match body(&frame) {
                StreamBody::Ops(ops) => {
                    let sealed = ops.sealed.iter().map(|sealed| sealed.encode_to_vec().into()).collect();
                    let source = Source::Stream { peer, tag: ops.tag };
                    ingest::open(&self.pair.people[to].core.ring, source, sealed).map(Input::Arrival)
                }
                frame => Some(Input::Frame { peer, frame }),
            },
            Packet::Ask(call, frame) => {
                self.next_ask += 1;
                let ask = AskId(self.next_ask);
                self.asks.insert(ask, (1 - to, call));
                Some(Input::Contact { peer, ask, frame })
            }
            Packet::Answer(call, frame) => Some(Input::ContactAnswer { call, result: Ok(frame) }),
        }
    }

    fn run_for(&mut self, ms: u64) {
        self.settle();
        let end = self.now.mono + ms;
        while let Some(due) = self.pair.people.iter().filter_map(|person| person.core.next_due()).min()
            && due <= end
        {
            self.pass(due.max(self.now.mono));
            for who in [ALICE, BOB] {
                self.turn(who, Vec::new(), Vec::new());
            }
            self.settle();
        }
        self.pass(end);
    }

    fn pass(&mut self, mono: u64) {
        self.now.wall += mono - self.now.mono;
        self.now.mono = mono;
    }

    /// Both start anew from what is on their disks, and are connected again.
    fn restart(&mut self) {
        self.cut();
        self.knows = [false; 2];
        for who in [ALICE, BOB] {
            let person = &mut self.pair.people[who];
            let secrets = home::Secrets::load(person.writer.conn()).unwrap();
            let paths = Paths { gossip: false, stream: true };
            person.core = Core::new(me(secrets, person.peer), Settings { paths }, Arc::new(Ring::default()));
            self.turn(who, Vec::new(), vec![Input::Start]);
        }
        self.connect();
        self.run_for(5_000);
    }

    /// Sends everything that was ever sealed again, as often as asked. Ops come under the name that their room has on
    /// the present connection; the name of another connection would be none.
    fn replay(&mut self, times: usize) {
        let room = [ALICE, BOB].map(|who| self.pair.room(who));
        for _ in 0..times {
            for (to, packet) in self.written.clone() {
                let packet = match packet {
                    Packet::Frame(frame) => match body(&frame) {
                        StreamBody::Ops(mut ops) => {
                            let sender = self.pair.people[1 - to].peer;
                            let link = &self.pair.people[to].core.peers[&sender];
                            ops.tag = link.open[&room[to]].to_vec();
                            let frame = StreamFrame { id: 0, body: Some(StreamBody::Ops(ops)) };
                            Packet::Frame(frame.encode_to_vec().into())
                        }
                        _ => Packet::Frame(frame),
                    },
                    other => other,
                };
                self.wire.push_back((to, packet));
                self.settle();
            }
        }
    }

    /// What two people know of each other and have said, as it stands on somebody's disk.
    fn disk(&self, who: usize) -> BTreeMap<String, Vec<String>> {
        let tables = [
            "account_op",
            "ack",
            "epoch_key",
            "frame",
            "friend",
            "gap",
            "head",
            "invite",
            "lane_in",
            "op",
            "parked",
            "parked_op",
            "request_in",
            "request_out",
            "room",
            "token",
            "token_slot",
        ];
        let mut disk: BTreeMap<String, Vec<String>> =
            tables.iter().map(|table| ((*table).to_owned(), self.rows(who, table, "*"))).collect();
        // Acknowledgements that are said again are new words in the lane; what was heard does not change.
        disk.insert("lane".to_owned(), self.rows(who, "lane", "device, in_gen, out_gen, reset_at"));
        // Registers are said again with another version.
        disk.insert("register".to_owned(), self.rows(who, "register", "room, author, name"));
        disk
    }

    fn rows(&self, who: usize, table: &str, columns: &str) -> Vec<String> {
        let db = self.pair.db(who);
        let columns = match columns {
            "*" => {
                let sql = format!("SELECT group_concat(name, ', ') FROM pragma_table_info('{table}')");
                db.query_row(&sql, (), |row| row.get::<_, String>(0)).unwrap()
            }
            columns => columns.to_owned(),
        };
        let quoted: Vec<String> = columns.split(", ").map(|column| format!("quote({column})")).collect();
        let sql = format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || ' ' || "));
        let mut statement = db.prepare(&sql).unwrap();
        let rows = statement.query_map((), |row| row.get(0)).unwrap();
        rows.map(|row| row.unwrap()).collect()
    }

    fn forget_events(&mut self) {
        self.pair.people.iter_mut().for_each(|person| person.events.clear());
    }

    /// What a shell would show somebody as new.
    fn news(&self, who: usize) -> Vec<&Event> {
        let news = |event: &&Event| {
            matches!(event, Event::Message(_) | Event::Request(_) | Event::Answer { .. } | Event::Gap(_))
        };
        self.pair.people[who].events.iter().filter(news).collect()
    }

    /// A conversation in which something of every kind is sent.
    fn story(&mut self, once: bool) {
        self.befriend(once);
        for number in 0..10 {
            self.say(number % 2, &format!("message {number}"));
        }
        let room = self.conv();
        self.ask(BOB, |reply| Command::MarkRead { room, message: None, reply });
        self.run_for(5_000);
    }
}

fn body(frame: &Bytes) -> StreamBody {
    madang_wire::decode::<StreamFrame>(frame).unwrap().body.unwrap()
}

fn texts(tape: &Tape) -> Vec<String> {
    let texts = tape.pair.texts(ALICE);
    assert_eq!(tape.pair.texts(BOB), texts);
    texts
}

fn ten() -> Vec<String> {
    (0..10).map(|number| format!("message {number}")).collect()
}

#[test]
fn every_packet_three_times_makes_one_friendship_and_one_conversation() {
    for once in [true, false] {
        let mut tape = Tape::strangers(TIMES);
        tape.story(once);
        assert_eq!(texts(&tape), ten());
        assert_eq!(tape.requests().len(), usize::from(!once));
        let news = |who, wanted: fn(&Event) -> bool| tape.news(who).into_iter().filter(|e| wanted(e)).count();
        for who in [ALICE, BOB] {
            assert_eq!(news(who, |event| matches!(event, Event::Message(_))), 10, "each is announced once");
            assert_eq!(news(who, |event| matches!(event, Event::Gap(_))), 0);
            assert_eq!(tape.pair.keys(who).len(), 1, "one key");
            for table in ["request_in", "request_out", "parked", "parked_op", "lane_in"] {
                let expected = usize::from(table == ["request_in", "request_out"][who]);
                assert_eq!(tape.rows(who, table, "*").len(), expected, "{table}");
            }
            // Nobody had to begin anew.
            assert!(tape.rows(who, "lane", "in_gen, out_gen, reset_at").iter().all(|row| row == "1 1 0"));
        }
        assert_eq!(news(BOB, |event| matches!(event, Event::Answer { .. })), 1);
        assert_eq!(tape.rows(ALICE, "invite", "used"), ["1"]);
    }
}

#[test]
fn everything_again_across_restarts_changes_nothing() {
    for once in [true, false] {
        let mut tape = Tape::strangers(1);
        tape.story(once);
        tape.restart();
        tape.forget_events();
        let before = [ALICE, BOB].map(|who| tape.disk(who));
        for _ in 0..TIMES {
            tape.replay(TIMES);
            tape.run_for(20_000);
            tape.restart();
        }
        for who in [ALICE, BOB] {
            assert_eq!(tape.disk(who), before[who], "once: {once}");
            assert!(tape.news(who).is_empty(), "{:?}", tape.news(who));
        }
        tape.say(ALICE, "and on it goes");
        tape.run_for(5_000);
        assert_eq!(texts(&tape), [ten(), vec!["and on it goes".to_owned()]].concat());
    }
}

#[test]
fn an_old_request_brings_no_former_friend_back() {
    for once in [true, false] {
        let mut tape = Tape::strangers(1);
        tape.story(once);
        let account = tape.pair.account(BOB);
        tape.ask(ALICE, |reply| Command::RemoveFriend { account, reply });
        tape.run_for(5_000);
        tape.written.retain(|(to, packet)| *to == ALICE && matches!(packet, Packet::Ask(..)));
        assert!(!tape.written.is_empty());
        for forgotten in [false, true] {
            tape.restart();
            if forgotten {
                // The hashes of envelopes are kept for 52 days.
                tape.pair.db(ALICE).execute_batch("DELETE FROM envelope_seen").unwrap();
            }
            tape.forget_events();
            tape.replay(TIMES);
            tape.run_for(20_000);
            assert_eq!(tape.rows(ALICE, "friend", "state"), ["3"], "removed, once: {once}, {forgotten}");
            // A link for many still asks, once the hash of the old envelope is forgotten; the answer is hers.
            let asks = |event: &&Event| !once && forgotten && matches!(event, Event::Request(_));
            let news = tape.news(ALICE);
            assert!(news.iter().all(asks), "once: {once}, {forgotten}: {news:?}");
        }
    }
}

#[test]
fn packets_of_the_lane_take_effect_in_their_order_when_the_newest_comes_first() {
    let mut tape = Tape::strangers(1);
    tape.story(true);
    let (bob, row) = (tape.pair.people[BOB].core.me.device, "in_gen, in_next, reset_at");
    let before = tape.rows(BOB, "lane", row);
    let next: u64 = before[0].split(' ').nth(1).unwrap().parse().unwrap();
    tape.held = Some(Vec::new());
    for number in 0..20 {
        // A message of its own each time, in a packet of its own.
        let person = &mut tape.pair.people[ALICE];
        let tx = person.writer.begin().unwrap();
        let mut turn = crate::turn::Turn::new(&tx, tape.now);
        let update = LaneBody::Update(ContactUpdate { c: None });
        person.core.lane_send(&mut turn, bob, &format!("story {number}"), update).unwrap();
        person.core.run(&mut turn, Vec::new(), Vec::new()).unwrap();
        let fx = turn.into_effects();
        tx.commit().unwrap();
        tape.perform(ALICE, fx);
        tape.settle();
    }
    let held = tape.held.take().unwrap();
    assert!(held.len() >= 20);
    for packet in held.into_iter().rev() {
        tape.wire.push_back(packet);
        tape.settle();
    }
    assert_eq!(
        tape.rows(BOB, "lane", row),
        [format!("1 {} 0", next + 20)],
        "all of them, and no new beginning"
    );
    tape.run_for(60_000);
    let waiting = lanes::devices(tape.pair.db(ALICE)).unwrap();
    for row in waiting {
        let open = lanes::waiting(tape.pair.db(ALICE), row, 9).unwrap();
        assert!(open.iter().all(|message| message.topic == "ack"), "everything is acknowledged");
    }
}

#[test]
fn two_thousand_that_waited_come_newest_first_and_none_is_lost() {
    let mut tape = Tape::strangers(1);
    tape.befriend(true);
    tape.cut();
    for number in 0..2_000 {
        tape.say(ALICE, &format!("message {number}"));
    }
    tape.forget_events();
    tape.held = Some(Vec::new());
    tape.connect();
    tape.say(ALICE, "by the direct path");
    let mut rounds = 0;
    while tape.pair.texts(BOB).len() < 2_001 {
        rounds += 1;
        assert!(rounds < 100, "{} of 2,001", tape.pair.texts(BOB).len());
        for (to, packet) in tape.held.replace(Vec::new()).unwrap().into_iter().rev() {
            tape.wire.push_back((to, newest_first(packet)));
            tape.settle();
        }
        tape.run_for(1_000);
    }
    tape.held = None;
    tape.run_for(20_000);
    let wanted: Vec<String> = (0..2_000).map(|number| format!("message {number}")).collect();
    assert_eq!(texts(&tape), [wanted, vec!["by the direct path".to_owned()]].concat());
    let announced = tape.news(BOB).into_iter().filter(|event| matches!(event, Event::Message(_))).count();
    assert_eq!(announced, 2_001);
    assert_eq!(tape.rows(ALICE, "frame", "op"), Vec::<String>::new(), "everything is acknowledged");
}

/// The ops of a frame in the opposite order.
fn newest_first(packet: Packet) -> Packet {
    let Packet::Frame(frame) = &packet else { return packet };
    let StreamBody::Ops(mut ops) = body(frame) else { return packet };
    ops.sealed.reverse();
    Packet::Frame(StreamFrame { id: 0, body: Some(StreamBody::Ops(ops)) }.encode_to_vec().into())
}
