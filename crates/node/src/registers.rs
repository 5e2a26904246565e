//! Own registers: signed values of which only the newest counts (protocol section 2.2), among them what
//! this device has committed (`heads`) and displayed (`read`).
//!
//! It must not know what those of others change; that is `register_in`. Invariants: a frontier names only
//! ops whose whole past is here; the version of an own register always rises.

use madang_crypto::sign_body;
use madang_model::{
    Hlc,
    control::Conversation as Members,
    hlc::{self, Receive},
    limits::{FUTURE_TOLERANCE_MS, REGISTER_REPUT_MS},
};
use madang_store::{Conn, RoomRow, registers, settings};
use madang_wire::{
    BundleEntry, Frontier, Inner, InnerBody, Message as _, Prefs, Register, Sealed, Signed, SignedOp, limits,
};

use crate::{
    awaited::Frontiers,
    core::Core,
    effect::Send,
    error::Error,
    register_in::{StoredHeaders, payload_of},
    timer::Due,
    turn::Turn,
};

/// Own registers are published together after this, by the number of members (protocol section 6.2).
const COALESCE_MS: [(usize, u64); 3] = [(20, 1_000), (200, 10_000), (1_000, 60_000)];
/// The same above the largest number.
const COALESCE_MOST_MS: u64 = 300_000;
/// A room that was joined, or that changed, has the registers that it lacks after this.
const JOINED_MS: u64 = 200;
/// The setting that turns receipts off.
const RECEIPTS: &str = "receipts";
/// The setting that turns off telling others that one writes.
const TYPING: &str = "typing";
/// Value of both when they are off.
const OFF: &str = "off";

/// Whether this person sends and sees receipts.
pub(crate) fn receipts_on(db: &Conn) -> Result<bool, Error> {
    is_on(db, RECEIPTS)
}

fn is_on(db: &Conn, key: &str) -> Result<bool, Error> {
    Ok(settings::get(db, key)?.is_none_or(|setting| setting.value != OFF))
}

impl Core {
    /// Publishes `heads` soon.
    pub(crate) fn heads_register_later(&mut self, turn: &Turn<'_>, room: RoomRow) {
        self.register_later(turn, room, "heads");
    }

    /// Publishes an own register with the next batch of the room.
    pub(crate) fn register_later(&mut self, turn: &Turn<'_>, room: RoomRow, name: &'static str) {
        let members = self.rooms.get(&room).map_or(0, |r| r.members.len());
        let coalesce = COALESCE_MS.iter().find(|(most, _)| members <= *most);
        let wait = coalesce.map_or(COALESCE_MOST_MS, |(_, wait)| *wait);
        self.register_after(turn, room, name, wait);
    }

    fn register_after(&mut self, turn: &Turn<'_>, room: RoomRow, name: &'static str, wait: u64) {
        self.own_registers.entry(room).or_default().insert(name);
        let jitter = u64::from(self.random16().first().copied().unwrap_or(0));
        self.timers.set(Due::Registers(room), turn.now.mono.saturating_add(wait).saturating_add(jitter));
    }

    /// The names of a room's own registers (protocol section 2.2).
    fn register_names(&self, room: RoomRow) -> Vec<&'static str> {
        let Some(conversation) = self.rooms.get(&room) else { return Vec::new() };
        let mut names = vec!["heads", "read", "bundle", "card", "prefs"];
        if conversation.control.conversation() == Members::Room {
            names.push("accountlog");
        } else {
            names.push("addr");
        }
        names
    }

    /// Publishes what a room lacks of the own registers or has in a version that is no longer true, or
    /// that was put a week ago: when it was joined, when it changed, and every hour.
    pub(crate) fn refresh_registers_of(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        let now = self.author_time(turn);
        for name in self.register_names(room) {
            let Some(payload) = self.register_payload(turn, room, name)? else { continue };
            let kept = registers::get(turn.db, room, &self.me.device, name)?;
            // Frontiers are published when they grow by what others wrote.
            let frontier = Frontiers::ALL.iter().any(|which| which.name() == name);
            let current = kept.map_or(frontier, |kept| {
                let put_at = Hlc::from_u64(kept.version).millis();
                let taken = hlc::receive(Hlc::from_u64(kept.version), now) == Receive::Accept;
                let same = frontier || payload_of(&kept) == Some(payload);
                taken && now.saturating_sub(put_at) < REGISTER_REPUT_MS && same
            });
            if !current {
                self.register_after(turn, room, name, JOINED_MS);
            }
        }
        Ok(())
    }

    /// The same in every room.
    pub(crate) fn refresh_registers(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        for room in self.rooms.keys().copied().collect::<Vec<_>>() {
            self.refresh_registers_of(turn, room)?;
        }
        Ok(())
    }

    /// A setting was changed: some of them others have to know (protocol section 2.2, `prefs`).
    pub(crate) fn setting_changed(&mut self, turn: &mut Turn<'_>, key: &str) {
        self.escrow_setting(turn, key);
        if ![RECEIPTS, TYPING].contains(&key) {
            return;
        }
        for name in ["prefs", "read"] {
            self.publish_everywhere(turn, name);
        }
        for room in self.rooms.keys().copied().collect::<Vec<_>>() {
            self.numbers_changed(turn, room);
        }
    }

    /// Publishes the own registers of a room that changed.
    pub(crate) fn registers_due(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        for name in self.own_registers.remove(&room).unwrap_or_default() {
            let Some(payload) = self.register_payload(turn, room, name)? else { continue };
            self.publish_register(turn, room, name, payload)?;
        }
        Ok(())
    }

    fn register_payload(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        name: &str,
    ) -> Result<Option<Vec<u8>>, Error> {
        if name == "bundle" {
            return self.bundle_entry(turn, room);
        }
        let own = self.directory.get(&self.me.device);
        Ok(match name {
            "heads" => self.rooms.get(&room).and_then(|r| {
                let ids = r.covered.frontier().wire_ids(&StoredHeaders(turn.db));
                let ids: Vec<Vec<u8>> = ids.iter().map(|id| id.as_bytes().to_vec()).collect();
                (!ids.is_empty()).then(|| Frontier { ids }.encode_to_vec())
            }),
            "read" if self.tells_reading(turn, room)? => {
                Some(self.read_frontier(turn, room)?).filter(|payload| !payload.is_empty())
            }
            "addr" if self.register_names(room).contains(&name) => own.and_then(|d| d.signed_addr.clone()),
            "card" => Some(self.me.card.encode_to_vec()),
            "prefs" => {
                let (receipts, typing) = (receipts_on(turn.db)?, is_on(turn.db, TYPING)?);
                Some(Prefs { receipts, typing }.encode_to_vec())
            }
            "accountlog" => {
                let log = self.account_log(turn.db, &self.me.account)?;
                Some(log.iter().flat_map(SignedOp::encode_length_delimited_to_vec).collect())
            }
            _ => None,
        })
    }

    /// The own bundle, with the tokens that are for the members of this room (protocol sections 4.3 and 10.5).
    fn bundle_entry(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<Option<Vec<u8>>, Error> {
        let own = self.directory.get(&self.me.device).and_then(|own| own.signed_bundle.as_deref());
        let Some(bundle) = own.and_then(|bytes| Signed::decode(bytes).ok()) else { return Ok(None) };
        let tokens = self.room_tokens(turn, room)?;
        Ok(Some(BundleEntry { bundle: Some(bundle), tokens }.encode_to_vec()))
    }

    /// Without receipts, what was read concerns the own other machines alone.
    fn tells_reading(&self, turn: &Turn<'_>, room: RoomRow) -> Result<bool, Error> {
        let machines = self
            .rooms
            .get(&room)
            .map_or(0, |r| r.devices.values().filter(|account| **account == self.me.account).count());
        Ok(machines > 1 || receipts_on(turn.db)?)
    }

    /// Above the last one, unless that is of a time at which the own clock was wrong: nobody has taken it.
    fn register_version(&mut self, turn: &Turn<'_>, room: RoomRow, name: &str) -> Result<Hlc, Error> {
        let now = self.author_time(turn);
        let kept = registers::get(turn.db, room, &self.me.device, name)?;
        let last = kept.map(|kept| Hlc::from_u64(kept.version)).unwrap_or_default();
        let taken = hlc::receive(last, now) == Receive::Accept;
        Ok(self.clock.tick_after(now, if taken { last } else { Hlc::default() }))
    }

    fn publish_register(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        name: &str,
        payload: Vec<u8>,
    ) -> Result<(), Error> {
        let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
        if conversation.recipient_devices(&self.me.device).is_empty() || self.is_closed(room) {
            return Ok(());
        }
        let conv = conversation.conv;
        let version = self.register_version(turn, room, name)?;
        let register = Register {
            conv: conv.as_bytes().to_vec(),
            author: self.me.device.as_bytes().to_vec(),
            name: name.to_owned(),
            version: version.as_u64(),
            payload,
        };
        let signed = sign_body(&register, &self.me.key);
        let body = signed.encode_to_vec();
        let kept = registers::Register {
            author: self.me.device,
            name: name.to_owned(),
            version: version.as_u64(),
            body,
        };
        registers::put_own(turn.db, room, &kept)?;
        self.post_mirrors(turn, room)?;
        let key = self.usable_key(turn, room)?;
        let (sealed, bytes) = self.seal(room, key, &Inner { body: Some(InnerBody::Register(signed)) })?;
        let peers = self.peers_in(room);
        let topic = self.rooms.get(&room).and_then(|r| r.topic_of(&key));
        if let Some(topic) = topic
            && self.config.paths.gossip
            && !peers.is_empty()
            && bytes.len() <= limits::GOSSIP_BYTES
        {
            turn.send(Send::Publish { topic, data: bytes.clone().into() });
        }
        // Nobody acknowledges a register, so the stream does not wait for what gossip carries.
        for peer in peers.into_iter().filter(|_| self.config.paths.stream).collect::<Vec<_>>() {
            self.send_ops(turn, peer, room, vec![sealed.clone()]);
        }
        self.relay_register(turn, room, name, bytes)
    }

    /// Whether a room is a 1:1 with somebody who is no friend any more or is blocked: it carries neither
    /// cards nor read marks (protocol section 6.5).
    pub(crate) fn is_closed(&self, room: RoomRow) -> bool {
        let peer = self.rooms.get(&room).and_then(|r| r.peer);
        peer.is_some_and(|peer| !self.is_friend(&peer))
    }

    /// Own registers of a room, sealed again for a peer that lacks them.
    pub(crate) fn sealed_registers(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        wanted: impl Fn(&registers::Register) -> bool,
    ) -> Result<Vec<Sealed>, Error> {
        let mut out = Vec::new();
        for kept in registers::list(turn.db, room)?.into_iter().filter(wanted) {
            let Ok(signed) = Signed::decode(kept.body.as_slice()) else { continue };
            let key = self.usable_key(turn, room)?;
            out.push(self.seal(room, key, &Inner { body: Some(InnerBody::Register(signed)) })?.0);
        }
        Ok(out)
    }

    /// Greatest timestamp among own registers, so that versions rise over restarts; at most a day after
    /// the author's time, which is as far as others take one.
    pub(crate) fn newest_register(&self, db: &Conn, room: RoomRow, author_ms: u64) -> Result<Hlc, Error> {
        let newest = Hlc::from_u64(registers::newest_of(db, room, &self.me.device)?);
        Ok(newest.min(Hlc::from_millis(author_ms.saturating_add(FUTURE_TOLERANCE_MS))))
    }
}
