//! Own registers in the log of a room, for members who are away (protocol section 10.3, register slot).
//!
//! Invariants: per register one item waits for a relay; a newer one takes its place, and one that waits for a relay that
//! does not serve goes to another one of the room that does (protocol sections 2.2 and 9.4).

use madang_model::KeyId;
use madang_p2p::PeerId;
use madang_store::{
    RoomRow,
    relays::{self, BoxKind, NewPut},
};
use madang_wire::Sealed;

use super::{boxes::LOG_TTL_H, state::Devices};
use crate::{core::Core, error::Error, ring::BoxId, turn::Turn};

impl Core {
    /// Puts an own register, sealed, into its slot of the log, while some device of the room is away.
    pub(crate) fn relay_register(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        name: &str,
        bytes: Vec<u8>,
    ) -> Result<(), Error> {
        let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
        let away: Devices = conversation
            .recipient_devices(&self.me.device)
            .into_iter()
            .filter(|device| self.peer_of(device).is_none())
            .collect();
        let key = madang_wire::decode::<Sealed>(&bytes)
            .ok()
            .and_then(|sealed| KeyId::try_from(sealed.key_id.as_slice()).ok());
        let Some(route) = key.and_then(|key| conversation.keys.get(&key)).map(|held| held.seal.route())
        else {
            return Ok(());
        };
        let (log, slot) = (route.log_id(), route.register_slot(self.me.device.as_bytes(), name));
        // What waits is older, also when nobody needs it from there any more.
        relays::drop_register(turn.db, &log, &slot)?;
        if away.is_empty() {
            return Ok(());
        }
        let relays = self.relays_towards(room, &away);
        let takes = |relay: &&PeerId| {
            self.relays.links.get(relay).is_some_and(|link| link.takes(&log, turn.now.mono))
        };
        let Some(relay) = relays.iter().find(takes).or_else(|| relays.first()) else { return Ok(()) };
        let Some(row) = self.relays.links.get(relay).map(|link| link.row) else { return Ok(()) };
        let put = NewPut {
            relay: row,
            relay_box: log,
            kind: BoxKind::Log,
            op: None,
            lane: None,
            token: None,
            slot: Some(slot.to_vec()),
            del_hash: None,
            ttl_h: LOG_TTL_H,
            body: bytes,
            at: turn.now.wall,
            due_at: turn.now.wall,
        };
        self.queue_put(turn, &put)
    }

    /// The stream with a relay has ended: registers that wait for it go where their log is taken now.
    pub(super) fn registers_elsewhere(&mut self, turn: &mut Turn<'_>, relay: PeerId) -> Result<(), Error> {
        let Some(row) = self.relays.links.get(&relay).map(|link| link.row) else { return Ok(()) };
        for waiting in relays::waiting_at(turn.db, row, BoxKind::Log)? {
            if let Some(other) = self.other_relay(turn, relay, &waiting.put.relay_box) {
                self.move_put(turn, waiting, other)?;
            }
        }
        Ok(())
    }

    /// A relay takes a log: registers that wait elsewhere for one that does not go there.
    pub(super) fn registers_to(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        log: &BoxId,
    ) -> Result<(), Error> {
        let Some(here) = self.relays.links.get(&relay).map(|link| link.row) else { return Ok(()) };
        for waiting in relays::waiting_for(turn.db, log)? {
            let there = self.relays.link_of(waiting.put.relay).and_then(|peer| self.relays.links.get(&peer));
            let served = there.is_some_and(|link| link.takes(log, turn.now.mono));
            if waiting.put.kind == BoxKind::Log && waiting.put.relay != here && !served {
                self.move_put(turn, waiting, here)?;
            }
        }
        Ok(())
    }
}
