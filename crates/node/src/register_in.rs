//! Registers of others: which are taken, and what they change here (protocol section 2.2).
//!
//! It must not know how own ones are made. Invariants: only known names of member devices are kept, none
//! from further ahead than a day; a newer version replaces an older one and never the reverse.

use std::collections::BTreeMap;

use madang_crypto::Verified;
use madang_model::{
    DeviceId, Hlc, OpId, Receive,
    control::Conversation as Members,
    frontier::{Headers, Link, Vector},
    hlc, limits,
};
use madang_store::{Conn, RoomRow, acks, friends, ops, registers};
use madang_wire::{BundleEntry, Card, Frontier, Message as _, Register, Signed};

use crate::{awaited::Frontiers, core::Core, error::Error, event::Event, stored, times, turn::Turn};

/// Per author the number up to which everything is there.
type Numbers = Vec<(DeviceId, u64)>;

/// Headers of a room, read from the store.
pub(crate) struct StoredHeaders<'a>(pub(crate) &'a Conn);

impl Headers for StoredHeaders<'_> {
    fn link(&self, id: &OpId) -> Option<Link> {
        let kept = ops::by_id(self.0, id).ok()??;
        let void = kept.due_at == ops::NEVER;
        let op = stored::to_model(&kept)?;
        // What does not fit its past stands for itself alone.
        let parents = op.header.parents().filter(|_| !void).collect();
        Some(Link { author: op.header.author, seq: op.header.seq, hlc: op.header.hlc, parents })
    }
}

impl Core {
    /// Takes a register whose signature was verified; answers whether it belongs here.
    pub(crate) fn take_register(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        register: &Verified<Register>,
        signed: &Signed,
    ) -> Result<bool, Error> {
        let device = DeviceId::from_bytes(register.signer);
        let value = register.body.value();
        if self.writer_account(turn.db, room, &device, None)?.is_none()
            || !self.admits_register(turn, room, value)
        {
            tracing::debug!(%device, name = value.name, "a register is refused");
            return Ok(false);
        }
        let kept = registers::Register {
            author: device,
            name: value.name.clone(),
            version: value.version,
            body: signed.encode_to_vec(),
        };
        let newer = registers::put(turn.db, room, &kept)?;
        let version = Hlc::from_u64(value.version);
        if device == self.me.device {
            // An own one comes back when this store has lost it: the next version is above it.
            self.clock.observe(version, self.author_time(turn));
        } else if newer {
            self.heard_of(turn, &device, version.millis())?;
            self.apply_register(turn, room, device, &value.name, &value.payload)?;
        }
        Ok(true)
    }

    /// Whether a register has a name that is known in the room, and a size and version that may be.
    fn admits_register(&self, turn: &Turn<'_>, room: RoomRow, register: &Register) -> bool {
        let Some(conversation) = self.rooms.get(&room) else { return false };
        let named = match register.name.as_str() {
            "heads" | "read" | "bundle" | "addr" | "card" | "prefs" => true,
            "accountlog" => conversation.control.conversation() == Members::Room,
            name => name.strip_prefix("prefs.").is_some_and(|key| {
                let fits = register.payload.len() <= limits::PREFS_VALUE_MAX;
                !key.is_empty() && fits && conversation.conv == self.self_conv()
            }),
        };
        let in_time =
            hlc::receive(Hlc::from_u64(register.version), self.author_time(turn)) == Receive::Accept;
        named && in_time && !self.is_closed(room) && register.payload.len() <= limits::REGISTER_MAX
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
            "heads" => self.frontier_told(turn, room, device, Frontiers::Heads, payload)?,
            "read" => self.frontier_told(turn, room, device, Frontiers::Read, payload)?,
            "bundle" => {
                let Ok(entry) = madang_wire::decode::<BundleEntry>(payload) else { return Ok(()) };
                if let Some(bundle) = &entry.bundle {
                    self.take_bundle(turn, bundle)?;
                }
                self.take_room_tokens(turn, room, &device, &entry.tokens)?;
            }
            "addr" => {
                if let Ok(signed) = madang_wire::decode::<Signed>(payload) {
                    self.take_address(turn, &signed)?;
                }
            }
            "card" => self.card_told(turn, room, device, payload)?,
            // The numbers count other people now.
            "prefs" => self.numbers_changed(turn, room),
            _ => {}
        }
        Ok(())
    }

    /// The friend card travels in the 1:1 alone; that of a room never takes its place (protocol section
    /// 6.4).
    fn card_told(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        device: DeviceId,
        payload: &[u8],
    ) -> Result<(), Error> {
        let friend = self.rooms.get(&room).and_then(|r| r.peer);
        let account = self.author_account(room, &device).filter(|account| friend == Some(*account));
        if let (Some(account), Ok(card)) = (account, madang_wire::decode::<Card>(payload))
            && let Ok(name) = crate::contacts::shown_name(&card.name, &account)
        {
            friends::set_card(turn.db, &account, &name, payload)?;
            turn.emit(Event::Friend { account });
        }
        Ok(())
    }

    /// Tells shells that any number or state in a room may have changed.
    pub(crate) fn numbers_changed(&self, turn: &mut Turn<'_>, room: RoomRow) {
        if let Some(conversation) = self.rooms.get(&room) {
            turn.emit(Event::Receipt { room: conversation.conv, messages: Vec::new() });
        }
    }

    fn frontier_told(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        device: DeviceId,
        which: Frontiers,
        payload: &[u8],
    ) -> Result<(), Error> {
        let (pairs, missing) = self.vector_of(turn, room, &device, payload, which)?;
        self.awaited.set((room, device, which), missing);
        match which {
            Frontiers::Heads => self.acknowledged(turn, room, device, &pairs, None),
            Frontiers::Read => self.read_elsewhere(turn, room, device, pairs),
        }
    }

    /// Reads frontiers again that name ops which have come.
    pub(crate) fn frontiers_again(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        for (room, device, which) in self.awaited.take() {
            self.stored_frontier(turn, room, device, which)?;
        }
        Ok(())
    }

    /// Reads every frontier of others again: which ops they wait for is not on the disk.
    pub(crate) fn frontiers_at_start(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        for room in self.rooms.keys().copied().collect::<Vec<_>>() {
            for which in Frontiers::ALL {
                for kept in registers::named(turn.db, room, which.name())? {
                    if kept.author != self.me.device {
                        self.stored_frontier(turn, room, kept.author, which)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn stored_frontier(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        device: DeviceId,
        which: Frontiers,
    ) -> Result<(), Error> {
        let Some(kept) = registers::get(turn.db, room, &device, which.name())? else { return Ok(()) };
        let Some(payload) = payload_of(&kept) else { return Ok(()) };
        self.frontier_told(turn, room, device, which, &payload)
    }

    /// The vector that a frontier stands for, grown from what is known of this device, and the ids in it
    /// that are not here yet.
    fn vector_of(
        &self,
        turn: &Turn<'_>,
        room: RoomRow,
        device: &DeviceId,
        payload: &[u8],
        which: Frontiers,
    ) -> Result<(Numbers, Vec<OpId>), Error> {
        let Ok(frontier) = madang_wire::decode::<Frontier>(payload) else { return Ok(Default::default()) };
        let known = match which {
            Frontiers::Read => self.known_read(turn, room, device)?,
            Frontiers::Heads => {
                let ack = self.rooms.get(&room).and_then(|r| r.acks.get(device));
                ack.map(|a| a.upto.clone()).unwrap_or_default()
            }
        };
        let mut vector = Vector::from_pairs(known);
        let ids = frontier.ids.iter().filter_map(|id| OpId::try_from(id.as_slice()).ok());
        let missing = vector.advance(ids, &StoredHeaders(turn.db));
        Ok((vector.pairs().collect(), missing))
    }

    fn known_read(
        &self,
        turn: &Turn<'_>,
        room: RoomRow,
        device: &DeviceId,
    ) -> Result<BTreeMap<DeviceId, u64>, Error> {
        let mut marks = acks::read_marks(turn.db, room)?;
        let account = self.author_account(room, device);
        let mut known = BTreeMap::new();
        for (row, seq) in account.and_then(|account| marks.remove(&account)).unwrap_or_default() {
            if let Some(author) = madang_store::devices::get(turn.db, row)? {
                known.insert(author.id, seq);
            }
        }
        Ok(known)
    }

    fn read_elsewhere(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        device: DeviceId,
        pairs: Numbers,
    ) -> Result<(), Error> {
        let Some(account) = self.author_account(room, &device) else { return Ok(()) };
        let mut grown = false;
        for (author, seq) in pairs {
            let row = self.directory.row(turn.db, &author, None)?;
            if acks::raise_read(turn.db, room, &account, row, seq)? {
                grown = true;
                if author == self.me.device {
                    times::note(turn.db, &times::read_by(room, &account), seq, turn.now.wall)?;
                }
            }
        }
        if grown {
            if account == self.me.account {
                self.recount_unread(turn, room)?;
            }
            self.numbers_changed(turn, room);
        }
        Ok(())
    }
}

/// Payload of a kept register.
pub(crate) fn payload_of(kept: &registers::Register) -> Option<Vec<u8>> {
    // It was verified before it was kept.
    let signed = Signed::decode(kept.body.as_slice()).ok()?;
    Some(madang_wire::decode::<Register>(&signed.body).ok()?.payload)
}
