//! The sync stream with each connected device: hello, which conversations both follow, and
//! acknowledgements (protocol section 9.1).
//!
//! Invariant: a conversation is named to a peer only by a tag of a route that both sides follow.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use madang_model::{AccountId, DeviceId, OpId, limits::HOUR_MS};
use madang_p2p::PeerId;
use madang_store::RoomRow;
use madang_wire::{
    ConvOpen, Heads, Message as _, Sealed, StreamBody, StreamFrame, StreamHello, Upto, limits,
};

use crate::{core::Core, effect::Send, error::Error, flight::Flight, ring::Tag, timer::Due, turn::Turn};

/// Bytes of sealed frames in one `Ops`, below the 64 KiB of a stream frame.
const OPS_BYTES: usize = 60 * 1024;
/// Reconcile again so often while connected (protocol section 9.2).
const RECONCILE_EVERY_MS: u64 = 10 * 60 * 1000;
/// When a device was last alive is written this often.
const HEARD_EVERY_MS: u64 = HOUR_MS;

/// A connected, known peer.
#[derive(Debug)]
pub(crate) struct PeerLink {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    pub(crate) relayed: bool,
    pub(crate) rtt_ms: Option<u32>,
    /// Since when it is connected, ms since 1970.
    pub(crate) since: u64,
    /// Whether this side opened the stream.
    opener: bool,
    /// Our nonce of this stream.
    nonce: [u8; 16],
    /// Whether the peer has said hello.
    greeted: bool,
    /// Our tags on this stream.
    tags: BTreeMap<Tag, RoomRow>,
    /// Tags the peer announced that we do not know (yet).
    unmatched: BTreeSet<Tag>,
    /// Rooms both sides follow, with the tag to use.
    pub(crate) open: BTreeMap<RoomRow, Tag>,
    /// Highest own sequence number sent on this stream, per room.
    pub(crate) streamed: BTreeMap<RoomRow, u64>,
    /// Highest own sequence number published on gossip since this peer came, per room.
    pub(crate) published: BTreeMap<RoomRow, u64>,
    /// Acknowledged part of the own line and when it last grew, per room.
    pub(crate) progress: BTreeMap<RoomRow, (u64, u64)>,
    /// Accounts whose logs were asked for, with the frames of the answer that are still taken.
    pub(crate) asked_accounts: BTreeMap<AccountId, u32>,
    /// Bytes of own ops sent on this stream and not acknowledged.
    pub(crate) flight: Flight,
    /// Their nonce.
    their_nonce: [u8; 16],
}

impl PeerLink {
    /// A stream with a machine on which nothing has been said yet.
    fn new(account: AccountId, device: DeviceId) -> Self {
        Self {
            account,
            device,
            relayed: false,
            rtt_ms: None,
            since: 0,
            opener: false,
            nonce: [0; 16],
            greeted: false,
            tags: BTreeMap::new(),
            unmatched: BTreeSet::new(),
            open: BTreeMap::new(),
            streamed: BTreeMap::new(),
            published: BTreeMap::new(),
            progress: BTreeMap::new(),
            asked_accounts: BTreeMap::new(),
            flight: Flight::default(),
            their_nonce: [0; 16],
        }
    }

    /// A stream with a machine that follows a room.
    #[cfg(test)]
    pub(crate) fn open(account: AccountId, device: DeviceId, room: RoomRow) -> Self {
        let open = BTreeMap::from([(room, Tag::default())]);
        Self { greeted: true, open, ..Self::new(account, device) }
    }
}

impl Core {
    /// The stream with a peer is ready; `opener` and `nonce` say who opened it and what our hello named. The peer's
    /// hello is its first frame, which the transport has checked.
    pub(crate) fn peer_up(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        relayed: bool,
        (opener, nonce): (bool, [u8; 16]),
    ) -> Result<(), Error> {
        let Some((device, account)) = self.directory.of_peer(&peer) else {
            // Known a moment ago, forgotten meanwhile.
            turn.send(Send::ForgetPeer(peer));
            return Ok(());
        };
        let link =
            PeerLink { relayed, since: turn.now.wall, opener, nonce, ..PeerLink::new(account, device) };
        self.close_peer(turn, peer);
        self.peers.insert(peer, link);
        turn.status_changed = true;
        self.resend_lane(turn, device)
    }

    pub(crate) fn peer_down(&mut self, turn: &mut Turn<'_>, peer: PeerId) -> Result<(), Error> {
        if let Some(link) = self.close_peer(turn, peer) {
            self.clock_gone(turn, crate::time::Reference::Peer(peer));
            let row = self.directory.row(turn.db, &link.device, None)?;
            madang_store::devices::seen(turn.db, row, turn.now.wall)?;
            // What this device has not acknowledged must go another way now.
            for room in link.open.keys() {
                self.timers.set(Due::RelayOps(*room), turn.now.mono);
            }
        }
        Ok(())
    }

    /// A device was alive at `at`, ms since 1970. Written once an hour: a gap waits for it 30 days.
    pub(crate) fn heard_of(&mut self, turn: &mut Turn<'_>, device: &DeviceId, at: u64) -> Result<(), Error> {
        if let Some(account) = self.directory.get(device).and_then(|known| known.account) {
            self.takes_again(turn, &account)?;
        }
        let at = at.min(turn.now.wall);
        let before = self.heard.get(device).copied().unwrap_or(0);
        if at < before.saturating_add(HEARD_EVERY_MS) {
            return Ok(());
        }
        let row = self.directory.row(turn.db, device, None)?;
        madang_store::devices::seen(turn.db, row, at)?;
        self.heard.insert(*device, at);
        Ok(())
    }

    fn close_peer(&mut self, turn: &mut Turn<'_>, peer: PeerId) -> Option<PeerLink> {
        let link = self.peers.remove(&peer)?;
        self.ring.forget_peer(&peer);
        self.timers.cancel(|due| matches!(due, Due::Reconcile(p, _) if *p == peer));
        self.repair.forget_peer(&peer);
        turn.status_changed = true;
        Some(link)
    }

    /// Queues a frame for a peer.
    pub(crate) fn frame(&mut self, turn: &mut Turn<'_>, peer: PeerId, body: StreamBody) {
        self.next_frame = self.next_frame.wrapping_add(1);
        let frame = StreamFrame { id: self.next_frame, body: Some(body) };
        turn.send(Send::Frame { peer, frame: Bytes::from(frame.encode_to_vec()) });
    }

    pub(crate) fn stream_frame(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        body: StreamBody,
    ) -> Result<(), Error> {
        let Some(link) = self.peers.get(&peer) else { return Ok(()) };
        let device = link.device;
        self.heard_of(turn, &device, turn.now.wall)?;
        match body {
            StreamBody::Hello(hello) => self.stream_hello(turn, peer, &hello),
            StreamBody::Open(open) => self.stream_open(turn, peer, &open)?,
            StreamBody::Heads(heads) => self.stream_heads(turn, peer, &heads)?,
            StreamBody::Lane(envelope) => drop(self.envelope(turn, &envelope, Some(peer))?),
            StreamBody::KeyRequest(request) => {
                if let Some(room) = self.room_of_tag(peer, &request.tag) {
                    self.key_request(turn, room, device, &request.key_ids)?;
                }
            }
            StreamBody::AccountGet(get) => self.account_get(turn, peer, &get)?,
            StreamBody::Account(ops) => self.account_ops(turn, peer, &ops.account, &ops.ops)?,
            StreamBody::Err(error) => tracing::debug!(%peer, code = error.code, "peer reports an error"),
            // Ops were taken out by the listener, which opens them on the pool.
            StreamBody::Ops(_) => {}
            other => self.repair_frame(turn, peer, other)?,
        }
        Ok(())
    }

    fn stream_hello(&mut self, turn: &mut Turn<'_>, peer: PeerId, hello: &StreamHello) {
        let Ok(nonce) = <[u8; 16]>::try_from(hello.nonce.as_slice()) else { return };
        if self.peers.get(&peer).is_none_or(|link| link.greeted) {
            // One hello per stream: with each new nonce come new tags of every room.
            tracing::debug!(%peer, "a second hello is ignored");
            return;
        }
        self.clock_sample(turn, crate::time::Reference::Peer(peer), hello.now);
        if let Some(link) = self.peers.get_mut(&peer) {
            link.greeted = true;
            link.their_nonce = nonce;
        }
        self.announce_rooms(turn, peer);
    }

    /// Tells a peer the tags of every route we follow in rooms shared with its account. Called again
    /// when a room or route is new.
    pub(crate) fn announce_rooms(&mut self, turn: &mut Turn<'_>, peer: PeerId) {
        let Some(link) = self.peers.get(&peer).filter(|link| link.greeted) else { return };
        let (account, mine, theirs) = (link.account, link.nonce, link.their_nonce);
        let (opener, accepter) = if link.opener { (mine, theirs) } else { (theirs, mine) };
        let mut fresh = Vec::new();
        for (row, room) in &self.rooms {
            if !room.has_member(&account) {
                continue;
            }
            for route in room.routes() {
                let tag = route.tag(&opener, &accepter);
                if !link.tags.contains_key(&tag) {
                    fresh.push((tag, *row));
                }
            }
        }
        if fresh.is_empty() {
            return;
        }
        let mut matched = Vec::new();
        if let Some(link) = self.peers.get_mut(&peer) {
            for (tag, row) in &fresh {
                link.tags.insert(*tag, *row);
                if link.unmatched.remove(tag) {
                    matched.push((*tag, *row));
                }
            }
        }
        for chunk in fresh.chunks(limits::OPEN_TAGS) {
            let tags = chunk.iter().map(|(tag, _)| tag.to_vec()).collect();
            self.frame(turn, peer, StreamBody::Open(ConvOpen { tags }));
        }
        for (tag, row) in fresh {
            self.ring.add_tag(peer, tag, row);
        }
        for (tag, row) in matched {
            self.open_room(turn, peer, row, tag);
        }
    }

    /// Announces rooms to every connected peer: a room or a route is new.
    pub(crate) fn announce_everywhere(&mut self, turn: &mut Turn<'_>) {
        let peers: Vec<PeerId> = self.peers.keys().copied().collect();
        for peer in peers {
            self.announce_rooms(turn, peer);
        }
    }

    fn stream_open(&mut self, turn: &mut Turn<'_>, peer: PeerId, open: &ConvOpen) -> Result<(), Error> {
        for tag in &open.tags {
            let Ok(tag) = Tag::try_from(tag.as_slice()) else { continue };
            let Some(link) = self.peers.get_mut(&peer) else { return Ok(()) };
            match link.tags.get(&tag).copied() {
                Some(room) => self.open_room(turn, peer, room, tag),
                None if link.unmatched.len() < limits::OPEN_TAGS => {
                    link.unmatched.insert(tag);
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Both sides follow the room: acknowledge, hand over what is missing there, reconcile.
    fn open_room(&mut self, turn: &mut Turn<'_>, peer: PeerId, room: RoomRow, tag: Tag) {
        let Some(link) = self.peers.get_mut(&peer) else { return };
        if link.open.insert(room, tag).is_some() {
            return;
        }
        self.send_heads(turn, peer, room, None);
        self.timers.set(Due::StreamOps(room), turn.now.mono);
        self.timers.set(Due::Reconcile(peer, room), turn.now.mono);
        self.registers_opened(turn, peer, room);
        self.keys_may_be_asked(turn, room);
    }

    /// Sends what is committed here: of `authors`, or of all when none.
    pub(crate) fn send_heads(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
        authors: Option<&BTreeSet<DeviceId>>,
    ) {
        let Some(tag) = self.peers.get(&peer).and_then(|link| link.open.get(&room)).copied() else { return };
        let Some(conversation) = self.rooms.get(&room) else { return };
        let lines =
            conversation.lines.iter().filter(|(author, _)| authors.is_none_or(|a| a.contains(*author)));
        let (mut upto, mut also) = (Vec::new(), Vec::new());
        for (author, line) in lines {
            upto.push(Upto { author: author.as_bytes().to_vec(), seq: line.upto });
            also.extend(line.beyond.values().map(|id| id.as_bytes().to_vec()));
        }
        also.truncate(limits::HEADS_ALSO);
        let mut chunks = upto.chunks(limits::HEADS_UPTO).map(<[Upto]>::to_vec).collect::<Vec<_>>();
        if chunks.is_empty() {
            chunks.push(Vec::new());
        }
        for upto in chunks {
            let heads = Heads { tag: tag.to_vec(), upto, also: std::mem::take(&mut also) };
            self.frame(turn, peer, StreamBody::Heads(heads));
        }
    }

    fn stream_heads(&mut self, turn: &mut Turn<'_>, peer: PeerId, heads: &Heads) -> Result<(), Error> {
        let Some(room) = self.room_of_tag(peer, &heads.tag) else { return Ok(()) };
        let Some(link) = self.peers.get(&peer) else { return Ok(()) };
        let device = link.device;
        let upto: Vec<(DeviceId, u64)> = heads
            .upto
            .iter()
            .filter_map(|u| Some((DeviceId::try_from(u.author.as_slice()).ok()?, u.seq)))
            .collect();
        let also: Vec<OpId> = heads.also.iter().filter_map(|id| OpId::try_from(id.as_slice()).ok()).collect();
        self.acknowledged_beyond(turn, room, device, &upto, &also)?;
        self.acknowledged(turn, room, device, &upto, Some(peer))
    }

    /// The room that a tag of this peer names, if both sides have opened it.
    pub(crate) fn room_of_tag(&self, peer: PeerId, tag: &[u8]) -> Option<RoomRow> {
        let tag = Tag::try_from(tag).ok()?;
        self.peers.get(&peer)?.tags.get(&tag).copied()
    }

    /// Peers that follow a room.
    pub(crate) fn peers_in(&self, room: RoomRow) -> Vec<PeerId> {
        self.peers.iter().filter(|(_, link)| link.open.contains_key(&room)).map(|(peer, _)| *peer).collect()
    }

    /// The connected peer of a device.
    pub(crate) fn peer_of(&self, device: &DeviceId) -> Option<PeerId> {
        self.peers.iter().find(|(_, link)| link.device == *device).map(|(peer, _)| *peer)
    }

    /// Sends sealed frames on the stream, packed into as few `Ops` as fit.
    pub(crate) fn send_ops(&mut self, turn: &mut Turn<'_>, peer: PeerId, room: RoomRow, sealed: Vec<Sealed>) {
        let Some(tag) = self.peers.get(&peer).and_then(|link| link.open.get(&room)).copied() else { return };
        let mut batch = Vec::new();
        let mut bytes = 0_usize;
        for one in sealed {
            let len = one.encoded_len().saturating_add(4);
            if !batch.is_empty()
                && (bytes.saturating_add(len) > OPS_BYTES || batch.len() >= limits::OPS_SEALED)
            {
                let ops = madang_wire::Ops { tag: tag.to_vec(), sealed: std::mem::take(&mut batch) };
                self.frame(turn, peer, StreamBody::Ops(ops));
                bytes = 0;
            }
            bytes = bytes.saturating_add(len);
            batch.push(one);
        }
        if !batch.is_empty() {
            self.frame(turn, peer, StreamBody::Ops(madang_wire::Ops { tag: tag.to_vec(), sealed: batch }));
        }
    }

    /// Sets the next regular reconciliation.
    pub(crate) fn reconcile_later(&mut self, turn: &Turn<'_>, peer: PeerId, room: RoomRow) {
        self.timers.set(Due::Reconcile(peer, room), turn.now.mono.saturating_add(RECONCILE_EVERY_MS));
    }
}
