//! The outbox: own ops on their way to every recipient device, over gossip, stream and relay
//! (protocol section 9.3). Each path carries alone; copies are dropped by whoever has the op.
//!
//! Invariants: an op is sealed once and every path carries the same bytes; an op leaves the outbox
//! only when every recipient device has acknowledged it; a successful `publish` means nothing.

use std::collections::BTreeMap;

use bytes::Bytes;
use madang_model::{DeviceId, OpId};
use madang_p2p::PeerId;
use madang_store::{RoomRow, acks, frames, lines};
use madang_wire::{Sealed, limits};

use crate::{core::Core, effect::Send, error::Error, event::Event, timer::Due, turn::Turn, view};

/// A connected device has so long to acknowledge what gossip carried (protocol section 9.3).
const STREAM_AFTER_MS: u64 = 300;
/// Then the relay log takes it (protocol section 9.3).
const RELAY_AFTER_MS: u64 = 1_500;
/// More ops than this in one turn go over the stream, never over gossip (protocol section 9.3).
const GOSSIP_BURST: usize = 16;
/// Rooms with more devices write the relay log at once (protocol section 9.3).
const RELAY_AT_ONCE_DEVICES: usize = 8;
/// Ops that may be on a stream without acknowledgement: more would only fill queues.
const STREAM_WINDOW: u64 = 2_048;
/// Sent again on a stream that still lives when no acknowledgement came for so long.
const STREAM_RETRY_MS: u64 = 15_000;
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
            let topic = conversation.current_topic();
            let small = ops.iter().all(|op| op.bytes.len() <= limits::GOSSIP_BYTES);
            if ops.len() <= GOSSIP_BURST && small && self.config.paths.gossip && !connected.is_empty() {
                if let Some(topic) = topic {
                    let last = ops.last().map_or(0, |op| op.seq);
                    for link in self.peers.values_mut() {
                        link.published.insert(room, last);
                    }
                    for op in ops {
                        turn.send(Send::Publish { topic: topic.clone(), data: op.bytes });
                    }
                }
                self.timers.set(Due::StreamOps(room), turn.now.mono.saturating_add(STREAM_AFTER_MS));
            } else {
                self.stream_outgoing(turn, room, &connected, ops);
            }
            let everybody_connected = recipients.iter().all(|device| {
                connected.iter().any(|p| self.peers.get(p).is_some_and(|l| l.device == *device))
            });
            let wait = if everybody_connected && recipients.len() <= RELAY_AT_ONCE_DEVICES {
                RELAY_AFTER_MS
            } else {
                0
            };
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
                if sent.max(acked).saturating_add(1) >= first && in_flight <= STREAM_WINDOW {
                    let sealed = ops.iter().map(|op| op.sealed.clone()).collect();
                    self.send_ops(turn, *peer, room, sealed);
                    if let Some(link) = self.peers.get_mut(peer) {
                        link.streamed.insert(room, last);
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
            let window = usize::try_from(until.saturating_sub(sent)).unwrap_or(usize::MAX);
            let rows = frames::after(turn.db, room, sent, window)?;
            let Some(last) = rows.last().map(|row| row.seq) else { continue };
            let also = self.rooms.get(&room).and_then(|r| r.acks.get(&link.device)).map(|a| a.also.clone());
            let sealed = rows
                .iter()
                .filter(|row| also.as_ref().is_none_or(|also| !also.contains(&row.id)))
                .filter_map(|row| madang_wire::decode::<Sealed>(&row.body).ok())
                .collect();
            self.send_ops(turn, peer, room, sealed);
            if let Some(link) = self.peers.get_mut(&peer) {
                link.streamed.insert(room, last);
            }
            waiting = true;
        }
        if waiting {
            self.timers.set(Due::StreamOps(room), turn.now.mono.saturating_add(STREAM_RETRY_MS));
            self.rewind_stalled(turn, room);
        }
        Ok(())
    }

    /// Without streams gossip carries alone: what connected devices have not acknowledged is published, in order. That
    /// includes what was written while nobody was there to hear it; gossip itself drops what it has sent already.
    fn publish_due(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        let Some(conversation) = self.rooms.get(&room).filter(|_| self.config.paths.gossip) else {
            return Ok(());
        };
        let (own, topic) = (conversation.own.seq, conversation.current_topic());
        let peers = self.peers_in(room);
        let acked = peers
            .iter()
            .filter_map(|peer| Some(self.own_upto(room, &self.peers.get(peer)?.device)))
            .min()
            .unwrap_or(own);
        let Some(topic) = topic.filter(|_| acked < own) else { return Ok(()) };
        for row in frames::after(turn.db, room, acked, GOSSIP_BURST)? {
            if row.body.len() <= limits::GOSSIP_BYTES {
                turn.send(Send::Publish { topic: topic.clone(), data: Bytes::from(row.body) });
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
        also: &[OpId],
        stream: Option<PeerId>,
    ) -> Result<(), Error> {
        let me = self.me.device;
        let Some(conversation) = self.rooms.get_mut(&room) else { return Ok(()) };
        let ack = conversation.acks.entry(device).or_default();
        let before = ack.upto.get(&me).copied().unwrap_or(0);
        let mut rose = Vec::new();
        for (author, seq) in upto {
            let known = ack.upto.entry(*author).or_insert(0);
            if *seq > *known {
                *known = *seq;
                rose.push((*author, *seq));
            }
        }
        ack.also = also.iter().copied().collect();
        let grown = !rose.is_empty();
        let own_top = conversation.own.seq;
        let device_row = self.directory.row(turn.db, &device, None)?;
        for (author, seq) in rose {
            let author_row = self.directory.row(turn.db, &author, None)?;
            acks::raise(turn.db, room, device_row, author_row, seq)?;
        }
        let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
        let after =
            conversation.acks.get(&device).and_then(|a| a.upto.get(&me)).copied().unwrap_or(0).min(own_top);
        if let Some(peer) = stream {
            self.note_path(peer, device, room, before, after);
            // The window has moved on.
            if after < own_top {
                self.timers.set(
                    Due::StreamOps(room),
                    turn.now.mono.saturating_add(if grown { 0 } else { STREAM_AFTER_MS }),
                );
            }
        } else if after > before {
            self.paths.insert(device, (view::Path::Relay, "log"));
        }
        if after > before {
            self.delivered(turn, room, before.saturating_add(1), after)?;
        }
        Ok(())
    }

    /// Remembers by which path the newest message reached a device.
    fn note_path(&mut self, peer: PeerId, device: DeviceId, room: RoomRow, before: u64, after: u64) {
        if after <= before {
            return;
        }
        let Some(link) = self.peers.get(&peer) else { return };
        let carried = |sent: &BTreeMap<RoomRow, u64>| sent.get(&room).is_some_and(|upto| *upto >= after);
        let path = if carried(&link.streamed) {
            (view::Path::Stream, "stream")
        } else if carried(&link.published) {
            (view::Path::Gossip, "gossip")
        } else {
            // Nothing of it left on a live path since this connection stands.
            (view::Path::Relay, "log")
        };
        self.paths.insert(device, path);
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
