//! Key epochs of a conversation: which to use, when to make one, whom to give it (protocol section 3).
//! The decisions are `madang_model::keys`; this file holds the secrets and the traffic.
//!
//! Invariant: a key is stored before it is used and before it is shared.

use madang_crypto::{NewKey, new_key, os_rng};
use madang_model::{DeviceId, KeyId, OpId, keys as rules, keys::Rules};
use madang_store::{RoomRow, keys, parked};
use madang_wire::{KeyDenied, KeyRequest, KeyShare, LaneBody, StreamBody, StreamKeyRequest, limits};

use crate::{
    conversation::{HeldKey, hold},
    core::Core,
    error::Error,
    lane::topic,
    timer::Due,
    turn::Turn,
};

/// Holders answer at most once per key, device and hour (protocol section 3.3).
const ANSWER_EVERY_MS: u64 = 60 * 60 * 1000;
/// A missing key is asked for again after this.
const ASK_AGAIN_MS: u64 = 30_000;
/// Unknown keys asked for per conversation and hour (protocol section 3.3).
const ASKED_PER_HOUR: u64 = 10;

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
        let facts: Vec<_> = conversation.keys.values().map(|held| held.facts.clone()).collect();
        let found =
            rules::choose(&mut conversation.control, &facts, &view, now, &Rules::ALL).map(|key| key.id);
        let key = match found {
            Some(key) => key,
            None => self.make_key(turn, room)?,
        };
        if let Some(conversation) = self.rooms.get_mut(&room) {
            // Asked again every minute for the rotation age; at once when the control log changes.
            let until = turn.now.mono.saturating_add(60_000);
            conversation.chosen = Some(crate::conversation::Chosen { key, until });
        }
        Ok(key)
    }

    fn make_key(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<KeyId, Error> {
        let created = self.clock.tick(self.author_time(turn));
        let me = self.me.device;
        let conversation = self.rooms.get_mut(&room).ok_or(Error::NotFound("room"))?;
        let view = conversation.control.view();
        let facts: Vec<_> = conversation.keys.values().map(|held| held.facts.clone()).collect();
        let highest = conversation.keys.values().max_by_key(|held| held.facts.rank());
        let (route, basis) = (highest.map(|h| h.route), highest.map(|h| h.facts.basis.clone()));
        let basis = basis.and_then(|heads| conversation.control.view_at(&heads));
        let route = route.filter(|_| !rules::needs_new_route(basis.as_deref(), &view));
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
                epoch: rules::next_epoch(&facts),
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
        conversation.chosen = None;
        self.ring.set_room(room, conversation.seals());
        if fresh_route {
            if self.config.paths.gossip {
                turn.send(crate::effect::Send::Subscribe(route));
            }
            self.announce_everywhere(turn);
            self.route_is_new(turn, room);
        }
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
    pub(crate) fn share_of(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<KeyShare, Error> {
        self.post_mirrors(turn, room)?;
        let key = self.usable_key(turn, room)?;
        self.share(room, &[key]).ok_or(Error::NotFound("room"))
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

    /// Keys came through the lane.
    pub(crate) fn key_share(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        share: &KeyShare,
    ) -> Result<(), Error> {
        let Ok(conv) = madang_model::ConvId::try_from(share.conv.as_slice()) else { return Ok(()) };
        let Some(room) = self.by_conv.get(&conv).copied() else { return Ok(()) };
        let from = self.directory.get(&device).and_then(|d| d.account);
        if !from.is_some_and(|account| self.rooms.get(&room).is_some_and(|r| r.has_member(&account))) {
            return Ok(());
        }
        for encoded in &share.keys {
            let Ok(held) = hold(encoded) else { continue };
            if held.conv != conv {
                continue;
            }
            let id = held.facts.id;
            if self.keep_key(turn, room, held)? {
                keys::forget_ask(turn.db, &id)?;
                self.unpark(turn, room, id)?;
            }
        }
        Ok(())
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
            let row = self.directory.row(turn.db, &device, None)?;
            if keys::shared_at(turn.db, &id, row)?
                .is_some_and(|at| turn.now.wall.saturating_sub(at) < ANSWER_EVERY_MS)
            {
                continue;
            }
            let Some(conversation) = self.rooms.get_mut(&room) else { return Ok(()) };
            let Some(held) = conversation.keys.get(&id) else { continue };
            let (facts, conv) = (held.facts.clone(), conversation.conv);
            let view = conversation.control.view();
            let Some(basis) = conversation.control.view_at(&facts.basis) else { continue };
            keys::shared(turn.db, &id, row, turn.now.wall)?;
            match rules::may_reshare(&facts, &basis, &view, &device, &Rules::ALL) {
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

    /// A holder refuses: frames of a key from before our Add are dropped silently.
    pub(crate) fn key_denied(&mut self, turn: &mut Turn<'_>, denied: &KeyDenied) -> Result<(), Error> {
        let conv = madang_model::ConvId::try_from(denied.conv.as_slice()).ok();
        let (Some(room), Ok(key)) = (
            conv.and_then(|conv| self.by_conv.get(&conv).copied()),
            KeyId::try_from(denied.key_id.as_slice()),
        ) else {
            return Ok(());
        };
        if denied.before_you {
            parked::drop_frames(turn.db, room, &key)?;
            keys::forget_ask(turn.db, &key)?;
        }
        Ok(())
    }

    /// Asks for the keys of parked frames: on open streams first, else in the lane (protocol section
    /// 3.3, Ask).
    pub(crate) fn ask_keys(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        let mut asked = Vec::new();
        let mut waiting = false;
        for (_, id, _) in parked::unknown_keys(turn.db)?.into_iter().filter(|(row, _, _)| *row == room) {
            let known = self.rooms.get(&room).is_some_and(|r| r.keys.contains_key(&id));
            let before = keys::ask(turn.db, &id)?;
            let fresh = keys::asked_since(turn.db, room, turn.now.wall.saturating_sub(ANSWER_EVERY_MS))?;
            waiting |= !known;
            // At most 10 unknown keys per conversation and hour (protocol section 3.3).
            if known || asked.len() >= limits::REQUESTED_KEYS || (before.is_none() && fresh >= ASKED_PER_HOUR)
            {
                continue;
            }
            if before.is_none_or(|ask| turn.now.wall.saturating_sub(ask.asked_at) >= ASK_AGAIN_MS) {
                keys::asked(turn.db, room, &id, turn.now.wall)?;
                asked.push(id.as_bytes().to_vec());
            }
        }
        if waiting {
            self.timers.set(Due::AskKeys(room), turn.now.mono.saturating_add(ASK_AGAIN_MS));
        }
        if asked.is_empty() {
            return Ok(());
        }
        if let Some(peer) = self.peers_in(room).first().copied()
            && let Some(tag) = self.peers.get(&peer).and_then(|link| link.open.get(&room))
        {
            let request = StreamKeyRequest { tag: tag.to_vec(), key_ids: asked };
            self.frame(turn, peer, StreamBody::KeyRequest(request));
            return Ok(());
        }
        let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
        let conv = conversation.conv.as_bytes().to_vec();
        let holder = conversation
            .keys
            .values()
            .max_by_key(|held| held.facts.rank())
            .map(|held| held.facts.creator)
            .filter(|creator| *creator != self.me.device)
            .or_else(|| conversation.recipient_devices(&self.me.device).first().copied());
        if let Some(holder) = holder {
            let request = KeyRequest { conv, key_ids: asked };
            self.lane_send(turn, holder, &topic("ask", room.0), LaneBody::Request(request))?;
        }
        Ok(())
    }

    /// Control heads as an op or a key names them.
    pub(crate) fn control_heads(&self, room: RoomRow) -> Vec<OpId> {
        self.rooms.get(&room).map(|r| r.control.heads()).unwrap_or_default()
    }
}
