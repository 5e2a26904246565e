//! Own registers in the log of a room, for members who are away (protocol section 10.3, register slot).
//!
//! Invariant: per register one item waits for a relay; a newer one takes its place.

use madang_model::KeyId;
use madang_store::{
    RoomRow,
    relays::{self, BoxKind, NewPut},
};
use madang_wire::Sealed;

use super::{boxes::LOG_TTL_H, state::Devices};
use crate::{core::Core, error::Error, turn::Turn};

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
        if away.is_empty() {
            return Ok(());
        }
        let key = madang_wire::decode::<Sealed>(&bytes)
            .ok()
            .and_then(|sealed| KeyId::try_from(sealed.key_id.as_slice()).ok());
        let Some(route) = key.and_then(|key| conversation.keys.get(&key)).map(|held| held.seal.route())
        else {
            return Ok(());
        };
        let (log, slot) = (route.log_id(), route.register_slot(self.me.device.as_bytes(), name));
        let relays = self.relays_towards(room, &away);
        let takes = |relay: &&madang_p2p::PeerId| {
            self.relays.links.get(relay).is_some_and(|link| link.takes(&log, turn.now.mono))
        };
        let Some(relay) = relays.iter().find(takes).or_else(|| relays.first()) else { return Ok(()) };
        let Some(row) = self.relays.links.get(relay).map(|link| link.row) else { return Ok(()) };
        relays::drop_register(turn.db, &log, &slot)?;
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
}
