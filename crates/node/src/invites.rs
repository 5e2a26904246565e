//! Invites: making links and records, looking at links of others, asking the inviter (protocol
//! sections 7.1 and 7.2).
//!
//! Invariant: what a link shows was checked against the account id in the link; looking at it accepts
//! nothing.

use madang_crypto::{invite_id, open_invite, random, seal_invite};
use madang_model::{AccountId, DeviceId, InviteId};
use madang_p2p::PeerId;
use madang_store::{
    friends, invites,
    requests::{self, RequestState},
};
use madang_wire::{
    Contact, ContactBody, ContactFrame, InviteGet, InviteLink, InviteRecord, Message as _, invite_link,
    limits,
};

use crate::{
    command::Reply,
    contacts::{Person, invite_refused},
    core::Core,
    effect::CallId,
    error::Error,
    event::Event,
    lane::internal,
    timer::Due,
    turn::Turn,
    view,
};

const HOUR_MS: u64 = 60 * 60 * 1000;
/// `friend add` waits so long for an inviter who accepts by himself.
const ACCEPT_WAIT_MS: u64 = 1_500;
/// A record is awaited so long on all paths.
const FETCH_MS: u64 = 12_000;
/// A lane packet that was not taken directly is tried again after this.
const PACKET_RETRY_MS: u64 = 3_000;
/// Once a packet is older than this it is tried once in so long.
const FRESH_MS: u64 = 60_000;
/// Requests that nobody has taken go out again so often.
const REQUEST_RETRY_MS: u64 = 20_000;

/// What to do with a record that is on its way.
#[derive(Debug)]
pub(crate) enum Purpose {
    /// Only look.
    Show(Reply<view::InviteInfo>),
    /// Ask the inviter.
    Add { greeting: String, reply: Reply<(AccountId, view::FriendState)> },
}

/// A record on its way.
#[derive(Debug)]
pub(crate) struct Fetching {
    pub(crate) link: InviteLink,
    text: String,
    purpose: Purpose,
    /// Answers that may still come.
    pub(crate) pending: u32,
    /// Why the paths so far failed.
    refused: Option<Error>,
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
        let hour = turn.now.wall.div_euclid(HOUR_MS).saturating_add(u64::from(hours)).saturating_add(1);
        let expires = hour.saturating_mul(HOUR_MS);
        let token_slot = self.invite_token_slot(turn, &id, expires)?;
        let slot = self.invite_slot();
        let link = InviteLink {
            slot_id: slot.id,
            account16: self.me.account.as_bytes().get(..16).unwrap_or_default().to_vec(),
            secret: secret.to_vec(),
            expiry_h: u32::try_from(hour).unwrap_or(u32::MAX),
            relays: slot
                .relays
                .iter()
                .filter_map(|r| Some(r.parse::<madang_p2p::Multiaddr>().ok()?.to_vec()))
                .collect(),
            peer: self.me.peer.to_bytes(),
            addrs: self.link_addresses(),
        };
        let text = invite_link::format(&link).map_err(internal)?;
        invites::put(
            turn.db,
            &invites::Invite {
                id,
                secret,
                once,
                expires,
                created: turn.now.wall,
                used: 0,
                revoked: false,
                slot_secret: slot.secret,
                slot_version: 0,
                relay: slot.relays.first().cloned(),
                link: text.clone(),
                token_slot,
            },
        )?;
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
        self.drop_invite_slot(turn, &invite)?;
        Ok(view::Invite {
            invite: id,
            once: invite.once,
            expires: invite.expires,
            used: u32::try_from(invite.used).unwrap_or(u32::MAX),
            revoked: true,
        })
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
        if let Some(code) = invite_refused(&invite, turn.now.wall) {
            return Ok(Err(code));
        }
        Ok(Ok(self.seal_record(turn, &invite)?))
    }

    pub(crate) fn seal_record(
        &mut self,
        turn: &mut Turn<'_>,
        invite: &invites::Invite,
    ) -> Result<Vec<u8>, Error> {
        let contact = self.own_contact(turn, usize::MAX, None)?;
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
        let link = match self.check_link(turn, text) {
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
        let fetching =
            Fetching { link, text: text.trim().to_owned(), purpose, pending, refused: None, until };
        self.fetching.insert(fetch, fetching);
        self.timers.set(Due::Fetches, until);
    }

    fn check_link(&self, turn: &Turn<'_>, text: &str) -> Result<InviteLink, Error> {
        let link = invite_link::parse(text).map_err(|error| Error::BadLink(error.to_string()))?;
        if turn.now.wall >= u64::from(link.expiry_h).saturating_mul(HOUR_MS) {
            return Err(Error::InviteExpired);
        }
        if self.me.account.as_bytes().starts_with(&link.account16) {
            return Err(Error::Usage("This is an invite of your own".to_owned()));
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
                Ok(ContactBody::Record(record)) => self.record_came(turn, fetch, &record.sealed),
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
            let wait = if self.lane_age(turn, &device)? < FRESH_MS { PACKET_RETRY_MS } else { FRESH_MS };
            self.timers.set(Due::Lane(device), turn.now.mono.saturating_add(wait));
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
            let error = fetching.refused.unwrap_or_else(|| {
                Error::Offline(
                    "The inviter cannot be reached, directly or through a relay. Try again when they are online"
                        .to_owned(),
                )
            });
            fetching.purpose.fail(turn, error);
        }
        Ok(())
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

    /// A sealed record came by one of the paths.
    pub(crate) fn record_came(
        &mut self,
        turn: &mut Turn<'_>,
        fetch: u64,
        sealed: &[u8],
    ) -> Result<(), Error> {
        let Some(fetching) = self.fetching.get(&fetch) else { return Ok(()) };
        let Some((person, record)) = self.check_record(&fetching.link, sealed) else {
            let why = Error::BadLink("what the inviter sent does not fit the link".to_owned());
            return self.fetch_failed(turn, fetch, Some(why));
        };
        if turn.now.wall > record.expires {
            return self.fetch_failed(turn, fetch, Some(Error::InviteExpired));
        }
        let Some(fetching) = self.fetching.remove(&fetch) else { return Ok(()) };
        match fetching.purpose {
            Purpose::Show(reply) => {
                turn.answer(reply, Ok(view::InviteInfo { account: person.account, name: person.name }));
                Ok(())
            }
            Purpose::Add { greeting, reply } => {
                self.ask_inviter(turn, &fetching.link, &fetching.text, person, &record, greeting, reply)
            }
        }
    }

    /// Opens a record and checks it against the account id in the link.
    fn check_record(&self, link: &InviteLink, sealed: &[u8]) -> Option<(Person, InviteRecord)> {
        let secret: [u8; 16] = link.secret.as_slice().try_into().ok()?;
        let opened = open_invite(&secret, sealed).ok()?;
        let record = opened.body.value().clone();
        let contact = Contact {
            account_log: record.account_log.clone(),
            bundles: record.bundles.clone(),
            addr: record.addr.clone(),
            card: record.card.clone(),
            tokens: Vec::new(),
        };
        let person = self.check_contact(&contact, &DeviceId::from_bytes(opened.signer))?;
        person.account.as_bytes().starts_with(&link.account16).then_some((person, record))
    }

    #[allow(clippy::too_many_arguments)] // The parts of one request; they are not used together anywhere else.
    fn ask_inviter(
        &mut self,
        turn: &mut Turn<'_>,
        link: &InviteLink,
        text: &str,
        person: Person,
        record: &InviteRecord,
        greeting: String,
        reply: Reply<(AccountId, view::FriendState)>,
    ) -> Result<(), Error> {
        if let Some(friend) = friends::get(turn.db, &person.account)?
            && friend.state == friends::FriendState::Friend
        {
            turn.answer(reply, Ok((person.account, view::FriendState::Friend)));
            return Ok(());
        }
        let contact = Contact {
            account_log: record.account_log.clone(),
            bundles: record.bundles.clone(),
            addr: record.addr.clone(),
            card: record.card.clone(),
            tokens: Vec::new(),
        };
        self.keep_contact(turn, &person, &contact)?;
        friends::know(turn.db, &person.account, &person.name, turn.now.wall)?;
        friends::set_state(turn.db, &person.account, friends::FriendState::Requested)?;
        let secret: [u8; 16] = link.secret.as_slice().try_into().unwrap_or_default();
        let open = requests::Outgoing {
            account: person.account,
            link: text.to_owned(),
            invite: InviteId::from_bytes(invite_id(&secret)),
            greeting,
            at: turn.now.wall,
            state: RequestState::Open,
            reason: String::new(),
            peer: link.peer.clone(),
            record: record.encode_to_vec(),
        };
        requests::send(turn.db, &open)?;
        self.waiting_adds.insert(person.account, reply);
        self.timers.set(Due::Added(person.account), turn.now.mono.saturating_add(ACCEPT_WAIT_MS));
        if let Some(call) = self.send_request(turn, &open, record)? {
            self.request_calls.insert(call, person.account);
        }
        self.timers.set(Due::Requests, turn.now.mono.saturating_add(REQUEST_RETRY_MS));
        turn.emit(Event::Friend { account: person.account });
        Ok(())
    }

    fn request_answered(
        &mut self,
        turn: &mut Turn<'_>,
        account: AccountId,
        body: Result<ContactBody, String>,
    ) -> Result<(), Error> {
        let Ok(ContactBody::Err(error)) = body else { return Ok(()) };
        let Some(refused) = refusal(&error.code) else { return Ok(()) };
        let Some(open) = requests::outgoing(turn.db, &account)? else { return Ok(()) };
        if open.state != RequestState::Open {
            return Ok(());
        }
        requests::answered(turn.db, &account, RequestState::Refused, &error.code)?;
        friends::set_state(turn.db, &account, friends::FriendState::Known)?;
        turn.emit(Event::Answer { account, refused: Some(code_of(&refused)) });
        self.answer_waiting(turn, account, Err(refused));
        Ok(())
    }

    /// Requests without an answer go out again.
    pub(crate) fn requests_due(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        let open = requests::outgoing_open(turn.db)?;
        for request in &open {
            let Ok(record) = InviteRecord::decode(request.record.as_slice()) else { continue };
            if turn.now.wall > record.expires {
                requests::answered(turn.db, &request.account, RequestState::Refused, "invite_expired")?;
                friends::set_state(turn.db, &request.account, friends::FriendState::Known)?;
                turn.emit(Event::Answer { account: request.account, refused: Some("invite_expired") });
                continue;
            }
            if let Some(call) = self.send_request(turn, request, &record)? {
                self.request_calls.insert(call, request.account);
            }
        }
        if !open.is_empty() {
            self.timers.set(Due::Requests, turn.now.mono.saturating_add(REQUEST_RETRY_MS));
        }
        Ok(())
    }
}

impl Purpose {
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

fn code_of(error: &Error) -> &'static str {
    match error {
        Error::InviteUsed => "invite_used",
        Error::InviteExpired => "invite_expired",
        _ => "invite_revoked",
    }
}
