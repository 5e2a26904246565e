//! Becoming friends: requests, answers and updates (protocol section 7.3).
//!
//! Invariants: nothing of a stranger is loaded before this person accepts; a one-time invite accepts
//! exactly one account; an account log is checked against the account id before anything is kept.

use bytes::Bytes;
use madang_crypto::open_signed;
use madang_model::{
    AccountId, ConvId, DeviceId, InviteId,
    account::AccountState,
    text::{TextError, name_of_other},
};
use madang_p2p::{Multiaddr, PeerId};
use madang_store::{
    Conn, friends, invites,
    requests::{self, RequestState},
};
use madang_wire::{
    AddressRecord, Contact, ContactAccept, ContactBody, ContactErr, ContactFrame, ContactOk, ContactPut,
    ContactRequest, ContactUpdate, DeviceBundle, Envelope, LaneBody, Message as _, Signed,
};

use crate::{
    core::Core,
    directory::asleep_since,
    effect::{AskId, CallId, Send},
    error::Error,
    event::Event,
    lane::ACCEPT,
    lane_in::Delivered,
    own_contact::Extent,
    requests::GREETING_MAX,
    turn::Turn,
    view,
};

/// Characters of an account id that stand in the place of a name that nobody can see.
const SHORT_ID: usize = 8;

/// Connections remembered for answers to contact requests.
const CONTACT_PEERS_MAX: usize = 256;
/// Requests that wait for this person: more are refused, so that one reusable invite cannot fill the store.
const OPEN_REQUESTS_MAX: usize = 100;

/// What this node knows of somebody after checking a `Contact` or an invite record.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) account: AccountId,
    pub(crate) name: String,
    pub(crate) devices: Vec<DeviceId>,
}

impl Core {
    /// Answers a frame of anybody on the contact protocol.
    pub(crate) fn contact_frame(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        ask: AskId,
        frame: &[u8],
    ) -> Result<(), Error> {
        let answer = match madang_wire::decode::<ContactFrame>(frame).map(|f| f.body) {
            Ok(Some(ContactBody::Get(get))) => match self.invite_record(turn, &get.invite_id)? {
                Ok(sealed) => ContactBody::Record(madang_wire::InviteRec { sealed }),
                Err(code) => refuse(code),
            },
            Ok(Some(ContactBody::Put(ContactPut { env: Some(envelope) }))) => {
                match self.contact_put_came(turn, &envelope, peer)? {
                    Delivered::Done => ContactBody::Ok(ContactOk {}),
                    Delivered::Refused(code) => refuse(code),
                }
            }
            _ => refuse("bad_frame"),
        };
        if let ContactBody::Err(error) = &answer {
            tracing::debug!(%peer, code = error.code, "contact frame refused");
        }
        let frame = ContactFrame { body: Some(answer) }.encode_to_vec();
        turn.send(Send::ContactAnswer { ask, frame: Bytes::from(frame) });
        Ok(())
    }

    /// Takes a request that was opened from an envelope.
    pub(crate) fn contact_request(
        &mut self,
        turn: &mut Turn<'_>,
        signed: &Signed,
        peer: Option<PeerId>,
    ) -> Result<Delivered, Error> {
        let Some((signer, request)) = self.open_request(signed) else {
            return Ok(Delivered::Refused("bad_frame"));
        };
        let (Ok(invite), Some(contact)) = (InviteId::try_from(request.invite_id.as_slice()), &request.c)
        else {
            return Ok(Delivered::Refused("bad_frame"));
        };
        // Without keys of the machine that asks there is nobody to answer.
        let Some(person) = self.check_contact(turn.db, contact, &signer)? else {
            return Ok(Delivered::Refused("bad_frame"));
        };
        if person.account == self.me.account {
            return Ok(Delivered::Refused("denied"));
        }
        if peer.is_some() && seems_asleep(contact, &signer, self.author_time(turn)) {
            // Nobody could be answered, and what is written for a new friend would stand years ahead for good
            // (docs/adr/0034). The request comes again.
            tracing::warn!(
                "somebody who speaks has keys that are out of date: is the clock of this machine right?"
            );
            return Ok(Delivered::Refused("busy"));
        }
        if let Some(friend) = friends::get(turn.db, &person.account)? {
            if friend.blocked {
                // Whoever is blocked learns nothing.
                return Ok(Delivered::Done);
            }
            if friend.state == friends::FriendState::Friend {
                self.remember_peer(signer, peer);
                self.keep_contact(turn, &person, contact)?;
                self.send_accept(turn, &person, invite, false)?;
                return Ok(Delivered::Done);
            }
        }
        let Some(row) = invites::get(turn.db, &invite)? else {
            return Ok(Delivered::Refused("invite_revoked"));
        };
        let kept = requests::incoming(turn.db, request_id(&invite, &person.account).as_bytes())?;
        let state = kept.map(|kept| kept.state);
        match state {
            // A copy with newer keys.
            Some(RequestState::Open) => {}
            Some(RequestState::Refused) => return Ok(Delivered::Done),
            // Whoever was a friend once is judged as anybody else.
            Some(RequestState::Accepted) | None => {
                if let Some(code) = invite_refused(&row, self.author_time(turn)) {
                    return Ok(Delivered::Refused(code));
                }
                if !row.once && requests::count_open(turn.db)? >= OPEN_REQUESTS_MAX {
                    return Ok(Delivered::Refused("busy"));
                }
            }
        }
        self.remember_peer(signer, peer);
        let fresh = state != Some(RequestState::Open);
        self.keep_request(turn, &row, &person, (&request, contact, signer), fresh)?;
        Ok(Delivered::Done)
    }

    /// The request in a signed body, if it is for this account.
    fn open_request(&self, signed: &Signed) -> Option<(DeviceId, ContactRequest)> {
        let opened = open_signed::<ContactRequest>(signed).ok()?;
        let request = opened.body.value().clone();
        (request.to_account == self.me.account.as_bytes())
            .then(|| (DeviceId::from_bytes(opened.signer), request))
    }

    /// The answer to a request goes back over the connection by which it came.
    fn remember_peer(&mut self, device: DeviceId, peer: Option<PeerId>) {
        if let Some(peer) = peer {
            if self.contact_peers.len() >= CONTACT_PEERS_MAX {
                self.contact_peers.clear();
            }
            self.contact_peers.insert(device, peer);
        }
    }

    fn keep_request(
        &mut self,
        turn: &mut Turn<'_>,
        invite: &invites::Invite,
        person: &Person,
        (request, contact, signer): (&ContactRequest, &Contact, DeviceId),
        fresh: bool,
    ) -> Result<(), Error> {
        let id = request_id(&invite.id, &person.account);
        let kept = requests::Incoming {
            id: id.to_bytes(),
            account: person.account,
            device: signer,
            name: person.name.clone(),
            greeting: request.greeting.chars().take(GREETING_MAX).collect(),
            at: request.at.min(turn.now.wall),
            contact: contact.encode_to_vec(),
            invite: invite.id,
            state: RequestState::Open,
        };
        // Open again, if it was answered before.
        requests::answer(turn.db, id.as_bytes(), RequestState::Open)?;
        requests::receive(turn.db, &kept)?;
        if invite.once {
            invites::used(turn.db, &invite.id)?;
            self.close_invite(turn, invite)?;
            self.admit(turn, &kept, person, contact)?;
        } else if fresh {
            invites::used(turn.db, &invite.id)?;
            turn.emit(Event::Request(view::Request {
                request: id,
                account: person.account,
                name: kept.name,
                greeting: kept.greeting,
                at: kept.at,
            }));
        }
        Ok(())
    }

    /// Accepts a request: friend, 1:1 room, first key, answer in the lane. Everything is checked before anything is
    /// written.
    pub(crate) fn accept(
        &mut self,
        turn: &mut Turn<'_>,
        request: InviteId,
    ) -> Result<(AccountId, ConvId), Error> {
        let kept = requests::incoming(turn.db, request.as_bytes())?.ok_or(Error::NotFound("request"))?;
        if kept.state == RequestState::Accepted && self.is_friend(&kept.account) {
            return Ok((kept.account, self.direct_conv(&kept.account)));
        }
        if kept.state != RequestState::Open {
            return Err(Error::NotFound("request"));
        }
        if friends::get(turn.db, &kept.account)?.is_some_and(|friend| friend.blocked) {
            return Err(Error::Denied("This person is blocked. Unblock them first"));
        }
        let contact = Contact::decode(kept.contact.as_slice())
            .map_err(|_| Error::Internal("a stored request does not read".to_owned()))?;
        // It was checked when it came, so the log of its account has grown since.
        let person = self.check_contact(turn.db, &contact, &kept.device)?.ok_or(Error::Denied(
            "The machine that asked was removed from its account. Ask them to ask again",
        ))?;
        let conv = self.admit(turn, &kept, &person, &contact)?;
        Ok((person.account, conv))
    }

    /// Makes whoever asks a friend, and answers.
    fn admit(
        &mut self,
        turn: &mut Turn<'_>,
        request: &requests::Incoming,
        person: &Person,
        contact: &Contact,
    ) -> Result<ConvId, Error> {
        requests::answer(turn.db, &request.id, RequestState::Accepted)?;
        self.keep_contact(turn, person, contact)?;
        let conv = self.befriend(turn, person)?;
        self.send_accept(turn, person, request.invite, true)?;
        // Both may have asked each other.
        self.request_accepted(turn, &person.account)?;
        Ok(conv)
    }

    /// Declines an open request.
    pub(crate) fn decline(&mut self, turn: &mut Turn<'_>, request: InviteId) -> Result<AccountId, Error> {
        let kept = requests::incoming(turn.db, request.as_bytes())?
            .filter(|kept| kept.state == RequestState::Open)
            .ok_or(Error::NotFound("request"))?;
        requests::answer(turn.db, request.as_bytes(), RequestState::Refused)?;
        Ok(kept.account)
    }

    /// Sends the answer with the current key of the 1:1 to every device of the friend that may have it (protocol section
    /// 3.3, Re-share). What is left of an earlier friendship in the lane must not stand before it.
    fn send_accept(
        &mut self,
        turn: &mut Turn<'_>,
        person: &Person,
        invite: InviteId,
        new_friend: bool,
    ) -> Result<(), Error> {
        let room = self.open_direct(turn, &person.account)?;
        let (key, share) = self.share_of(turn, room)?;
        let contact = self.own_contact(turn, Extent::Accept, Some(person.account))?;
        for device in person.devices.clone() {
            if let Err(denied) = self.may_have(room, &key, &device) {
                tracing::debug!(%device, ?denied, "a machine of a contact gets no answer");
                continue;
            }
            self.renew_lane(turn, device, new_friend)?;
            let accept = ContactAccept {
                invite_id: invite.as_bytes().to_vec(),
                c: Some(contact.clone()),
                share: Some(share.clone()),
            };
            self.lane_send(turn, device, &crate::lane::topic(ACCEPT, invite), LaneBody::Accept(accept))?;
        }
        if self.own_contact(turn, Extent::Whole, Some(person.account))? != contact {
            // The answer is small, so that a stranger may take it: the rest follows.
            self.update_contact(turn, &person.account)?;
        }
        Ok(())
    }

    /// The answer to an own request.
    pub(crate) fn contact_accept(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        accept: &ContactAccept,
    ) -> Result<(), Error> {
        let Some(account) = self.directory.get(&device).and_then(|d| d.account) else { return Ok(()) };
        if self.is_friend(&account) {
            // Each of its machines answers, and a friend who is asked again.
            self.contact_update(turn, device, accept.c.as_ref())?;
            self.request_accepted(turn, &account)?;
            return accept.share.as_ref().map_or(Ok(()), |share| self.key_share(turn, device, share));
        }
        let Some(open) = requests::outgoing(turn.db, &account)? else { return Ok(()) };
        let blocked = friends::get(turn.db, &account)?.is_some_and(|friend| friend.blocked);
        let answers = open.invite.as_bytes().as_slice() == accept.invite_id;
        if open.state != RequestState::Open || !answers || blocked {
            return Ok(());
        }
        let Some(contact) = &accept.c else { return Ok(()) };
        let person = self.check_contact(turn.db, contact, &device)?;
        let Some(person) = person.filter(|person| person.account == account) else { return Ok(()) };
        self.keep_contact(turn, &person, contact)?;
        self.befriend(turn, &person)?;
        if let Some(share) = &accept.share {
            self.key_share(turn, device, share)?;
        }
        self.renew_lane(turn, device, true)?;
        // The request was small: the rest follows, on the same connection.
        self.update_contact(turn, &account)?;
        self.request_accepted(turn, &account)
    }

    /// New bundle, addresses, tokens or account log of a friend or an own machine.
    pub(crate) fn contact_update(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        contact: Option<&Contact>,
    ) -> Result<(), Error> {
        let (Some(contact), Some(account)) = (contact, self.directory.get(&device).and_then(|d| d.account))
        else {
            return Ok(());
        };
        if account != self.me.account && !self.is_friend(&account) {
            return Ok(());
        }
        let person = self.check_contact(turn.db, contact, &device)?;
        let Some(person) = person.filter(|person| person.account == account) else { return Ok(()) };
        let before = self.bundle_version(&device);
        self.keep_contact(turn, &person, contact)?;
        if self.bundle_version(&device) > before {
            self.give_current_keys(turn, device)?;
        }
        Ok(())
    }

    fn bundle_version(&self, device: &DeviceId) -> Option<u64> {
        self.directory.get(device)?.bundle.as_ref().map(|bundle| bundle.version)
    }

    /// Tells every friend about a change of this machine.
    pub(crate) fn update_contacts(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        for account in self.friends.clone() {
            self.update_contact(turn, &account)?;
        }
        Ok(())
    }

    fn update_contact(&mut self, turn: &mut Turn<'_>, account: &AccountId) -> Result<(), Error> {
        let contact = self.own_contact(turn, Extent::Whole, Some(*account))?;
        for device in self.directory.of_account(account) {
            let update = ContactUpdate { c: Some(contact.clone()) };
            self.lane_send(turn, device, "update", LaneBody::Update(update))?;
        }
        Ok(())
    }

    /// Checks what somebody tells about himself: the account log leads to the account id, the signer is
    /// an active device that can be written to, the address is of an active device. What is known here of
    /// the account counts as well as what is told: a removed machine shows a log without its removal.
    pub(crate) fn check_contact(
        &mut self,
        db: &Conn,
        contact: &Contact,
        signer: &DeviceId,
    ) -> Result<Option<Person>, Error> {
        let state = self.state_with(db, &contact.account_log)?;
        Ok(state.and_then(|state| person_of(contact, signer, &state)))
    }

    /// Keeps what was checked: account log, bundles, address, card, tokens.
    pub(crate) fn keep_contact(
        &mut self,
        turn: &mut Turn<'_>,
        person: &Person,
        contact: &Contact,
    ) -> Result<(), Error> {
        self.keep_account_log(turn, person.account, &contact.account_log)?;
        for signed in &contact.bundles {
            self.take_bundle(turn, signed)?;
        }
        if let Some(addr) = &contact.addr {
            self.take_address(turn, addr)?;
        }
        self.take_tokens(turn, person, &contact.tokens)?;
        if let Some(card) = &contact.card {
            friends::know(turn.db, &person.account, &person.name, turn.now.wall)?;
            friends::set_card(turn.db, &person.account, &person.name, &card.encode_to_vec())?;
            turn.emit(Event::Friend { account: person.account });
        }
        Ok(())
    }

    /// Where a device that is not connected may take a frame on the contact protocol: at its addresses, or on the
    /// connection by which it came.
    pub(crate) fn contact_way(&self, device: &DeviceId) -> Option<(PeerId, Vec<Multiaddr>)> {
        let known = self.directory.get(device)?;
        let dialled = known.peer.filter(|_| !known.addrs.is_empty());
        let peer = dialled.or_else(|| self.contact_peers.get(device).copied())?;
        Some((peer, known.addrs.clone()))
    }

    /// Hands a lane packet with the answer to a request over on the contact protocol, to a device that is not
    /// connected yet. Answers whether there is a way to try.
    pub(crate) fn contact_envelope(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        envelope: &Envelope,
    ) -> bool {
        let Some((peer, addrs)) = self.contact_way(&device) else { return false };
        let put = ContactPut { env: Some(envelope.clone()) };
        let call = self.contact_call(turn, peer, addrs, ContactBody::Put(put));
        self.packet_calls.insert(call, device);
        true
    }

    /// Sends a frame on the contact protocol.
    pub(crate) fn contact_call(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        addrs: Vec<Multiaddr>,
        body: ContactBody,
    ) -> CallId {
        self.next_call = self.next_call.wrapping_add(1);
        let call = CallId(self.next_call);
        let frame = Bytes::from(ContactFrame { body: Some(body) }.encode_to_vec());
        turn.send(Send::Contact { call, peer, addrs, frame });
        call
    }
}

/// What a contact says, if it fits the log of its account. A bundle of another machine that does not is passed over:
/// the sender may not have heard of its removal.
fn person_of(contact: &Contact, signer: &DeviceId, state: &AccountState) -> Option<Person> {
    let checked = contact.bundles.iter().filter_map(|signed| crate::bundle::check(signed, state));
    let devices: Vec<DeviceId> = checked.map(|(device, _)| device).collect();
    if !devices.contains(signer) {
        return None;
    }
    if let Some(addr) = &contact.addr
        && !state.is_active(&DeviceId::from_bytes(open_signed::<AddressRecord>(addr).ok()?.signer))
    {
        return None;
    }
    let name = contact.card.as_ref().map(|c| c.name.clone()).unwrap_or_default();
    let name = shown_name(&name, &state.account).ok()?;
    Some(Person { account: state.account, name, devices })
}

/// Whether the keys of the machine that asks are out of date by this time.
fn seems_asleep(contact: &Contact, signer: &DeviceId, now: u64) -> bool {
    let opened = contact.bundles.iter().filter_map(|signed| open_signed::<DeviceBundle>(signed).ok());
    let own = opened.filter(|bundle| bundle.signer == *signer.as_bytes());
    own.into_iter().any(|bundle| asleep_since(bundle.body.value(), now).is_some())
}

/// The name under which somebody is shown: what can be seen of it, or the beginning of the account id when that is
/// nothing. Whoever is a friend already is not lost for a name.
pub(crate) fn shown_name(name: &str, account: &AccountId) -> Result<String, TextError> {
    let seen = name_of_other(name)?;
    Ok(if seen.is_empty() { account.to_string().chars().take(SHORT_ID).collect() } else { seen })
}

/// The one request that an account can make with an invite.
fn request_id(invite: &InviteId, account: &AccountId) -> InviteId {
    let bytes = [invite.as_bytes().as_slice(), account.as_bytes()].concat();
    InviteId::from_bytes(madang_crypto::frame_id(&bytes))
}

/// Why an invite admits nobody (any more).
pub(crate) fn invite_refused(invite: &invites::Invite, now: u64) -> Option<&'static str> {
    if invite.revoked {
        Some("invite_revoked")
    } else if now > invite.expires {
        Some("invite_expired")
    } else if invite.once && invite.used > 0 {
        Some("invite_used")
    } else {
        None
    }
}

fn refuse(code: &str) -> ContactBody {
    ContactBody::Err(ContactErr { code: code.to_owned() })
}
