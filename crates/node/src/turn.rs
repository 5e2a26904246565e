//! One turn of the engine: the open transaction, the time, and what the turn has led to so far.

use std::collections::{BTreeMap, BTreeSet};

use madang_model::{DeviceId, OpId};
use madang_p2p::{GossipId, PeerId};
use madang_store::{Conn, RoomRow};

use crate::{
    command::Reply,
    effect::{Effects, Send},
    error::Error,
    event::Event,
    outbox::Outgoing,
};

/// Time of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Now {
    /// Wall time of this machine in ms, uncorrected: for stamps.
    pub wall: u64,
    /// Monotonic ms: for timers.
    pub mono: u64,
}

/// State of the turn that is running.
pub(crate) struct Turn<'a> {
    /// The open transaction.
    pub(crate) db: &'a Conn,
    /// When the turn began.
    pub(crate) now: Now,
    fx: Effects,
    /// Authors by room of whom something was committed, to be acknowledged.
    pub(crate) to_acknowledge: BTreeMap<RoomRow, BTreeSet<DeviceId>>,
    /// Own ops that were sealed in this turn.
    pub(crate) outgoing: BTreeMap<RoomRow, Vec<Outgoing>>,
    /// Devices for which lane messages wait.
    pub(crate) lanes: BTreeSet<DeviceId>,
    /// Devices that are owed an acknowledgement in the lane.
    pub(crate) owed_acks: BTreeSet<DeviceId>,
    /// Peers that were served ops.
    pub(crate) served: BTreeSet<PeerId>,
    /// Messages to announce.
    pub(crate) new_messages: Vec<OpId>,
    /// Rooms with cached state that must be written before the commit.
    pub(crate) to_save: BTreeSet<RoomRow>,
    /// Rooms of which shells should hear once at the end of the turn.
    pub(crate) changed_rooms: BTreeSet<RoomRow>,
    /// Peers or relays came or went.
    pub(crate) status_changed: bool,
    /// Why a command was refused that was answered since this was last taken.
    refused: Option<Error>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(db: &'a Conn, now: Now) -> Self {
        Self {
            db,
            now,
            fx: Effects::default(),
            to_acknowledge: BTreeMap::new(),
            outgoing: BTreeMap::new(),
            lanes: BTreeSet::new(),
            owed_acks: BTreeSet::new(),
            served: BTreeSet::new(),
            new_messages: Vec::new(),
            to_save: BTreeSet::new(),
            changed_rooms: BTreeSet::new(),
            status_changed: false,
            refused: None,
        }
    }

    /// Queues something for the network, to leave after the commit.
    pub(crate) fn send(&mut self, send: Send) {
        self.fx.sends.push(send);
    }

    /// Says whether a gossip message is to be forwarded.
    pub(crate) fn verdict(&mut self, id: GossipId, good: bool) {
        self.fx.sends.push(Send::Verdict { id, good });
    }

    /// Queues an announcement.
    pub(crate) fn emit(&mut self, event: Event) {
        self.fx.events.push(event);
    }

    /// Queues the answer of a command.
    pub(crate) fn answer<T: std::marker::Send + 'static>(
        &mut self,
        reply: Reply<T>,
        result: Result<T, Error>,
    ) {
        if let Err(error) = &result {
            self.refused = Some(error.clone());
        }
        reply.later(&mut self.fx, result);
    }

    /// Why the last command was refused, if it was.
    pub(crate) fn take_refused(&mut self) -> Option<Error> {
        self.refused.take()
    }

    /// Rows that were written since the connection was opened: more than before means that something was written.
    pub(crate) fn written(&self) -> u64 {
        self.db.total_changes()
    }

    /// What is to be performed after the commit.
    pub(crate) fn into_effects(self) -> Effects {
        self.fx
    }
}
