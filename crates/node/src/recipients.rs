//! Whether a key was given to every device that its maker knew of (protocol section 3.3, Check
//! recipients).
//!
//! It must not know how a device that was left out gets the key: it asks, and any holder gives it.
//! Invariant: a notice is kept until its key is deleted, and announced once.

use madang_model::KeyId;
use madang_store::{Conn, RoomRow, meta};

use crate::{core::Core, error::Error, event::Event, turn::Turn};

fn prefix(room: RoomRow) -> String {
    format!("room.{}.left_out.", room.0)
}

/// How many keys of a room were not given to every device that they should have been given to.
pub(crate) fn incomplete_keys(db: &Conn, room: RoomRow) -> Result<usize, Error> {
    Ok(meta::list(db, &prefix(room))?.len())
}

impl Core {
    /// Checks the keys of a room whose basis has become known.
    pub(crate) fn check_keys(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        let Some(conversation) = self.rooms.get_mut(&room) else { return Ok(()) };
        let unchecked = std::mem::take(&mut conversation.unchecked);
        for key in unchecked {
            if !self.check_key(turn, room, key)?
                && let Some(conversation) = self.rooms.get_mut(&room)
            {
                conversation.unchecked.insert(key);
            }
        }
        Ok(())
    }

    /// Looks at every key again: which could not be checked is not on the disk.
    pub(crate) fn check_every_key(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        for room in self.rooms.keys().copied().collect::<Vec<_>>() {
            if let Some(conversation) = self.rooms.get_mut(&room) {
                conversation.unchecked = conversation.keys.keys().copied().collect();
                let held = conversation.keys.keys().map(ToString::to_string).collect::<Vec<_>>();
                for (row, _) in meta::list(turn.db, &prefix(room))? {
                    if !held.iter().any(|key| row.ends_with(key.as_str())) {
                        meta::remove(turn.db, &row)?;
                    }
                }
            }
            self.check_keys(turn, room)?;
        }
        Ok(())
    }

    /// Compares what the maker of a key says with the devices of its basis; false while that is not known.
    fn check_key(&mut self, turn: &mut Turn<'_>, room: RoomRow, id: KeyId) -> Result<bool, Error> {
        let Some(conversation) = self.rooms.get_mut(&room) else { return Ok(true) };
        let Some(held) = conversation.keys.get(&id) else { return Ok(true) };
        let Some(basis) = conversation.control.view_at(&held.facts.basis) else { return Ok(false) };
        let devices: Vec<[u8; 32]> = basis.devices().keys().map(|device| device.to_bytes()).collect();
        let complete = madang_crypto::key_names_recipients(&held.encoded, &devices).unwrap_or(true);
        let row = format!("{}{id}", prefix(room));
        if complete || meta::get(turn.db, &row)?.is_some() {
            return Ok(true);
        }
        tracing::info!(key = %id, maker = %held.facts.creator, "a key was not given to every machine of its room");
        meta::set(turn.db, &row, &turn.now.wall.to_be_bytes())?;
        turn.emit(Event::IncompleteKey { room: conversation.conv, maker: held.facts.creator });
        turn.changed_rooms.insert(room);
        Ok(true)
    }
}
