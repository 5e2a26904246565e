//! Key epochs of a conversation: which to use, when to make one, whom to give it (protocol section 3).
//! The decisions are `madang_model::keys`; this file holds the secrets and the traffic.
//!
//! Invariant: a key is stored before it is used and before it is shared.

use madang_crypto::{NewKey, new_key, os_rng};
use madang_model::{
    DeviceId, Hlc, KeyId, OpId, Role,
    control::Conversation as Members,
    keys::{self as rules, Rules},
    limits::{KEY_ANSWER_PAUSE_MS, KEY_ASK_JITTER_MS},
};
use madang_store::{RoomRow, keys, parked};
use madang_wire::{KeyDenied, KeyRequest, KeyShare, LaneBody, StreamBody, StreamKeyRequest, limits};

use crate::{
    asking::{Holders, Request},
    conversation::{HeldKey, hold},
    core::Core,
    error::Error,
    lane::topic,
    timer::Due,
    turn::Turn,
};

/// The key in use is chosen anew after this.
const CHOSEN_MS: u64 = 60_000;
/// Keys of others kept in a room: more than a rotation a day and all concurrent ones leave behind until
/// they are deleted. Beyond that only those are taken that were asked for.
const KEYS_KEPT: usize = 256;
/// The last epoch, as the store holds it. Nobody comes near it by rotating, but whoever is hostile names it: from then
/// on every key has it, and ids decide among those that may be used.
const EPOCH_MAX: u64 = i64::MAX as u64;

impl Core {
    /// The key to seal content with; makes one if there is none, and gives it to every device of the
    /// view (protocol section 3.3, Send).
    pub(crate) fn usable_key(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<KeyId, Error> {
        let now = self.author_time(turn);
        let conversation = self.rooms.get_mut(&room).ok_or(Error::NotFound("room"))?;
        if let Some(chosen) = conversation.chosen
            && turn.now.mono < chosen.until
        {
            return Ok(chosen.key);
        }
        let view = conversation.control.view();
        let facts = conversation.facts_until(now);
        let found =
            rules::choose(&mut conversation.control, &facts, &view, now, &Rules::ALL).map(|key| key.id);
        let key = match found {
            Some(key) => key,
            None => self.make_key(turn, room)?,
        };
        if let Some(conversation) = self.rooms.get_mut(&room) {
            // Asked again every minute, and when the key has its rotation age; at once when the control
            // log changes.
            let created = conversation.keys.get(&key).map_or(0, |held| held.facts.created.millis());
            let oldest = created.saturating_add(rules::rotation_age_ms(conversation.devices.len()));
            let until = turn.now.mono.saturating_add(oldest.saturating_sub(now).min(CHOSEN_MS));
            conversation.chosen = Some(crate::conversation::Chosen { key, until });
        }
        Ok(key)
    }

    fn make_key(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<KeyId, Error> {
        // Not by the hybrid clock: that may be far ahead for good once the own clock was, and so would be every key.
        let created = Hlc::from_millis(self.author_time(turn));
        let me = self.me.device;
        let conversation = self.rooms.get_mut(&room).ok_or(Error::NotFound("room"))?;
        let view = conversation.control.view();
        let facts: Vec<_> = conversation.keys.values().map(|held| held.facts.clone()).collect();
        let route = conversation.route_to_take_over();
        let recipients: Vec<DeviceId> = rules::recipients(&view, &me)
            .into_keys()
            .filter(|device| self.directory.get(device).is_some_and(|d| d.bundle.is_some()))
            .collect();
        let heads: Vec<[u8; 32]> = view.heads().iter().map(|id| id.to_bytes()).collect();
        let mut given: Vec<[u8; 32]> = recipients.iter().map(|d| d.to_bytes()).collect();
        given.push(me.to_bytes());
        let encoded = new_key(
            &NewKey {
                conv: conversation.conv.to_bytes(),
                epoch: rules::next_epoch(&facts).min(EPOCH_MAX),
                basis: &heads,
                creator: me.to_bytes(),
                created_hlc: created.as_u64(),
                recipients: &given,
                route,
            },
            &mut os_rng(),
        );
        let held = hold(&encoded)?;
        let id = held.facts.id;
        self.keep_key(turn, room, held)?;
        for device in recipients {
            self.give_keys(turn, room, device, &[id])?;
        }
        Ok(id)
    }

    /// Stores a key and makes it ready: ring, topic, tags, relay log.
    pub(crate) fn keep_key(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        held: HeldKey,
    ) -> Result<bool, Error> {
        let id = held.facts.id;
        let Some(conversation) = self.rooms.get_mut(&room) else { return Ok(false) };
        if conversation.keys.contains_key(&id) {
            return Ok(false);
        }
        let kept = keys::EpochKey {
            id,
            epoch: held.facts.epoch,
            created_hlc: held.facts.created.as_u64(),
            creator: held.facts.creator,
            body: held.encoded.clone(),
            received_at: turn.now.wall,
            superseded_at: None,
        };
        keys::insert(turn.db, room, &kept)?;
        let fresh_route = !conversation.keys.values().any(|other| other.route == held.route);
        let route = held.seal.route().topic().to_owned();
        conversation.keys.insert(id, held);
        conversation.unchecked.insert(id);
        conversation.chosen = None;
        self.ring.set_room(room, conversation.seals());
        if fresh_route {
            if self.config.paths.gossip {
                turn.send(crate::effect::Send::Subscribe(route));
            }
            self.announce_everywhere(turn);
            self.route_is_new(turn, room);
        }
        self.check_keys(turn, room)?;
        Ok(true)
    }

    /// Keys of a room as they are shared, with its relays.
    fn share(&self, room: RoomRow, ids: &[KeyId]) -> Option<KeyShare> {
        let conversation = self.rooms.get(&room)?;
        let keys: Vec<Vec<u8>> =
            ids.iter().filter_map(|id| conversation.keys.get(id)).map(|held| held.encoded.clone()).collect();
        Some(KeyShare {
            keys,
            relays: self.relays_of_room(room),
            conv: conversation.conv.as_bytes().to_vec(),
        })
    }

    /// The current key of a room, for the first answer to a new friend.
    pub(crate) fn share_of(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
    ) -> Result<(KeyId, KeyShare), Error> {
        self.post_mirrors(turn, room)?;
        let key = self.usable_key(turn, room)?;
        Ok((key, self.share(room, &[key]).ok_or(Error::NotFound("room"))?))
    }

    /// Whether a device may be given a key that is held here (protocol section 3.3, Re-share).
    pub(crate) fn may_have(
        &mut self,
        room: RoomRow,
        key: &KeyId,
        device: &DeviceId,
    ) -> Result<(), rules::Denied> {
        let Some(conversation) = self.rooms.get_mut(&room) else { return Err(rules::Denied::NotADevice) };
        let Some(facts) = conversation.keys.get(key).map(|held| held.facts.clone()) else {
            return Err(rules::Denied::BasisNotSeen);
        };
        let view = conversation.control.view();
        match conversation.control.view_at(&facts.basis) {
            Some(basis) => rules::may_reshare(&facts, &basis, &view, device, &Rules::ALL),
            None => Err(rules::Denied::BasisNotSeen),
        }
    }

    /// Gives keys to a device through the lane.
    pub(crate) fn give_keys(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        device: DeviceId,
        ids: &[KeyId],
    ) -> Result<(), Error> {
        let Some(share) = self.share(room, ids) else { return Ok(()) };
        let name = ids.first().map_or_else(|| topic("keys", 0), |id| topic("keys", id));
        self.lane_send(turn, device, &name, LaneBody::Share(share))
    }

    /// Keys came through the lane. They count from a machine that a member has now; that it is in the view of the room
    /// cannot be asked for, the first keys come before the first mirror (protocol sections 3.3 and 5.3).
    pub(crate) fn key_share(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        share: &KeyShare,
    ) -> Result<(), Error> {
        let Ok(conv) = madang_model::ConvId::try_from(share.conv.as_slice()) else { return Ok(()) };
        let Some(room) = self.by_conv.get(&conv).copied() else { return Ok(()) };
        let from = self.directory.get(&device).and_then(|d| d.account);
        let member =
            from.is_some_and(|account| self.rooms.get(&room).is_some_and(|r| r.has_member(&account)));
        if !member || !self.is_active(turn.db, &device)? {
            return Ok(());
        }
        for encoded in &share.keys {
            let Ok(held) = hold(encoded) else { continue };
            if held.conv != conv || !self.admits_key(room, &held) {
                continue;
            }
            let id = held.facts.id;
            if self.keep_key(turn, room, held)? {
                self.unpark(turn, room, id)?;
            }
        }
        Ok(())
    }

    /// The key of a room that is in use, age aside: what is given to whoever lacks keys, and what control ops are sealed
    /// with.
    pub(crate) fn current_key(&mut self, turn: &Turn<'_>, room: RoomRow) -> Option<KeyId> {
        let now = self.author_time(turn);
        let conversation = self.rooms.get_mut(&room)?;
        let view = conversation.control.view();
        let facts = conversation.facts_until(now);
        rules::choose(&mut conversation.control, &facts, &view, 0, &Rules::AGE_ASIDE).map(|key| key.id)
    }

    /// Whether a key that somebody shares is taken: as long as there are few, or that was asked for. One of the future
    /// opens what its maker sealed with it as any other (protocol section 2.4).
    fn admits_key(&self, room: RoomRow, held: &HeldKey) -> bool {
        let Some(conversation) = self.rooms.get(&room) else { return false };
        let facts = &held.facts;
        let wanted = self.asking.awaits(room, &facts.id);
        let room_left = conversation.keys.len() < KEYS_KEPT || wanted;
        let taken = facts.epoch <= EPOCH_MAX && room_left;
        if !taken {
            tracing::debug!(key = %facts.id, creator = %facts.creator, "a key is not taken");
        }
        taken
    }

    /// A device asks for keys on a stream.
    pub(crate) fn key_request(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        device: DeviceId,
        ids: &[Vec<u8>],
    ) -> Result<(), Error> {
        for id in ids.iter().take(limits::REQUESTED_KEYS).filter_map(|id| KeyId::try_from(id.as_slice()).ok())
        {
            let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
            if !conversation.keys.contains_key(&id) {
                continue;
            }
            let conv = conversation.conv;
            let allowed = self.may_have(room, &id, &device);
            let row = self.directory.row(turn.db, &device, None)?;
            // An answer that lies in the future was given before the clock was set back.
            let answered = keys::shared_at(turn.db, &id, row)?.filter(|at| *at <= turn.now.wall);
            if answered.is_some_and(|at| turn.now.wall.saturating_sub(at) < KEY_ANSWER_PAUSE_MS) {
                continue;
            }
            keys::shared(turn.db, &id, row, turn.now.wall)?;
            match allowed {
                Ok(()) => self.give_keys(turn, room, device, &[id])?,
                Err(denied) => {
                    let denied = KeyDenied {
                        conv: conv.as_bytes().to_vec(),
                        key_id: id.as_bytes().to_vec(),
                        before_you: denied.before_you(),
                    };
                    self.lane_send(turn, device, &topic("denied", id), LaneBody::Denied(denied))?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn key_request_in_lane(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        request: &KeyRequest,
    ) -> Result<(), Error> {
        let conv = madang_model::ConvId::try_from(request.conv.as_slice()).ok();
        match conv.and_then(|conv| self.by_conv.get(&conv).copied()) {
            Some(room) => self.key_request(turn, room, device, &request.key_ids),
            None => Ok(()),
        }
    }

    /// A holder that was asked refuses: frames of a key from before our Add are dropped silently. In self
    /// and 1:1 there is no Add, so nothing is from before it.
    pub(crate) fn key_denied(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        denied: &KeyDenied,
    ) -> Result<(), Error> {
        let conv = madang_model::ConvId::try_from(denied.conv.as_slice()).ok();
        let (Some(room), Ok(key)) = (
            conv.and_then(|conv| self.by_conv.get(&conv).copied()),
            KeyId::try_from(denied.key_id.as_slice()),
        ) else {
            return Ok(());
        };
        if !self.asking.was_asked(room, &key, &device) {
            tracing::debug!(from = %device, %key, "a refusal that nobody asked for");
            return Ok(());
        }
        let members = self.rooms.get(&room).map(|r| r.control.conversation());
        if denied.before_you && members == Some(Members::Room) {
            parked::drop_frames(turn.db, room, &key)?;
        }
        Ok(())
    }

    /// A stream of a room is open: it is asked before the lane.
    pub(crate) fn keys_may_be_asked(&mut self, turn: &Turn<'_>, room: RoomRow) {
        if self.asking.is_waiting(room) {
            self.timers.set(Due::AskKeys(room), turn.now.mono);
        }
    }

    /// Asks for the keys of parked frames (protocol section 3.3, Ask).
    pub(crate) fn ask_keys(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
        let conv = conversation.conv.as_bytes().to_vec();
        let mut unknown = parked::unknown_keys_of(turn.db, room)?;
        unknown.retain(|id| !conversation.keys.contains_key(id));
        let connected: Vec<DeviceId> = self
            .peers_in(room)
            .iter()
            .filter_map(|peer| self.peers.get(peer))
            .map(|link| link.device)
            .collect();
        let lane = self.likely_holders(room);
        let holders = Holders { connected: &connected, lane: &lane };
        let jitter = self.key_jitter();
        let (requests, next) = self.asking.step(room, &unknown, holders, (turn.now.mono, jitter));
        if let Some(at) = next.filter(|_| !unknown.is_empty()) {
            self.timers.set(Due::AskKeys(room), at.max(turn.now.mono.saturating_add(1)));
        }
        for (request, ids) in requests {
            for ids in ids.chunks(limits::REQUESTED_KEYS) {
                let key_ids = ids.iter().map(|id| id.as_bytes().to_vec()).collect();
                match &request {
                    Request::Stream(device) => self.ask_on_stream(turn, room, device, key_ids),
                    Request::Lane(device) => {
                        let first = ids.first().map(ToString::to_string).unwrap_or_default();
                        let body = LaneBody::Request(KeyRequest { conv: conv.clone(), key_ids });
                        self.lane_send(turn, *device, &topic("ask", first), body)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn ask_on_stream(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        device: &DeviceId,
        key_ids: Vec<Vec<u8>>,
    ) {
        let Some(peer) = self.peer_of(device) else { return };
        let tag = self.peers.get(&peer).and_then(|link| link.open.get(&room)).map(|tag| tag.to_vec());
        if let Some(tag) = tag {
            self.frame(turn, peer, StreamBody::KeyRequest(StreamKeyRequest { tag, key_ids }));
        }
    }

    /// Devices of the members in the order in which they are asked: the maker of the newest key, then
    /// admins, then all others.
    fn likely_holders(&mut self, room: RoomRow) -> Vec<DeviceId> {
        let me = self.me.device;
        let Some(conversation) = self.rooms.get_mut(&room) else { return Vec::new() };
        let view = conversation.control.view();
        let newest = conversation.keys.values().max_by_key(|held| held.facts.rank());
        let maker = newest.map(|held| held.facts.creator);
        let mut holders: Vec<DeviceId> = conversation.recipient_devices(&me);
        holders.sort_by_key(|device| {
            let admin = view
                .account_of(device)
                .and_then(|account| view.role(&account))
                .is_some_and(|role| matches!(role, Role::Owner | Role::Admin));
            (Some(*device) != maker, !admin)
        });
        holders
    }

    fn key_jitter(&self) -> u64 {
        let random = self.random16();
        let number = random.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        number.checked_rem(KEY_ASK_JITTER_MS).unwrap_or(0)
    }

    /// Control heads as an op or a key names them.
    pub(crate) fn control_heads(&self, room: RoomRow) -> Vec<OpId> {
        self.rooms.get(&room).map(|r| r.control.heads()).unwrap_or_default()
    }
}
