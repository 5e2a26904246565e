//! The stream with each relay: hello, requests and their answers, what is done when there is room
//! (protocol section 10.2).
//!
//! Invariants: every request but credit is remembered until it is answered; a stream on which an answer
//! stays away or does not fit is closed and another one opened; nothing is signed for a relay before it has
//! named the key of its PeerId, or one relay could use at another what was signed for it.

use bytes::Bytes;
use madang_p2p::PeerId;
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
        let Some(link) = self.relays.links.get_mut(&relay).filter(|link| link.closed_until.is_none()) else {
            // No longer wanted, or closed a moment ago.
            turn.send(Send::ForgetRelay(relay));
            return Ok(());
        };
        self.relays.to_close.remove(&relay);
        let rooms = link.reset(Phase::Greeting);
        link.up_at = turn.now.mono;
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
        let known = link.phase == Phase::Down && link.reason.as_ref() == Some(&reason);
        // Why it was closed from here says more than that it is.
        if known || link.closed_until.is_some() {
            return self.slots_unreachable(turn, relay);
        }
        link.reason = Some(reason);
        link.down_at.get_or_insert(turn.now.mono);
        link.forgive(turn.now.mono);
        let rooms = link.reset(Phase::Down);
        turn.status_changed = true;
        self.put_elsewhere(turn, rooms);
        self.registers_elsewhere(turn, relay)?;
        self.slots_unreachable(turn, relay)
    }

    fn greet(&mut self, turn: &mut Turn<'_>, relay: PeerId) {
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
        let Some(link) = self.relays.links.get(&relay) else {
            turn.send(Send::ForgetRelay(relay));
            return Ok(());
        };
        if link.phase == Phase::Down {
            // Of a stream that was given up.
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
            (Ask::Create(id), RelayBody::Created(created)) if created.box_id == id => {
                self.box_made(turn, relay, id, &created.epoch)
            }
            (Ask::SlotGet(fetch), RelayBody::Slot(slot)) => self.slot_came(turn, relay, fetch, &slot),
            (Ask::Escrow { number, .. }, RelayBody::Ok(_)) => self.escrow_answered(turn, relay, number, None),
            (Ask::Auth(_) | Ask::Plain(_) | Ask::InviteSlot { .. }, RelayBody::Ok(_)) => Ok(()),
            (what, _) => {
                tracing::debug!(%relay, ?what, "an answer does not fit its request");
                // Still unanswered, so that what it carries finds another way. No request has the number 0.
                if let Some(link) = self.relays.links.get_mut(&relay) {
                    link.asked.insert(0, Asked { at: turn.now.mono, what });
                }
                self.close_relay(turn, relay, "bad_frame", 0)
            }
        }
    }

    fn hello_ok(&mut self, turn: &mut Turn<'_>, relay: PeerId, hello: &HelloOk) -> Result<(), Error> {
        if hello.v != VERSION {
            return self.close_relay(turn, relay, "version", 0);
        }
        let keys = (
            <[u8; 32]>::try_from(hello.relay_key.as_slice()),
            <[u8; 32]>::try_from(hello.challenge.as_slice()),
        );
        let (Ok(relay_key), Ok(challenge)) = keys else {
            return self.close_relay(turn, relay, "bad_frame", 0);
        };
        if !is_key_of(&relay_key, &relay) {
            return self.close_relay(turn, relay, "wrong_key", 0);
        }
        self.clock_sample(turn, Reference::Relay(relay), hello.now);
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        link.phase = Phase::Ready { relay_key, challenge };
        link.down_at = None;
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
                refused.map_or(Ok(()), |refused| self.box_refused(turn, relay, refused, error))
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
            // Nothing can be asked on this stream.
            Ask::Hello => self.close_relay(turn, relay, &error.code, error.retry_ms),
            Ask::Create(id) => self.create_refused(turn, relay, id, error),
            Ask::Auth(id) => self.box_refused(turn, relay, id, error),
            Ask::SlotGet(fetch) => self.slot_get_refused(turn, relay, fetch, error),
            // What is to be deleted and is not there is deleted.
            Ask::InviteSlot { delete: true, .. } if error.code == "not_found" => Ok(()),
            Ask::InviteSlot { invite, .. } => {
                self.invite_slot_refused(turn, relay, invite, error);
                Ok(())
            }
            Ask::Escrow { number, delete: true } if error.code == "not_found" => {
                self.escrow_answered(turn, relay, number, None)
            }
            Ask::Escrow { number, .. } => self.escrow_answered(turn, relay, number, Some(error)),
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
        self.make_boxes(turn, relay)?;
        self.subscribe_boxes(turn, relay)?;
        self.read_slots(turn, relay);
        self.put_queued(turn, relay)?;
        self.write_invite_slots(turn, relay)?;
        self.write_escrow(turn, relay)?;
        self.wake_waiting(turn, relay);
        Ok(())
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
        self.close_rolled_back(turn)?;
        self.reopen_relays(turn);
        self.look_at_escrow_switch(turn)?;
        self.take_truncations(turn)?;
        self.forget_left_inboxes(turn)?;
        let relays: Vec<PeerId> = self.relays.links.keys().copied().collect();
        let mut next = now.saturating_add(IDLE_MS);
        for relay in relays {
            let Some(link) = self.relays.links.get_mut(&relay) else { continue };
            link.queue_due = true;
            let stalled = link.asked.values().any(|asked| now.saturating_sub(asked.at) >= ANSWER_MS);
            if stalled {
                // A frame was lost, or the relay does not answer. On the same stream old answers could come in
                // between.
                self.close_relay(turn, relay, "timeout", 0)?;
            }
            self.serve_relay(turn, relay)?;
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
        let escrow = (link.escrow_due && link.escrow_at > now).then_some(link.escrow_at);
        let reads = self.slots_again(relay).filter(|at| *at > now);
        let opened = link.closed_until;
        let times = answers.chain(boxes).chain(puts).chain(slots).chain(reads).chain(escrow).chain(opened);
        Ok(times.min().unwrap_or(u64::MAX))
    }

    /// What a turn led to, at its end: credit, acknowledgements, announcements.
    pub(crate) fn finish_relays(&mut self, turn: &mut Turn<'_>) {
        self.acknowledge_items(turn);
        self.give_credit(turn);
        self.announce_copies(turn);
    }
}

/// Whether a PeerId is that of an Ed25519 key: such an id holds its key, as libp2p encodes it, behind the code and the
/// length of a multihash that is no hash.
fn is_key_of(key: &[u8; 32], peer: &PeerId) -> bool {
    const FRONT: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
    peer.to_bytes().strip_prefix(&FRONT).is_some_and(|held| held == key)
}

#[cfg(test)]
mod tests {
    use madang_crypto::SignKey;

    use super::*;

    #[tokio::test]
    async fn a_peer_id_fits_its_own_key_alone() {
        let config = madang_p2p::Config {
            secret: [5; 32],
            listen: Vec::new(),
            port: None,
            mdns: false,
            gossip: false,
            tcp: true,
            quic: false,
            hello: madang_p2p::HelloSource::new(|| madang_p2p::Hello {
                nonce: [0; 16],
                now: 0,
                features: Vec::new(),
            }),
        };
        let (handle, _events) = madang_p2p::spawn(config).await.unwrap();
        let key = SignKey::from_seed(&[5; 32]).public();
        assert!(is_key_of(&key, &handle.local_peer()));
        assert!(!is_key_of(&SignKey::from_seed(&[6; 32]).public(), &handle.local_peer()));
        assert!(!is_key_of(&key, &PeerId::random()));
    }
}
