//! Own ops on their way through relays: put where a recipient without them reads (protocol sections 9.3
//! and 9.4).
//!
//! Invariants: the bytes that were sealed first are put, whichever relay takes them; an op counts as
//! relayed only after `Stored`.

use std::collections::BTreeMap;

use madang_crypto::{del_hash, del_secret};
use madang_p2p::PeerId;
use madang_store::{
    RoomRow,
    frames::{self, Copy},
};
use madang_wire::{Put, RErr, Stored};

use super::{
    boxes::{LOG_TTL_H, pause},
    state::{Ask, Deposit, Devices, PUTS_MAX},
};
use crate::{core::Core, error::Error, ring::BoxId, timer::Due, turn::Turn};

impl Core {
    /// Puts own ops of a room that some device has not acknowledged and no relay has.
    pub(crate) fn relay_due(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
        let own = conversation.own.seq;
        let lacking: Devices = conversation
            .recipient_devices(&self.me.device)
            .into_iter()
            .filter(|device| self.own_upto(room, device) < own)
            .collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let relays = self.relays_towards(room, &lacking);
        for relay in &relays {
            if self.put_room(turn, *relay, room, &lacking)? {
                return Ok(());
            }
        }
        // None takes anything now: again when the first hold ends.
        let held = relays
            .iter()
            .filter_map(|relay| self.relays.links.get(relay))
            .flat_map(|link| link.boxes.values())
            .filter(|followed| followed.room == Some(room) && followed.held_until > turn.now.mono)
            .map(|followed| followed.held_until)
            .min();
        if let Some(at) = held {
            self.timers.set(Due::RelayOps(room), at);
        }
        Ok(())
    }

    /// Puts ops of a room at one relay; answers whether the relay takes them.
    fn put_room(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        room: RoomRow,
        lacking: &Devices,
    ) -> Result<bool, Error> {
        let logs = self.logs_of(room);
        let Some(link) = self.relays.links.get(&relay) else { return Ok(false) };
        if !logs.values().any(|log| link.takes(log, turn.now.mono)) {
            return Ok(false);
        }
        let free = PUTS_MAX.saturating_sub(link.flying().count());
        if free == 0 || link.free() == 0 {
            self.wait_for(relay, room);
            return Ok(true);
        }
        let after = self.relays.given.get(&room).copied().unwrap_or(0);
        let rows = frames::without_copy(turn.db, room, after, free)?;
        let full = rows.len() == free;
        let mut puts = Vec::new();
        let mut last = after;
        for row in rows {
            let Some(log) = logs.get(&row.key).filter(|log| self.takes(relay, log, turn)) else {
                // Sealed under a key whose log is not there yet: what follows waits with it.
                break;
            };
            last = row.seq;
            if self.everybody_has(room, lacking, row.seq, &row.id) {
                continue;
            }
            let secret = del_secret(&self.me.delete_key, &row.body);
            let put = Put {
                box_id: log.to_vec(),
                ttl_h: LOG_TTL_H,
                auth: None,
                slot: Vec::new(),
                del_hash: del_hash(&secret).to_vec(),
                body: row.body,
            };
            puts.push((Deposit::Op { op: row.op, id: row.id, room, log: *log }, put));
        }
        self.relays.given.insert(room, last);
        self.send_puts(turn, relay, puts);
        if full {
            self.wait_for(relay, room);
        }
        Ok(true)
    }

    fn takes(&self, relay: PeerId, log: &BoxId, turn: &Turn<'_>) -> bool {
        self.relays.links.get(&relay).is_some_and(|link| link.takes(log, turn.now.mono))
    }

    fn wait_for(&mut self, relay: PeerId, room: RoomRow) {
        if let Some(link) = self.relays.links.get_mut(&relay) {
            link.waiting.insert(room);
        }
    }

    fn everybody_has(&self, room: RoomRow, lacking: &Devices, seq: u64, id: &madang_model::OpId) -> bool {
        self.rooms.get(&room).is_some_and(|conversation| {
            lacking.iter().all(|device| {
                conversation.acks.get(device).is_some_and(|ack| {
                    ack.also.contains(id) || ack.upto.get(&self.me.device).is_some_and(|upto| *upto >= seq)
                })
            })
        })
    }

    /// The log of each key of a room.
    fn logs_of(&self, room: RoomRow) -> BTreeMap<madang_model::KeyId, BoxId> {
        self.rooms
            .get(&room)
            .map(|c| c.keys.iter().map(|(id, key)| (*id, key.seal.route().log_id())).collect())
            .unwrap_or_default()
    }

    /// A put was stored, fsynced by the relay.
    pub(super) fn relay_stored(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        id: u64,
        stored: &Stored,
    ) -> Result<(), Error> {
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        let row = link.row;
        let Some(asked) = link.asked.get_mut(&id) else { return Ok(()) };
        let Ask::Puts(puts) = &mut asked.what else { return Ok(()) };
        let index = usize::try_from(stored.index).unwrap_or(usize::MAX);
        let put = puts.get_mut(index).and_then(Option::take);
        if puts.iter().all(Option::is_none) {
            link.asked.remove(&id);
        }
        let Some(put) = put else { return Ok(()) };
        if let Ok(id) = BoxId::try_from(stored.box_id.as_slice()) {
            self.epoch_told(turn, relay, id, &stored.epoch, None)?;
        }
        match put {
            Deposit::Op { op, id, room, log } => {
                let copy = Copy { op, relay: row, relay_box: log, seq: stored.seq.max(1), at: turn.now.wall };
                frames::stored(turn.db, &copy)?;
                self.copy_changed(room, id);
            }
            Deposit::Row(put) => self.row_stored(turn, relay, put)?,
        }
        self.wake_waiting(turn, relay);
        Ok(())
    }

    /// There is room for puts again.
    fn wake_waiting(&mut self, turn: &Turn<'_>, relay: PeerId) {
        let Some(link) = self.relays.links.get_mut(&relay) else { return };
        // In portions, so that batches stay large.
        if link.flying().count() > PUTS_MAX / 2 {
            return;
        }
        for room in std::mem::take(&mut link.waiting) {
            self.timers.set(Due::RelayOps(room), turn.now.mono);
        }
    }

    /// A put was refused: another relay of the conversation takes it, or this one later.
    pub(super) fn put_refused(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        put: Deposit,
        error: &RErr,
    ) -> Result<(), Error> {
        match put {
            Deposit::Op { room, log, .. } => {
                self.log_refused(turn, relay, log, error);
                self.relays.given.remove(&room);
                self.timers.set(Due::RelayOps(room), turn.now.mono);
            }
            Deposit::Row(row) => self.row_refused(turn, relay, row, error)?,
        }
        self.wake_waiting(turn, relay);
        Ok(())
    }

    /// A log takes nothing for a while. One that is gone is made again.
    pub(super) fn log_refused(&mut self, turn: &mut Turn<'_>, relay: PeerId, log: BoxId, error: &RErr) {
        let now = turn.now.mono;
        let Some(followed) = self.relays.links.get_mut(&relay).and_then(|l| l.boxes.get_mut(&log)) else {
            return;
        };
        if followed.held_until > now {
            return;
        }
        followed.held_until = now.saturating_add(pause(followed.refused, error.retry_ms));
        if matches!(error.code.as_str(), "not_found" | "auth") {
            self.box_refused(turn, relay, log, error);
            return;
        }
        followed.refused = followed.refused.saturating_add(1);
    }
}
