//! Reading logs: cursors, credit, and what a relay no longer has (protocol sections 9.4 and 10.2).
//!
//! Invariant: the cursor of a log rises in the transaction that keeps what was read up to there.

use madang_p2p::PeerId;
use madang_store::{RoomRow, relays};
use madang_wire::{Credit, Items, RelayBody};

use super::boxes::WINDOW;
use crate::{core::Core, error::Error, ingest::Page, ring::BoxId, timer::Due, turn::Turn};

/// Credit is given in portions of this, so that not every item costs a frame.
const CREDIT_PORTION: u32 = WINDOW / 8;

impl Core {
    /// Items of a log were opened, and are kept by this turn.
    pub(crate) fn relay_log_read(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        log: BoxId,
        page: &Page,
    ) -> Result<(), Error> {
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        link.consumed = link.consumed.saturating_add(page.count);
        let (row, room) = (link.row, link.boxes.get(&log).and_then(|followed| followed.room));
        self.box_answered(turn, relay, log);
        self.epoch_told(turn, relay, log, &page.epoch, Some(page.head))?;
        let before = relays::get_box(turn.db, row, &log)?.map_or(0, |kept| kept.cursor);
        relays::set_cursor(turn.db, row, &log, &page.epoch, page.upto.unwrap_or(before))?;
        if let Some(room) = room.filter(|_| page.truncated_before > before.saturating_add(1)) {
            self.reconcile_soon(turn, room);
        }
        self.serve_relay(turn, relay)
    }

    /// Items of an inbox, or an answer without items.
    pub(super) fn relay_items(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        items: &Items,
    ) -> Result<(), Error> {
        let Ok(id) = BoxId::try_from(items.box_id.as_slice()) else { return Ok(()) };
        let count = u32::try_from(items.items.len()).unwrap_or(u32::MAX);
        let followed = self.relays.links.get(&relay).and_then(|link| link.boxes.get(&id));
        let Some(kind) = followed.map(|followed| followed.kind) else {
            // No longer followed; what it pushes still costs credit.
            if let Some(link) = self.relays.links.get_mut(&relay) {
                link.consumed = link.consumed.saturating_add(count);
            }
            return Ok(());
        };
        if kind == relays::BoxKind::Inbox {
            return self.inbox_items(turn, relay, id, items);
        }
        let page = Page::of(items);
        if count > 0 {
            // The listener did not know this log a moment ago; it does now, but what it would have opened
            // is here. Read again from the cursor by the next subscription.
            tracing::debug!(%relay, count, "items of a log that was not known yet");
            if let Some(link) = self.relays.links.get_mut(&relay) {
                link.consumed = link.consumed.saturating_add(count);
                if let Some(followed) = link.boxes.get_mut(&id) {
                    followed.step = super::state::Step::Made;
                }
            }
            return Ok(());
        }
        self.relay_log_read(turn, relay, id, &page)
    }

    /// The relay has lost something that was never read here: connected devices may have it.
    fn reconcile_soon(&mut self, turn: &Turn<'_>, room: RoomRow) {
        for peer in self.peers_in(room) {
            self.timers.set(Due::Reconcile(peer, room), turn.now.mono);
        }
    }

    /// Lets relays push as many items as were consumed.
    pub(super) fn give_credit(&mut self, turn: &mut Turn<'_>) {
        let due: Vec<(PeerId, u32)> = self
            .relays
            .links
            .iter_mut()
            .filter(|(_, link)| link.is_ready() && link.consumed >= CREDIT_PORTION)
            .map(|(relay, link)| (*relay, std::mem::take(&mut link.consumed)))
            .collect();
        for (relay, n) in due {
            self.tell_relay(turn, relay, RelayBody::Credit(Credit { n }));
        }
    }
}
