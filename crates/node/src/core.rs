//! The core: caches over the store, and the dispatch of commands, inputs and timers to the features.
//!
//! It does no I/O but through the turn's transaction, and knows neither sockets nor wall clocks, so a
//! simulator can drive many of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use madang_crypto::{OsRng, SignKey, os_rng, random, self_conv};
use madang_model::{AccountId, ClockReference, ConvId, DeviceId, Hlc, HlcClock, OpId, account::AccountLog};
use madang_p2p::{Multiaddr, PeerId};
use madang_store::{
    Conn, RoomRow,
    friends::{self, FriendState},
    rooms,
};
use madang_wire::Card;

use crate::{
    asking::Asking,
    awaited::Awaited,
    command::{Command, Reply},
    conversation::Conversation,
    directory::Directory,
    effect::{CallId, Send},
    error::Error,
    event::Event,
    input::Input,
    invites::Fetching,
    network::Paths,
    poison::{self, Poison},
    relays::Relays,
    repair::Repair,
    ring::Ring,
    sync::PeerLink,
    timer::{Due, Timers},
    turn::{Now, Turn},
    view,
};

/// After a turn that was undone, what hung on it is looked at again so soon.
const UNDONE_MS: u64 = 1_000;

/// Who this node is.
pub(crate) struct Me {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) key: SignKey,
    pub(crate) add_op: OpId,
    pub(crate) peer: PeerId,
    pub(crate) card: Card,
    /// Key of delivery tokens (protocol section 10.5).
    pub(crate) token_key: [u8; 32],
    /// Key of the secrets that drop log items (protocol section 10.3).
    pub(crate) delete_key: [u8; 32],
}

/// Settings that do not change while the node runs.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settings {
    pub(crate) paths: Paths,
}

/// State of the node in memory.
pub(crate) struct Core {
    pub(crate) config: Settings,
    pub(crate) me: Me,
    pub(crate) rng: OsRng,
    pub(crate) ring: Arc<Ring>,
    pub(crate) clock: HlcClock,
    pub(crate) reference: ClockReference,
    pub(crate) timers: Timers,
    // Caches over the store.
    pub(crate) rooms: BTreeMap<RoomRow, Conversation>,
    pub(crate) by_conv: BTreeMap<ConvId, RoomRow>,
    pub(crate) directory: Directory,
    pub(crate) friends: BTreeSet<AccountId>,
    pub(crate) account_logs: BTreeMap<AccountId, AccountLog>,
    /// Heads of the own account log that a device was told last, with those that it had named.
    pub(crate) hinted: BTreeMap<DeviceId, (Vec<OpId>, Vec<Vec<u8>>)>,
    // State of connections.
    pub(crate) listening: Vec<Multiaddr>,
    pub(crate) peers: BTreeMap<PeerId, PeerLink>,
    pub(crate) paths: BTreeMap<DeviceId, (view::Path, &'static str)>,
    pub(crate) repair: Repair,
    pub(crate) relays: Relays,
    pub(crate) relays_changed: bool,
    /// Messages that the index of the search does not hold yet, about.
    pub(crate) unindexed: usize,
    pub(crate) own_registers: BTreeMap<RoomRow, BTreeSet<&'static str>>,
    pub(crate) awaited: Awaited,
    pub(crate) asking: Asking,
    /// When devices were last known to be alive, as it was written.
    pub(crate) heard: BTreeMap<DeviceId, u64>,
    // Calls on the contact protocol and what they are for.
    pub(crate) next_call: u64,
    pub(crate) next_frame: u32,
    pub(crate) next_fetch: u64,
    pub(crate) fetching: BTreeMap<u64, Fetching>,
    pub(crate) fetch_calls: BTreeMap<CallId, u64>,
    pub(crate) request_calls: BTreeMap<CallId, AccountId>,
    pub(crate) packet_calls: BTreeMap<CallId, DeviceId>,
    /// Connections over which devices came with a contact request: the answer goes back there.
    pub(crate) contact_peers: BTreeMap<DeviceId, PeerId>,
    /// What the network brought and what could not be taken, whatever the store.
    pub(crate) poison: Poison,
    pub(crate) waiting_adds: BTreeMap<AccountId, Vec<Reply<(AccountId, view::FriendState)>>>,
    /// When open contact requests went out, and how often, since the start.
    pub(crate) request_tries: BTreeMap<AccountId, crate::requests::Tries>,
    /// When copies of a device's packets were last acknowledged, monotonic ms.
    pub(crate) acked_again: BTreeMap<DeviceId, u64>,
    /// Lanes that begin anew once the hourly limit allows it.
    pub(crate) late_resets: BTreeSet<DeviceId>,
}

impl Core {
    pub(crate) fn new(me: Me, config: Settings, ring: Arc<Ring>) -> Self {
        Self {
            config,
            me,
            rng: os_rng(),
            ring,
            clock: HlcClock::resume(Hlc::from_u64(0)),
            reference: ClockReference::default(),
            timers: Timers::default(),
            rooms: BTreeMap::new(),
            by_conv: BTreeMap::new(),
            directory: Directory::default(),
            friends: BTreeSet::new(),
            account_logs: BTreeMap::new(),
            hinted: BTreeMap::new(),
            listening: Vec::new(),
            peers: BTreeMap::new(),
            paths: BTreeMap::new(),
            repair: Repair::default(),
            relays: Relays::default(),
            relays_changed: false,
            unindexed: 0,
            own_registers: BTreeMap::new(),
            awaited: Awaited::default(),
            asking: Asking::default(),
            heard: BTreeMap::new(),
            next_call: 0,
            next_frame: 0,
            next_fetch: 0,
            fetching: BTreeMap::new(),
            fetch_calls: BTreeMap::new(),
            request_calls: BTreeMap::new(),
            packet_calls: BTreeMap::new(),
            contact_peers: BTreeMap::new(),
            waiting_adds: BTreeMap::new(),
            poison: Poison::default(),
            request_tries: BTreeMap::new(),
            acked_again: BTreeMap::new(),
            late_resets: BTreeSet::new(),
        }
    }

    /// After a turn that was rolled back: frames of that turn were never sent, so every stream begins anew, and
    /// whoever waits for an answer is told.
    pub(crate) fn forget_connections(&mut self, db: &Conn, now: Now) -> Result<(), Error> {
        for peer in std::mem::take(&mut self.peers).into_keys() {
            self.ring.forget_peer(&peer);
        }
        self.timers.cancel(|due| matches!(due, Due::Reconcile(..)));
        self.repair = Repair::default();
        for account in self.waiting_adds.keys().copied().collect::<Vec<_>>() {
            if madang_store::requests::outgoing(db, &account)?.is_some() {
                self.timers.set(Due::Added(account), now.mono.saturating_add(UNDONE_MS));
            } else {
                for reply in self.waiting_adds.remove(&account).unwrap_or_default() {
                    reply.send(Err(Error::Internal("The request was undone. Ask again".to_owned())));
                }
            }
        }
        self.timers.set(Due::Fetches, now.mono.saturating_add(UNDONE_MS));
        for room in self.rooms.keys() {
            self.own_registers.entry(*room).or_default().extend(["heads", "read"]);
            self.timers.set(Due::Registers(*room), now.mono.saturating_add(UNDONE_MS));
            self.timers.set(Due::AskKeys(*room), now.mono.saturating_add(UNDONE_MS));
        }
        Ok(())
    }

    /// Loads every cache from the store: at the start, and after a turn that was rolled back.
    pub(crate) fn reload(&mut self, db: &Conn, now: Now) -> Result<(), Error> {
        self.directory = Directory::load(db)?;
        self.account_logs.clear();
        self.hinted.clear();
        self.friends = friends::list(db, FriendState::Friend)?
            .into_iter()
            .filter(|friend| !friend.blocked)
            .map(|friend| friend.account)
            .collect();
        self.rooms.clear();
        self.by_conv.clear();
        self.heard.clear();
        let mut newest = Hlc::from_u64(0);
        for room in rooms::list(db)? {
            let control = self.load_control(db, &room)?;
            let conversation = Conversation::load(db, &room, &self.me.device, control)?;
            let author_ms = self.reference.author_time_ms(now.wall);
            newest = newest.max(conversation.newest).max(self.newest_register(db, room.row, author_ms)?);
            self.ring.set_room(room.row, conversation.seals());
            self.by_conv.insert(room.conv, room.row);
            self.rooms.insert(room.row, conversation);
        }
        self.clock = Self::resume_clock(newest.max(self.clock.last()));
        self.load_relays(db)?;
        self.timers.set(Due::Chores, now.mono);
        self.timers.set(Due::Index, now.mono.saturating_add(crate::search::WAIT_MS));
        self.timers.set(Due::Relays, now.mono);
        for peer in self.peers.values_mut() {
            peer.streamed.clear();
            peer.flight = crate::flight::Flight::default();
        }
        for room in self.rooms.keys() {
            self.timers.set(Due::StreamOps(*room), now.mono);
            self.timers.set(Due::RelayOps(*room), now.mono);
        }
        Ok(())
    }

    /// Due time of the next timer on the monotonic clock.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.timers.next()
    }

    /// 16 random bytes.
    pub(crate) fn random16(&self) -> [u8; 16] {
        random(&mut os_rng())
    }

    /// The conversation among one's own machines.
    pub(crate) fn self_conv(&self) -> ConvId {
        ConvId::from_bytes(self_conv(self.me.account.as_bytes()))
    }

    /// One turn: commands, inputs, timers, and what follows from all of them together.
    pub(crate) fn run(
        &mut self,
        turn: &mut Turn<'_>,
        commands: Vec<Command>,
        inputs: Vec<Input>,
    ) -> Result<(), Error> {
        // What a clock that was set has shown before stamps nothing any more.
        let (clock, inputs): (Vec<Input>, Vec<Input>) = inputs.into_iter().partition(Input::is_of_clock);
        for input in clock {
            self.input(turn, input)?;
        }
        let mut commands = commands.into_iter();
        while let Some(command) = commands.next() {
            let before = turn.written();
            self.command(turn, command);
            // Memory and store may have gone apart in the middle of a command, so the whole turn is undone.
            if let Some(error) = turn.take_refused().filter(|_| turn.written() != before) {
                commands.for_each(|command| command.refuse(&error));
                return Err(error);
            }
        }
        for input in inputs {
            if self.poison.names(&input) {
                tracing::debug!("something that could not be taken before is passed over");
                continue;
            }
            let (bytes, named) = (poison::bytes_of(&input), self.poison.added());
            if let Err(error) = self.input(turn, input) {
                // Unless that part of it was named which could not be taken.
                let whole = named == self.poison.added() && !error.is_of_store();
                if let Some(bytes) = bytes.filter(|_| whole) {
                    self.poison.add(poison::name(&bytes));
                }
                return Err(error);
            }
        }
        while let Some(due) = self.timers.take(turn.now.mono) {
            self.due(turn, due)?;
        }
        self.finish(turn)
    }

    fn input(&mut self, turn: &mut Turn<'_>, input: Input) -> Result<(), Error> {
        match input {
            Input::Start => self.start(turn)?,
            Input::Listening(addrs) => self.listening(turn, addrs)?,
            Input::PeerUp { peer, relayed, opener, nonce } => {
                self.peer_up(turn, peer, relayed, (opener, nonce))?;
            }
            Input::PeerDown(peer) => self.peer_down(turn, peer)?,
            Input::Rtt { peer, ms } => {
                if let Some(link) = self.peers.get_mut(&peer) {
                    link.rtt_ms = Some(ms);
                }
            }
            Input::Frame { peer, frame } => self.stream_frame(turn, peer, frame)?,
            Input::Arrival(arrival) => self.arrival(turn, arrival)?,
            Input::Contact { peer, ask, frame } => self.contact_frame(turn, peer, ask, &frame)?,
            Input::ContactAnswer { call, result } => self.contact_answer(turn, call, result)?,
            Input::RelayUp { relay } => self.relay_up(turn, relay)?,
            Input::RelayFrame { relay, frame } => self.relay_frame(turn, relay, &frame)?,
            Input::RelayDown { relay, reason } => self.relay_down(turn, relay, reason)?,
            Input::Woke(by_ms) => self.clock_ran_ahead(turn, by_ms),
            Input::Stopping => self.stopping(turn)?,
            Input::SetBack(by_ms) => self.clock_set_back(turn, by_ms),
        }
        Ok(())
    }

    /// First turn: everything that the network has to know.
    fn start(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        self.reload(turn.db, turn.now)?;
        let own = self.self_conv();
        if !self.by_conv.contains_key(&own) {
            self.open_room_of(turn, rooms::RoomKind::Own, own, None)?;
        }
        self.renew_bundle(turn)?;
        self.first_address(turn)?;
        if self.config.paths.gossip {
            let topics: BTreeSet<String> = self
                .rooms
                .values()
                .flat_map(|room| room.routes().into_iter().map(|r| r.topic().to_owned()))
                .collect();
            for topic in topics {
                turn.send(Send::Subscribe(topic));
            }
        }
        for account in self.friends.clone() {
            for device in self.directory.of_account(&account) {
                self.know_peer(turn, &device, None)?;
            }
        }
        self.frontiers_at_start(turn)?;
        self.refresh_registers(turn)?;
        self.check_every_key(turn)?;
        self.relays_changed = true;
        self.timers.set(Due::Requests, turn.now.mono.saturating_add(1_000));
        self.timers.set(Due::FutureOps, turn.now.mono);
        self.start_lanes(turn)
    }

    /// Registers wait a second, so that one carries much; whoever closes the lid has no second.
    fn stopping(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        for room in self.own_registers.keys().copied().collect::<Vec<_>>() {
            self.registers_due(turn, room)?;
        }
        self.relays_due(turn)
    }

    fn due(&mut self, turn: &mut Turn<'_>, due: Due) -> Result<(), Error> {
        match due {
            Due::StreamOps(room) => self.stream_due(turn, room),
            Due::RelayOps(room) => self.relay_due(turn, room),
            Due::Registers(room) => self.registers_due(turn, room),
            Due::Reconcile(peer, room) => self.reconcile(turn, peer, room),
            Due::Serve(peer) => self.serve_waiting(turn, peer),
            Due::Lane(device) => self.resend_lane(turn, device),
            Due::LaneGap(device) => self.lane_gap(turn, device),
            Due::AskKeys(room) => self.ask_keys(turn, room),
            Due::Relays => self.relays_due(turn),
            Due::Chores => self.chores(turn),
            Due::Index => self.index(turn),
            Due::FutureOps => self.due_ops(turn),
            Due::Requests => self.requests_due(turn),
            Due::Fetches => self.fetches_due(turn),
            Due::Know(account) => self.know_account(turn, &account),
            Due::Added(account) => {
                self.answer_waiting(turn, account, &Ok(view::FriendState::Requested));
                Ok(())
            }
        }
    }

    /// What follows from the whole turn: own ops on their paths, acknowledgements, lane packets, saved
    /// caches, one announcement per room.
    fn finish(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        self.frontiers_again(turn)?;
        self.reads_catch_up(turn)?;
        self.flush_lanes(turn)?;
        self.index_when_many(turn)?;
        let outgoing = std::mem::take(&mut turn.outgoing);
        self.carry(turn, outgoing);
        self.acknowledge(turn);
        self.save_rooms(turn)?;
        if std::mem::take(&mut self.relays_changed) {
            self.follow_relays(turn)?;
        }
        self.finish_relays(turn);
        self.announce_messages(turn)?;
        for room in std::mem::take(&mut turn.changed_rooms) {
            if let Some(conversation) = self.rooms.get(&room) {
                turn.emit(Event::Room { room: conversation.conv });
            }
        }
        if turn.status_changed {
            self.note_relays(turn);
            turn.emit(Event::Status);
        }
        Ok(())
    }

    fn command(&mut self, turn: &mut Turn<'_>, command: Command) {
        match command {
            Command::Status(reply) => {
                let result = self.status(turn);
                turn.answer(reply, result);
            }
            Command::NetWhy(reply) => {
                let result = self.net_why(turn);
                turn.answer(reply, result);
            }
            Command::Relays(reply) => {
                let result = self.relay_list(turn);
                turn.answer(reply, result);
            }
            Command::AddRelay { addr, code, reply } => {
                let result = self.add_relay(turn, &addr, code);
                turn.answer(reply, result);
            }
            Command::RemoveRelay { addr, reply } => {
                let result = self.remove_relay(turn, &addr);
                turn.answer(reply, result);
            }
            Command::CreateInvite { once, hours, reply } => {
                let result = self.create_invite(turn, once, hours);
                turn.answer(reply, result);
            }
            Command::RevokeInvite { invite, reply } => {
                let result = self.revoke_invite(turn, invite);
                turn.answer(reply, result);
            }
            Command::ShowInvite { link, reply } => self.show_invite(turn, &link, reply),
            Command::AddFriend { link, greeting, reply } => self.add_friend(turn, &link, greeting, reply),
            Command::AcceptRequest { request, reply } => {
                let result = self.accept(turn, request);
                turn.answer(reply, result);
            }
            Command::DeclineRequest { request, reply } => {
                let result = self.decline(turn, request);
                turn.answer(reply, result);
            }
            Command::RemoveFriend { account, reply } => {
                let result = self.remove_friend(turn, account);
                turn.answer(reply, result);
            }
            Command::SetFriend { account, change, reply } => {
                let result = self.set_friend(turn, account, change);
                turn.answer(reply, result);
            }
            Command::DirectRoom { account, reply } => {
                let result = self.direct_room(account);
                turn.answer(reply, result);
            }
            Command::SendText { room, text, answers, reply } => {
                let result = self.send_text(turn, room, &text, answers);
                turn.answer(reply, result);
            }
            Command::MarkRead { room, message, reply } => {
                let result = self.mark_read(turn, room, message);
                turn.answer(reply, result);
            }
            Command::SetSetting { key, value, reply } => {
                let version = turn.now.wall;
                let result = madang_store::settings::set(turn.db, &key, &value.unwrap_or_default(), version);
                self.setting_changed(turn, &key);
                turn.answer(reply, result.map(drop).map_err(Error::from));
            }
            Command::Redial => turn.send(Send::Redial),
        }
    }
}
