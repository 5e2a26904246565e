//! Invites: making links and records, looking at links of others, asking the inviter (protocol
//! sections 7.1 and 7.2).
//!
//! Invariant: what a link shows was checked against the account id in the link; looking at it accepts
//! nothing.

use madang_crypto::{invite_id, open_invite, random, seal_invite};
use madang_model::{AccountId, DeviceId, InviteId, limits::HOUR_MS};
use madang_p2p::PeerId;
use madang_store::{
    Conn, invites,
    tokens::{self, Revoked},
};
use madang_wire::{
    BadLink, Contact, ContactBody, ContactFrame, InviteGet, InviteLink, InviteRecord, invite_link, limits,
};

use crate::{
    command::Reply,
    contacts::{Person, invite_refused},
    core::Core,
    effect::CallId,
    error::Error,
    lane::internal,
    own_contact::Extent,
    timer::Due,
    turn::Turn,
    view,
};

/// A record is awaited so long on all paths.
const FETCH_MS: u64 = 12_000;

/// What to do with a record that is on its way.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// Only look.
    Show(Reply<view::InviteInfo>),
    /// Ask the inviter.
    Add { greeting: String, reply: Reply<(AccountId, view::FriendState)> },
}

/// A link that somebody looks at.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) link: InviteLink,
    pub(crate) text: String,
}

/// A record on its way.
#[derive(Debug)]
pub(crate) struct Fetching {
    looked: Looked,
    purpose: Purpose,
    /// Answers that may still come.
    pending: u32,
    /// What the inviter's machine said.
    refused: Option<Error>,
    /// What a path without the inviter's machine says, or the own clock: hints, for when nobody is reached.
    hint: Option<Error>,
    until: u64,
}

impl Core {
    pub(crate) fn create_invite(
        &mut self,
        turn: &mut Turn<'_>,
        once: bool,
        hours: u32,
    ) -> Result<(String, view::Invite), Error> {
        if hours == 0 {
            return Err(Error::Usage("An invite lives at least one hour".to_owned()));
        }
        let secret: [u8; 16] = random(&mut self.rng);
        let id = InviteId::from_bytes(invite_id(&secret));
        let now = self.author_time(turn);
        let expires = now.saturating_add(u64::from(hours).saturating_mul(HOUR_MS));
        let slot = self.invite_slot();
        let link = InviteLink {
            slot_id: slot.id,
            account16: self.me.account.as_bytes().get(..16).unwrap_or_default().to_vec(),
            secret: secret.to_vec(),
            // Whole hours: never before the invite itself expires.
            expiry_h: u32::try_from(expires.div_ceil(HOUR_MS)).unwrap_or(u32::MAX),
            relays: slot
                .relays
                .iter()
                .filter_map(|r| Some(r.parse::<madang_p2p::Multiaddr>().ok()?.to_vec()))
                .collect(),
            peer: self.me.peer.to_bytes(),
            addrs: self.link_addresses(),
        };
        let text = fitting(link).map_err(internal)?;
        let token_slot = self.invite_token_slot(turn, &id, expires)?;
        let invite = invites::Invite {
            id,
            secret,
            once,
            expires,
            created: now,
            used: 0,
            revoked: false,
            slot_secret: slot.secret,
            slot_version: 0,
            relay: slot.relays.first().cloned(),
            link: text.clone(),
            token_slot,
        };
        invites::put(turn.db, &invite)?;
        self.put_invite_slot(turn, &id)?;
        Ok((text, view::Invite { invite: id, once, expires, used: 0, revoked: false }))
    }

    /// Addresses for a link: those of the network first, loopback only when there is nothing else.
    fn link_addresses(&self) -> Vec<Vec<u8>> {
        let mut addrs: Vec<_> = self.listening.iter().filter(|a| !crate::address::is_loopback(a)).collect();
        if addrs.is_empty() {
            addrs = self.listening.iter().collect();
        }
        addrs.into_iter().take(limits::LINK_ADDRESSES).map(|a| a.to_vec()).collect()
    }

    pub(crate) fn revoke_invite(&mut self, turn: &mut Turn<'_>, id: InviteId) -> Result<view::Invite, Error> {
        let invite = invites::get(turn.db, &id)?.ok_or(Error::NotFound("invite"))?;
        invites::revoke(turn.db, &id)?;
        self.close_invite(turn, &invite)?;
        Ok(view::Invite {
            invite: id,
            once: invite.once,
            expires: invite.expires,
            used: u32::try_from(invite.used).unwrap_or(u32::MAX),
            revoked: true,
        })
    }

    /// Nobody can use an invite any more: neither its record nor its way into the own inboxes.
    pub(crate) fn close_invite(
        &mut self,
        turn: &mut Turn<'_>,
        invite: &invites::Invite,
    ) -> Result<(), Error> {
        self.drop_invite_slot(turn, invite)?;
        tokens::revoke(turn.db, invite.token_slot, Revoked::Yes)?;
        self.tell_revoked(turn)
    }

    /// The sealed record of an invite, made now so that it is current, or why it is refused.
    pub(crate) fn invite_record(
        &mut self,
        turn: &mut Turn<'_>,
        id: &[u8],
    ) -> Result<Result<Vec<u8>, &'static str>, Error> {
        let invite = match InviteId::try_from(id) {
            Ok(id) => invites::get(turn.db, &id)?,
            Err(_) => None,
        };
        let Some(invite) = invite else { return Ok(Err("invite_revoked")) };
        if let Some(code) = invite_refused(&invite, self.author_time(turn)) {
            return Ok(Err(code));
        }
        Ok(Ok(self.seal_record(turn, &invite)?))
    }

    pub(crate) fn seal_record(
        &mut self,
        turn: &mut Turn<'_>,
        invite: &invites::Invite,
    ) -> Result<Vec<u8>, Error> {
        let contact = self.own_contact(turn, Extent::Whole, None)?;
        let record = InviteRecord {
            account_log: contact.account_log,
            bundles: contact.bundles,
            card: contact.card,
            addr: contact.addr,
            tokens: self.invite_tokens(turn, invite)?,
            once: invite.once,
            expires: invite.expires,
        };
        seal_invite(&invite.secret, &record, &self.me.key, &mut self.rng).map_err(internal)
    }

    pub(crate) fn show_invite(&mut self, turn: &mut Turn<'_>, link: &str, reply: Reply<view::InviteInfo>) {
        self.fetch_record(turn, link, Purpose::Show(reply));
    }

    pub(crate) fn add_friend(
        &mut self,
        turn: &mut Turn<'_>,
        link: &str,
        greeting: String,
        reply: Reply<(AccountId, view::FriendState)>,
    ) {
        self.fetch_record(turn, link, Purpose::Add { greeting, reply });
    }

    fn fetch_record(&mut self, turn: &mut Turn<'_>, text: &str, purpose: Purpose) {
        let link = match self.check_link(text) {
            Ok(link) => link,
            Err(error) => return purpose.fail(turn, error),
        };
        self.next_fetch = self.next_fetch.wrapping_add(1);
        let fetch = self.next_fetch;
        let secret: [u8; 16] = link.secret.as_slice().try_into().unwrap_or_default();
        let mut pending = 0_u32;
        if let Ok(peer) = PeerId::from_bytes(&link.peer) {
            let addrs = link.addrs.iter().filter_map(|a| a.clone().try_into().ok()).collect();
            let get = InviteGet { invite_id: invite_id(&secret).to_vec() };
            let call = self.contact_call(turn, peer, addrs, ContactBody::Get(get));
            self.fetch_calls.insert(call, fetch);
            pending = pending.saturating_add(1);
        }
        pending = pending.saturating_add(self.fetch_slot(turn, fetch, &link));
        let until = turn.now.mono.saturating_add(FETCH_MS);
        // The inviter's machine judges; the own clock is only a hint (protocol section 7.3).
        let over = self.author_time(turn) > u64::from(link.expiry_h).saturating_mul(HOUR_MS);
        let hint = over.then_some(Error::InviteExpired);
        let looked = Looked { link, text: text.trim().to_owned() };
        self.fetching.insert(fetch, Fetching { looked, purpose, pending, refused: None, hint, until });
        self.timers.set(Due::Fetches, until);
    }

    fn check_link(&self, text: &str) -> Result<InviteLink, Error> {
        let link = invite_link::parse(text).map_err(|error| Error::BadLink(error.to_string()))?;
        if self.me.account.as_bytes().starts_with(&link.account16) {
            return Err(Error::OwnInvite);
        }
        Ok(link)
    }

    /// An answer on the contact protocol came, or did not.
    pub(crate) fn contact_answer(
        &mut self,
        turn: &mut Turn<'_>,
        call: CallId,
        result: Result<bytes::Bytes, String>,
    ) -> Result<(), Error> {
        let body = result.and_then(|frame| {
            let frame: ContactFrame = madang_wire::decode(&frame).map_err(|e| e.to_string())?;
            frame.body.ok_or_else(|| "empty answer".to_owned())
        });
        tracing::debug!(call = call.0, ok = body.is_ok(), error = body.as_ref().err(), "contact answered");
        if let Some(fetch) = self.fetch_calls.remove(&call) {
            return match body {
                Ok(ContactBody::Record(record)) => self.record_by(turn, fetch, &record.sealed, true),
                Ok(ContactBody::Err(error)) => self.fetch_failed(turn, fetch, refusal(&error.code)),
                Ok(_) => self.fetch_failed(turn, fetch, None),
                Err(reason) => {
                    tracing::debug!(reason, "the inviter was not reached");
                    self.fetch_failed(turn, fetch, None)
                }
            };
        }
        if let Some(account) = self.request_calls.remove(&call) {
            return self.request_answered(turn, account, body);
        }
        let Some(device) = self.packet_calls.remove(&call) else { return Ok(()) };
        if matches!(body, Ok(ContactBody::Ok(_))) {
            if let Some(account) = self.directory.get(&device).and_then(|d| d.account) {
                self.timers.set(Due::Know(account), turn.now.mono);
            }
        } else {
            // Not reached directly: the inboxes take it, and the timer tries again.
            self.lane_to_inboxes(turn, device)?;
            if let Some(row) = self.directory.get(&device).map(|known| known.row) {
                self.retry_later(turn, device, row)?;
            }
        }
        Ok(())
    }

    /// A path had nothing. When it was the last one, the command fails.
    pub(crate) fn fetch_failed(
        &mut self,
        turn: &mut Turn<'_>,
        fetch: u64,
        why: Option<Error>,
    ) -> Result<(), Error> {
        let Some(fetching) = self.fetching.get_mut(&fetch) else { return Ok(()) };
        fetching.pending = fetching.pending.saturating_sub(1);
        fetching.refused = fetching.refused.take().or(why);
        if fetching.pending == 0
            && let Some(fetching) = self.fetching.remove(&fetch)
        {
            let error = fetching.refused.or(fetching.hint).unwrap_or_else(|| {
                Error::Offline(
                    "The inviter cannot be reached, directly or through a relay. Try again when they are online"
                        .to_owned(),
                )
            });
            match self.friend_of_over(&fetching.looked.link, &error) {
                Some(friend) => fetching.purpose.succeed(turn, friend, error),
                None => fetching.purpose.fail(turn, error),
            }
        }
        Ok(())
    }

    /// The inviter behind an invite that is over, when that is a friend: whoever uses a link again, by which they
    /// became friends, wants nothing that is not so already.
    fn friend_of_over(&self, link: &InviteLink, error: &Error) -> Option<AccountId> {
        let over = matches!(error, Error::InviteUsed | Error::InviteExpired | Error::InviteRevoked);
        let inviter = |account: &&AccountId| account.as_bytes().starts_with(&link.account16);
        self.friends.iter().find(inviter).copied().filter(|_| over)
    }

    /// A relay of the link says that it has no such slot (any more). The inviter's machine, if it is reached, knows
    /// better why.
    pub(crate) fn slot_missing(&mut self, turn: &mut Turn<'_>, fetch: u64) -> Result<(), Error> {
        if let Some(fetching) = self.fetching.get_mut(&fetch) {
            fetching.hint = fetching.hint.take().or(Some(Error::InviteRevoked));
        }
        self.fetch_failed(turn, fetch, None)
    }

    /// Gives up fetches whose time is over.
    pub(crate) fn fetches_due(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        let late: Vec<u64> =
            self.fetching.iter().filter(|(_, f)| f.until <= turn.now.mono).map(|(id, _)| *id).collect();
        for fetch in late {
            if let Some(fetching) = self.fetching.get_mut(&fetch) {
                fetching.pending = 1;
            }
            self.fetch_failed(turn, fetch, None)?;
        }
        if let Some(next) = self.fetching.values().map(|f| f.until).min() {
            self.timers.set(Due::Fetches, next);
        }
        Ok(())
    }

    /// A sealed record came from a relay, which does not judge it.
    pub(crate) fn record_came(
        &mut self,
        turn: &mut Turn<'_>,
        fetch: u64,
        sealed: &[u8],
    ) -> Result<(), Error> {
        self.record_by(turn, fetch, sealed, false)
    }

    /// A sealed record came by one of the paths. The inviter's machine has judged whether it still holds.
    fn record_by(
        &mut self,
        turn: &mut Turn<'_>,
        fetch: u64,
        sealed: &[u8],
        judged: bool,
    ) -> Result<(), Error> {
        let Some(fetching) = self.fetching.get_mut(&fetch) else { return Ok(()) };
        let link = fetching.looked.link.clone();
        let Some((person, record)) = self.check_record(turn.db, &link, sealed)? else {
            let why = Error::BadLink("what the inviter sent does not fit the link".to_owned());
            return self.fetch_failed(turn, fetch, Some(why));
        };
        if !judged && self.author_time(turn) > record.expires {
            if let Some(fetching) = self.fetching.get_mut(&fetch) {
                fetching.hint = Some(Error::InviteExpired);
            }
            return self.fetch_failed(turn, fetch, None);
        }
        let Some(Fetching { looked, purpose, .. }) = self.fetching.remove(&fetch) else { return Ok(()) };
        match purpose {
            Purpose::Show(reply) => {
                turn.answer(reply, Ok(view::InviteInfo { account: person.account, name: person.name }));
                Ok(())
            }
            Purpose::Add { greeting, reply } => {
                self.ask_inviter(turn, &looked, &person, &record, greeting, reply)
            }
        }
    }

    /// Opens a record and checks it against the account id in the link.
    fn check_record(
        &mut self,
        db: &Conn,
        link: &InviteLink,
        sealed: &[u8],
    ) -> Result<Option<(Person, InviteRecord)>, Error> {
        let secret = <[u8; 16]>::try_from(link.secret.as_slice()).ok();
        let Some(opened) = secret.and_then(|secret| open_invite(&secret, sealed).ok()) else {
            return Ok(None);
        };
        let record = opened.body.value().clone();
        let contact = Contact {
            account_log: record.account_log.clone(),
            bundles: record.bundles.clone(),
            addr: record.addr.clone(),
            card: record.card.clone(),
            tokens: Vec::new(),
        };
        let person = self.check_contact(db, &contact, &DeviceId::from_bytes(opened.signer))?;
        let person = person.filter(|person| person.account.as_bytes().starts_with(&link.account16));
        Ok(person.map(|person| (person, record)))
    }
}

impl Purpose {
    /// The inviter is a friend, whatever has become of the invite; whoever only looks is told of the invite.
    fn succeed(self, turn: &mut Turn<'_>, friend: AccountId, over: Error) {
        match self {
            Self::Show(reply) => turn.answer(reply, Err(over)),
            Self::Add { reply, .. } => turn.answer(reply, Ok((friend, view::FriendState::Friend))),
        }
    }

    fn fail(self, turn: &mut Turn<'_>, error: Error) {
        match self {
            Self::Show(reply) => turn.answer(reply, Err(error)),
            Self::Add { reply, .. } => turn.answer(reply, Err(error)),
        }
    }
}

fn refusal(code: &str) -> Option<Error> {
    Some(match code {
        "invite_used" => Error::InviteUsed,
        "invite_expired" => Error::InviteExpired,
        "invite_revoked" => Error::InviteRevoked,
        _ => return None,
    })
}

/// The text of a link, without the addresses that it has no room for: those of the network go first, the relay holds
/// the record.
fn fitting(mut link: InviteLink) -> Result<String, BadLink> {
    loop {
        match invite_link::format(&link) {
            Err(BadLink::TooLong { .. }) if link.addrs.pop().is_some() => {}
            Err(BadLink::TooLong { .. }) if link.relays.len() > 1 => drop(link.relays.pop()),
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leaves_out_the_addresses_that_it_has_no_room_for() {
        let relay = format!("/dns4/{}.example.org/tcp/443", "r".repeat(60)).parse::<madang_p2p::Multiaddr>();
        let relay = relay.unwrap().to_vec();
        let addr = "/ip6/2001:db8:1111:2222:3333:4444:5555:6666/udp/40000/quic-v1";
        let addr = addr.parse::<madang_p2p::Multiaddr>().unwrap().to_vec();
        let link = InviteLink {
            slot_id: vec![1; 16],
            account16: vec![2; 16],
            secret: vec![3; 16],
            expiry_h: 4,
            relays: vec![relay.clone(), relay.clone()],
            peer: PeerId::random().to_bytes(),
            addrs: vec![addr; 4],
        };
        assert!(invite_link::format(&link).is_err(), "it is too long");
        let read = invite_link::parse(&fitting(link).unwrap()).unwrap();
        assert_eq!(read.relays.first(), Some(&relay));
        assert!(read.addrs.len() < 4);
    }
}
