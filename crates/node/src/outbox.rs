//! The outbox: own ops on their way to every recipient device, over gossip, stream and relay
//! (protocol section 9.3). Each path carries alone; copies are dropped by whoever has the op.
//!
//! Invariants: an op is sealed once and every path carries the same bytes; an op leaves the outbox
//! only when every recipient device has acknowledged it; a successful `publish` means nothing.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use madang_model::{DeviceId, OpId};
use madang_p2p::PeerId;
use madang_store::{RoomRow, acks, frames, lines, ops};
use madang_wire::{Sealed, limits};

use crate::{
    conversation::Conversation, core::Core, effect::Send, error::Error, event::Event, timer::Due, times,
    turn::Turn, view,
};

/// A connected device has so long to acknowledge what gossip carried (protocol section 9.3).
const STREAM_AFTER_MS: u64 = 300;
/// Then the relay log takes it (protocol section 9.3).
const RELAY_AFTER_MS: u64 = 1_500;
/// More ops than this in one turn go over the stream, never over gossip (protocol section 9.3).
const GOSSIP_BURST: usize = 16;
/// Rooms with more devices, this one among them, write the relay log at once (protocol section 9.3).
const RELAY_AT_ONCE_DEVICES: usize = 8;
/// Ops that may be on a stream without acknowledgement: more would only fill queues.
const STREAM_WINDOW: u64 = 2_048;
/// Sealed bytes that may be on a stream without acknowledgement: a quarter of its queue.
pub(crate) const STREAM_BYTES: usize = 4 * 1024 * 1024;
/// Frames read from the store at a time.
const STREAM_PAGE: usize = 64;
/// Sent again on a stream that still lives when no acknowledgement came for so long.
const STREAM_RETRY_MS: u64 = 15_000;
/// No line is longer: what is above has no place in the store.
const SEQ_MAX: u64 = i64::MAX as u64;
/// Events name at most so many messages; more means the whole room.
const NAMED_MESSAGES: usize = 64;

/// An own op of this turn, sealed.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) seq: u64,
    pub(crate) sealed: Sealed,
    pub(crate) bytes: Bytes,
}

impl Core {
    /// Puts the own ops of a turn on the live paths and sets the timers for the others.
    pub(crate) fn carry(&mut self, turn: &mut Turn<'_>, outgoing: BTreeMap<RoomRow, Vec<Outgoing>>) {
        for (room, ops) in outgoing {
            let Some(conversation) = self.rooms.get(&room) else { continue };
            let recipients = conversation.recipient_devices(&self.me.device);
            if recipients.is_empty() {
                continue;
            }
            let connected = self.peers_in(room);
            let few_devices = conversation.devices.len() <= RELAY_AT_ONCE_DEVICES;
            // Each on the topic of the key it is sealed with: a control op may go under an older one.
            let topics: Vec<Option<String>> =
                ops.iter().map(|op| topic_of(conversation, &op.sealed)).collect();
            let small = ops.iter().all(|op| op.bytes.len() <= limits::GOSSIP_BYTES);
            if ops.len() <= GOSSIP_BURST && small && self.config.paths.gossip && !connected.is_empty() {
                let last = ops.last().map_or(0, |op| op.seq);
                for link in self.peers.values_mut() {
                    link.published.insert(room, last);
                }
                for (op, topic) in ops.into_iter().zip(topics) {
                    if let Some(topic) = topic {
                        turn.send(Send::Publish { topic, data: op.bytes });
                    }
                }
                self.timers.set(Due::StreamOps(room), turn.now.mono.saturating_add(STREAM_AFTER_MS));
            } else {
                self.stream_outgoing(turn, room, &connected, ops);
            }
            let everybody_connected = recipients.iter().all(|device| {
                connected.iter().any(|p| self.peers.get(p).is_some_and(|l| l.device == *device))
            });
            let wait = if everybody_connected && few_devices { RELAY_AFTER_MS } else { 0 };
            self.timers.set(Due::RelayOps(room), turn.now.mono.saturating_add(wait));
        }
    }

    /// Streams what this turn made to every peer that has all before it; others get it by the timer,
    /// in order.
    fn stream_outgoing(&mut self, turn: &mut Turn<'_>, room: RoomRow, peers: &[PeerId], ops: Vec<Outgoing>) {
        let (Some(first), Some(last)) = (ops.first().map(|op| op.seq), ops.last().map(|op| op.seq)) else {
            return;
        };
        if self.config.paths.stream {
            for peer in peers {
                let Some(link) = self.peers.get(peer) else { continue };
                let sent = link.streamed.get(&room).copied().unwrap_or(0);
                let acked = self.own_upto(room, &link.device);
                let in_flight = last.saturating_sub(acked);
                let bytes: usize = ops.iter().map(|op| op.bytes.len()).sum();
                let fits = link.flight.bytes().saturating_add(bytes) <= STREAM_BYTES;
                if sent.max(acked).saturating_add(1) >= first && in_flight <= STREAM_WINDOW && fits {
                    let sealed = ops.iter().map(|op| op.sealed.clone()).collect();
                    self.send_ops(turn, *peer, room, sealed);
                    if let Some(link) = self.peers.get_mut(peer) {
                        link.streamed.insert(room, last);
                        ops.iter().for_each(|op| link.flight.sent(room, op.seq, op.bytes.len()));
                    }
                }
            }
        }
        self.timers.set(Due::StreamOps(room), turn.now.mono.saturating_add(STREAM_AFTER_MS));
    }

    /// How far a device has acknowledged the own line of this machine.
    pub(crate) fn own_upto(&self, room: RoomRow, device: &DeviceId) -> u64 {
        self.rooms
            .get(&room)
            .and_then(|r| r.acks.get(device))
            .and_then(|a| a.upto.get(&self.me.device))
            .copied()
            .unwrap_or(0)
    }

    /// Sends over the stream what connected devices have not acknowledged.
    pub(crate) fn stream_due(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        if !self.config.paths.stream {
            return self.publish_due(turn, room);
        }
        let mut waiting = false;
        for peer in self.peers_in(room) {
            let Some(link) = self.peers.get(&peer) else { continue };
            let acked = self.own_upto(room, &link.device);
            let sent = link.streamed.get(&room).copied().unwrap_or(0).max(acked);
            let until = acked.saturating_add(STREAM_WINDOW);
            let own = self.rooms.get(&room).map_or(0, |r| r.own.seq);
            if sent >= until || sent >= own {
                waiting |= own > acked;
                continue;
            }
            self.stream_to(turn, peer, room, sent, until)?;
            waiting = true;
        }
        if waiting {
            self.timers.set(Due::StreamOps(room), turn.now.mono.saturating_add(STREAM_RETRY_MS));
            self.rewind_stalled(turn, room);
        }
        Ok(())
    }

    /// Sends frames behind `sent` to a peer, as many as its window takes, at least one page.
    fn stream_to(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
        mut sent: u64,
        until: u64,
    ) -> Result<(), Error> {
        while sent < until {
            let Some(link) = self.peers.get(&peer) else { return Ok(()) };
            if link.flight.of(room) > 0 && link.flight.bytes() >= STREAM_BYTES {
                break;
            }
            let left = usize::try_from(until.saturating_sub(sent)).unwrap_or(usize::MAX);
            let rows = frames::after(turn.db, room, sent, left.min(STREAM_PAGE))?;
            let Some(last) = rows.last().map(|row| row.seq) else { break };
            let also = self.rooms.get(&room).and_then(|r| r.acks.get(&link.device)).map(|ack| &ack.also);
            let rows: Vec<_> =
                rows.into_iter().filter(|row| also.is_none_or(|also| !also.contains(&row.id))).collect();
            let sealed =
                rows.iter().filter_map(|row| madang_wire::decode::<Sealed>(&row.body).ok()).collect();
            self.send_ops(turn, peer, room, sealed);
            if let Some(link) = self.peers.get_mut(&peer) {
                link.streamed.insert(room, last);
                rows.iter().for_each(|row| link.flight.sent(room, row.seq, row.body.len()));
            }
            sent = last;
        }
        Ok(())
    }

    /// Without streams gossip carries alone: what connected devices have not acknowledged is published, in order. That
    /// includes what was written while nobody was there to hear it; gossip itself drops what it has sent already.
    fn publish_due(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        let Some(conversation) = self.rooms.get(&room).filter(|_| self.config.paths.gossip) else {
            return Ok(());
        };
        let own = conversation.own.seq;
        let peers = self.peers_in(room);
        let acked = peers
            .iter()
            .filter_map(|peer| Some(self.own_upto(room, &self.peers.get(peer)?.device)))
            .min()
            .unwrap_or(own);
        if acked >= own {
            return Ok(());
        }
        for row in frames::after(turn.db, room, acked, GOSSIP_BURST)? {
            let topic = self.rooms.get(&room).and_then(|r| r.topic_of(&row.key));
            if let Some(topic) = topic.filter(|_| row.body.len() <= limits::GOSSIP_BYTES) {
                turn.send(Send::Publish { topic, data: Bytes::from(row.body) });
            }
        }
        self.timers.set(Due::StreamOps(room), turn.now.mono.saturating_add(STREAM_AFTER_MS));
        Ok(())
    }

    /// A live stream without any acknowledgement for long: start again behind the last one.
    fn rewind_stalled(&mut self, turn: &Turn<'_>, room: RoomRow) {
        let Some(conversation) = self.rooms.get(&room) else { return };
        for link in self.peers.values_mut().filter(|link| link.open.contains_key(&room)) {
            let acked = conversation
                .acks
                .get(&link.device)
                .and_then(|a| a.upto.get(&self.me.device))
                .copied()
                .unwrap_or(0);
            let (seen, since) = link.progress.entry(room).or_insert((acked, turn.now.mono));
            if acked > *seen {
                (*seen, *since) = (acked, turn.now.mono);
            } else if turn.now.mono.saturating_sub(*since) >= STREAM_RETRY_MS {
                *since = turn.now.mono;
                link.streamed.insert(room, acked);
                link.flight.forget(room);
            }
        }
    }

    /// A device says what it has committed; by `Heads` of a stream or by its register.
    pub(crate) fn acknowledged(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        device: DeviceId,
        upto: &[(DeviceId, u64)],
        stream: Option<PeerId>,
    ) -> Result<(), Error> {
        let me = self.me.device;
        let Some(conversation) = self.rooms.get_mut(&room) else { return Ok(()) };
        let own_top = conversation.own.seq;
        let mut rose = Vec::new();
        for (author, seq) in upto {
            // Only of authors whom this room has; whoever invents some finds no place for them.
            if !conversation.lines.contains_key(author) && !conversation.devices.contains_key(author) {
                continue;
            }
            // Nobody has what was not written.
            let seq = if *author == me { (*seq).min(own_top) } else { (*seq).min(SEQ_MAX) };
            let known = conversation.acks.entry(device).or_default().upto.entry(*author).or_insert(0);
            if seq > *known {
                rose.push((*author, std::mem::replace(known, seq), seq));
            }
        }
        let device_row = self.directory.row(turn.db, &device, None)?;
        for (author, _, seq) in &rose {
            let author_row = self.directory.row(turn.db, author, None)?;
            acks::raise(turn.db, room, device_row, author_row, *seq)?;
        }
        let own = rose.iter().find(|(author, ..)| *author == me).map(|(_, before, after)| (*before, *after));
        if let Some(peer) = stream {
            if let Some(link) = self.peers.get_mut(&peer) {
                link.flight.acked(room, own.map_or(0, |(_, after)| after));
            }
            // The window has moved on.
            if self.own_upto(room, &device) < own_top {
                let wait = if rose.is_empty() { STREAM_AFTER_MS } else { 0 };
                self.timers.set(Due::StreamOps(room), turn.now.mono.saturating_add(wait));
            }
        }
        if let Some((before, after)) = own {
            self.note_path(turn, device, room, after)?;
            times::note(turn.db, &times::committed_by(room, &device), after, turn.now.wall)?;
            self.delivered(turn, room, before.saturating_add(1), after)?;
        }
        Ok(())
    }

    /// A device says which ops it has beyond gaps, and of which authors that is all.
    pub(crate) fn acknowledged_beyond(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        device: DeviceId,
        listed: &[(DeviceId, u64)],
        also: &[OpId],
    ) -> Result<(), Error> {
        let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
        let known = conversation.acks.get(&device);
        let here = |author: &DeviceId| conversation.lines.contains_key(author);
        let mut lists: BTreeMap<DeviceId, BTreeSet<OpId>> = listed
            .iter()
            .map(|(author, _)| *author)
            .filter(here)
            .map(|author| (author, BTreeSet::new()))
            .collect();
        for id in also {
            if let Some(op) = ops::by_id(turn.db, id)?.filter(|op| op.room == room) {
                let kept = || known.map(|ack| ack.also.of(&op.author)).unwrap_or_default();
                lists.entry(op.author).or_insert_with(kept).insert(op.id);
            }
        }
        let mut own = Vec::new();
        for (author, mut ids) in lists {
            while ids.len() > limits::HEADS_ALSO {
                ids.pop_first();
            }
            let bytes: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
            let Some(conversation) = self.rooms.get_mut(&room) else { return Ok(()) };
            let ack = conversation.acks.entry(device).or_default();
            if author == self.me.device {
                own.extend(ids.iter().filter(|id| !ack.also.contains(id)).copied());
            }
            if ack.also.set(author, ids) {
                let device_row = self.directory.row(turn.db, &device, None)?;
                let author_row = self.directory.row(turn.db, &author, None)?;
                acks::set_also(turn.db, room, device_row, author_row, &bytes)?;
            }
        }
        if let Some(conversation) = self.rooms.get(&room).filter(|_| !own.is_empty()) {
            turn.emit(Event::Receipt { room: conversation.conv, messages: own });
        }
        Ok(())
    }

    /// Remembers by which path the newest message reached a device.
    fn note_path(
        &mut self,
        turn: &Turn<'_>,
        device: DeviceId,
        room: RoomRow,
        after: u64,
    ) -> Result<(), Error> {
        let carried = |sent: &BTreeMap<RoomRow, u64>| sent.get(&room).is_some_and(|upto| *upto >= after);
        let link = self.peers.values().find(|link| link.device == device);
        let live = match link {
            Some(link) if carried(&link.streamed) => Some((view::Path::Stream, "stream")),
            Some(link) if carried(&link.published) => Some((view::Path::Gossip, "gossip")),
            _ => None,
        };
        let path = match live {
            Some(path) => Some(path),
            None => {
                // Nothing of it left on a live path since this connection stands.
                let me = self.directory.row(turn.db, &self.me.device, None)?;
                let op = lines::range(turn.db, room, me, after, after, 1)?.pop();
                let relayed = match op {
                    Some(op) => frames::was_relayed(turn.db, op.row)?,
                    None => false,
                };
                if relayed {
                    Some((view::Path::Relay, "log"))
                } else {
                    link.map(|_| (view::Path::Stream, "repair"))
                }
            }
        };
        // Otherwise somebody else brought it: what was known of the device stays.
        if let Some(path) = path {
            self.paths.insert(device, path);
        }
        Ok(())
    }

    /// Own ops in this range reached a device: what everybody has leaves the outbox.
    fn delivered(&mut self, turn: &mut Turn<'_>, room: RoomRow, from: u64, to: u64) -> Result<(), Error> {
        let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
        let everywhere = conversation
            .recipient_devices(&self.me.device)
            .iter()
            .map(|device| self.own_upto(room, device))
            .min()
            .unwrap_or(0);
        let me = self.directory.row(turn.db, &self.me.device, None)?;
        frames::remove_covered(turn.db, room, me, everywhere)?;
        let count = to.saturating_sub(from).saturating_add(1);
        let messages = if count <= NAMED_MESSAGES as u64 {
            lines::range(turn.db, room, me, from, to, NAMED_MESSAGES)?.into_iter().map(|op| op.id).collect()
        } else {
            Vec::new()
        };
        let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
        turn.emit(Event::Receipt { room: conversation.conv, messages });
        Ok(())
    }
}

/// Topic of the key under which a frame is sealed.
fn topic_of(conversation: &Conversation, sealed: &Sealed) -> Option<String> {
    let key = madang_model::KeyId::try_from(sealed.key_id.as_slice()).ok()?;
    conversation.topic_of(&key)
}
