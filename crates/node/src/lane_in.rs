//! Receiving in the lane: envelopes, packets in order, and what they carry (protocol sections 4.1 to
//! 4.4).
//!
//! Invariant: a packet is decrypted once, in its place; its effects, the ratchet and the place of the
//! next packet are in one transaction, and the acknowledgement follows the commit.

use madang_crypto::{LaneSession, XWingSecret, open_envelope};
use madang_model::DeviceId;
use madang_p2p::PeerId;
use madang_store::{
    Conn, DeviceRow, envelopes,
    lanes::{self, Lane},
};
use madang_wire::{
    Envelope, EnvelopeBody, LaneAck, LaneBody, LaneMessage, LanePacket, LanePlain, Message as _, Reset,
};

use crate::{
    core::Core,
    error::Error,
    home::secrets,
    lane::{ACK, Sessions, internal, lane_end},
    timer::Due,
    turn::Turn,
};

/// How long a gap may stay before it is skipped: inbox and streams are drained by then.
const GAP_MS: u64 = 20_000;
/// Packets ahead of a gap that are kept.
const AHEAD_CAP: u64 = 64;
/// So many missing packets may be skipped (protocol section 4.2).
const SKIP_CAP: u64 = 32;
/// At most one Reset per device pair in this time (protocol section 4.4).
const RESET_EVERY_MS: u64 = 60 * 60 * 1000;
/// Envelope hashes are remembered so long: TTL of an inbox and 7 days (protocol section 10.3).
const SEEN_MS: u64 = 37 * 24 * 60 * 60 * 1000;

/// What became of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// It is done with: an inbox may forget it.
    Done,
    /// It says why it cannot be taken; the code goes back to a direct sender.
    Refused(&'static str),
}

impl Core {
    /// Takes an envelope from a stream, a contact connection or an inbox.
    pub(crate) fn envelope(
        &mut self,
        turn: &mut Turn<'_>,
        envelope: &Envelope,
        peer: Option<PeerId>,
    ) -> Result<Delivered, Error> {
        let hash = madang_crypto::frame_id(&envelope.encode_to_vec());
        if envelopes::seen(turn.db, &hash)? {
            self.acknowledge_again(turn, peer);
            return Ok(Delivered::Done);
        }
        let Some(secret) = envelope_secret(turn.db, &envelope.to)? else {
            return Ok(Delivered::Refused("unknown_key"));
        };
        let inner = match open_envelope(&secret, envelope) {
            Ok(inner) => inner,
            Err(error) => {
                tracing::debug!(%error, "an envelope does not open");
                return Ok(Delivered::Refused("bad_frame"));
            }
        };
        let outcome = match inner.body {
            Some(EnvelopeBody::Lane(packet)) => self.lane_packet(turn, packet, peer)?,
            Some(EnvelopeBody::ContactRequest(signed)) => self.contact_request(turn, &signed, peer)?,
            None => Delivered::Done,
        };
        if outcome == Delivered::Done {
            envelopes::first_seen(turn.db, &hash, turn.now.wall.saturating_add(SEEN_MS))?;
        }
        Ok(outcome)
    }

    /// A copy came: the acknowledgement may have been lost.
    fn acknowledge_again(&mut self, turn: &mut Turn<'_>, peer: Option<PeerId>) {
        if let Some(link) = peer.and_then(|peer| self.peers.get(&peer)) {
            turn.owed_acks.insert(link.device);
            turn.lanes.insert(link.device);
        }
    }

    fn lane_packet(
        &mut self,
        turn: &mut Turn<'_>,
        packet: LanePacket,
        peer: Option<PeerId>,
    ) -> Result<Delivered, Error> {
        let Ok(device) = DeviceId::try_from(packet.from.as_slice()) else {
            return Ok(Delivered::Refused("bad_frame"));
        };
        if packet.to != self.me.device.as_bytes() {
            return Ok(Delivered::Refused("bad_frame"));
        }
        let Some(row) = self.directory.get(&device).map(|d| d.row) else {
            return Ok(Delivered::Refused("denied"));
        };
        let mut lane = lanes::load(turn.db, row)?;
        tracing::debug!(from = %device, generation = packet.r#gen, seq = packet.td_seq, expected = lane.in_next, "lane packet");
        if packet.r#gen < lane.in_gen || (packet.r#gen == lane.in_gen && packet.td_seq < lane.in_next) {
            self.acknowledge_again(turn, peer);
            return Ok(Delivered::Done);
        }
        if packet.r#gen == lane.in_gen.max(1) || (packet.td_seq == 1 && packet.r#gen > lane.in_gen) {
            return self.in_order(turn, device, &mut lane, packet);
        }
        // A later packet of a generation whose beginning has not come.
        self.keep_ahead(turn, device, &lane, &packet)
    }

    fn in_order(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        lane: &mut Lane,
        packet: LanePacket,
    ) -> Result<Delivered, Error> {
        let fresh = packet.r#gen > lane.in_gen;
        let expected = if fresh { 1 } else { lane.in_next };
        if packet.td_seq > expected {
            return self.keep_ahead(turn, device, lane, &packet);
        }
        let Some(plain) = self.decrypt_packet(turn, device, lane, &packet, fresh)? else {
            self.reset_lane(turn, device, lane)?;
            return Ok(Delivered::Done);
        };
        let row = self.directory.row(turn.db, &device, None)?;
        lane.in_gen = packet.r#gen;
        lane.in_next = packet.td_seq.saturating_add(1);
        lanes::save(turn.db, lane)?;
        self.lane_plain(turn, device, plain)?;
        // Those that waited for this one.
        while let Some(next) = {
            *lane = lanes::load(turn.db, row)?;
            lanes::take_early(turn.db, row, lane.in_gen, lane.in_next)?
        } {
            let Ok(packet) = LanePacket::decode(next.as_slice()) else { continue };
            self.in_order(turn, device, lane, packet)?;
        }
        Ok(Delivered::Done)
    }

    fn keep_ahead(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        lane: &Lane,
        packet: &LanePacket,
    ) -> Result<Delivered, Error> {
        let row = self.directory.row(turn.db, &device, None)?;
        let ahead = packet.td_seq.saturating_sub(lane.in_next);
        if ahead <= AHEAD_CAP {
            lanes::keep_early(turn.db, row, packet.r#gen, packet.td_seq, &packet.encode_to_vec())?;
            self.timers.set(Due::LaneGap(device), turn.now.mono.saturating_add(GAP_MS));
        } else {
            let mut lane = lane.clone();
            self.reset_lane(turn, device, &mut lane)?;
        }
        Ok(Delivered::Done)
    }

    /// The missing packets did not come although streams and inboxes were drained: skip them if few
    /// are missing, else start anew.
    pub(crate) fn lane_gap(&mut self, turn: &mut Turn<'_>, device: DeviceId) -> Result<(), Error> {
        let Some(row) = self.directory.get(&device).map(|d| d.row) else { return Ok(()) };
        let mut lane = lanes::load(turn.db, row)?;
        let Some(first) = lanes::early(turn.db, row, lane.in_gen.max(1))?.first().copied() else {
            return Ok(());
        };
        if first.saturating_sub(lane.in_next) > SKIP_CAP {
            return self.reset_lane(turn, device, &mut lane);
        }
        lane.in_next = first;
        lanes::save(turn.db, &lane)?;
        if let Some(next) = lanes::take_early(turn.db, row, lane.in_gen.max(1), first)?
            && let Ok(packet) = LanePacket::decode(next.as_slice())
        {
            self.in_order(turn, device, &mut lane, packet)?;
        }
        Ok(())
    }

    fn decrypt_packet(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        lane: &mut Lane,
        packet: &LanePacket,
        fresh: bool,
    ) -> Result<Option<LanePlain>, Error> {
        let Some(end) = self.directory.get(&device).and_then(|d| d.bundle.as_ref()).and_then(lane_end) else {
            return Ok(None);
        };
        let mut account = self.lane_account(turn)?;
        let own = self.own_lane_end(&account);
        let mut sessions = Sessions::load(lane);
        let plain = match sessions.decrypt(&own, &end, packet) {
            Some(plain) => Some(plain),
            None => match LaneSession::inbound(&mut account, &own, &end, packet) {
                Ok((session, plain)) => {
                    sessions.prefer(session);
                    let pickle = account.pickle().map_err(internal)?;
                    secrets::set_olm(turn.db, &pickle)?;
                    Some(plain)
                }
                Err(error) => {
                    tracing::info!(%error, device = %device, generation = packet.r#gen, fresh, "a lane packet does not open");
                    None
                }
            },
        };
        sessions.save(lane)?;
        Ok(plain)
    }

    /// Opens a fresh session with the next generation and says so first (protocol section 4.4).
    pub(crate) fn reset_lane(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        lane: &mut Lane,
    ) -> Result<(), Error> {
        if lane.reset_at != 0 && turn.now.wall.saturating_sub(lane.reset_at) < RESET_EVERY_MS {
            return Ok(());
        }
        let row = self.directory.row(turn.db, &device, None)?;
        lane.out_gen = lane.out_gen.max(lane.in_gen).saturating_add(1);
        lane.out_next = 1;
        lane.out_acked = 0;
        lane.session = None;
        lane.reset_at = turn.now.wall;
        lanes::save(turn.db, lane)?;
        self.queue_first(turn, row, LaneBody::Reset(Reset { r#gen: lane.out_gen }))?;
        turn.lanes.insert(device);
        Ok(())
    }

    /// Queues a message in front of everything that was not acknowledged, which is sealed anew.
    fn queue_first(&mut self, turn: &Turn<'_>, row: DeviceRow, body: LaneBody) -> Result<(), Error> {
        let waiting = lanes::waiting(turn.db, row, usize::MAX)?;
        lanes::clear(turn.db, row)?;
        let first = LaneMessage { body: Some(body) }.encode_to_vec();
        lanes::queue(turn.db, row, "reset", &first, turn.now.wall)?;
        for message in waiting.iter().filter(|m| m.topic != "reset" && m.topic != ACK) {
            lanes::queue(turn.db, row, &message.topic, &message.body, message.at)?;
        }
        Ok(())
    }

    fn lane_plain(&mut self, turn: &mut Turn<'_>, device: DeviceId, plain: LanePlain) -> Result<(), Error> {
        if let Some(bundle) = &plain.bundle {
            self.take_bundle(turn, bundle)?;
        }
        self.compare_heads(turn, device, &plain)?;
        // An acknowledgement alone is not acknowledged, or two machines would never be silent.
        let speaks =
            plain.m.is_empty() || plain.m.iter().any(|m| !matches!(m.body, Some(LaneBody::Ack(_)) | None));
        for message in plain.m {
            if let Some(body) = message.body {
                self.lane_message(turn, device, body)?;
            }
        }
        if speaks {
            turn.owed_acks.insert(device);
            turn.lanes.insert(device);
        }
        Ok(())
    }

    fn lane_message(&mut self, turn: &mut Turn<'_>, device: DeviceId, body: LaneBody) -> Result<(), Error> {
        tracing::debug!(from = %device, body = ?std::mem::discriminant(&body), "lane message");
        match body {
            LaneBody::Share(share) => self.key_share(turn, device, &share),
            LaneBody::Request(request) => self.key_request_in_lane(turn, device, &request),
            LaneBody::Denied(denied) => self.key_denied(turn, &denied),
            LaneBody::Accept(accept) => self.contact_accept(turn, device, &accept),
            LaneBody::Update(update) => self.contact_update(turn, device, update.c.as_ref()),
            LaneBody::Hint(hint) => self.account_hint(turn, device, &hint.ops),
            LaneBody::Reset(reset) => self.lane_was_reset(turn, device, reset),
            LaneBody::Ack(ack) => self.lane_acked(turn, device, ack),
            // Groups and open rooms come with their issue; the frames are known and without effect.
            LaneBody::Welcome(_) | LaneBody::Greet(_) => Ok(()),
        }
    }

    fn lane_acked(&mut self, turn: &mut Turn<'_>, device: DeviceId, ack: LaneAck) -> Result<(), Error> {
        let row = self.directory.row(turn.db, &device, None)?;
        let mut lane = lanes::load(turn.db, row)?;
        if ack.r#gen != lane.out_gen || ack.upto >= lane.out_next {
            return Ok(());
        }
        lane.out_acked = lane.out_acked.max(ack.upto);
        lanes::save(turn.db, &lane)?;
        lanes::acked(turn.db, row, ack.r#gen, ack.upto)?;
        Ok(())
    }

    /// The other side has started anew: what it did not acknowledge is sealed again for the session
    /// that it opened.
    fn lane_was_reset(&mut self, turn: &mut Turn<'_>, device: DeviceId, reset: Reset) -> Result<(), Error> {
        let row = self.directory.row(turn.db, &device, None)?;
        let mut lane = lanes::load(turn.db, row)?;
        if lane.out_gen > reset.r#gen || (lane.out_gen == reset.r#gen && self.me.device > device) {
            // Both have reset at once: the higher (generation, device) stays.
            return Ok(());
        }
        lane.out_gen = reset.r#gen;
        lane.out_next = 1;
        lane.out_acked = 0;
        lanes::save(turn.db, &lane)?;
        lanes::unseal(turn.db, row)?;
        turn.lanes.insert(device);
        Ok(())
    }
}

/// The secret that an envelope names.
fn envelope_secret(db: &Conn, to: &[u8]) -> Result<Option<XWingSecret>, Error> {
    let Ok(id) = <[u8; 8]>::try_from(to) else { return Ok(None) };
    let Some(key) = envelopes::key(db, &id)? else { return Ok(None) };
    Ok(<[u8; 32]>::try_from(key.secret.as_slice()).ok().map(|seed| XWingSecret::from_seed(&seed)))
}
