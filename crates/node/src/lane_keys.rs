//! What waits in lanes: keys are state, so one message with all that is current stands for many unsent ones
//! (protocol sections 4.2, 4.4 and 4.5).
//!
//! Must not know sessions. Invariant: of a topic, and of the keys of a conversation, at most one message waits
//! unsealed for a device.

use madang_model::{AccountId, ConvId, DeviceId, KeyId, limits::HOUR_MS};
use madang_store::{DeviceRow, RoomRow, keys, lanes};
use madang_wire::{KeyShare, LaneBody, LaneMessage, Message as _, limits};

use crate::{
    core::Core,
    error::Error,
    lane::{PACKET_BYTES, topic},
    turn::Turn,
};

/// Keys of a device are given unasked at most once in this time (as when asked, protocol section 3.3).
const GIVE_EVERY_MS: u64 = HOUR_MS;

impl Core {
    /// Puts a message in line. An unsealed one about the same goes; keys of one conversation are joined.
    pub(crate) fn queue_message(
        &self,
        turn: &Turn<'_>,
        row: DeviceRow,
        about: &str,
        message: LaneMessage,
        at: u64,
    ) -> Result<(), Error> {
        let (about, message) = match message.body {
            Some(LaneBody::Share(share)) => {
                let about = match ConvId::try_from(share.conv.as_slice()) {
                    Ok(conv) => topic("keys", conv),
                    Err(_) => about.to_owned(),
                };
                let joined = joined(share, waiting_share(turn, row, &about)?);
                (about, LaneMessage { body: Some(LaneBody::Share(joined)) })
            }
            _ => (about.to_owned(), message),
        };
        lanes::queue(turn.db, row, &about, &message.encode_to_vec(), at)?;
        Ok(())
    }

    /// Puts everything in line again that has no sealed bytes (any more), as if it was queued now, behind `first`.
    pub(crate) fn requeue(
        &self,
        turn: &Turn<'_>,
        row: DeviceRow,
        first: Option<(&str, LaneMessage)>,
    ) -> Result<(), Error> {
        let waiting = lanes::unsealed(turn.db, row, usize::MAX)?;
        for message in &waiting {
            lanes::remove(turn.db, message.row)?;
        }
        if let Some((about, message)) = first {
            lanes::queue(turn.db, row, about, &message.encode_to_vec(), turn.now.wall)?;
        }
        for kept in waiting {
            if kept.topic == crate::lane::RESET || kept.topic == crate::lane::ACK {
                continue;
            }
            if let Ok(message) = LaneMessage::decode(kept.body.as_slice()) {
                self.queue_message(turn, row, &kept.topic, message, kept.at)?;
            }
        }
        Ok(())
    }

    /// Answers a device that has begun anew, or has new keys of its own, with the current keys of every room that it
    /// may have (protocol section 4.5).
    pub(crate) fn give_current_keys(&mut self, turn: &mut Turn<'_>, device: DeviceId) -> Result<(), Error> {
        let Some(account) = self.directory.get(&device).and_then(|known| known.account) else {
            return Ok(());
        };
        let rooms: Vec<RoomRow> =
            self.rooms.values().filter(|r| r.has_member(&account)).map(|r| r.row).collect();
        for room in rooms {
            if self.speaks_in(&account, room)
                && let Some(key) = self.current_key_for(turn, room, &device)?
            {
                self.give_keys(turn, room, device, &[key])?;
            }
        }
        Ok(())
    }

    /// The key of a room that is in use, if the device may have it and was not given it a moment ago.
    fn current_key_for(
        &mut self,
        turn: &Turn<'_>,
        room: RoomRow,
        device: &DeviceId,
    ) -> Result<Option<KeyId>, Error> {
        let row = self.directory.row(turn.db, device, None)?;
        let Some(key) = self.current_key(turn, room) else { return Ok(None) };
        let recent = keys::shared_at(turn.db, &key, row)?
            .is_some_and(|at| turn.now.wall.saturating_sub(at) < GIVE_EVERY_MS);
        if recent || self.may_have(room, &key, device).is_err() {
            return Ok(None);
        }
        keys::shared(turn.db, &key, row, turn.now.wall)?;
        Ok(Some(key))
    }

    /// Whether what an account says in the lane about a room counts: in a 1:1 only while it is a friend.
    pub(crate) fn speaks_in(&self, account: &AccountId, room: RoomRow) -> bool {
        let direct = self.direct_row(account) == Some(room);
        *account == self.me.account || !direct || self.is_friend(account)
    }
}

/// The keys of a conversation that wait unsealed for a device.
fn waiting_share(turn: &Turn<'_>, row: DeviceRow, about: &str) -> Result<Option<KeyShare>, Error> {
    let waiting = lanes::unsealed_about(turn.db, row, about)?;
    let message = waiting.first().and_then(|kept| LaneMessage::decode(kept.body.as_slice()).ok());
    Ok(match message.and_then(|message| message.body) {
        Some(LaneBody::Share(share)) => Some(share),
        _ => None,
    })
}

/// Newer keys with the older ones that wait, as many as a message and a packet hold; whoever lacks one asks.
fn joined(mut share: KeyShare, waiting: Option<KeyShare>) -> KeyShare {
    let mut bytes: usize = share.keys.iter().map(Vec::len).sum();
    for key in waiting.into_iter().flat_map(|older| older.keys) {
        bytes = bytes.saturating_add(key.len());
        if share.keys.len() >= limits::SHARED_KEYS || bytes > PACKET_BYTES {
            break;
        }
        if !share.keys.contains(&key) {
            share.keys.push(key);
        }
    }
    share
}
