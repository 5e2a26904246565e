//! Own ops on their way through relays: put where a recipient without them reads (protocol sections 9.3
//! and 9.4).
//!
//! Invariants: the bytes that were sealed first are put, whichever relay takes them; an op counts as
//! relayed only after `Stored`.

use madang_crypto::{del_hash, del_secret};
use madang_p2p::PeerId;
use madang_store::{
    OpRow, RoomRow,
    frames::{self, Copy, Placed},
};
use madang_wire::{Put, RErr, Stored};

use super::{
    boxes::{LOG_TTL_H, pause},
    place::{Outcome, Round},
    state::{Ask, Deposit, Given, PUTS_MAX},
};
use crate::{core::Core, error::Error, ring::BoxId, timer::Due, turn::Turn};

/// Ops looked at together.
const PAGE: usize = 512;
/// Ops without a log that go to inboxes in one turn.
const HOMELESS_MAX: usize = 64;
/// Highest number that the store keeps in order.
const SEQ_MAX: u64 = i64::MAX.cast_unsigned();

impl Core {
    /// Puts own ops of a room that some device has not acknowledged, where it reads.
    pub(crate) fn relay_due(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        let Some(mut round) = self.round(turn, room)? else { return Ok(()) };
        let now = turn.now.mono;
        let given = self.relays.given.get(&room).copied();
        let begun = given.filter(|given| given.again_at.is_none_or(|at| at > now)).unwrap_or_default();
        let (upto, homeless) = look_through(turn, room, &mut round, begun)?;
        let again_at = begun.again_at.into_iter().chain(round.again_at).min();
        self.relays.given.insert(room, Given { upto, again_at });
        if let Some(at) = again_at {
            self.timers.set(Due::RelayOps(room), at);
        }
        for relay in &round.busy {
            if let Some(link) = self.relays.links.get_mut(relay) {
                link.waiting.insert(room);
            }
        }
        if homeless.len() >= HOMELESS_MAX {
            self.timers.set(Due::RelayOps(room), now.saturating_add(1));
        }
        for op in &homeless {
            self.put_into_inboxes(turn, room, op, &round.devices_without(op))?;
        }
        for target in round.targets {
            self.put_ops(turn, target.relay, target.puts)?;
        }
        Ok(())
    }

    fn put_ops(&mut self, turn: &mut Turn<'_>, relay: PeerId, deposits: Vec<Deposit>) -> Result<(), Error> {
        let mut puts = Vec::new();
        for deposit in deposits {
            let Deposit::Op { op, log, .. } = deposit else { continue };
            let Some(frame) = frames::get(turn.db, op)? else { continue };
            let secret = del_secret(&self.me.delete_key, &frame.body);
            let put = Put {
                box_id: log.to_vec(),
                ttl_h: LOG_TTL_H,
                auth: None,
                slot: Vec::new(),
                del_hash: del_hash(&secret).to_vec(),
                body: frame.body,
            };
            puts.push((deposit, put));
        }
        self.send_puts(turn, relay, puts);
        Ok(())
    }

    /// A put was stored, fsynced by the relay.
    pub(super) fn relay_stored(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        id: u64,
        stored: &Stored,
    ) -> Result<(), Error> {
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        let row = link.row;
        let Some(asked) = link.asked.get_mut(&id) else { return Ok(()) };
        let Ask::Puts(puts) = &mut asked.what else { return Ok(()) };
        let index = usize::try_from(stored.index).unwrap_or(usize::MAX);
        let put = puts.get_mut(index).and_then(Option::take);
        if puts.iter().all(Option::is_none) {
            link.asked.remove(&id);
        }
        let Some(put) = put else { return Ok(()) };
        if let Ok(id) = BoxId::try_from(stored.box_id.as_slice())
            && !self.epoch_told(turn, relay, id, &stored.epoch, None)?
        {
            if let Deposit::Op { op, room, .. } = put {
                self.put_again(turn, room, op);
            }
            return Ok(());
        }
        match put {
            Deposit::Op { op, id, room, log } => {
                let seq = stored.seq.clamp(1, SEQ_MAX);
                let copy = Copy { op, relay: row, relay_box: log, seq, at: turn.now.wall };
                if stored.dup {
                    frames::held(turn.db, &copy)?;
                } else {
                    frames::stored(turn.db, &copy)?;
                }
                self.log_served(relay, log);
                self.copy_changed(room, id);
            }
            Deposit::Row(put) => self.row_stored(turn, relay, put, stored)?,
        }
        self.wake_waiting(turn, relay);
        Ok(())
    }

    /// A log takes puts: earlier refusals count no more.
    pub(super) fn log_served(&mut self, relay: PeerId, log: BoxId) {
        if let Some(followed) = self.relays.links.get_mut(&relay).and_then(|link| link.boxes.get_mut(&log)) {
            followed.refused = 0;
        }
    }

    /// There is room for puts again.
    pub(super) fn wake_waiting(&mut self, turn: &Turn<'_>, relay: PeerId) {
        let Some(link) = self.relays.links.get_mut(&relay) else { return };
        // In portions, so that batches stay large.
        if link.free() == 0 || link.flying().count() > PUTS_MAX / 2 {
            return;
        }
        for room in std::mem::take(&mut link.waiting) {
            self.timers.set(Due::RelayOps(room), turn.now.mono);
        }
    }

    /// A put was refused: another relay of the conversation takes it, or this one later.
    pub(super) fn put_refused(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        put: Deposit,
        error: &RErr,
    ) -> Result<(), Error> {
        match put {
            Deposit::Op { op, room, log, .. } => {
                self.log_refused(turn, relay, log, error)?;
                self.put_again(turn, room, op);
            }
            Deposit::Row(row) => self.row_refused(turn, relay, row, error)?,
        }
        self.wake_waiting(turn, relay);
        Ok(())
    }

    /// A log takes nothing for a while. One that is gone is made again.
    pub(super) fn log_refused(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        log: BoxId,
        error: &RErr,
    ) -> Result<(), Error> {
        let now = turn.now.mono;
        let Some(followed) = self.relays.links.get_mut(&relay).and_then(|l| l.boxes.get_mut(&log)) else {
            return Ok(());
        };
        if followed.held_until > now {
            return Ok(());
        }
        followed.held_until = now.saturating_add(pause(followed.refused, error.retry_ms));
        followed.full = error.code == "quota";
        if matches!(error.code.as_str(), "not_found" | "auth") {
            return self.box_refused(turn, relay, log, error);
        }
        followed.refused = followed.refused.saturating_add(1);
        Ok(())
    }
}

/// Looks through the own ops behind `begun`; answers how far it came, and what found no log.
fn look_through(
    turn: &Turn<'_>,
    room: RoomRow,
    round: &mut Round,
    begun: Given,
) -> Result<(OpRow, Vec<Placed>), Error> {
    let (mut upto, mut homeless) = (begun.upto, Vec::new());
    loop {
        let page = frames::placed(turn.db, room, upto, PAGE)?;
        let last = page.len() < PAGE;
        for op in page {
            let outcome = round.place(&op);
            if outcome == Outcome::Wait {
                return Ok((upto, homeless));
            }
            upto = op.op;
            if outcome == Outcome::Homeless {
                homeless.push(op);
            }
            if homeless.len() >= HOMELESS_MAX {
                return Ok((upto, homeless));
            }
        }
        if last {
            return Ok((upto, homeless));
        }
    }
}
