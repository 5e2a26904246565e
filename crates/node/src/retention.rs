//! How long keys live: a superseded key is deleted after its retention, its route is followed a while
//! longer (protocol section 3.3, Delete).
//!
//! Invariant: a key is deleted only when a newer one is in use, no frame waits for it, and no own op that is sealed
//! under it is still on its way: its bytes stay as they were sealed first, and the key names their log.

use std::collections::BTreeMap;

use madang_crypto::Route;
use madang_model::{KeyId, keys as rules};
use madang_store::{Conn, RoomRow, frames, gaps, keys, meta};

use crate::{core::Core, effect::Send, error::Error, turn::Turn};

/// Rows of routes that outlive their key.
fn prefix(room: RoomRow) -> String {
    format!("room.{}.route.", room.0)
}

/// Routes of deleted keys with the time until which they are followed.
pub(crate) fn old_routes(db: &Conn, room: RoomRow) -> Result<BTreeMap<[u8; 32], u64>, Error> {
    let mut routes = BTreeMap::new();
    for (_, value) in meta::list(db, &prefix(room))? {
        if let Some((route, until)) = value.split_first_chunk::<32>()
            && let Ok(until) = <[u8; 8]>::try_from(until)
        {
            routes.insert(*route, u64::from_be_bytes(until));
        }
    }
    Ok(routes)
}

impl Core {
    /// Marks keys as superseded, deletes those whose time is over, and gives up old routes.
    pub(crate) fn retire_keys(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        let rooms: Vec<RoomRow> = self.rooms.keys().copied().collect();
        for room in rooms {
            self.retire_keys_of(turn, room)?;
        }
        Ok(())
    }

    fn retire_keys_of(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        // A key that nobody can use takes the place of none, however high its epoch.
        let Some(current) = self.current_key(turn, room) else { return Ok(()) };
        let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
        let Some(current) = conversation.keys.get(&current).map(|held| held.facts.rank()) else {
            return Ok(());
        };
        let devices = conversation.devices.len();
        let mut changed = false;
        for kept in keys::list(turn.db, room)? {
            if (kept.epoch, kept.id) >= current {
                continue;
            }
            let Some(since) = kept.superseded_at else {
                keys::supersede(turn.db, room, &kept.id, turn.now.wall)?;
                continue;
            };
            // Its time begins with the end of the last gap under it: what fills a gap late may be sealed with it.
            let gaps = gaps::settled(turn.db, room, &kept)?;
            let settled = (!gaps.open).then(|| since.max(gaps.closed_at.unwrap_or(since)));
            let over = rules::is_expired(settled, devices, turn.now.wall);
            if over && !frames::sealed_under(turn.db, room, &kept.id)? {
                self.delete_key(turn, room, &kept.id, since)?;
                changed = true;
            }
        }
        changed |= self.drop_old_routes(turn, room)?;
        if changed && let Some(conversation) = self.rooms.get(&room) {
            self.ring.set_room(room, conversation.seals());
        }
        Ok(())
    }

    fn delete_key(&mut self, turn: &Turn<'_>, room: RoomRow, id: &KeyId, since: u64) -> Result<(), Error> {
        keys::remove(turn.db, room, id)?;
        let Some(conversation) = self.rooms.get_mut(&room) else { return Ok(()) };
        let Some(held) = conversation.keys.remove(id) else { return Ok(()) };
        if conversation.keys.values().any(|other| other.route == held.route) {
            return Ok(());
        }
        let until = since.saturating_add(madang_model::limits::ROUTE_RETENTION_MS);
        let value = [held.route.as_slice(), &until.to_be_bytes()].concat();
        meta::set(turn.db, &format!("{}{id}", prefix(room)), &value)?;
        conversation.old_routes.insert(held.route, until);
        Ok(())
    }

    fn drop_old_routes(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<bool, Error> {
        let Some(conversation) = self.rooms.get_mut(&room) else { return Ok(false) };
        let now = turn.now.wall;
        let over: Vec<[u8; 32]> = conversation
            .old_routes
            .iter()
            .filter(|(_, until)| **until <= now)
            .map(|(route, _)| *route)
            .collect();
        if over.is_empty() {
            return Ok(false);
        }
        for route in &over {
            conversation.old_routes.remove(route);
            turn.send(Send::Unsubscribe(Route::new(route).topic().to_owned()));
        }
        for (key, value) in meta::list(turn.db, &prefix(room))? {
            let over = value.split_first_chunk::<32>().and_then(|(_, until)| <[u8; 8]>::try_from(until).ok());
            if over.is_none_or(|until| u64::from_be_bytes(until) <= turn.now.wall) {
                meta::remove(turn.db, &key)?;
            }
        }
        Ok(true)
    }
}
