//! The ordered lane: keys and contact messages from device to device, in Olm inside an envelope
//! (protocol section 4). This file seals and sends; `lane_in` receives.
//!
//! Invariants: Olm state and lane rows change in one transaction, before any byte leaves; packets are
//! decrypted strictly in `td_seq` order; sealed packets are sent again as they are.

use madang_crypto::{LaneAccount, LaneContent, LaneEnd, LanePlace, LaneSession, os_rng, seal_envelope};
use madang_model::DeviceId;
use madang_store::lanes::{self, Lane};
use madang_wire::{
    DeviceBundle, Envelope, EnvelopeBody, EnvelopeInner, LaneAck, LaneBody, LaneMessage, LanePacket,
    Message as _, Signed, StreamBody,
};

use crate::{core::Core, error::Error, home::secrets, timer::Due, turn::Turn};

/// Unacknowledged packets go out again after this on a live stream.
const RETRY_MS: u64 = 15_000;
/// Plaintext bytes put into one packet: with names and headers it stays within the largest bucket.
const PACKET_BYTES: usize = 48 * 1024;
/// Messages looked at for one packet.
const MESSAGES_MAX: usize = 256;
/// Sessions kept per device: both sides may have opened one at the same time.
const SESSIONS: usize = 4;

/// What a lane message is about; an unsent one about the same is replaced (protocol section 4.2).
pub(crate) fn topic(kind: &str, id: impl std::fmt::Display) -> String {
    format!("{kind}/{id}")
}

/// Olm sessions with one device, the preferred one first.
pub(crate) struct Sessions(Vec<LaneSession>);

impl Sessions {
    pub(crate) fn load(lane: &Lane) -> Self {
        let Some(bytes) = &lane.session else { return Self(Vec::new()) };
        let mut rest = bytes.as_slice();
        let mut sessions = Vec::new();
        // Each behind its length, as they were written below.
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let len = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            let Some((pickle, tail)) = tail.split_at_checked(len) else { break };
            match LaneSession::from_pickle(pickle) {
                Ok(session) => sessions.push(session),
                Err(error) => tracing::warn!(%error, "a stored session does not read"),
            }
            rest = tail;
        }
        Self(sessions)
    }

    pub(crate) fn save(&self, lane: &mut Lane) -> Result<(), Error> {
        let mut bytes = Vec::new();
        for session in self.0.iter().take(SESSIONS) {
            let pickle = session.pickle().map_err(internal)?;
            let len = u32::try_from(pickle.len()).map_err(internal)?;
            bytes.extend_from_slice(&len.to_be_bytes());
            bytes.extend_from_slice(pickle.as_slice());
        }
        lane.session = (!bytes.is_empty()).then_some(bytes);
        Ok(())
    }

    pub(crate) fn first(&mut self) -> Option<&mut LaneSession> {
        self.0.first_mut()
    }

    /// Puts a session in front.
    pub(crate) fn prefer(&mut self, session: LaneSession) {
        self.0.insert(0, session);
        self.0.truncate(SESSIONS);
    }

    /// Tries every session; the one that fits moves to the front.
    pub(crate) fn decrypt(
        &mut self,
        own: &LaneEnd,
        peer: &LaneEnd,
        packet: &LanePacket,
    ) -> Option<madang_wire::LanePlain> {
        let (at, plain) = self
            .0
            .iter_mut()
            .enumerate()
            .find_map(|(at, session)| Some((at, session.decrypt(own, peer, packet).ok()?)))?;
        let session = self.0.remove(at);
        self.0.insert(0, session);
        Some(plain)
    }
}

impl Core {
    /// Queues a message for a device; it leaves at the end of the turn. An unsent one with the same
    /// `topic` is replaced.
    pub(crate) fn lane_send(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        topic: &str,
        body: LaneBody,
    ) -> Result<(), Error> {
        let row = self.directory.row(turn.db, &device, None)?;
        let message = LaneMessage { body: Some(body) }.encode_to_vec();
        lanes::queue(turn.db, row, topic, &message, turn.now.wall)?;
        turn.lanes.insert(device);
        Ok(())
    }

    /// Seals what waits for the devices of this turn and sends it.
    pub(crate) fn flush_lanes(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        for device in std::mem::take(&mut turn.lanes) {
            self.flush_lane(turn, device)?;
        }
        Ok(())
    }

    fn flush_lane(&mut self, turn: &mut Turn<'_>, device: DeviceId) -> Result<(), Error> {
        let Some(known) = self.directory.get(&device) else { return Ok(()) };
        let (row, Some(bundle)) = (known.row, known.usable_bundle(turn.now.wall).cloned()) else {
            return Ok(());
        };
        let Some(peer) = lane_end(&bundle) else { return Ok(()) };
        let mut lane = lanes::load(turn.db, row)?;
        let mut sessions = Sessions::load(&lane);
        let account = self.lane_account(turn)?;
        let own = self.own_lane_end(&account);
        if turn.owed_acks.remove(&device) && lanes::unsealed(turn.db, row, 1)?.is_empty() {
            // A packet of its own, kept like any other: a lost one would be a gap in the lane.
            lanes::queue(turn.db, row, ACK, &LaneMessage { body: None }.encode_to_vec(), turn.now.wall)?;
        }
        loop {
            let waiting = packet_of(lanes::unsealed(turn.db, row, MESSAGES_MAX)?);
            if waiting.is_empty() {
                break;
            }
            if sessions.first().is_none() {
                let fallback = array32(&bundle.fallback)?;
                sessions.prefer(LaneSession::outbound(&account, &peer, &fallback).map_err(internal)?);
                lane.out_gen = lane.out_gen.max(1);
            }
            let messages = waiting
                .iter()
                .filter_map(|m| LaneMessage::decode(m.body.as_slice()).ok())
                .filter(|m| m.body.is_some())
                .collect();
            let content = self.lane_content(turn, &device, &lane, messages);
            let place = LanePlace { generation: lane.out_gen.max(1), td_seq: lane.out_next };
            let Some(session) = sessions.first() else { break };
            let packet = session.encrypt(&own, &peer, place, content).map_err(internal)?;
            let inner = EnvelopeInner { body: Some(EnvelopeBody::Lane(packet)) };
            let envelope = seal_envelope(&bundle.envelope_pk, &inner, &mut os_rng()).map_err(internal)?;
            lane.out_gen = place.generation;
            lane.out_next = lane.out_next.saturating_add(1);
            let rows: Vec<_> = waiting.iter().map(|m| m.row).collect();
            let bytes = envelope.encode_to_vec();
            lanes::sealed(turn.db, &rows, place.generation, place.td_seq, &bytes)?;
            sessions.save(&mut lane)?;
            lanes::save(turn.db, &lane)?;
            self.send_envelope(turn, device, &envelope)?;
        }
        if awaits_answer(&lanes::waiting(turn.db, row, MESSAGES_MAX)?) {
            self.timers.set(Due::Lane(device), turn.now.mono.saturating_add(RETRY_MS));
        }
        Ok(())
    }

    /// Messages of a packet with the acknowledgement of what came, heads of both account logs, and the
    /// own bundle until the first answer of this generation.
    fn lane_content(
        &mut self,
        turn: &Turn<'_>,
        device: &DeviceId,
        lane: &Lane,
        mut messages: Vec<LaneMessage>,
    ) -> LaneContent {
        if lane.in_gen > 0 {
            let ack = LaneAck { r#gen: lane.in_gen, upto: lane.in_next.saturating_sub(1) };
            messages.push(LaneMessage { body: Some(LaneBody::Ack(ack)) });
        }
        let theirs = self.directory.get(device).and_then(|d| d.account);
        let from_heads = self.account_heads(turn.db, &self.me.account.clone());
        let to_heads = theirs.map(|account| self.account_heads(turn.db, &account)).unwrap_or_default();
        let bundle = (lane.out_acked == 0)
            .then(|| self.directory.get(&self.me.device).and_then(|d| d.signed_bundle.clone()))
            .flatten()
            .and_then(|bytes| Signed::decode(bytes.as_slice()).ok());
        LaneContent { messages, from_heads, to_heads, bundle }
    }

    /// Sends a packet by the best way there is: the stream, the contact connection that waits for it,
    /// or the inboxes of the device.
    pub(crate) fn send_envelope(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        envelope: &Envelope,
    ) -> Result<(), Error> {
        tracing::debug!(to = %device, connected = self.peer_of(&device).is_some(), "lane packet leaves");
        if let Some(peer) = self.peer_of(&device) {
            self.frame(turn, peer, StreamBody::Lane(envelope.clone()));
            return Ok(());
        }
        if self.contact_envelope(turn, device, envelope) {
            return Ok(());
        }
        self.inbox_put(turn, device, envelope)
    }

    /// Sends every packet again that was not acknowledged, as it is.
    pub(crate) fn resend_lane(&mut self, turn: &mut Turn<'_>, device: DeviceId) -> Result<(), Error> {
        let Some(row) = self.directory.get(&device).map(|d| d.row) else { return Ok(()) };
        let waiting = lanes::waiting(turn.db, row, MESSAGES_MAX)?;
        for bytes in waiting.iter().filter_map(|m| m.envelope.as_deref()).filter(|bytes| !bytes.is_empty()) {
            if let Ok(envelope) = Envelope::decode(bytes) {
                self.send_envelope(turn, device, &envelope)?;
            }
        }
        turn.lanes.insert(device);
        if awaits_answer(&waiting) {
            self.timers.set(Due::Lane(device), turn.now.mono.saturating_add(RETRY_MS));
        }
        Ok(())
    }

    /// How long the oldest packet for a device has waited, ms.
    pub(crate) fn lane_age(&self, turn: &Turn<'_>, device: &DeviceId) -> Result<u64, Error> {
        let Some(row) = self.directory.get(device).map(|d| d.row) else { return Ok(0) };
        let oldest = lanes::waiting(turn.db, row, 1)?.first().map_or(turn.now.wall, |m| m.at);
        Ok(turn.now.wall.saturating_sub(oldest))
    }

    /// Puts every packet that was not acknowledged into the inboxes of a device.
    pub(crate) fn lane_to_inboxes(&mut self, turn: &mut Turn<'_>, device: DeviceId) -> Result<(), Error> {
        let Some(row) = self.directory.get(&device).map(|d| d.row) else { return Ok(()) };
        for message in lanes::waiting(turn.db, row, MESSAGES_MAX)? {
            let envelope = message.envelope.filter(|bytes| !bytes.is_empty());
            if let Some(envelope) = envelope.and_then(|bytes| Envelope::decode(bytes.as_slice()).ok()) {
                self.inbox_put(turn, device, &envelope)?;
            }
        }
        Ok(())
    }

    /// The Olm account of this machine, from the store: it changes with every session somebody opens.
    pub(crate) fn lane_account(&self, turn: &Turn<'_>) -> Result<LaneAccount, Error> {
        let pickle = secrets::olm(turn.db)?;
        LaneAccount::from_pickle(&pickle).map_err(internal)
    }

    /// This machine's end of every lane.
    pub(crate) fn own_lane_end(&self, account: &LaneAccount) -> LaneEnd {
        LaneEnd {
            account: self.me.account.to_bytes(),
            device: self.me.device.to_bytes(),
            olm: account.identity(),
        }
    }
}

/// Topic of a packet that only acknowledges. It is kept, because a lost one would be a gap in the lane, but
/// it asks for no answer, or two machines would never be silent.
pub(crate) const ACK: &str = "ack";

fn awaits_answer(waiting: &[lanes::Waiting]) -> bool {
    waiting.iter().any(|message| message.topic != ACK)
}

/// As many of the waiting messages as fit into one packet, at least one.
fn packet_of(waiting: Vec<lanes::Waiting>) -> Vec<lanes::Waiting> {
    let mut bytes = 0_usize;
    let mut packet = Vec::new();
    for message in waiting {
        bytes = bytes.saturating_add(message.body.len());
        if !packet.is_empty() && bytes > PACKET_BYTES {
            break;
        }
        packet.push(message);
    }
    packet
}

/// The end of a lane that a bundle describes.
pub(crate) fn lane_end(bundle: &DeviceBundle) -> Option<LaneEnd> {
    Some(LaneEnd {
        account: bundle.account.as_slice().try_into().ok()?,
        device: bundle.device.as_slice().try_into().ok()?,
        olm: bundle.olm_identity.as_slice().try_into().ok()?,
    })
}

fn array32(bytes: &[u8]) -> Result<[u8; 32], Error> {
    bytes.try_into().map_err(|_| Error::Internal("a bundle has a key of the wrong length".to_owned()))
}

pub(crate) fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(error.to_string())
}
