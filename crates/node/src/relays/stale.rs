//! Puts that wait for nothing any more: too old, for a log that nobody follows, or of a request that is over
//! (protocol sections 10.1 and 10.3).
//!
//! A relay is dialled while something waits for it. Invariant: whatever waits is given up in the end, also for a relay
//! that never answers.

use std::collections::BTreeSet;

use madang_model::limits::DAY_MS;
use madang_store::{
    PutRow, RelayRow,
    relays::{self, BoxKind, Put},
};
use madang_wire::{InviteRecord, Message as _};

use super::follow::relay_of;
use crate::{core::Core, error::Error, ring::BoxId, turn::Turn};

/// A put that no relay took for so long is given up: the life of an inbox item.
const GIVE_UP_MS: u64 = 30 * DAY_MS;

/// Whether a put has waited too long.
pub(super) fn is_old(turn: &Turn<'_>, put: &relays::NewPut) -> bool {
    turn.now.wall.saturating_sub(put.at) > GIVE_UP_MS
}

impl Core {
    /// Gives up what has waited too long.
    pub(super) fn give_up_old_puts(&mut self, turn: &Turn<'_>) -> Result<(), Error> {
        let before = turn.now.wall.saturating_sub(GIVE_UP_MS);
        for (row, op) in relays::queued_before(turn.db, before)? {
            tracing::info!(?row, "a put is given up: no relay took it");
            relays::stored(turn.db, row)?;
            if let Some(op) = op {
                // One inbox has no copy, so the others do not show that everybody has one.
                relays::uncarry(turn.db, op)?;
            }
            self.relays_changed = true;
        }
        Ok(())
    }

    /// Drops registers that wait for a log which is not followed at that relay.
    pub(super) fn drop_unfollowed_puts(&self, turn: &Turn<'_>) -> Result<(), Error> {
        let rows = relays::with_puts(turn.db)?;
        if rows.is_empty() {
            return Ok(());
        }
        let followed = self.followed_logs(turn)?;
        for relay in rows {
            for Put { row, put, .. } in relays::waiting_at(turn.db, relay, BoxKind::Log)? {
                if !followed.contains(&(relay, put.relay_box)) {
                    drop_put(turn, row)?;
                }
            }
        }
        Ok(())
    }

    /// The logs of all rooms, at every relay of each.
    fn followed_logs(&self, turn: &Turn<'_>) -> Result<BTreeSet<(RelayRow, BoxId)>, Error> {
        let known = relays::list(turn.db)?;
        let mut followed = BTreeSet::new();
        for (room, conversation) in &self.rooms {
            if !self.has_logs(*room) {
                continue;
            }
            let names = self.relays_of_room(*room).into_iter();
            let names: BTreeSet<Vec<u8>> =
                names.filter_map(|addr| Some(relay_of(&addr)?.0.to_bytes())).collect();
            for relay in known.iter().filter(|relay| names.contains(&relay.peer)) {
                followed.extend(conversation.routes().into_iter().map(|route| (relay.row, route.log_id())));
            }
        }
        Ok(followed)
    }

    /// A contact request is over: its copies that wait for the inviter's inboxes are of no more use. They are known by
    /// the tokens of the invite.
    pub(crate) fn drop_request_puts(&mut self, turn: &Turn<'_>, record: &[u8]) -> Result<(), Error> {
        let Ok(record) = InviteRecord::decode(record) else { return Ok(()) };
        for token in &record.tokens {
            let Ok(inbox) = BoxId::try_from(token.inbox_id.as_slice()) else { continue };
            for Put { row, put, .. } in relays::waiting_for(turn.db, &inbox)? {
                if put.token.as_ref() == Some(&token.token) {
                    drop_put(turn, row)?;
                    self.relays_changed = true;
                }
            }
        }
        Ok(())
    }
}

fn drop_put(turn: &Turn<'_>, row: PutRow) -> Result<(), Error> {
    relays::stored(turn.db, row)?;
    Ok(())
}
