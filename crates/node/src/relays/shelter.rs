//! Own ops for which no log of their room has room: into the inboxes of the devices that lack them (protocol section
//! 10.4).
//!
//! Invariants: only in rooms of few devices; the same sealed bytes as everywhere; an op counts as stored only when an
//! inbox of every device that lacks it has it.

use madang_model::DeviceId;
use madang_store::{
    RoomRow,
    frames::{self, Copy, Placed},
    relays::{self, NewPut},
    tokens,
};
use madang_wire::{InboxBody, InboxItem, Message as _, Sealed, Stored};

use super::deposit::Parcel;
use crate::{core::Core, error::Error, ring::BoxId, turn::Turn};

/// Rooms with more devices wait for their logs (protocol section 10.4).
const DEVICES_MAX: usize = 50;

impl Core {
    /// Queues an own op for the inboxes of some devices, as far as there are tokens of friends or of the room.
    pub(super) fn put_into_inboxes(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        op: &Placed,
        devices: &[DeviceId],
    ) -> Result<(), Error> {
        if self.rooms.get(&room).is_none_or(|conversation| conversation.devices.len() > DEVICES_MAX) {
            return Ok(());
        }
        let Some(frame) = frames::get(turn.db, op.op)? else { return Ok(()) };
        let Ok(sealed) = madang_wire::decode::<Sealed>(&frame.body) else { return Ok(()) };
        let body = InboxItem { body: Some(InboxBody::Sealed(sealed)) }.encode_to_vec();
        let mut parcels = Vec::new();
        let mut reached = true;
        for device in devices {
            let before = parcels.len();
            let known = self.directory.get(device);
            let bundle =
                known.and_then(|known| Some((known.row, known.usable_bundle(self.author_time(turn))?)));
            for (row, inbox) in bundle.iter().flat_map(|(row, b)| b.inboxes.iter().map(move |i| (*row, i))) {
                let Ok(id) = BoxId::try_from(inbox.inbox_id.as_slice()) else { continue };
                if let Some(token) = tokens::find(turn.db, row, &id, Some(room), turn.now.wall)? {
                    parcels.push((id, inbox.clone(), token.token));
                }
            }
            reached &= parcels.len() > before;
        }
        let carried = reached.then_some(op.op);
        for (id, to, token) in parcels {
            let parcel = Parcel { to: &to, token, lane: None, op: carried, body: body.clone() };
            self.put_packet(turn, parcel, id)?;
        }
        Ok(())
    }

    /// An item is in an inbox. The last of those that carry an op shows that everybody has a copy.
    pub(super) fn op_in_inbox(
        &mut self,
        turn: &Turn<'_>,
        put: &NewPut,
        stored: &Stored,
    ) -> Result<(), Error> {
        let Some(op) = put.op else { return Ok(()) };
        if relays::carries(turn.db, op)? {
            return Ok(());
        }
        let seq = stored.seq.clamp(1, i64::MAX.cast_unsigned());
        frames::stored(
            turn.db,
            &Copy { op, relay: put.relay, relay_box: put.relay_box, seq, at: turn.now.wall },
        )?;
        if let Some(op) = madang_store::ops::get(turn.db, op)? {
            self.copy_changed(op.room, op.id);
        }
        Ok(())
    }
}
