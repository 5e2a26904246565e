//! Tokens of rooms: members who are no friends put into each other's inboxes with them what finds no log (protocol
//! sections 10.4 and 10.5).
//!
//! It must not know how they travel: the `bundle` register of the room carries them. Invariant: after a removal the
//! room has another number, and the one of before opens nothing.

use madang_crypto::sha256;
use madang_model::{DeviceId, control::Removal};
use madang_store::{
    Conn, RoomRow, meta,
    tokens::{self, Revoked, TokenKind},
};
use madang_wire::Token;

use super::tokens::{RENEW_MS, TOKEN_MS};
use crate::{core::Core, error::Error, timer::Due, turn::Turn};

impl Core {
    /// Tokens for the members of a room, one for each own inbox; renewed after half of their life, replaced after a
    /// removal. None where nobody reads them, or nobody is to have them.
    pub(crate) fn room_tokens(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<Vec<Token>, Error> {
        let closed = self.is_closed(room);
        let Some(conversation) = self.rooms.get_mut(&room).filter(|_| !closed) else { return Ok(Vec::new()) };
        if conversation.recipient_devices(&self.me.device).is_empty() {
            return Ok(Vec::new());
        }
        let subject = conversation.conv.to_bytes();
        let removals = removals_of(&conversation.control.view());
        let before = meta::get(turn.db, &name(room))?;
        if before.as_deref() != Some(removals.as_slice()) {
            meta::set(turn.db, &name(room), &removals)?;
            if before.is_some() {
                revoke_room_tokens(turn.db, &subject, Revoked::Yes)?;
                self.tell_revoked(turn)?;
            }
        }
        let now = self.author_time(turn);
        let found = tokens::slots_of(turn.db, TokenKind::Room, &subject)?
            .into_iter()
            .find(|slot| slot.revoked == Revoked::No && slot.expires > now.saturating_add(RENEW_MS));
        let (slot, expires) = match found {
            Some(found) => (found.slot, found.expires),
            None => {
                let expires = now.saturating_add(TOKEN_MS);
                (tokens::new_slot(turn.db, TokenKind::Room, &subject, expires)?, expires)
            }
        };
        self.tokens_of(turn, slot, expires)
    }

    /// Keeps the tokens that a member gives in a room. His bundle has to be here before them: it names his inboxes.
    pub(crate) fn take_room_tokens(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        device: &DeviceId,
        given: &[Token],
    ) -> Result<(), Error> {
        if self.keep_tokens(turn, device, given, Some(room))? {
            // Packets may have waited for a way in, and so may ops for which no log has room.
            self.timers.set(Due::Lane(*device), turn.now.mono);
            self.relays.given.remove(&room);
            self.timers.set(Due::RelayOps(room), turn.now.mono);
        }
        Ok(())
    }
}

/// Closes the own inboxes to whoever has a token of a room.
pub(super) fn revoke_room_tokens(db: &Conn, conv: &[u8], how: Revoked) -> Result<(), Error> {
    for slot in tokens::slots_of(db, TokenKind::Room, conv)? {
        if slot.revoked == Revoked::No {
            tokens::revoke(db, slot.slot, how)?;
        }
    }
    Ok(())
}

/// Which removals a view knows, as one value.
fn removals_of(view: &madang_model::control::View) -> [u8; 32] {
    let mut ops: Vec<[u8; 32]> = view
        .removals()
        .map(|removal| match removal {
            Removal::Member { op, .. } | Removal::Device { op, .. } => op.to_bytes(),
        })
        .collect();
    ops.sort_unstable();
    sha256(&ops.concat())
}

fn name(room: RoomRow) -> String {
    format!("room.{}.tokens", room.0)
}
