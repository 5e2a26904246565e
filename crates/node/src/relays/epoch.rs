//! What a relay has lost: boxes made anew, and items older than their life (protocol section 9.4).
//!
//! Invariant: a cursor belongs to one epoch; copies of a box that was made anew count no more.

use madang_model::OpId;
use madang_p2p::PeerId;
use madang_store::{
    RelayRow, RoomRow, frames, ops,
    relays::{self, BoxKind, RelayBox},
};

use crate::{core::Core, error::Error, event::Event, ring::BoxId, timer::Due, turn::Turn};

const HOUR_MS: u64 = 60 * 60 * 1000;
/// Later than every copy.
const EVER: u64 = i64::MAX as u64;
/// Own registers that a log keeps for members who are away.
const REGISTERS: [&str; 5] = ["heads", "read", "addr", "bundle", "card"];
/// Events name at most so many messages; more means the whole room.
const NAMED: usize = 64;

impl Core {
    /// The relay says of which epoch a box is and how far it reaches. Another epoch, or an end before
    /// the cursor, is a box that was made anew.
    pub(super) fn epoch_told(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        id: BoxId,
        epoch: &[u8],
        head: Option<u64>,
    ) -> Result<(), Error> {
        let Some(row) = self.relays.links.get(&relay).map(|link| link.row) else { return Ok(()) };
        let Some(kept) = relays::get_box(turn.db, row, &id)? else { return Ok(()) };
        let behind = head.is_some_and(|head| head < kept.cursor);
        if kept.epoch == epoch && !behind {
            return Ok(());
        }
        let first = kept.epoch.is_empty();
        let (kind, room) = (kept.kind, kept.room);
        relays::put_box(turn.db, &RelayBox { epoch: epoch.to_vec(), cursor: 0, ..kept })?;
        match (kind, room) {
            (BoxKind::Inbox, _) if first => {
                // The inbox is there: whoever may write to this machine has to know it.
                self.renew_bundle(turn)?;
                self.renew_address(turn)
            }
            (BoxKind::Log, Some(room)) if !first => {
                tracing::info!(%relay, "a relay lost a log: what is missing is put again");
                self.copies_lost(turn, row, id, room, EVER)?;
                if self.somebody_away(room) {
                    REGISTERS.iter().for_each(|name| self.register_later(turn, room, name));
                }
                Ok(())
            }
            _ => Ok(()),
        }
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
        if lost.is_empty() {
            return Ok(());
        }
        for op in lost.iter().take(NAMED.saturating_add(1)) {
            if let Some(op) = ops::get(turn.db, *op)? {
                self.copy_changed(room, op.id);
            }
        }
        self.relays.given.remove(&room);
        self.timers.set(Due::RelayOps(room), turn.now.mono);
        Ok(())
    }

    /// Copies that are older than the life of their log.
    pub(super) fn expire_copies(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        let links: Vec<(RelayRow, u32)> =
            self.relays.links.values().map(|link| (link.row, link.log_ttl_h)).collect();
        for (row, ttl_h) in links {
            let before = turn.now.wall.saturating_sub(u64::from(ttl_h).saturating_mul(HOUR_MS));
            for kept in relays::boxes(turn.db, row)? {
                if let Some(room) = kept.room.filter(|_| kept.kind == BoxKind::Log) {
                    self.copies_lost(turn, row, kept.id, room, before)?;
                }
            }
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
