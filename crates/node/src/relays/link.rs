//! The stream with each relay: hello, requests and their answers, what is done when there is room
//! (protocol section 10.2).
//!
//! Invariant: every request but credit is remembered until it is answered; a stream on which an answer
//! stays away is begun anew.

use std::collections::BTreeSet;

use bytes::Bytes;
use madang_p2p::PeerId;
use madang_store::RoomRow;
use madang_wire::{HelloOk, Message as _, RErr, RHello, RelayBody, RelayFrame};

use super::state::{Ask, Asked, Phase};
use crate::{core::Core, effect::Send, error::Error, time::Reference, timer::Due, turn::Turn};

/// Version of the relay protocol.
const VERSION: u32 = 1;
/// An answer that takes longer will not come: a frame was lost with a full queue.
const ANSWER_MS: u64 = 30_000;
/// What a relay with nothing due is looked at again after.
const IDLE_MS: u64 = 60_000;

impl Core {
    /// The stream with a relay is ready.
    pub(crate) fn relay_up(&mut self, turn: &mut Turn<'_>, relay: PeerId) -> Result<(), Error> {
        let Some(link) = self.relays.links.get_mut(&relay) else {
            turn.send(Send::ForgetRelay(relay));
            return Ok(());
        };
        let rooms = link.reset(Phase::Up);
        turn.status_changed = true;
        self.put_elsewhere(turn, rooms);
        self.greet(turn, relay);
        Ok(())
    }

    /// The stream is gone: what was on its way goes to another relay, or here again.
    pub(crate) fn relay_down(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        reason: String,
    ) -> Result<(), Error> {
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        if link.phase == Phase::Down && link.reason.as_ref() == Some(&reason) {
            return self.slots_unreachable(turn, relay);
        }
        link.reason = Some(reason);
        let rooms = link.reset(Phase::Down);
        turn.status_changed = true;
        self.put_elsewhere(turn, rooms);
        self.slots_unreachable(turn, relay)
    }

    /// Own ops of these rooms were not answered for.
    pub(super) fn put_elsewhere(&mut self, turn: &Turn<'_>, rooms: BTreeSet<RoomRow>) {
        for room in rooms {
            self.relays.given.remove(&room);
            self.timers.set(Due::RelayOps(room), turn.now.mono);
        }
    }

    fn greet(&mut self, turn: &mut Turn<'_>, relay: PeerId) {
        if let Some(link) = self.relays.links.get_mut(&relay) {
            link.phase = Phase::Greeting;
        }
        let hello = RHello { v: VERSION, features: Vec::new() };
        self.ask_relay(turn, relay, RelayBody::Hello(hello), Ask::Hello);
    }

    /// Sends a request and remembers what it was.
    pub(super) fn ask_relay(&mut self, turn: &mut Turn<'_>, relay: PeerId, body: RelayBody, what: Ask) {
        let id = self.tell_relay(turn, relay, body);
        if let Some(link) = self.relays.links.get_mut(&relay) {
            link.asked.insert(id, Asked { at: turn.now.mono, what });
        }
    }

    /// Sends a frame; answers its id.
    pub(super) fn tell_relay(&mut self, turn: &mut Turn<'_>, relay: PeerId, body: RelayBody) -> u64 {
        self.relays.last_id = self.relays.last_id.wrapping_add(1);
        let id = self.relays.last_id;
        let frame = Bytes::from(RelayFrame { id, body: Some(body) }.encode_to_vec());
        turn.send(Send::Relay { relay, frame });
        id
    }

    /// A frame of a relay, other than items of a log.
    pub(crate) fn relay_frame(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        frame: &[u8],
    ) -> Result<(), Error> {
        if !self.relays.links.contains_key(&relay) {
            turn.send(Send::ForgetRelay(relay));
            return Ok(());
        }
        let (id, body) = match madang_wire::decode::<RelayFrame>(frame) {
            Ok(RelayFrame { id, body: Some(body) }) => (id, body),
            Ok(_) => return Ok(()),
            Err(error) => {
                tracing::warn!(%relay, %error, "bad relay frame dropped");
                return Ok(());
            }
        };
        match body {
            RelayBody::Items(items) => self.relay_items(turn, relay, &items)?,
            RelayBody::Stored(stored) => self.relay_stored(turn, relay, id, &stored)?,
            RelayBody::Err(error) => self.relay_refused(turn, relay, id, &error)?,
            body => {
                let asked = self.relays.links.get_mut(&relay).and_then(|link| link.asked.remove(&id));
                if let Some(asked) = asked {
                    self.relay_answer(turn, relay, asked.what, body)?;
                }
            }
        }
        self.serve_relay(turn, relay)
    }

    fn relay_answer(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        what: Ask,
        body: RelayBody,
    ) -> Result<(), Error> {
        match (what, body) {
            (Ask::Hello, RelayBody::HelloOk(hello)) => self.hello_ok(turn, relay, &hello),
            (Ask::Create(id), RelayBody::Created(created)) => self.box_made(turn, relay, id, &created.epoch),
            (Ask::SlotGet(fetch), RelayBody::Slot(slot)) => self.slot_came(turn, relay, fetch, &slot),
            (Ask::Auth(_) | Ask::Plain(_) | Ask::InviteSlot(_) | Ask::Escrow, RelayBody::Ok(_)) => Ok(()),
            (what, _) => {
                tracing::debug!(%relay, ?what, "an answer does not fit its request");
                Ok(())
            }
        }
    }

    fn hello_ok(&mut self, turn: &mut Turn<'_>, relay: PeerId, hello: &HelloOk) -> Result<(), Error> {
        let keys = (
            <[u8; 32]>::try_from(hello.relay_key.as_slice()),
            <[u8; 32]>::try_from(hello.challenge.as_slice()),
        );
        let (Ok(relay_key), Ok(challenge)) = keys else {
            tracing::warn!(%relay, "a hello of a relay without its key");
            return Ok(());
        };
        if hello.v != VERSION {
            return Ok(());
        }
        self.clock_sample(turn, Reference::Relay(relay), hello.now);
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        link.phase = Phase::Ready { relay_key, challenge };
        link.reason = None;
        if let Some(told) = hello.limits.as_ref().map(|limits| limits.log_ttl_h).filter(|ttl| *ttl > 0) {
            link.log_ttl_h = told.min(super::boxes::LOG_TTL_H);
        }
        turn.status_changed = true;
        self.follow_boxes(turn, relay)?;
        self.lanes_to_relay(turn, relay)
    }

    /// A request, or one part of it, was refused.
    fn relay_refused(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        id: u64,
        error: &RErr,
    ) -> Result<(), Error> {
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        let Some(asked) = link.asked.get_mut(&id) else {
            // A malformed frame is answered with an id that nobody waits for.
            tracing::debug!(%relay, code = error.code, "a relay refuses something");
            return Ok(());
        };
        tracing::debug!(%relay, code = error.code, what = ?asked.what, "a relay refuses");
        let index = usize::try_from(error.index).unwrap_or(usize::MAX);
        match &mut asked.what {
            Ask::Puts(puts) => {
                let put = puts.get_mut(index).and_then(Option::take);
                if puts.iter().all(Option::is_none) {
                    link.asked.remove(&id);
                }
                match put {
                    Some(put) => self.put_refused(turn, relay, put, error),
                    None => Ok(()),
                }
            }
            Ask::Subscribe(boxes) => {
                let refused = boxes.get_mut(index).and_then(Option::take);
                if boxes.iter().all(Option::is_none) {
                    link.asked.remove(&id);
                }
                if let Some(refused) = refused {
                    self.box_refused(turn, relay, refused, error);
                }
                Ok(())
            }
            _ => match link.asked.remove(&id) {
                Some(asked) => self.request_refused(turn, relay, asked.what, error),
                None => Ok(()),
            },
        }
    }

    fn request_refused(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        what: Ask,
        error: &RErr,
    ) -> Result<(), Error> {
        match what {
            Ask::Hello => {
                if let Some(link) = self.relays.links.get_mut(&relay) {
                    link.reason = Some(error.code.clone());
                }
                turn.status_changed = true;
                Ok(())
            }
            Ask::Auth(id) | Ask::Create(id) => {
                self.box_refused(turn, relay, id, error);
                Ok(())
            }
            Ask::SlotGet(fetch) => self.slot_refused(turn, relay, fetch),
            Ask::InviteSlot(invite) => {
                self.invite_slot_refused(turn, relay, invite, error);
                Ok(())
            }
            Ask::Escrow => self.escrow_refused(turn, relay),
            Ask::Plain(what) => {
                tracing::info!(%relay, what, code = error.code, "a relay refused a request");
                Ok(())
            }
            Ask::Subscribe(_) | Ask::Puts(_) => Ok(()),
        }
    }

    /// Does what there is to do at a relay, as far as there is room for requests.
    pub(super) fn serve_relay(&mut self, turn: &mut Turn<'_>, relay: PeerId) -> Result<(), Error> {
        if !self.relays.links.get(&relay).is_some_and(super::state::Link::is_ready) {
            return Ok(());
        }
        self.send_outgoing(turn, relay);
        self.make_boxes(turn, relay);
        self.subscribe_boxes(turn, relay)?;
        self.read_slots(turn, relay);
        self.put_queued(turn, relay)?;
        self.write_invite_slots(turn, relay)
    }

    /// Sends requests that waited for room.
    pub(super) fn send_outgoing(&mut self, turn: &mut Turn<'_>, relay: PeerId) {
        while let Some(link) = self.relays.links.get_mut(&relay).filter(|link| link.free() > 0) {
            let Some((body, what)) = link.outgoing.pop_front() else { return };
            self.ask_relay(turn, relay, body, what);
        }
    }

    /// Timers of all relays.
    pub(crate) fn relays_due(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        let now = turn.now.mono;
        let relays: Vec<PeerId> = self.relays.links.keys().copied().collect();
        let mut next = now.saturating_add(IDLE_MS);
        for relay in relays {
            let Some(link) = self.relays.links.get_mut(&relay) else { continue };
            link.queue_due = true;
            let stalled = link.asked.values().any(|asked| now.saturating_sub(asked.at) >= ANSWER_MS);
            if stalled {
                tracing::debug!(%relay, "an answer stays away");
                let rooms = link.reset(Phase::Up);
                self.put_elsewhere(turn, rooms);
            }
            match self.relays.links.get(&relay).map(|link| link.phase) {
                Some(Phase::Up) => self.greet(turn, relay),
                Some(Phase::Ready { .. }) => self.serve_relay(turn, relay)?,
                _ => {}
            }
            next = next.min(self.relay_next(turn, relay)?);
        }
        if now >= self.relays.hourly_at {
            self.relays_hourly(turn)?;
        }
        self.timers.set(Due::Relays, next.max(now.saturating_add(1)).min(self.relays.hourly_at));
        Ok(())
    }

    /// When a relay has to be looked at again, monotonic ms.
    fn relay_next(&self, turn: &Turn<'_>, relay: PeerId) -> Result<u64, Error> {
        let now = turn.now.mono;
        let Some(link) = self.relays.links.get(&relay) else { return Ok(u64::MAX) };
        let answers = link.asked.values().map(|asked| asked.at.saturating_add(ANSWER_MS));
        let boxes = link.boxes.values().map(|b| b.retry_at).filter(|at| *at > now);
        let puts = madang_store::relays::next_due(turn.db, link.row)?
            .filter(|at| link.is_ready() && *at > turn.now.wall)
            .map(|at| now.saturating_add(at.saturating_sub(turn.now.wall)));
        let slots = (link.slots_at > now).then_some(link.slots_at);
        Ok(answers.chain(boxes).chain(puts).chain(slots).min().unwrap_or(u64::MAX))
    }

    /// What a turn led to, at its end: credit, acknowledgements, announcements.
    pub(crate) fn finish_relays(&mut self, turn: &mut Turn<'_>) {
        self.acknowledge_items(turn);
        self.give_credit(turn);
        self.announce_copies(turn);
    }
}
