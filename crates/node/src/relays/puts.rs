//! The queue of puts in the store: lane packets, contact requests and registers that wait for a relay
//! (protocol section 10.3).
//!
//! Invariant: a row leaves the queue when the relay has stored it, when nobody needs it any more, or when
//! trying again cannot help.

use std::collections::BTreeSet;

use madang_p2p::PeerId;
use madang_store::{
    PutRow, RelayRow,
    relays::{self, BoxKind, NewPut},
};
use madang_wire::{Put, PutAuth, PutMany, RErr, RelayBody, Stored};

use super::{
    boxes::pause,
    stale,
    state::{Ask, Deposit, PUTS_MAX},
};
use crate::{core::Core, error::Error, timer::Due, turn::Turn};

/// Bytes of bodies in one frame, so that it stays below 256 KiB with its framing.
const PUT_BYTES: usize = 192 * 1024;
/// Rows looked at, so that some that cannot be put yet do not hide the others.
const LOOKED_AT: usize = 4 * PUTS_MAX;

impl Core {
    /// Queues something to be put, once.
    pub(super) fn queue_put(&mut self, turn: &mut Turn<'_>, put: &NewPut) -> Result<(), Error> {
        if relays::is_queued(turn.db, put.relay, &put.relay_box, &put.body)? {
            return Ok(());
        }
        relays::queue(turn.db, put)?;
        match self.relays.link_of(put.relay).and_then(|relay| self.relays.links.get_mut(&relay)) {
            Some(link) => link.queue_due = true,
            None => self.relays_changed = true,
        }
        self.timers.set(Due::Relays, turn.now.mono);
        Ok(())
    }

    /// Sends rows of the queue that are due.
    pub(super) fn put_queued(&mut self, turn: &mut Turn<'_>, relay: PeerId) -> Result<(), Error> {
        let Some(link) = self.relays.links.get(&relay) else { return Ok(()) };
        let flying: BTreeSet<PutRow> = link
            .flying()
            .filter_map(|put| match put {
                Deposit::Row(row) => Some(*row),
                Deposit::Op { .. } => None,
            })
            .collect();
        let free = PUTS_MAX.saturating_sub(link.flying().count());
        if !link.queue_due || free == 0 || link.free() == 0 {
            return Ok(());
        }
        let mut puts = Vec::new();
        for kind in [BoxKind::Inbox, BoxKind::Log] {
            for due in relays::due_of(turn.db, link.row, kind, turn.now.wall, LOOKED_AT)? {
                let ready = kind == BoxKind::Inbox || link.takes(&due.put.relay_box, turn.now.mono);
                if puts.len() < free && ready && !flying.contains(&due.row) {
                    puts.push((Deposit::Row(due.row), wire_put(due.put)));
                }
            }
        }
        if let Some(link) = self.relays.links.get_mut(&relay) {
            link.queue_due = false;
        }
        self.send_puts(turn, relay, puts);
        Ok(())
    }

    /// Sends puts in as few frames as fit.
    pub(super) fn send_puts(&mut self, turn: &mut Turn<'_>, relay: PeerId, puts: Vec<(Deposit, Put)>) {
        let mut batch: Vec<(Deposit, Put)> = Vec::new();
        let mut bytes = 0_usize;
        for put in puts {
            let len = put.1.body.len();
            if !batch.is_empty() && bytes.saturating_add(len) > PUT_BYTES {
                self.send_batch(turn, relay, std::mem::take(&mut batch));
                bytes = 0;
            }
            bytes = bytes.saturating_add(len);
            batch.push(put);
        }
        self.send_batch(turn, relay, batch);
    }

    fn send_batch(&mut self, turn: &mut Turn<'_>, relay: PeerId, batch: Vec<(Deposit, Put)>) {
        if batch.is_empty() {
            return;
        }
        let (what, puts): (Vec<_>, Vec<_>) = batch.into_iter().map(|(what, put)| (Some(what), put)).unzip();
        self.ask_relay(turn, relay, RelayBody::PutMany(PutMany { puts }), Ask::Puts(what));
    }

    /// A row is at its relay.
    pub(super) fn row_stored(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        row: PutRow,
        stored: &Stored,
    ) -> Result<(), Error> {
        let waited = relays::get_put(turn.db, row)?.map(|waiting| waiting.put);
        relays::stored(turn.db, row)?;
        match waited {
            Some(put) if put.kind == BoxKind::Log => self.log_served(relay, put.relay_box),
            Some(put) => {
                self.inbox_took(turn, &put)?;
                self.op_in_inbox(turn, &put, stored)?;
            }
            None => {}
        }
        if let Some(link) = self.relays.links.get_mut(&relay) {
            // In portions, so that not every answer searches the queue.
            link.queue_due |= link.flying().count() <= PUTS_MAX / 2;
        }
        self.queue_shrank(turn, relay)
    }

    /// A row was refused: to another relay of its conversation, again later, or given up.
    pub(super) fn row_refused(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        row: PutRow,
        error: &RErr,
    ) -> Result<(), Error> {
        let Some(waiting) = relays::get_put(turn.db, row)? else { return Ok(()) };
        let old = stale::is_old(turn, &waiting.put);
        let hopeless = matches!(error.code.as_str(), "token" | "pow" | "too_large" | "bad_frame");
        if old || hopeless {
            tracing::info!(%relay, code = error.code, "a put is given up");
            relays::stored(turn.db, row)?;
            if error.code == "token" {
                self.token_refused(turn, &waiting.put)?;
            }
            if let Some(op) = waiting.put.op {
                relays::uncarry(turn.db, op)?;
            }
            return self.queue_shrank(turn, relay);
        }
        if waiting.put.kind == BoxKind::Log {
            self.log_refused(turn, relay, waiting.put.relay_box, error)?;
            if let Some(other) = self.other_relay(turn, relay, &waiting.put.relay_box) {
                return self.move_put(turn, waiting, other);
            }
        }
        let wait = pause(waiting.tries, error.retry_ms);
        relays::failed(turn.db, row, &error.code, turn.now.wall.saturating_add(wait))?;
        self.timers.set(Due::Relays, turn.now.mono.saturating_add(wait));
        Ok(())
    }

    /// Lets a row wait for another relay instead.
    pub(super) fn move_put(
        &mut self,
        turn: &mut Turn<'_>,
        waiting: relays::Put,
        to: RelayRow,
    ) -> Result<(), Error> {
        relays::stored(turn.db, waiting.row)?;
        self.queue_put(turn, &NewPut { relay: to, due_at: turn.now.wall, ..waiting.put })
    }

    /// Another relay that takes puts into this log now.
    pub(super) fn other_relay(
        &self,
        turn: &Turn<'_>,
        not: PeerId,
        log: &crate::ring::BoxId,
    ) -> Option<RelayRow> {
        let mut others = self.relays.links.iter().filter(|(relay, _)| **relay != not);
        others.find(|(_, link)| link.takes(log, turn.now.mono)).map(|(_, link)| link.row)
    }

    /// A relay that was followed only for a put may be forgotten.
    fn queue_shrank(&mut self, turn: &Turn<'_>, relay: PeerId) -> Result<(), Error> {
        if let Some(link) = self.relays.links.get(&relay)
            && !link.own
            && link.boxes.is_empty()
            && relays::next_due(turn.db, link.row)?.is_none()
        {
            self.relays_changed = true;
        }
        Ok(())
    }
}

fn wire_put(put: NewPut) -> Put {
    Put {
        box_id: put.relay_box.to_vec(),
        ttl_h: put.ttl_h,
        auth: put.token.map(PutAuth::Token),
        slot: put.slot.unwrap_or_default(),
        del_hash: put.del_hash.unwrap_or_default(),
        body: put.body,
    }
}
