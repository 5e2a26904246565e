//! Tokens of rooms: members who are no friends put into each other's inboxes with them what finds no log (protocol
//! sections 10.4 and 10.5).
//!
//! It must not know how they travel: the `bundle` register of the room carries them. Invariant: after a removal the
//! room has another number, and the one of before opens nothing.

use madang_crypto::sha256;
use madang_model::{DeviceId, control::Removal};
use madang_store::{
    RoomRow, meta,
    tokens::{self, Revoked, TokenKind},
};
use madang_wire::Token;

use super::tokens::{RENEW_MS, TOKEN_MS};
use crate::{core::Core, error::Error, turn::Turn};

impl Core {
    /// Tokens for the members of a room, one for each own inbox; renewed after half of their life, replaced after a
    /// removal.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the `bundle` register"))]
    pub(crate) fn room_tokens(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<Vec<Token>, Error> {
        let Some(conversation) = self.rooms.get_mut(&room) else { return Ok(Vec::new()) };
        let subject = conversation.conv.to_bytes();
        let removals = removals_of(&conversation.control.view());
        let replaced = meta::get(turn.db, &name(room))?.is_some_and(|before| before != removals);
        meta::set(turn.db, &name(room), &removals)?;
        if replaced {
            self.revoke_room_tokens(turn, &subject)?;
        }
        let now = turn.now.wall;
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

    fn revoke_room_tokens(&mut self, turn: &mut Turn<'_>, subject: &[u8]) -> Result<(), Error> {
        for slot in tokens::slots_of(turn.db, TokenKind::Room, subject)? {
            if slot.revoked == Revoked::No {
                tokens::revoke(turn.db, slot.slot, Revoked::Yes)?;
            }
        }
        self.tell_revoked(turn)
    }

    /// Keeps the tokens that a member gives in a room. His bundle has to be here before them: it names his inboxes.
    #[cfg_attr(not(test), expect(dead_code, reason = "for the `bundle` register"))]
    pub(crate) fn take_room_tokens(
        &mut self,
        turn: &Turn<'_>,
        room: RoomRow,
        device: &DeviceId,
        given: &[Token],
    ) -> Result<(), Error> {
        self.keep_tokens(turn, device, given, Some(room)).map(drop)
    }
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
