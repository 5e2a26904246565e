//! Delivery tokens: given out for the own inboxes, kept for those of others (protocol section 10.5).
//!
//! Invariant: a number is given to one friend or one invite; a revoked number is never given out again.

use madang_crypto::{TOKEN_BYTES, issue_token};
use madang_model::{AccountId, InviteId};
use madang_p2p::PeerId;
use madang_store::{
    friends, invites,
    tokens::{self, Revoked, TokenKind},
};
use madang_wire::{RelayBody, Token, TokenRevoke};

use super::state::Ask;
use crate::{contacts::Person, core::Core, error::Error, ring::BoxId, timer::Due, turn::Turn};

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// Life of a friend's token (protocol section 10.5).
const FRIEND_MS: u64 = 400 * DAY_MS;
/// A friend's token is replaced when it lasts no longer than this (protocol section 10.5).
const RENEW_MS: u64 = 200 * DAY_MS;

impl Core {
    /// A number for the holders of an invite.
    pub(crate) fn invite_token_slot(
        &mut self,
        turn: &mut Turn<'_>,
        id: &InviteId,
        expires: u64,
    ) -> Result<u32, Error> {
        Ok(tokens::new_slot(turn.db, TokenKind::Invite, id.as_bytes(), expires)?)
    }

    /// Tokens for the holders of an invite, one for each own inbox.
    pub(crate) fn invite_tokens(
        &mut self,
        turn: &mut Turn<'_>,
        invite: &invites::Invite,
    ) -> Result<Vec<Token>, Error> {
        self.tokens_of(turn, invite.token_slot, invite.expires)
    }

    /// Tokens for a friend, one for each own inbox; renewed after half of their life.
    pub(crate) fn friend_tokens(
        &mut self,
        turn: &mut Turn<'_>,
        account: &AccountId,
    ) -> Result<Vec<Token>, Error> {
        let now = turn.now.wall;
        let found = tokens::slots_of(turn.db, TokenKind::Friend, account.as_bytes())?
            .into_iter()
            .find(|slot| slot.revoked == Revoked::No && slot.expires > now.saturating_add(RENEW_MS));
        let (slot, expires) = match found {
            Some(found) => (found.slot, found.expires),
            None => {
                let expires = now.saturating_add(FRIEND_MS);
                (tokens::new_slot(turn.db, TokenKind::Friend, account.as_bytes(), expires)?, expires)
            }
        };
        self.tokens_of(turn, slot, expires)
    }

    fn tokens_of(&mut self, turn: &Turn<'_>, slot: u32, expires: u64) -> Result<Vec<Token>, Error> {
        let expiry_h = u32::try_from(expires.div_ceil(HOUR_MS)).unwrap_or(u32::MAX);
        let token = issue_token(&self.me.token_key, slot, expiry_h);
        Ok(self
            .own_inboxes(turn)?
            .into_iter()
            .map(|inbox| Token { inbox_id: inbox.inbox_id, token: token.to_vec() })
            .collect())
    }

    /// Keeps the tokens of somebody's inboxes.
    pub(crate) fn take_tokens(
        &mut self,
        turn: &mut Turn<'_>,
        person: &Person,
        given: &[Token],
    ) -> Result<(), Error> {
        for device in &person.devices {
            let Some(known) = self.directory.get(device) else { continue };
            let row = known.row;
            let inboxes = known.bundle.iter().flat_map(|bundle| &bundle.inboxes);
            let ids: Vec<BoxId> = inboxes.filter_map(|i| i.inbox_id.as_slice().try_into().ok()).collect();
            let mut kept = false;
            for id in ids {
                let Some(token) = given.iter().find(|token| token.inbox_id == id) else { continue };
                let Some(expires) = expiry(&token.token) else { continue };
                let token =
                    tokens::Token { device: row, inbox: id, room: None, token: token.token.clone(), expires };
                tokens::put(turn.db, &token)?;
                kept = true;
            }
            if kept {
                // Packets may have waited for a way in.
                self.timers.set(Due::Lane(*device), turn.now.mono);
            }
        }
        Ok(())
    }

    /// Closes the own inboxes to somebody: silently to whoever is blocked.
    pub(crate) fn revoke_friend_tokens(
        &mut self,
        turn: &mut Turn<'_>,
        account: &AccountId,
    ) -> Result<(), Error> {
        let blocked = friends::get(turn.db, account)?.is_some_and(|friend| friend.blocked);
        let how = if blocked { Revoked::Silent } else { Revoked::Yes };
        for slot in tokens::slots_of(turn.db, TokenKind::Friend, account.as_bytes())? {
            if slot.revoked == Revoked::No {
                tokens::revoke(turn.db, slot.slot, how)?;
            }
        }
        let open: Vec<(PeerId, BoxId)> = self
            .relays
            .links
            .iter()
            .flat_map(|(relay, link)| link.boxes.keys().map(|id| (*relay, *id)))
            .collect();
        for (relay, id) in open {
            self.revoke_at(turn, relay, id)?;
        }
        Ok(())
    }

    /// Tells a relay every number that no longer opens an inbox; it may have been away, or was wiped.
    pub(super) fn revoke_at(&mut self, turn: &mut Turn<'_>, relay: PeerId, id: BoxId) -> Result<(), Error> {
        let Some(link) = self.relays.links.get_mut(&relay).filter(|link| link.is_ready()) else {
            return Ok(());
        };
        let inbox = link.boxes.get(&id).is_some_and(|followed| {
            followed.kind == madang_store::relays::BoxKind::Inbox && followed.step >= super::state::Step::Made
        });
        if !inbox {
            return Ok(());
        }
        for slot in tokens::slots(turn.db)? {
            if slot.revoked != Revoked::No && slot.expires > turn.now.wall {
                let silent = slot.revoked == Revoked::Silent;
                let revoke = TokenRevoke { inbox_id: id.to_vec(), slot: slot.slot, silent };
                link.outgoing.push_back((RelayBody::Revoke(revoke), Ask::Plain("revoke")));
            }
        }
        self.send_outgoing(turn, relay);
        Ok(())
    }

    /// Gives new tokens out when some friend's have lived for half of their time.
    pub(super) fn renew_tokens(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        let mut old = false;
        for account in &self.friends {
            let slots = tokens::slots_of(turn.db, TokenKind::Friend, account.as_bytes())?;
            old |= slots
                .iter()
                .find(|slot| slot.revoked == Revoked::No)
                .is_some_and(|slot| slot.expires <= turn.now.wall.saturating_add(RENEW_MS));
        }
        if old { self.update_contacts(turn) } else { Ok(()) }
    }
}

/// When a token expires, ms since 1970; none when it is no token.
fn expiry(token: &[u8]) -> Option<u64> {
    if token.len() != TOKEN_BYTES {
        return None;
    }
    let hours = token.get(4..8).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok())?;
    Some(u64::from(u32::from_be_bytes(hours)).saturating_mul(HOUR_MS))
}
