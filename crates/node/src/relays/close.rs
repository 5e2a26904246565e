//! Ending the stream with a relay from this side, because it does not keep to the protocol or does not answer
//! (protocol section 10.2).
//!
//! It must not know what the relay did. Invariants: a closed stream says why in the list of relays; the next
//! one is opened after a pause that grows while the relay goes on like that.

use std::collections::BTreeMap;

use madang_p2p::PeerId;
use madang_store::{OpRow, RoomRow};

use super::{boxes::pause, state::Phase};
use crate::{core::Core, effect::Send, error::Error, timer::Due, turn::Turn};

/// Events for shells name at most this of a reason that a relay made up.
const REASON_MAX: usize = 64;

impl Core {
    /// Closes the stream with a relay and opens another one later: after a pause, and not before the relay said.
    pub(super) fn close_relay(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        reason: &str,
        told_ms: u32,
    ) -> Result<(), Error> {
        let now = turn.now.mono;
        let Some(link) = self.relays.links.get_mut(&relay).filter(|link| link.closed_until.is_none()) else {
            return Ok(());
        };
        tracing::info!(%relay, reason, "the stream with a relay is closed");
        link.forgive(now);
        let until = now.saturating_add(pause(link.closures, told_ms));
        link.closures = link.closures.saturating_add(1);
        link.closed_until = Some(until);
        link.down_at.get_or_insert(now);
        link.reason = Some(reason.chars().take(REASON_MAX).collect());
        // The addresses are told again with the next stream.
        link.addrs.clear();
        let rooms = link.reset(Phase::Down);
        turn.send(Send::ForgetRelay(relay));
        turn.status_changed = true;
        self.put_elsewhere(turn, rooms);
        self.registers_elsewhere(turn, relay)?;
        self.timers.set(Due::Relays, until);
        self.slots_unreachable(turn, relay)
    }

    /// Closes streams of which a turn that was rolled back has taken frames: they will not come again, and what
    /// follows them must not be taken for the whole.
    pub(super) fn close_rolled_back(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        for relay in std::mem::take(&mut self.relays.to_close) {
            self.close_relay(turn, relay, "rolled_back", 0)?;
        }
        Ok(())
    }

    /// Opens streams again whose pause is over.
    pub(super) fn reopen_relays(&mut self, turn: &Turn<'_>) {
        for link in self.relays.links.values_mut() {
            if link.closed_until.is_some_and(|until| until <= turn.now.mono) {
                link.closed_until = None;
                self.relays_changed = true;
            }
        }
    }

    /// Whether a relay keeps to the credit that it was given; one that does not is closed. The items count as
    /// consumed.
    pub(super) fn within_credit(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        count: u32,
    ) -> Result<bool, Error> {
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(false) };
        let Some(left) = link.allowance.checked_sub(u64::from(count)) else {
            self.close_relay(turn, relay, "credit", 0)?;
            return Ok(false);
        };
        link.allowance = left;
        link.consumed = link.consumed.saturating_add(count);
        Ok(true)
    }

    /// Own ops of these rooms, from these rows on, were not answered for.
    pub(super) fn put_elsewhere(&mut self, turn: &Turn<'_>, rooms: BTreeMap<RoomRow, OpRow>) {
        for (room, first) in rooms {
            self.put_again(turn, room, first);
        }
    }

    /// Own ops of a room, from this row on, may need another place.
    pub(super) fn put_again(&mut self, turn: &Turn<'_>, room: RoomRow, first: OpRow) {
        if let Some(given) = self.relays.given.get_mut(&room) {
            given.upto = given.upto.min(OpRow(first.0.saturating_sub(1)));
        }
        self.timers.set(Due::RelayOps(room), turn.now.mono);
    }
}
