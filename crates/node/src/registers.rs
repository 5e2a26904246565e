//! Registers: signed values of which only the newest counts (protocol section 2.2), among them what a
//! device has committed (`heads`) and displayed (`read`).
//!
//! Invariant: a frontier names only ops whose whole past is here; a newer version replaces an older one
//! and never the reverse.

use madang_crypto::{Verified, sign_body};
use madang_model::{
    DeviceId, Hlc, OpId,
    frontier::{Headers, Link, Vector},
};
use madang_store::{Conn, RoomRow, acks, friends, ops, registers};
use madang_wire::{BundleEntry, Card, Frontier, Inner, InnerBody, Message as _, Register, Sealed, Signed};

use crate::{core::Core, error::Error, event::Event, stored, timer::Due, turn::Turn};

/// Own registers of small rooms are published together after this (protocol section 6.2).
const COALESCE_MS: u64 = 1_000;

/// Headers of a room, read from the store.
pub(crate) struct StoredHeaders<'a>(pub(crate) &'a Conn);

impl Headers for StoredHeaders<'_> {
    fn link(&self, id: &OpId) -> Option<Link> {
        let op = stored::to_model(&ops::by_id(self.0, id).ok()??)?;
        let parents = op.header.parents().collect();
        Some(Link { author: op.header.author, seq: op.header.seq, hlc: op.header.hlc, parents })
    }
}

impl Core {
    /// Takes a register whose signature was verified; answers whether its author belongs here.
    pub(crate) fn take_register(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        register: &Verified<Register>,
        signed: &Signed,
    ) -> Result<bool, Error> {
        let device = DeviceId::from_bytes(register.signer);
        let value = register.body.value();
        if self.author_account(room, &device).is_none() {
            return Ok(false);
        }
        let kept = registers::Register {
            author: device,
            name: value.name.clone(),
            version: value.version,
            body: signed.encode_to_vec(),
        };
        // An own one comes back when this store has lost it.
        if registers::put(turn.db, room, &kept)? && device != self.me.device {
            self.apply_register(turn, room, device, &value.name, &value.payload)?;
        }
        Ok(true)
    }

    fn apply_register(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        device: DeviceId,
        name: &str,
        payload: &[u8],
    ) -> Result<(), Error> {
        match name {
            "heads" => {
                let pairs = self.vector_of(turn, room, &device, payload, false)?;
                self.acknowledged(turn, room, device, &pairs, &[], None)?;
            }
            "read" => self.read_elsewhere(turn, room, device, payload)?,
            "bundle" => {
                let Ok(entry) = madang_wire::decode::<BundleEntry>(payload) else { return Ok(()) };
                if let Some(bundle) = &entry.bundle {
                    self.take_bundle(turn, bundle)?;
                }
            }
            "addr" => {
                if let Ok(signed) = madang_wire::decode::<Signed>(payload) {
                    self.take_address(turn, &signed)?;
                }
            }
            "card" => {
                let account = self.author_account(room, &device);
                if let (Some(account), Ok(card)) = (account, madang_wire::decode::<Card>(payload))
                    && madang_model::text::check_name(&card.name).is_ok()
                {
                    friends::set_card(turn.db, &account, &card.name, payload)?;
                    turn.emit(Event::Friend { account });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The vector that a frontier stands for, grown from what is known of this device.
    fn vector_of(
        &mut self,
        turn: &Turn<'_>,
        room: RoomRow,
        device: &DeviceId,
        payload: &[u8],
        read: bool,
    ) -> Result<Vec<(DeviceId, u64)>, Error> {
        let Ok(frontier) = madang_wire::decode::<Frontier>(payload) else { return Ok(Vec::new()) };
        let known = if read {
            let account = self.author_account(room, device);
            let marks = acks::read_marks(turn.db, room)?;
            let mut known = std::collections::BTreeMap::new();
            for (row, seq) in account.and_then(|account| marks.get(&account).cloned()).unwrap_or_default() {
                if let Some(author) = madang_store::devices::get(turn.db, row)? {
                    known.insert(author.id, seq);
                }
            }
            known
        } else {
            self.rooms.get(&room).and_then(|r| r.acks.get(device)).map(|a| a.upto.clone()).unwrap_or_default()
        };
        let mut vector = Vector::from_pairs(known);
        let ids = frontier.ids.iter().filter_map(|id| OpId::try_from(id.as_slice()).ok());
        // Ids that are not here yet are looked at again when the next version of the register comes.
        vector.advance(ids, &StoredHeaders(turn.db));
        Ok(vector.pairs().collect())
    }

    fn read_elsewhere(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        device: DeviceId,
        payload: &[u8],
    ) -> Result<(), Error> {
        let Some(account) = self.author_account(room, &device) else { return Ok(()) };
        let pairs = self.vector_of(turn, room, &device, payload, true)?;
        let mut grown = false;
        for (author, seq) in pairs {
            let row = self.directory.row(turn.db, &author, None)?;
            grown |= acks::raise_read(turn.db, room, &account, row, seq)?;
        }
        if grown {
            if account == self.me.account {
                self.recount_unread(turn, room)?;
            }
            if let Some(conversation) = self.rooms.get(&room) {
                turn.emit(Event::Receipt { room: conversation.conv, messages: Vec::new() });
            }
        }
        Ok(())
    }

    /// Publishes `heads` soon.
    pub(crate) fn heads_register_later(&mut self, turn: &Turn<'_>, room: RoomRow) {
        self.register_later(turn, room, "heads");
    }

    /// Publishes an own register with the next batch of the room.
    pub(crate) fn register_later(&mut self, turn: &Turn<'_>, room: RoomRow, name: &'static str) {
        self.own_registers.entry(room).or_default().insert(name);
        let jitter = u64::from(self.random16().first().copied().unwrap_or(0));
        self.timers
            .set(Due::Registers(room), turn.now.mono.saturating_add(COALESCE_MS).saturating_add(jitter));
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
        turn: &Turn<'_>,
        room: RoomRow,
        name: &str,
    ) -> Result<Option<Vec<u8>>, Error> {
        let own = self.directory.get(&self.me.device);
        Ok(match name {
            "heads" => self.rooms.get(&room).filter(|r| r.missing.is_empty()).map(|r| {
                let ids =
                    r.heads.iter().take(madang_wire::limits::FRONTIER_IDS).map(|id| id.as_bytes().to_vec());
                Frontier { ids: ids.collect() }.encode_to_vec()
            }),
            "read" => Some(self.read_frontier(turn, room)?),
            "addr" => own.and_then(|d| d.signed_addr.clone()),
            "bundle" => own.and_then(|d| d.signed_bundle.clone()).and_then(|bytes| {
                let bundle = Signed::decode(bytes.as_slice()).ok()?;
                Some(BundleEntry { bundle: Some(bundle), tokens: Vec::new() }.encode_to_vec())
            }),
            "card" => Some(self.me.card.encode_to_vec()),
            _ => None,
        })
    }

    fn publish_register(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        name: &str,
        payload: Vec<u8>,
    ) -> Result<(), Error> {
        let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
        if conversation.recipient_devices(&self.me.device).is_empty() {
            return Ok(());
        }
        let conv = conversation.conv;
        let version = self.clock.tick(self.author_time(turn));
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
        registers::put(turn.db, room, &kept)?;
        self.post_mirrors(turn, room)?;
        let key = self.usable_key(turn, room)?;
        let (sealed, bytes) = self.seal(room, key, &Inner { body: Some(InnerBody::Register(signed)) })?;
        for peer in self.peers_in(room) {
            self.send_ops(turn, peer, room, vec![sealed.clone()]);
        }
        self.relay_register(turn, room, name, bytes)
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

    /// Greatest timestamp among own registers, so that versions rise over restarts.
    pub(crate) fn newest_register(db: &Conn, room: RoomRow) -> Result<Hlc, Error> {
        let newest = registers::versions(db, room)?.into_iter().map(|(_, _, version)| version).max();
        Ok(Hlc::from_u64(newest.unwrap_or(0)))
    }
}
