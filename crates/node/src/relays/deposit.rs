//! Putting envelopes into the inboxes of others (protocol sections 4.1 and 10.5).
//!
//! Invariant: an envelope goes to every inbox of its device, each time with a token for that inbox.

use madang_model::{DeviceId, limits::HOUR_MS};
use madang_p2p::PeerId;
use madang_store::{
    LaneRow, OpRow, lanes,
    relays::{BoxKind, NewPut},
    tokens,
};
use madang_wire::{DeviceBundle, Envelope, InboxBody, InboxItem, InboxRef, Message as _, Token};

use super::{
    follow::{relay_of, relay_row},
    state::packet_name,
};
use crate::{core::Core, error::Error, ring::BoxId, turn::Turn};

/// A packet that was put is put again after this while it is not acknowledged: the inbox may be gone.
const PUT_AGAIN_MS: u64 = HOUR_MS;
/// Contact requests remembered as put.
const KNOCKED_MAX: usize = 4_096;
/// Packets remembered as put: some for each of many thousand devices, about 4 MB.
pub(super) const PACKETS_MAX: usize = 65_536;
/// Those of long ago are looked for once in so long.
const SWEEP_EVERY_MS: u64 = 60 * 1000;
/// Lane messages looked through for the one that an envelope carries.
const WAITING: usize = 256;

/// Something on its way into one inbox.
pub(super) struct Parcel<'a> {
    pub(super) to: &'a InboxRef,
    pub(super) token: Vec<u8>,
    /// The lane message that it carries.
    pub(super) lane: Option<LaneRow>,
    /// The own op that it carries, if nothing else is needed for everybody to have it.
    pub(super) op: Option<OpRow>,
    pub(super) body: Vec<u8>,
}

impl Core {
    /// Queues a lane packet for every inbox of a device.
    pub(crate) fn inbox_put(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        envelope: &Envelope,
    ) -> Result<(), Error> {
        let now = self.author_time(turn);
        let Some(known) = self.directory.get(&device) else { return Ok(()) };
        let row = known.row;
        let Some(bundle) = known.usable_bundle(now).cloned() else { return Ok(()) };
        let sealed = envelope.encode_to_vec();
        let lane = lanes::waiting(turn.db, row, WAITING)?
            .into_iter()
            .find(|message| message.envelope.as_deref() == Some(sealed.as_slice()))
            .map(|message| message.row);
        for inbox in &bundle.inboxes {
            let Ok(id) = BoxId::try_from(inbox.inbox_id.as_slice()) else { continue };
            // Members of a room who are no friends have keys for each other too.
            let Some(token) = tokens::any(turn.db, row, &id, turn.now.wall)? else {
                tracing::debug!(%device, "no token for an inbox");
                continue;
            };
            let parcel = Parcel { to: inbox, token: token.token, lane, op: None, body: item(envelope) };
            self.put_packet(turn, parcel, id)?;
        }
        Ok(())
    }

    /// Queues a parcel, unless it was put a short while ago.
    pub(super) fn put_packet(
        &mut self,
        turn: &mut Turn<'_>,
        parcel: Parcel<'_>,
        id: BoxId,
    ) -> Result<(), Error> {
        let Some((relay, _)) = relay_of(&parcel.to.relay) else { return Ok(()) };
        let row = relay_row(turn.db, &parcel.to.relay, relay, turn.now.wall)?;
        let name = (row, packet_name(&id, &parcel.body));
        let now = turn.now.mono;
        let recent = |at: &u64| now.saturating_sub(*at) < PUT_AGAIN_MS;
        if self.relays.packets.get(&name).is_some_and(recent) {
            return Ok(());
        }
        if self.relays.packets.len() >= PACKETS_MAX && now >= self.relays.packets_swept {
            self.relays.packets_swept = now.saturating_add(SWEEP_EVERY_MS);
            self.relays.packets.retain(|_, at| recent(at));
        }
        if self.relays.packets.len() >= PACKETS_MAX {
            // One that is not remembered would be put again with every retry. It waits for its turn.
            tracing::debug!("too many packets are on their way to inboxes");
            return Ok(());
        }
        self.relays.packets.insert(name, now);
        self.queue_put(turn, &new_put(row, id, parcel, turn.now.wall))
    }

    /// Queues a contact request for every inbox of a bundle that there is a token for. Requests are
    /// sealed anew each time they go out, so only one an hour is put into an inbox.
    pub(crate) fn put_with_tokens(
        &mut self,
        turn: &mut Turn<'_>,
        bundle: &DeviceBundle,
        given: &[Token],
        envelope: &Envelope,
    ) -> Result<(), Error> {
        for inbox in &bundle.inboxes {
            let (Ok(id), Some((relay, _))) =
                (BoxId::try_from(inbox.inbox_id.as_slice()), relay_of(&inbox.relay))
            else {
                continue;
            };
            let Some(token) = given.iter().find(|token| token.inbox_id == inbox.inbox_id) else { continue };
            let row = relay_row(turn.db, &inbox.relay, relay, turn.now.wall)?;
            let now = turn.now.mono;
            let recent = |at: &u64| now.saturating_sub(*at) < PUT_AGAIN_MS;
            if self.relays.knocked.get(&(row, id)).is_some_and(recent) {
                continue;
            }
            self.relays.knocked.retain(|_, at| recent(at));
            if self.relays.knocked.len() >= KNOCKED_MAX {
                continue;
            }
            self.relays.knocked.insert((row, id), now);
            let token = token.token.clone();
            let parcel = Parcel { to: inbox, token, lane: None, op: None, body: item(envelope) };
            self.queue_put(turn, &new_put(row, id, parcel, turn.now.wall))?;
        }
        Ok(())
    }

    /// A relay answers again: packets that were not acknowledged and belong there are put once more, in
    /// case it has lost them.
    pub(super) fn lanes_to_relay(&mut self, turn: &mut Turn<'_>, relay: PeerId) -> Result<(), Error> {
        if let Some(link) = self.relays.links.get(&relay) {
            let here = link.row;
            self.relays.packets.retain(|(row, _), _| *row != here);
        }
        for row in lanes::devices(turn.db)? {
            let Some(device) = madang_store::devices::get(turn.db, row)?.map(|device| device.id) else {
                continue;
            };
            let here = self.directory.get(&device).and_then(|known| known.bundle.as_ref()).is_some_and(|b| {
                b.inboxes.iter().any(|i| relay_of(&i.relay).is_some_and(|(named, _)| named == relay))
            });
            if here && self.peer_of(&device).is_none() {
                self.lane_to_inboxes(turn, device)?;
            }
        }
        Ok(())
    }
}

fn item(envelope: &Envelope) -> Vec<u8> {
    InboxItem { body: Some(InboxBody::Env(envelope.clone())) }.encode_to_vec()
}

fn new_put(relay: madang_store::RelayRow, id: BoxId, parcel: Parcel<'_>, now: u64) -> NewPut {
    NewPut {
        relay,
        relay_box: id,
        kind: BoxKind::Inbox,
        op: parcel.op,
        lane: parcel.lane,
        token: Some(parcel.token),
        slot: None,
        del_hash: None,
        // The life that the relay grants.
        ttl_h: 0,
        body: parcel.body,
        at: now,
        due_at: now,
    }
}
