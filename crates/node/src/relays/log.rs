//! Reading logs: cursors, credit, and what a relay no longer has (protocol sections 9.4 and 10.2).
//!
//! Invariants: the cursor of a log rises in the transaction that keeps what was read up to there; a page counts
//! only on a stream that has asked for it.

use madang_p2p::PeerId;
use madang_store::{RoomRow, frames, relays};
use madang_wire::{Credit, Items, RelayBody};

use super::{boxes::WINDOW, state::Step};
use crate::{core::Core, error::Error, ingest::Page, ring::BoxId, timer::Due, turn::Turn};

/// Credit is given in portions of this, so that not every item costs a frame.
const CREDIT_PORTION: u32 = WINDOW / 8;
/// What a relay has dropped of one log is looked at once in so long: with every page it could say that it is more.
const TRUNCATED_EVERY_MS: u64 = 10 * 60 * 1000;
/// Highest number that the store keeps in order.
const SEQ_MAX: u64 = i64::MAX.cast_unsigned();

impl Core {
    /// Items of a log were opened, and are kept by this turn.
    pub(crate) fn relay_log_read(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        log: BoxId,
        page: &Page,
    ) -> Result<(), Error> {
        let Some(link) = self.relays.links.get(&relay) else { return Ok(()) };
        let (row, followed) = (link.row, link.boxes.get(&log));
        let asked = followed.is_some_and(|followed| followed.step >= Step::Subscribing);
        let room = followed.and_then(|followed| followed.room);
        if !asked {
            // A page of a stream before this one. What is in it is kept, but a page in front of it may not be.
            tracing::debug!(%relay, "a page that nobody asked for");
            return self.unasked_items(turn, relay, page.count);
        }
        if !self.within_credit(turn, relay, page.count)?
            || !self.epoch_told(turn, relay, log, &page.epoch, Some(page.head))?
        {
            return Ok(());
        }
        self.box_answered(turn, relay, log);
        let before = relays::get_box(turn.db, row, &log)?.map_or(0, |kept| kept.cursor);
        relays::set_cursor(turn.db, row, &log, &page.epoch, page.upto.unwrap_or(before).min(SEQ_MAX))?;
        if let Some(room) = room {
            self.log_truncated(turn, relay, (log, room), page, before)?;
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
        let Some((kind, step)) = followed.map(|followed| (followed.kind, followed.step)) else {
            return self.unasked_items(turn, relay, count);
        };
        if kind == relays::BoxKind::Inbox {
            return self.inbox_items(turn, relay, id, items);
        }
        let page = Page::of(items);
        if count > 0 {
            // The listener did not know this log a moment ago; it does now, but what it would have opened
            // is here. Read again from the cursor by the next subscription.
            tracing::debug!(%relay, count, "items of a log that was not known yet");
            if step >= Step::Subscribing
                && let Some(link) = self.relays.links.get_mut(&relay)
                && let Some(followed) = link.boxes.get_mut(&id)
            {
                followed.step = Step::Made;
            }
            return self.unasked_items(turn, relay, count);
        }
        self.relay_log_read(turn, relay, id, &page)
    }

    /// Items that nobody reads still cost credit.
    pub(crate) fn unasked_items(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        count: u32,
    ) -> Result<(), Error> {
        // Those of a stream that was given up belong to no credit.
        if self.relays.links.get(&relay).is_some_and(super::state::Link::is_ready) {
            self.within_credit(turn, relay, count)?;
        }
        Ok(())
    }

    /// A relay has dropped items of a log: own ops among them are put again, and what was never read here comes from
    /// connected devices.
    fn log_truncated(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        (log, room): (BoxId, RoomRow),
        page: &Page,
        cursor: u64,
    ) -> Result<(), Error> {
        let Some(row) = self.relays.links.get(&relay).map(|link| link.row) else { return Ok(()) };
        // What was never given a number cannot be gone.
        let told = page.truncated_before.min(page.head.saturating_add(1));
        let known = self.relays.truncated.entry((row, log)).or_default();
        if told <= known.upto {
            return Ok(());
        }
        let unread = told > cursor.saturating_add(1);
        if let Some(next) = known.at.map(|at| at.saturating_add(TRUNCATED_EVERY_MS))
            && next > turn.now.mono
        {
            let (later, before) = known.later.unwrap_or_default();
            known.later = Some((told.max(later), unread || before));
            self.timers.set(Due::Relays, next);
            return Ok(());
        }
        *known = super::state::Truncated { upto: told, at: Some(turn.now.mono), later: None };
        let lost = frames::lost_below(turn.db, row, &log, told)?;
        self.copies_gone(turn, room, &lost)?;
        if unread {
            self.reconcile_soon(turn, room);
        }
        Ok(())
    }

    /// Deals with what relays said in the meantime that they have dropped.
    pub(super) fn take_truncations(&mut self, turn: &Turn<'_>) -> Result<(), Error> {
        let now = turn.now.mono;
        let mut due = Vec::new();
        for (place, known) in &mut self.relays.truncated {
            let next = known.at.map_or(0, |at| at.saturating_add(TRUNCATED_EVERY_MS));
            let Some((told, unread)) = known.later else { continue };
            if next > now {
                self.timers.set(Due::Relays, next);
                continue;
            }
            *known = super::state::Truncated { upto: told, at: Some(now), later: None };
            due.push((*place, told, unread));
        }
        for ((row, log), told, unread) in due {
            let Some(room) = relays::get_box(turn.db, row, &log)?.and_then(|kept| kept.room) else {
                continue;
            };
            let lost = frames::lost_below(turn.db, row, &log, told)?;
            self.copies_gone(turn, room, &lost)?;
            if unread {
                self.reconcile_soon(turn, room);
            }
        }
        Ok(())
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
            .map(|(relay, link)| {
                link.allowance = link.allowance.saturating_add(u64::from(link.consumed));
                (*relay, std::mem::take(&mut link.consumed))
            })
            .collect();
        for (relay, n) in due {
            self.tell_relay(turn, relay, RelayBody::Credit(Credit { n }));
        }
    }
}
