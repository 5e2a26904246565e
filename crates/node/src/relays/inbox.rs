//! Reading the own inboxes (protocol sections 4.1 and 10.3).
//!
//! Invariant: an item is acknowledged only after the commit of what it led to.

use bytes::Bytes;
use madang_model::DeviceId;
use madang_p2p::PeerId;
use madang_store::{Conn, RoomRow, ops::Origin, relays};
use madang_wire::{InboxBody, InboxItem, Items, Message as _, RAck, RelayBody, Sealed, limits};

use super::state::{Ask, Step};
use crate::{
    core::Core,
    error::Error,
    ingest::{Item, open_one},
    lane_in::Delivered,
    poison,
    ring::BoxId,
    turn::Turn,
};

impl Core {
    /// Takes the items of an own inbox.
    pub(super) fn inbox_items(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        id: BoxId,
        items: &Items,
    ) -> Result<(), Error> {
        let count = u32::try_from(items.items.len()).unwrap_or(u32::MAX);
        let followed = self.relays.links.get(&relay).and_then(|link| link.boxes.get(&id));
        if followed.is_none_or(|followed| followed.step < Step::Subscribing) {
            return self.unasked_items(turn, relay, count);
        }
        if !self.within_credit(turn, relay, count)?
            || !self.epoch_told(turn, relay, id, &items.epoch, Some(items.head))?
        {
            return Ok(());
        }
        self.box_answered(turn, relay, id);
        let end = items.items.last().is_none_or(|last| last.seq >= items.head);
        if let Some(inbox) = self.relays.links.get_mut(&relay).and_then(|link| link.boxes.get_mut(&id)) {
            inbox.read |= end;
        }
        for item in &items.items {
            self.take_item(turn, &item.body)?;
            // Also what cannot be taken: it would fill the inbox, and its sender keeps it until he is
            // answered.
            self.relays.acks.entry((relay, id)).or_default().push(item.seq);
        }
        Ok(())
    }

    /// Whether every inbox that this machine has at an own relay is reached, and was read to its end since.
    pub(crate) fn inboxes_read(&self, db: &Conn) -> Result<bool, Error> {
        for relay in relays::list(db)?.into_iter().filter(|relay| relay.own) {
            let link = self.relays.links.values().find(|link| link.row == relay.row);
            for kept in relays::boxes(db, relay.row)? {
                let made = kept.kind == relays::BoxKind::Inbox && !kept.epoch.is_empty();
                let read = link.and_then(|link| link.boxes.get(&kept.id)).is_some_and(|inbox| inbox.read);
                if made && !read {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Takes an item, unless it has undone a turn before.
    fn take_item(&mut self, turn: &mut Turn<'_>, body: &[u8]) -> Result<(), Error> {
        if self.poison.names_bytes(body) {
            tracing::warn!("an item of the inbox that could not be taken before is passed over");
            return Ok(());
        }
        let taken = self.inbox_item(turn, body);
        if taken.as_ref().is_err_and(|error| !error.is_of_store()) {
            self.poison.add(poison::name(body));
        }
        taken
    }

    fn inbox_item(&mut self, turn: &mut Turn<'_>, body: &[u8]) -> Result<(), Error> {
        match madang_wire::decode::<InboxItem>(body).map(|item| item.body) {
            Ok(Some(InboxBody::Env(envelope))) => {
                if let Delivered::Refused(code) = self.envelope(turn, &envelope, None)? {
                    tracing::info!(code, "an envelope of the inbox was not taken");
                }
            }
            Ok(Some(InboxBody::Sealed(sealed))) => self.inbox_sealed(turn, &sealed)?,
            Ok(None) => tracing::debug!("an item of the inbox of a kind that is not known"),
            Err(error) => tracing::debug!(%error, "an item of the inbox does not read"),
        }
        Ok(())
    }

    /// An op or register that came by the inbox because the log had no room (protocol section 10.4).
    fn inbox_sealed(&mut self, turn: &mut Turn<'_>, sealed: &Sealed) -> Result<(), Error> {
        let rooms: Vec<RoomRow> = self.rooms.keys().copied().collect();
        let found = rooms.into_iter().find_map(|room| {
            let seals = self.ring.by_row(room)?;
            seals.admits(sealed).then_some((room, seals))
        });
        let Some((room, seals)) = found else {
            tracing::debug!("a sealed item of the inbox belongs to no room");
            return Ok(());
        };
        match open_one(&seals, &Bytes::from(sealed.encode_to_vec())) {
            Some(Item::Op(op)) => {
                self.take_op(turn, room, &op, Origin::Relay)?;
                if let Ok(author) = DeviceId::try_from(op.header.value().author.as_slice()) {
                    turn.to_acknowledge.entry(room).or_default().insert(author);
                }
            }
            Some(Item::Register(register, signed)) => {
                self.take_register(turn, room, &register, &signed)?;
            }
            Some(Item::Unknown { key, frame }) => self.park(turn, room, key, &frame)?,
            Some(Item::Signal(_)) | None => {}
        }
        Ok(())
    }

    /// Sends what this turn owes to relays: items that may be deleted.
    pub(super) fn acknowledge_items(&mut self, turn: &mut Turn<'_>) {
        for ((relay, inbox), seqs) in std::mem::take(&mut self.relays.acks) {
            for seqs in seqs.chunks(limits::ACKED) {
                let ack = RAck { inbox_id: inbox.to_vec(), seqs: seqs.to_vec() };
                self.ask_relay(turn, relay, RelayBody::Ack(ack), Ask::Plain("ack"));
            }
        }
    }
}
