//! What a relay has lost: boxes made anew, and items older than their life (protocol section 9.4).
//!
//! Invariants: a cursor belongs to one epoch; copies of a box that was made anew count no more; a relay that says
//! twice on one stream that a box is another one is not listened to.

use madang_model::{Hlc, OpId, limits::HOUR_MS};
use madang_p2p::PeerId;
use madang_store::{
    OpRow, RelayRow, RoomRow, frames, ops, registers,
    relays::{self, BoxKind, RelayBox},
};

use crate::{core::Core, error::Error, event::Event, ring::BoxId, turn::Turn};

/// Later than every copy.
const EVER: u64 = i64::MAX as u64;
/// Own registers that a log keeps for members who are away; those that were never written are passed over (protocol
/// section 2.2).
const REGISTERS: [&str; 7] = ["heads", "read", "addr", "bundle", "card", "prefs", "accountlog"];
/// Own registers are put again after this, before their items in logs expire (protocol section 2.2).
const REGISTERS_AGAIN_MS: u64 = 7 * 24 * HOUR_MS;
/// Events name at most so many messages; more means the whole room.
const NAMED: usize = 64;
/// Bytes of an epoch (protocol section 10.2).
const EPOCH_BYTES: usize = 8;
/// How often a box may become another one on one stream.
const CHANGES_MAX: u32 = 1;
/// A box counts as gone at most once in so long: its loss changes records that friends are told of.
const GONE_EVERY_MS: u64 = HOUR_MS;

impl Core {
    /// The relay says of which epoch a box is and how far it reaches. Another epoch, or an end before the cursor, is a
    /// box that was made anew. Answers whether the relay is still listened to.
    pub(super) fn epoch_told(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        id: BoxId,
        epoch: &[u8],
        head: Option<u64>,
    ) -> Result<bool, Error> {
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(false) };
        let row = link.row;
        // The inboxes of others are theirs to follow.
        let Some(followed) = link.boxes.get_mut(&id) else { return Ok(true) };
        let Some(kept) = relays::get_box(turn.db, row, &id)? else { return Ok(true) };
        let behind = head.is_some_and(|head| head < kept.cursor);
        if kept.epoch == epoch && !behind {
            return Ok(true);
        }
        let first = kept.epoch.is_empty();
        followed.changes = followed.changes.saturating_add(u32::from(!first));
        if epoch.len() != EPOCH_BYTES || followed.changes > CHANGES_MAX {
            self.close_relay(turn, relay, "epoch", 0)?;
            return Ok(false);
        }
        if !first && head.is_none() && followed.step >= super::state::Step::Subscribing {
            // What is pushed belongs to a cursor of before.
            followed.step = super::state::Step::Made;
        }
        self.box_is_another(turn, relay, RelayBox { epoch: epoch.to_vec(), cursor: 0, ..kept }, first)?;
        Ok(true)
    }

    fn box_is_another(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        now: RelayBox,
        first: bool,
    ) -> Result<(), Error> {
        relays::put_box(turn.db, &now)?;
        match (now.kind, now.room) {
            (BoxKind::Inbox, _) if first => {
                // The inbox is there: whoever may write to this machine has to know it.
                self.renew_bundle(turn)?;
                self.renew_address(turn)
            }
            (BoxKind::Inbox, _) => self.escrow_lost(turn, relay),
            (BoxKind::Log, Some(room)) if !first => {
                tracing::info!(%relay, "a relay lost a log: what is missing is put again");
                if let Some(known) = self.relays.truncated.get_mut(&(now.relay, now.id)) {
                    known.upto = 0;
                }
                self.copies_lost(turn, now.relay, now.id, room, EVER)?;
                self.put_registers_again(turn, room);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The relay no longer has a box, and does not make it anew: what was kept there is nowhere.
    pub(super) fn box_gone(&mut self, turn: &mut Turn<'_>, relay: PeerId, id: BoxId) -> Result<(), Error> {
        let Some(row) = self.relays.links.get(&relay).map(|link| link.row) else { return Ok(()) };
        let kept = relays::get_box(turn.db, row, &id)?.filter(|kept| !kept.epoch.is_empty());
        let Some(kept) = kept else { return Ok(()) };
        let now = turn.now.mono;
        if self.relays.gone.get(&(row, id)).is_some_and(|at| now.saturating_sub(*at) < GONE_EVERY_MS) {
            tracing::debug!(%relay, "a box is gone again: it is asked for first");
            return Ok(());
        }
        self.relays.gone.insert((row, id), now);
        let (kind, room) = (kept.kind, kept.room);
        relays::put_box(turn.db, &RelayBox { epoch: Vec::new(), cursor: 0, ..kept })?;
        match (kind, room) {
            (BoxKind::Inbox, _) => {
                // Nobody should write where nobody reads.
                self.renew_bundle(turn)?;
                self.renew_address(turn)?;
                self.escrow_lost(turn, relay)
            }
            (_, Some(room)) => {
                self.copies_lost(turn, row, id, room, EVER)?;
                self.put_registers_again(turn, room);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Own registers of a room go to its log anew, while somebody is away.
    pub(super) fn put_registers_again(&mut self, turn: &Turn<'_>, room: RoomRow) {
        if self.somebody_away(room) {
            REGISTERS.iter().for_each(|name| self.register_later(turn, room, name));
        }
    }

    /// Puts own registers again that logs would soon let expire.
    pub(super) fn renew_registers(&mut self, turn: &Turn<'_>) -> Result<(), Error> {
        let before = self.author_time(turn).saturating_sub(REGISTERS_AGAIN_MS);
        let rooms: Vec<RoomRow> = self.rooms.keys().copied().collect();
        for room in rooms {
            if self.relays_of_room(room).is_empty() || !self.somebody_away(room) {
                continue;
            }
            for (author, name, version) in registers::versions(turn.db, room)? {
                let old = author == self.me.device && Hlc::from_u64(version).millis() <= before;
                if let Some(name) = REGISTERS.iter().find(|known| old && **known == name) {
                    self.register_later(turn, room, name);
                }
            }
        }
        Ok(())
    }

    /// Whether some device of a room is not connected.
    pub(super) fn somebody_away(&self, room: RoomRow) -> bool {
        self.rooms.get(&room).is_some_and(|conversation| {
            conversation
                .recipient_devices(&self.me.device)
                .iter()
                .any(|device| self.peer_of(device).is_none())
        })
    }

    /// Copies stored before `before` (ms since 1970) count no more: their messages are put again.
    pub(super) fn copies_lost(
        &mut self,
        turn: &mut Turn<'_>,
        relay: RelayRow,
        id: BoxId,
        room: RoomRow,
        before: u64,
    ) -> Result<(), Error> {
        let lost = frames::lost(turn.db, relay, &id, before)?;
        self.copies_gone(turn, room, &lost)
    }

    /// Own ops of a room have one copy less: they are put again, and shells hear of it.
    pub(super) fn copies_gone(
        &mut self,
        turn: &Turn<'_>,
        room: RoomRow,
        lost: &[OpRow],
    ) -> Result<(), Error> {
        let Some(first) = lost.iter().min() else { return Ok(()) };
        for op in lost.iter().take(NAMED.saturating_add(1)) {
            if let Some(op) = ops::get(turn.db, *op)? {
                self.copy_changed(room, op.id);
            }
        }
        self.put_again(turn, room, *first);
        Ok(())
    }

    /// Copies that are older than the life of their log, at every relay, also those that are followed no more.
    pub(super) fn expire_copies(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        for (row, id, room) in frames::boxes_with_copies(turn.db)? {
            let ttl_h = self
                .relays
                .link_of(row)
                .and_then(|relay| self.relays.links.get(&relay))
                .map_or(super::boxes::LOG_TTL_H, |link| link.log_ttl_h);
            let before = turn.now.wall.saturating_sub(u64::from(ttl_h).saturating_mul(HOUR_MS));
            self.copies_lost(turn, row, id, room, before)?;
        }
        Ok(())
    }

    /// A message got its first copy or lost one.
    pub(super) fn copy_changed(&mut self, room: RoomRow, message: OpId) {
        if let Some(conversation) = self.rooms.get(&room) {
            self.relays.copied.entry(conversation.conv).or_default().push(message);
        }
    }

    /// Announces messages whose copies changed.
    pub(super) fn announce_copies(&mut self, turn: &mut Turn<'_>) {
        for (room, messages) in std::mem::take(&mut self.relays.copied) {
            let messages = if messages.len() > NAMED { Vec::new() } else { messages };
            turn.emit(Event::Receipt { room, messages });
        }
    }
}
