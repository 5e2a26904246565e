//! Receiving in the lane: envelopes, packets in order, and what they carry (protocol sections 4.1 to
//! 4.4).
//!
//! Invariant: a packet is decrypted once, in its place; its effects, the ratchet and the place of the
//! next packet are in one transaction, and the acknowledgement follows the commit.

use madang_crypto::{LaneAccount, LaneSession, XWingSecret, open_envelope};
use madang_model::{
    AccountId, DeviceId,
    limits::{DAY_MS, HOUR_MS},
};
use madang_p2p::PeerId;
use madang_store::{
    Conn, DeviceRow, envelopes,
    lanes::{self, Lane},
    requests::{self, RequestState},
};
use madang_wire::{
    Envelope, EnvelopeBody, EnvelopeInner, LaneAck, LaneBody, LaneMessage, LanePacket, LanePlain,
    Message as _, Reset,
};

use crate::{
    core::Core,
    error::Error,
    home::secrets,
    lane::{RESET, Sessions, internal, lane_end},
    timer::Due,
    turn::Turn,
};

/// How long a gap may stay before it is skipped: inbox and streams are drained by then.
const GAP_MS: u64 = 20_000;
/// So many missing packets may be skipped (protocol section 4.2).
const SKIP_CAP: u64 = 32;
/// At most one Reset per device pair in this time (protocol section 4.4).
const RESET_EVERY_MS: u64 = HOUR_MS;
/// What was not acknowledged for so long is held back by something.
const HELD_BACK_MS: u64 = 60_000;
/// Envelope hashes are remembered so long: the longest TTL of an inbox, 45 days, and 7 days (protocol sections 10.1
/// and 10.3).
const SEEN_MS: u64 = (45 + 7) * DAY_MS;
/// Copies are answered with one acknowledgement in this time.
const ACK_AGAIN_MS: u64 = 1_000;
/// The Olm message that opens a session.
const OLM_OPENS: u32 = 0;

/// What became of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// It is done with: an inbox may forget it.
    Done,
    /// It says why it cannot be taken; the code goes back to a direct sender. It may come again.
    Refused(&'static str),
}

/// How an envelope came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// On the sync stream of a peer, which is taken for this device's.
    Stream(PeerId, DeviceId),
    /// On the contact protocol, from anybody.
    Contact(PeerId),
    /// Through an own inbox.
    Inbox,
}

/// What opening a packet has led to. Nothing is kept before it is taken.
enum Opening {
    /// It opens.
    Opened(Box<Opened>),
    /// It does not open.
    Closed,
    /// It belongs to a session that has lost against an own one: what it says comes again in that.
    Void,
}

/// A packet that was opened, with what becomes of the lane and the Olm account once it is taken.
struct Opened {
    plain: LanePlain,
    lane: Lane,
    account: Option<LaneAccount>,
}

impl Core {
    /// Takes an envelope from the sync stream of a peer, or from an own inbox.
    pub(crate) fn envelope(
        &mut self,
        turn: &mut Turn<'_>,
        envelope: &Envelope,
        peer: Option<PeerId>,
    ) -> Result<Delivered, Error> {
        let way = match peer.map(|peer| self.peers.get(&peer).map(|link| (peer, link.device))) {
            None => Way::Inbox,
            Some(Some((peer, device))) => Way::Stream(peer, device),
            Some(None) => return Ok(Delivered::Refused("denied")),
        };
        self.envelope_by(turn, envelope, way)
    }

    /// Takes an envelope from anybody on the contact protocol.
    pub(crate) fn contact_put_came(
        &mut self,
        turn: &mut Turn<'_>,
        envelope: &Envelope,
        peer: PeerId,
    ) -> Result<Delivered, Error> {
        self.envelope_by(turn, envelope, Way::Contact(peer))
    }

    fn envelope_by(
        &mut self,
        turn: &mut Turn<'_>,
        envelope: &Envelope,
        way: Way,
    ) -> Result<Delivered, Error> {
        let hash = madang_crypto::frame_id(&envelope.encode_to_vec());
        let seen = envelopes::seen(turn.db, &hash)?;
        if seen && matches!(way, Way::Contact(_)) {
            return Ok(Delivered::Done);
        }
        let Some(secret) = envelope_secret(turn.db, &envelope.to)? else {
            return Ok(Delivered::Refused("unknown_key"));
        };
        let body = match open_envelope(&secret, envelope) {
            Ok(EnvelopeInner { body: Some(body) }) => body,
            Ok(_) => return Ok(Delivered::Refused("bad_frame")),
            Err(error) => {
                tracing::debug!(%error, "an envelope does not open");
                return Ok(Delivered::Refused("bad_frame"));
            }
        };
        if seen {
            self.acknowledge_again(turn, &body, way);
            return Ok(Delivered::Done);
        }
        let outcome = match body {
            EnvelopeBody::Lane(packet) => self.lane_packet(turn, packet, way)?,
            EnvelopeBody::ContactRequest(signed) => {
                let peer = if let Way::Contact(peer) = way { Some(peer) } else { None };
                self.contact_request(turn, &signed, peer)?
            }
        };
        if outcome == Delivered::Done {
            envelopes::first_seen(turn.db, &hash, turn.now.wall.saturating_add(SEEN_MS))?;
        }
        Ok(outcome)
    }

    /// A copy came: the acknowledgement may have been lost.
    fn acknowledge_again(&mut self, turn: &mut Turn<'_>, body: &EnvelopeBody, way: Way) {
        let EnvelopeBody::Lane(packet) = body else { return };
        let Ok(device) = DeviceId::try_from(packet.from.as_slice()) else { return };
        let allowed = match way {
            Way::Stream(_, from) => from == device,
            Way::Inbox => true,
            Way::Contact(_) => false,
        };
        if allowed && self.directory.get(&device).is_some() {
            // Copies of acknowledgements are answered too, so both sides could go on for ever.
            let now = turn.now.mono;
            let answered =
                self.acked_again.get(&device).is_some_and(|at| now < at.saturating_add(ACK_AGAIN_MS));
            if answered {
                return;
            }
            self.acked_again.insert(device, now);
            turn.owed_acks.insert(device);
            turn.lanes.insert(device);
        }
    }

    fn lane_packet(&mut self, turn: &mut Turn<'_>, packet: LanePacket, way: Way) -> Result<Delivered, Error> {
        let Ok(device) = DeviceId::try_from(packet.from.as_slice()) else {
            return Ok(Delivered::Refused("bad_frame"));
        };
        // A peer that several devices name may be taken for the wrong one: the right one says so by its lane.
        let foreign =
            matches!(way, Way::Stream(peer, from) if from != device && !self.directory.names(&peer, &device));
        if packet.to != self.me.device.as_bytes() || foreign {
            return Ok(Delivered::Refused("bad_frame"));
        }
        let known = self.directory.get(&device).and_then(|known| Some((known.row, known.account?)));
        let Some((row, account)) = known else { return Ok(Delivered::Refused("denied")) };
        if !self.lane_is_open(turn.db, &device)? {
            return Ok(Delivered::Refused("denied"));
        }
        let lane = lanes::load(turn.db, row)?;
        tracing::debug!(from = %device, generation = packet.r#gen, seq = packet.td_seq, expected = lane.in_next, "lane packet");
        // Below an own Reset nothing counts any more (protocol section 4.4).
        let current = packet.r#gen == lane.in_gen;
        if packet.r#gen < lane.in_gen.max(lane.out_gen) || (current && packet.td_seq < lane.in_next) {
            self.acknowledge_again(turn, &EnvelopeBody::Lane(packet), way);
            return Ok(Delivered::Done);
        }
        if self.has_lost(&device, &lane, &packet) {
            tracing::debug!(from = %device, generation = packet.r#gen, "both began anew; this side stays");
            return Ok(Delivered::Done);
        }
        let expected = if current { lane.in_next } else { 1 };
        match way {
            Way::Contact(_) if packet.td_seq != expected => Ok(Delivered::Refused("busy")),
            Way::Contact(_) => self.contact_packet(turn, device, account, lane, &packet),
            _ if packet.td_seq == expected => {
                let before = (lane.in_gen, lane.in_next);
                let delivered = self.in_order(turn, device, lane, &packet)?;
                if let Way::Stream(peer, from) = way
                    && from != device
                {
                    let lane = lanes::load(turn.db, row)?;
                    if (lane.in_gen, lane.in_next) != before {
                        self.peer_speaks_for(turn, peer, &device)?;
                    }
                }
                Ok(delivered)
            }
            _ => self.keep_ahead(turn, device, row, &packet),
        }
    }

    /// Both sides have begun anew with the same generation, and the higher device stays (protocol section 4.4): what
    /// the other side sends in a session that it opened itself is void, it comes again in ours.
    fn has_lost(&self, device: &DeviceId, lane: &Lane, packet: &LanePacket) -> bool {
        let unanswered = lane.out_gen > lane.in_gen.max(1);
        unanswered && packet.r#gen == lane.out_gen && packet.olm_type == OLM_OPENS && self.me.device > *device
    }

    /// From anybody only the answer to an own open request is taken (protocol section 7.3): nothing else is kept,
    /// nothing is begun anew.
    fn contact_packet(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        account: AccountId,
        lane: Lane,
        packet: &LanePacket,
    ) -> Result<Delivered, Error> {
        let Opening::Opened(opened) = self.open_packet(turn, device, lane, packet)? else {
            return Ok(Delivered::Refused("bad_frame"));
        };
        let asked = requests::outgoing(turn.db, &account)?.filter(|asked| asked.state == RequestState::Open);
        let answers = asked.is_some_and(|asked| {
            let accepts = |m: &LaneMessage| {
                matches!(&m.body, Some(LaneBody::Accept(accept)) if accept.invite_id == asked.invite.as_bytes())
            };
            opened.plain.m.iter().any(accepts)
        });
        if !answers {
            return Ok(Delivered::Refused("denied"));
        }
        self.take_opened(turn, device, *opened, packet)?;
        self.drain_early(turn, device)?;
        Ok(Delivered::Done)
    }

    fn in_order(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        lane: Lane,
        packet: &LanePacket,
    ) -> Result<Delivered, Error> {
        let mut before = lane.clone();
        match self.open_packet(turn, device, lane, packet)? {
            Opening::Opened(opened) => {
                self.take_opened(turn, device, *opened, packet)?;
                self.drain_early(turn, device)?;
                Ok(Delivered::Done)
            }
            Opening::Void => Ok(Delivered::Done),
            Opening::Closed => {
                self.reset_lane(turn, device, &mut before)?;
                // Not done with: a copy must not be swallowed while the Reset waits for its time.
                Ok(Delivered::Refused("bad_frame"))
            }
        }
    }

    /// Takes packets that waited for their turn. When others still wait, there is another gap.
    fn drain_early(&mut self, turn: &mut Turn<'_>, device: DeviceId) -> Result<(), Error> {
        let row = self.directory.row(turn.db, &device, None)?;
        loop {
            let mut lane = lanes::load(turn.db, row)?;
            lanes::drop_early(turn.db, row, lane.in_gen.max(lane.out_gen))?;
            let Some(bytes) = lanes::take_early(turn.db, row, lane.in_gen, lane.in_next)? else { break };
            let Ok(packet) = LanePacket::decode(bytes.as_slice()) else { break };
            match self.open_packet(turn, device, lane.clone(), &packet)? {
                Opening::Opened(opened) => self.take_opened(turn, device, *opened, &packet)?,
                Opening::Void => {}
                Opening::Closed => return self.reset_lane(turn, device, &mut lane),
            }
        }
        if !self.late_resets.contains(&device) {
            self.timers.cancel(|due| *due == Due::LaneGap(device));
        }
        if !lanes::early(turn.db, row)?.is_empty() {
            self.gap_later(turn, device);
        }
        Ok(())
    }

    /// Looks at the gap of a lane once inboxes and streams had time to bring what is missing.
    pub(crate) fn gap_later(&mut self, turn: &Turn<'_>, device: DeviceId) {
        self.timers.set(Due::LaneGap(device), turn.now.mono.saturating_add(GAP_MS));
    }

    fn keep_ahead(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        row: DeviceRow,
        packet: &LanePacket,
    ) -> Result<Delivered, Error> {
        self.gap_later(turn, device);
        let packet_bytes = packet.encode_to_vec();
        let kept = lanes::keep_early(turn.db, row, packet.r#gen, packet.td_seq, &packet_bytes)?;
        Ok(if kept { Delivered::Done } else { Delivered::Refused("busy") })
    }

    /// The missing packets did not come although streams and inboxes were drained: skip them if few
    /// are missing, else start anew.
    pub(crate) fn lane_gap(&mut self, turn: &mut Turn<'_>, device: DeviceId) -> Result<(), Error> {
        let Some(row) = self.directory.get(&device).map(|d| d.row) else { return Ok(()) };
        let mut lane = lanes::load(turn.db, row)?;
        if self.late_resets.contains(&device) {
            return self.reset_lane(turn, device, &mut lane);
        }
        if !self.inboxes_read(turn.db)? {
            self.gap_later(turn, device);
            return Ok(());
        }
        lanes::drop_early(turn.db, row, lane.in_gen.max(lane.out_gen))?;
        let mut tried = None;
        for (generation, seq) in lanes::early(turn.db, row)? {
            // Of each generation the first packet decides; the others wait behind it.
            if tried == Some(generation) {
                continue;
            }
            let expected = if generation == lane.in_gen { lane.in_next } else { 1 };
            if seq < expected {
                lanes::take_early(turn.db, row, generation, seq)?;
                continue;
            }
            let few = seq.saturating_sub(expected) <= SKIP_CAP;
            if !few {
                tried = Some(generation);
                continue;
            }
            let bytes = lanes::take_early(turn.db, row, generation, seq)?.unwrap_or_default();
            let Ok(packet) = LanePacket::decode(bytes.as_slice()) else { continue };
            // Only a packet that opens moves the lane: anybody could have put another into the inbox.
            match self.open_packet(turn, device, lane.clone(), &packet)? {
                Opening::Opened(opened) => {
                    self.take_opened(turn, device, *opened, &packet)?;
                    return self.drain_early(turn, device);
                }
                Opening::Closed => tried = Some(generation),
                Opening::Void => {}
            }
        }
        match tried {
            Some(_) => self.reset_lane(turn, device, &mut lane),
            None => Ok(()),
        }
    }

    /// Opens a packet in a session that is here, or in one that it opens.
    fn open_packet(
        &mut self,
        turn: &Turn<'_>,
        device: DeviceId,
        mut lane: Lane,
        packet: &LanePacket,
    ) -> Result<Opening, Error> {
        let Some(end) = self.directory.get(&device).and_then(|d| d.bundle.as_ref()).and_then(lane_end) else {
            return Ok(Opening::Closed);
        };
        let mut account = self.lane_account(turn)?;
        let own = self.own_lane_end(&account);
        let mut sessions = Sessions::load(&lane);
        let known = sessions.decrypt(&own, &end, packet);
        let (plain, account) = match known {
            Some(plain) => (plain, None),
            // From the second generation on, it is one session that counts: the one which began it.
            None if packet.olm_type == OLM_OPENS && packet.r#gen > 1 && !begins_anew(&lane, packet) => {
                return Ok(Opening::Void);
            }
            None => match LaneSession::inbound(&mut account, &own, &end, packet) {
                Ok((session, plain)) => {
                    sessions.prefer(session);
                    (plain, Some(account))
                }
                Err(error) => {
                    tracing::info!(%error, %device, generation = packet.r#gen, "a lane packet does not open");
                    return Ok(Opening::Closed);
                }
            },
        };
        if begins_anew(&lane, packet) {
            // Packets of lower generations are dropped, so their sessions are of no use.
            sessions.only_first();
        }
        sessions.save(&mut lane)?;
        Ok(Opening::Opened(Box::new(Opened { plain, lane, account })))
    }

    /// Keeps what a packet has changed, then does what it says.
    fn take_opened(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        opened: Opened,
        packet: &LanePacket,
    ) -> Result<(), Error> {
        let Opened { plain, mut lane, account } = opened;
        if let Some(account) = account {
            secrets::set_olm(turn.db, &account.pickle().map_err(internal)?)?;
        }
        let anew = begins_anew(&lane, packet);
        lane.in_gen = packet.r#gen;
        lane.in_next = packet.td_seq.saturating_add(1);
        if anew {
            // The other side has begun anew: what it did not acknowledge is sealed again for its session.
            (lane.out_gen, lane.out_next, lane.out_acked) = (packet.r#gen, 1, 0);
            self.late_resets.remove(&device);
        }
        lanes::save(turn.db, &lane)?;
        if anew {
            lanes::unseal(turn.db, lane.device)?;
            self.requeue(turn, lane.device, None)?;
            turn.lanes.insert(device);
        }
        self.lane_plain(turn, device, plain)?;
        if anew {
            // Whoever lost its state lacks keys as well (protocol section 4.5).
            self.give_current_keys(turn, device)?;
        }
        Ok(())
    }

    /// Opens a fresh session with the next generation and says so first (protocol section 4.4). Too soon after the
    /// last time it waits.
    pub(crate) fn reset_lane(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        lane: &mut Lane,
    ) -> Result<(), Error> {
        // A time that is still to come was stamped by a clock that has been set back.
        let next = lane.reset_at.saturating_add(RESET_EVERY_MS);
        if lane.reset_at != 0 && lane.reset_at <= turn.now.wall && turn.now.wall < next {
            self.late_resets.insert(device);
            let wait = next.saturating_sub(turn.now.wall);
            self.timers.set(Due::LaneGap(device), turn.now.mono.saturating_add(wait));
            return Ok(());
        }
        self.late_resets.remove(&device);
        // Generation 1 begins without a Reset.
        lane.out_gen = lane.out_gen.max(lane.in_gen).max(1).saturating_add(1);
        (lane.out_next, lane.out_acked) = (1, 0);
        lane.session = None;
        lane.reset_at = turn.now.wall.max(1);
        lanes::save(turn.db, lane)?;
        // If the other side has begun the same generation, the higher device stays.
        let below = if self.me.device > device { lane.out_gen.saturating_add(1) } else { lane.out_gen };
        lanes::drop_early(turn.db, lane.device, below)?;
        lanes::unseal(turn.db, lane.device)?;
        let reset = LaneMessage { body: Some(LaneBody::Reset(Reset { r#gen: lane.out_gen })) };
        self.requeue(turn, lane.device, Some((RESET, reset)))?;
        turn.lanes.insert(device);
        Ok(())
    }

    /// Begins anew with a device that did not acknowledge something. A new friend does not wait for the hour: what was
    /// left from before will not be sent again.
    pub(crate) fn renew_lane(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        new_friend: bool,
    ) -> Result<(), Error> {
        let row = self.directory.row(turn.db, &device, None)?;
        let mut lane = lanes::load(turn.db, row)?;
        let unanswered = lane.out_next > lane.out_acked.saturating_add(1);
        let held_back = new_friend || lanes::waiting(turn.db, row, 1)?.iter().any(|m| is_old(m.at, turn));
        if !unanswered || !held_back {
            return Ok(());
        }
        if new_friend {
            lane.reset_at = 0;
        }
        self.reset_lane(turn, device, &mut lane)
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
        let conv = match &body {
            LaneBody::Share(share) => share.conv.as_slice(),
            LaneBody::Request(request) => request.conv.as_slice(),
            LaneBody::Denied(denied) => denied.conv.as_slice(),
            _ => &[],
        };
        if !self.may_speak(&device, conv) {
            return Ok(());
        }
        match body {
            LaneBody::Share(share) => self.key_share(turn, device, &share),
            LaneBody::Request(request) => self.key_request_in_lane(turn, device, &request),
            LaneBody::Denied(denied) => self.key_denied(turn, device, &denied),
            LaneBody::Accept(accept) => self.contact_accept(turn, device, &accept),
            LaneBody::Update(update) => self.contact_update(turn, device, update.c.as_ref()),
            LaneBody::Hint(hint) => self.account_hint(turn, device, &hint.ops),
            LaneBody::Ack(ack) => self.lane_acked(turn, device, ack),
            // A generation begins anew with its first packet, whatever that says. Groups and open rooms come with
            // their issue; their frames are known and without effect.
            LaneBody::Reset(_) | LaneBody::Welcome(_) | LaneBody::Greet(_) => Ok(()),
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
}

/// Whether something has waited for longer than a live stream takes.
fn is_old(at: u64, turn: &Turn<'_>) -> bool {
    turn.now.wall.saturating_sub(at) > HELD_BACK_MS
}

/// Whether a packet is of a generation that the other side has begun with a Reset and that this side has to follow:
/// a higher one, or the same as an own one in a session that the other side opened. Answers to an own Reset come in
/// the session which this side opened.
fn begins_anew(lane: &Lane, packet: &LanePacket) -> bool {
    let reset = packet.r#gen > lane.in_gen.max(1);
    reset && (packet.r#gen > lane.out_gen || packet.olm_type == OLM_OPENS)
}

/// The secret that an envelope names.
fn envelope_secret(db: &Conn, to: &[u8]) -> Result<Option<XWingSecret>, Error> {
    let Ok(id) = <[u8; 8]>::try_from(to) else { return Ok(None) };
    let Some(key) = envelopes::key(db, &id)? else { return Ok(None) };
    Ok(<[u8; 32]>::try_from(key.secret.as_slice()).ok().map(|seed| XWingSecret::from_seed(&seed)))
}
