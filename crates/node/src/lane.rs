//! The ordered lane: keys and contact messages from device to device, in Olm inside an envelope
//! (protocol section 4). This file seals and sends; `lane_in` receives.
//!
//! Invariants: Olm state and lane rows change in one transaction, before any byte leaves; packets are
//! decrypted strictly in `td_seq` order; sealed packets are sent again as they are; a device to which no packet can
//! be made is passed over, it never ends a turn.

use madang_crypto::{LaneAccount, LaneContent, LaneEnd, LanePlace, LaneSession, os_rng, seal_envelope};
use madang_model::{DeviceId, limits::HOUR_MS};
use madang_store::{
    DeviceRow,
    lanes::{self, Lane, Waiting},
    tokens,
};
use madang_wire::{
    DeviceBundle, Envelope, EnvelopeBody, EnvelopeInner, LaneAck, LaneBody, LaneMessage, LanePacket,
    Message as _, Signed, StreamBody,
};

use crate::{core::Core, error::Error, home::secrets, timer::Due, turn::Turn};

/// Unacknowledged packets go out again after this on a live stream.
const RETRY_MS: u64 = 15_000;
/// An answer to a contact request that was not taken directly is tried again after this.
const ACCEPT_RETRY_MS: u64 = 3_000;
/// Once it is older than this it is tried once in so long.
const ACCEPT_FRESH_MS: u64 = 60_000;
/// Once it is older than this it is tried with every round of the inboxes.
const ACCEPT_OLD_MS: u64 = HOUR_MS;
/// Inboxes are given what was not acknowledged again after this: one may have been lost.
const INBOX_RETRY_MS: u64 = HOUR_MS;
/// Lanes with something to send are looked at so soon after the start.
const START_MS: u64 = 2_000;
/// Plaintext bytes put into one packet: with names and headers it stays within the largest bucket.
pub(crate) const PACKET_BYTES: usize = 48 * 1024;
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

    /// Forgets all but the preferred one.
    pub(crate) fn only_first(&mut self) {
        self.0.truncate(1);
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
    /// `topic` is replaced, and keys of one conversation are joined. Nothing is queued for a machine that its
    /// account does not have (any more).
    pub(crate) fn lane_send(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        topic: &str,
        body: LaneBody,
    ) -> Result<(), Error> {
        if !self.is_active(turn.db, &device)? {
            tracing::debug!(to = %device, topic, "no machine of an account: nothing is queued");
            return Ok(());
        }
        let row = self.directory.row(turn.db, &device, None)?;
        let now = self.author_time(turn);
        let asleep = self.directory.get(&device).and_then(|known| known.asleep_since(now));
        if let Some(since) = asleep {
            // Whoever wakes asks for what is current (protocol section 4.5).
            madang_store::devices::set_asleep(turn.db, row, Some(since))?;
            return Ok(());
        }
        self.queue_message(turn, row, topic, LaneMessage { body: Some(body) }, turn.now.wall)?;
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
        let now = self.author_time(turn);
        let Some(known) = self.directory.get(&device) else { return Ok(()) };
        let (row, Some(bundle)) = (known.row, known.usable_bundle(now).cloned()) else {
            return Ok(());
        };
        if turn.owed_acks.remove(&device) && self.is_active(turn.db, &device)? {
            self.queue_ack(turn, device, row)?;
        }
        // Nothing is sealed that cannot leave: the plaintext waits, and newer state replaces it.
        while self.can_leave(turn, &device, row, &bundle)? && self.seal_packet(turn, device, row, &bundle)? {}
        self.retry_later(turn, device, row)
    }

    /// Queues an acknowledgement unless one goes out anyway. When nothing has come since the last one, that one was
    /// lost and goes out again: what is repeated must not grow the queue.
    fn queue_ack(&mut self, turn: &mut Turn<'_>, device: DeviceId, row: DeviceRow) -> Result<(), Error> {
        if !lanes::unsealed(turn.db, row, 1)?.is_empty() {
            return Ok(());
        }
        let ack =
            LaneMessage { body: Some(LaneBody::Ack(ack_of(&lanes::load(turn.db, row)?))) }.encode_to_vec();
        let pending: Vec<Waiting> =
            lanes::waiting(turn.db, row, MESSAGES_MAX)?.into_iter().filter(|m| m.topic == ACK).collect();
        if pending.last().is_some_and(|last| last.body == ack) {
            for envelope in pending.iter().filter_map(envelope_of) {
                self.send_envelope(turn, device, &envelope, false)?;
            }
            return Ok(());
        }
        // A packet of its own, kept like any other: a lost one would be a gap in the lane.
        lanes::queue(turn.db, row, ACK, &ack, turn.now.wall)?;
        Ok(())
    }

    /// Whether a packet for a device could leave now: by its stream, into an inbox of it, or, with an answer to
    /// a contact request, over the contact protocol.
    fn can_leave(
        &mut self,
        turn: &Turn<'_>,
        device: &DeviceId,
        row: DeviceRow,
        bundle: &DeviceBundle,
    ) -> Result<bool, Error> {
        if !self.lane_is_open(turn.db, device)? {
            return Ok(false);
        }
        if self.peer_of(device).is_some() {
            return Ok(true);
        }
        for inbox in &bundle.inboxes {
            if let Ok(id) = <[u8; 16]>::try_from(inbox.inbox_id.as_slice())
                && tokens::any(turn.db, row, &id, turn.now.wall)?.is_some()
            {
                return Ok(true);
            }
        }
        let answers = lanes::unsealed(turn.db, row, MESSAGES_MAX)?.iter().any(is_accept);
        Ok(answers && self.contact_way(device).is_some())
    }

    /// Seals the next packet for a device and sends it. False when nothing waits, or nothing can be made of it.
    fn seal_packet(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        row: DeviceRow,
        bundle: &DeviceBundle,
    ) -> Result<bool, Error> {
        let waiting = packet_of(lanes::unsealed(turn.db, row, MESSAGES_MAX)?);
        if waiting.is_empty() {
            return Ok(false);
        }
        let mut lane = lanes::load(turn.db, row)?;
        if lane.session.is_none() && lane.out_next > 1 {
            // The session was lost, and the other side takes no other one in this generation.
            self.reset_lane(turn, device, &mut lane)?;
            return Ok(lane.out_next == 1);
        }
        let place = LanePlace { generation: lane.out_gen.max(1), td_seq: lane.out_next };
        let envelope = match self.make_packet(turn, &device, &mut lane, bundle, place, &waiting)? {
            Ok(envelope) => envelope,
            Err(reason) => return self.packet_failed(turn, device, &waiting, &reason),
        };
        let rows: Vec<_> = waiting.iter().map(|m| m.row).collect();
        lanes::sealed(turn.db, &rows, place.generation, place.td_seq, &envelope.encode_to_vec())?;
        lanes::save(turn.db, &lane)?;
        self.send_envelope(turn, device, &envelope, waiting.iter().any(is_accept))?;
        Ok(true)
    }

    /// One packet, with the state of the lane after it; or why none can be made with this bundle.
    fn make_packet(
        &mut self,
        turn: &Turn<'_>,
        device: &DeviceId,
        lane: &mut Lane,
        bundle: &DeviceBundle,
        place: LanePlace,
        waiting: &[Waiting],
    ) -> Result<Result<Envelope, String>, Error> {
        let account = self.lane_account(turn)?;
        let own = self.own_lane_end(&account);
        let messages = waiting
            .iter()
            .filter_map(|m| LaneMessage::decode(m.body.as_slice()).ok())
            .filter(|m| !matches!(m.body, Some(LaneBody::Ack(_)) | None))
            .collect();
        let content = self.lane_content(turn, device, lane, messages);
        let mut sessions = Sessions::load(lane);
        let envelope = match seal(&account, &own, bundle, &mut sessions, place, content) {
            Ok(envelope) => envelope,
            Err(reason) => return Ok(Err(reason)),
        };
        lane.out_gen = place.generation;
        lane.out_next = place.td_seq.saturating_add(1);
        sessions.save(lane)?;
        Ok(Ok(envelope))
    }

    /// No packet could be made. One message that is too large for any is dropped, or it would hold back what
    /// follows; a bundle that does not do waits for the next one.
    fn packet_failed(
        &self,
        turn: &Turn<'_>,
        device: DeviceId,
        waiting: &[Waiting],
        reason: &str,
    ) -> Result<bool, Error> {
        tracing::warn!(%device, reason, messages = waiting.len(), "no lane packet can be made");
        match waiting {
            [only] if only.body.len() > PACKET_BYTES => {
                lanes::remove(turn.db, only.row)?;
                Ok(true)
            }
            _ => Ok(false),
        }
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
            messages.push(LaneMessage { body: Some(LaneBody::Ack(ack_of(lane))) });
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

    /// Sends a packet by the best way there is: the stream, the contact connection for an answer to a request,
    /// or the inboxes of the device.
    pub(crate) fn send_envelope(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        envelope: &Envelope,
        accept: bool,
    ) -> Result<(), Error> {
        tracing::debug!(to = %device, connected = self.peer_of(&device).is_some(), accept, "lane packet leaves");
        if let Some(peer) = self.peer_of(&device) {
            self.frame(turn, peer, StreamBody::Lane(envelope.clone()));
            return Ok(());
        }
        if accept && self.contact_envelope(turn, device, envelope) {
            return Ok(());
        }
        self.inbox_put(turn, device, envelope)
    }

    /// Sends every packet again that was not acknowledged, as it is, and seals what waits.
    pub(crate) fn resend_lane(&mut self, turn: &mut Turn<'_>, device: DeviceId) -> Result<(), Error> {
        let Some(row) = self.directory.get(&device).map(|d| d.row) else { return Ok(()) };
        if self.lane_is_open(turn.db, &device)? {
            let waiting = lanes::waiting(turn.db, row, MESSAGES_MAX)?;
            for first in &waiting {
                let Some(envelope) = envelope_of(first) else { continue };
                let place = (first.generation, first.seq);
                let accept = waiting.iter().any(|m| (m.generation, m.seq) == place && is_accept(m));
                self.send_envelope(turn, device, &envelope, accept)?;
            }
        }
        turn.lanes.insert(device);
        Ok(())
    }

    /// Sets the time at which packets that were not acknowledged go out again.
    pub(crate) fn retry_later(
        &mut self,
        turn: &Turn<'_>,
        device: DeviceId,
        row: DeviceRow,
    ) -> Result<(), Error> {
        let sealed: Vec<Waiting> = lanes::waiting(turn.db, row, MESSAGES_MAX)?
            .into_iter()
            .filter(|m| m.envelope.is_some())
            .collect();
        if sealed.iter().all(|message| message.topic == ACK) || !self.lane_is_open(turn.db, &device)? {
            // Acknowledgements alone ask for no answer, or two machines would never be silent.
            return Ok(());
        }
        let accept = sealed.iter().find(|m| is_accept(m)).filter(|_| self.contact_way(&device).is_some());
        let wait = match accept.map(|m| turn.now.wall.saturating_sub(m.at)) {
            _ if self.peer_of(&device).is_some() => RETRY_MS,
            Some(age) if age < ACCEPT_FRESH_MS => ACCEPT_RETRY_MS,
            Some(age) if age < ACCEPT_OLD_MS => ACCEPT_FRESH_MS,
            _ => INBOX_RETRY_MS,
        };
        self.timers.set(Due::Lane(device), turn.now.mono.saturating_add(wait));
        Ok(())
    }

    /// Puts every packet that was not acknowledged into the inboxes of a device.
    pub(crate) fn lane_to_inboxes(&mut self, turn: &mut Turn<'_>, device: DeviceId) -> Result<(), Error> {
        let Some(row) = self.directory.get(&device).map(|d| d.row) else { return Ok(()) };
        if self.lane_is_open(turn.db, &device)? {
            for envelope in lanes::waiting(turn.db, row, MESSAGES_MAX)?.iter().filter_map(envelope_of) {
                self.inbox_put(turn, device, &envelope)?;
            }
        }
        Ok(())
    }

    /// At the start: what waits goes out, and what came early is looked at.
    pub(crate) fn start_lanes(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        let at = turn.now.mono.saturating_add(START_MS);
        for row in lanes::devices(turn.db)? {
            if let Some(device) = madang_store::devices::get(turn.db, row)? {
                self.timers.set(Due::Lane(device.id), at);
            }
        }
        for row in lanes::early_devices(turn.db)? {
            if let Some(device) = madang_store::devices::get(turn.db, row)? {
                self.gap_later(turn, device.id);
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
/// Topic of the message that begins a lane anew.
pub(crate) const RESET: &str = "reset";
/// Kind of topic of an answer to a contact request.
pub(crate) const ACCEPT: &str = "accept";

fn is_accept(message: &Waiting) -> bool {
    message.topic.split_once('/').is_some_and(|(kind, _)| kind == ACCEPT)
}

/// The packet that a row carries, if it is the first of one.
fn envelope_of(message: &Waiting) -> Option<Envelope> {
    let bytes = message.envelope.as_deref().filter(|bytes| !bytes.is_empty())?;
    Envelope::decode(bytes).ok()
}

/// What has come in order.
fn ack_of(lane: &Lane) -> LaneAck {
    LaneAck { r#gen: lane.in_gen, upto: lane.in_next.saturating_sub(1) }
}

/// Seals one packet in the preferred session, which is opened if there is none.
fn seal(
    account: &LaneAccount,
    own: &LaneEnd,
    bundle: &DeviceBundle,
    sessions: &mut Sessions,
    place: LanePlace,
    content: LaneContent,
) -> Result<Envelope, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let peer = lane_end(bundle).ok_or("a key of the bundle has the wrong length")?;
    if sessions.first().is_none() {
        let fallback = <[u8; 32]>::try_from(bundle.fallback.as_slice()).map_err(|e| text(&e))?;
        sessions.prefer(LaneSession::outbound(account, &peer, &fallback).map_err(|e| text(&e))?);
    }
    let session = sessions.first().ok_or("no session")?;
    let packet = session.encrypt(own, &peer, place, content).map_err(|e| text(&e))?;
    let inner = EnvelopeInner { body: Some(EnvelopeBody::Lane(packet)) };
    seal_envelope(&bundle.envelope_pk, &inner, &mut os_rng()).map_err(|e| text(&e))
}

/// As many of the waiting messages as fit into one packet, at least one.
fn packet_of(waiting: Vec<Waiting>) -> Vec<Waiting> {
    let mut bytes = 0_usize;
    let mut packet = Vec::new();
    for message in waiting {
        bytes = bytes.saturating_add(message.body.len());
        if !packet.is_empty() && bytes > PACKET_BYTES {
            break;
        }
        let accept = is_accept(&message);
        packet.push(message);
        if accept {
            // A stranger takes no more than 16 KiB: what follows is a packet of its own.
            break;
        }
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

pub(crate) fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(error.to_string())
}
