//! Delivery tokens: given out for the own inboxes, kept for those of others (protocol section 10.5).
//!
//! Invariants: a number is given to one friend, one room or one invite; a revoked number is never given out again; a
//! token opens one inbox alone.

use madang_crypto::{TOKEN_BYTES, inbox_token_key, issue_token};
use madang_model::{
    AccountId, DeviceId, InviteId,
    limits::{DAY_MS, HOUR_MS},
};
use madang_p2p::PeerId;
use madang_store::{
    RoomRow, friends, invites,
    tokens::{self, Revoked, TokenKind},
};
use madang_wire::{RelayBody, Token, TokenRevoke};

use super::{room_tokens::revoke_room_tokens, state::Ask};
use crate::{contacts::Person, core::Core, error::Error, ring::BoxId, timer::Due, turn::Turn};

/// Life of the token of a friend or room (protocol section 10.5).
pub(super) const TOKEN_MS: u64 = 400 * DAY_MS;
/// Such a token is replaced when it lasts no longer than this (protocol section 10.5).
pub(super) const RENEW_MS: u64 = 200 * DAY_MS;

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
        let now = self.author_time(turn);
        let found = tokens::slots_of(turn.db, TokenKind::Friend, account.as_bytes())?
            .into_iter()
            .find(|slot| slot.revoked == Revoked::No && slot.expires > now.saturating_add(RENEW_MS));
        let (slot, expires) = match found {
            Some(found) => (found.slot, found.expires),
            None => {
                let expires = now.saturating_add(TOKEN_MS);
                (tokens::new_slot(turn.db, TokenKind::Friend, account.as_bytes(), expires)?, expires)
            }
        };
        self.tokens_of(turn, slot, expires)
    }

    pub(super) fn tokens_of(
        &mut self,
        turn: &Turn<'_>,
        slot: u32,
        expires: u64,
    ) -> Result<Vec<Token>, Error> {
        let expiry_h = u32::try_from(expires.div_ceil(HOUR_MS)).unwrap_or(u32::MAX);
        let mut given = Vec::new();
        for inbox in self.own_inboxes(turn)? {
            let Ok(id) = BoxId::try_from(inbox.inbox_id.as_slice()) else { continue };
            let key = inbox_token_key(&self.me.token_key, &id);
            let token = issue_token(&key, slot, expiry_h).to_vec();
            given.push(Token { inbox_id: inbox.inbox_id, token });
        }
        Ok(given)
    }

    /// Keeps the tokens of somebody's inboxes.
    pub(crate) fn take_tokens(
        &mut self,
        turn: &mut Turn<'_>,
        person: &Person,
        given: &[Token],
    ) -> Result<(), Error> {
        for device in &person.devices {
            if self.keep_tokens(turn, device, given, None)? {
                // Packets may have waited for a way in.
                self.timers.set(Due::Lane(*device), turn.now.mono);
            }
        }
        Ok(())
    }

    /// Keeps those of some tokens that are for the inboxes of a device; answers whether there were any.
    pub(super) fn keep_tokens(
        &mut self,
        turn: &mut Turn<'_>,
        device: &DeviceId,
        given: &[Token],
        room: Option<RoomRow>,
    ) -> Result<bool, Error> {
        let Some(known) = self.directory.get(device) else { return Ok(false) };
        let mut kept = false;
        for inbox in known.bundle.iter().flat_map(|bundle| &bundle.inboxes) {
            let Ok(id) = BoxId::try_from(inbox.inbox_id.as_slice()) else { continue };
            let Some(token) = given.iter().find(|token| token.inbox_id == id) else { continue };
            let Some(expires) = expiry(&token.token) else { continue };
            let token = token.token.clone();
            tokens::put(turn.db, &tokens::Token { device: known.row, inbox: id, room, token, expires })?;
            kept = true;
        }
        if let Some(account) = known.account.filter(|_| kept) {
            self.takes_again(turn, &account)?;
        }
        Ok(kept)
    }

    /// Closes the own inboxes to somebody, whichever way the tokens came to him: silently to whoever is blocked.
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
        // The 1:1 gave some out too.
        let conv = self.direct_conv(account);
        revoke_room_tokens(turn.db, conv.as_bytes(), how)?;
        self.tell_revoked(turn)
    }

    /// Tells every relay with an own inbox which numbers no longer open it.
    pub(crate) fn tell_revoked(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
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
        let now = self.author_time(turn);
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
            if slot.revoked != Revoked::No && slot.expires > now {
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
        let (mut old, now) = (false, self.author_time(turn));
        for account in &self.friends {
            let slots = tokens::slots_of(turn.db, TokenKind::Friend, account.as_bytes())?;
            old |= slots
                .iter()
                .find(|slot| slot.revoked == Revoked::No)
                .is_some_and(|slot| slot.expires <= now.saturating_add(RENEW_MS));
        }
        if old { self.update_contacts(turn) } else { Ok(()) }
    }
}

/// When a token expires, ms since 1970; none when it is no token.
pub(super) fn expiry(token: &[u8]) -> Option<u64> {
    if token.len() != TOKEN_BYTES {
        return None;
    }
    let hours = token.get(4..8).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok())?;
    Some(u64::from(u32::from_be_bytes(hours)).saturating_mul(HOUR_MS))
}
