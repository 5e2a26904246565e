//! Becoming friends: requests, answers and updates (protocol section 7.3).
//!
//! Invariants: nothing of a stranger is loaded before this person accepts; a one-time invite accepts
//! exactly one account; an account log is checked against the account id before anything is kept.

use bytes::Bytes;
use madang_crypto::{open_signed, os_rng, seal_envelope, sign_body};
use madang_model::{AccountId, ConvId, DeviceId, InviteId};
use madang_p2p::PeerId;
use madang_store::{
    friends, invites,
    requests::{self, RequestState},
};
use madang_wire::{
    AddressRecord, Contact, ContactAccept, ContactBody, ContactErr, ContactFrame, ContactOk, ContactPut,
    ContactRequest, ContactUpdate, DeviceBundle, Envelope, EnvelopeBody, EnvelopeInner, InviteRecord,
    LaneBody, Message as _, Signed,
};

use crate::{
    command::Reply,
    core::Core,
    effect::{AskId, CallId, Send},
    error::Error,
    event::Event,
    lane::internal,
    lane_in::Delivered,
    turn::Turn,
    view,
};

/// Bundles in a request: with them it fits the bucket for strangers (protocol section 7.3).
const REQUEST_BUNDLES: usize = 4;
/// Connections remembered for answers to contact requests.
const CONTACT_PEERS_MAX: usize = 256;
/// Longest greeting, characters.
const GREETING_MAX: usize = 200;

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
                match self.envelope(turn, &envelope, Some(peer))? {
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
        let Ok(request) = open_signed::<ContactRequest>(signed) else {
            return Ok(Delivered::Refused("bad_frame"));
        };
        let signer = DeviceId::from_bytes(request.signer);
        let request = request.body.value().clone();
        let Ok(invite) = InviteId::try_from(request.invite_id.as_slice()) else {
            return Ok(Delivered::Refused("bad_frame"));
        };
        if request.to_account != self.me.account.as_bytes() {
            return Ok(Delivered::Refused("bad_frame"));
        }
        let Some(contact) = &request.c else { return Ok(Delivered::Refused("bad_frame")) };
        let Some(person) = self.check_contact(contact, &signer) else {
            return Ok(Delivered::Refused("bad_frame"));
        };
        if let Some(peer) = peer {
            if self.contact_peers.len() >= CONTACT_PEERS_MAX {
                self.contact_peers.clear();
            }
            self.contact_peers.insert(signer, peer);
        }
        if person.account == self.me.account {
            return Ok(Delivered::Refused("denied"));
        }
        if let Some(friend) = friends::get(turn.db, &person.account)? {
            if friend.blocked {
                // Whoever is blocked learns nothing.
                return Ok(Delivered::Done);
            }
            if friend.state == friends::FriendState::Friend {
                self.keep_contact(turn, &person, contact)?;
                self.send_accept(turn, &person, invite)?;
                return Ok(Delivered::Done);
            }
        }
        let Some(row) = invites::get(turn.db, &invite)? else {
            return Ok(Delivered::Refused("invite_revoked"));
        };
        let again = requests::incoming_of(turn.db, &person.account)?;
        if again.is_empty()
            && let Some(code) = invite_refused(&row, turn.now.wall)
        {
            return Ok(Delivered::Refused(code));
        }
        self.keep_request(turn, &row, &person, &request, contact, signer)?;
        Ok(Delivered::Done)
    }

    fn keep_request(
        &mut self,
        turn: &mut Turn<'_>,
        invite: &invites::Invite,
        person: &Person,
        request: &ContactRequest,
        contact: &Contact,
        signer: DeviceId,
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
        let fresh = requests::receive(turn.db, &kept)?;
        if invite.once {
            invites::used(turn.db, &invite.id)?;
            self.drop_invite_slot(turn, invite)?;
            self.accept(turn, id)?;
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

    /// Accepts a request: friend, 1:1 room, first key, answer in the lane.
    pub(crate) fn accept(
        &mut self,
        turn: &mut Turn<'_>,
        request: InviteId,
    ) -> Result<(AccountId, ConvId), Error> {
        let kept = requests::incoming(turn.db, request.as_bytes())?.ok_or(Error::NotFound("request"))?;
        if kept.state == RequestState::Refused {
            return Err(Error::NotFound("request"));
        }
        let contact = Contact::decode(kept.contact.as_slice()).map_err(internal)?;
        let person = self
            .check_contact(&contact, &kept.device)
            .ok_or_else(|| Error::Internal("a stored request does not verify".to_owned()))?;
        requests::answer(turn.db, request.as_bytes(), RequestState::Accepted)?;
        self.keep_contact(turn, &person, &contact)?;
        let conv = self.befriend(turn, &person)?;
        self.send_accept(turn, &person, kept.invite)?;
        Ok((person.account, conv))
    }

    pub(crate) fn decline(&mut self, turn: &mut Turn<'_>, request: InviteId) -> Result<AccountId, Error> {
        let kept = requests::incoming(turn.db, request.as_bytes())?.ok_or(Error::NotFound("request"))?;
        requests::answer(turn.db, request.as_bytes(), RequestState::Refused)?;
        Ok(kept.account)
    }

    /// Sends the answer with the current key of the 1:1 to every device of the new friend.
    fn send_accept(&mut self, turn: &mut Turn<'_>, person: &Person, invite: InviteId) -> Result<(), Error> {
        let room = self.direct_row(&person.account).ok_or(Error::NotFound("room"))?;
        let share = self.share_of(turn, room)?;
        for device in person.devices.clone() {
            let accept = ContactAccept {
                invite_id: invite.as_bytes().to_vec(),
                c: Some(self.own_contact(turn, usize::MAX, Some(person.account))?),
                share: Some(share.clone()),
            };
            self.lane_send(turn, device, &crate::lane::topic("accept", invite), LaneBody::Accept(accept))?;
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
        let Some(open) = requests::outgoing(turn.db, &account)? else { return Ok(()) };
        if open.invite.as_bytes().as_slice() != accept.invite_id || open.state == RequestState::Refused {
            return Ok(());
        }
        let Some(contact) = &accept.c else { return Ok(()) };
        let Some(person) = self.check_contact(contact, &device).filter(|p| p.account == account) else {
            return Ok(());
        };
        self.keep_contact(turn, &person, contact)?;
        self.befriend(turn, &person)?;
        requests::answered(turn.db, &account, RequestState::Accepted, "")?;
        if let Some(share) = &accept.share {
            self.key_share(turn, device, share)?;
        }
        // The request was small: the rest follows, on the same connection.
        self.update_contact(turn, &account)?;
        turn.emit(Event::Answer { account, refused: None });
        self.answer_waiting(turn, account, Ok(view::FriendState::Friend));
        Ok(())
    }

    /// New bundle, addresses, tokens or account log of a friend.
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
        if let Some(person) = self.check_contact(contact, &device).filter(|p| p.account == account) {
            self.keep_contact(turn, &person, contact)?;
        }
        Ok(())
    }

    /// Tells every friend about a change of this machine.
    pub(crate) fn update_contacts(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        for account in self.friends.clone() {
            self.update_contact(turn, &account)?;
        }
        Ok(())
    }

    fn update_contact(&mut self, turn: &mut Turn<'_>, account: &AccountId) -> Result<(), Error> {
        let contact = self.own_contact(turn, usize::MAX, Some(*account))?;
        for device in self.directory.of_account(account) {
            let update = ContactUpdate { c: Some(contact.clone()) };
            self.lane_send(turn, device, "update", LaneBody::Update(update))?;
        }
        Ok(())
    }

    /// Checks what somebody tells about himself: the account log leads to the account id, the signer is
    /// an active device, bundles and address are of devices in the log.
    pub(crate) fn check_contact(&self, contact: &Contact, signer: &DeviceId) -> Option<Person> {
        let (account, active) = crate::accounts::resolve(&contact.account_log)?;
        if !active.contains(signer) {
            return None;
        }
        let mut devices = Vec::new();
        for signed in &contact.bundles {
            let bundle = open_signed::<DeviceBundle>(signed).ok()?;
            let device = DeviceId::from_bytes(bundle.signer);
            if bundle.body.value().account != account.as_bytes() || !active.contains(&device) {
                return None;
            }
            devices.push(device);
        }
        if let Some(addr) = &contact.addr
            && !active.contains(&DeviceId::from_bytes(open_signed::<AddressRecord>(addr).ok()?.signer))
        {
            return None;
        }
        let name = contact.card.as_ref().map(|c| c.name.clone()).unwrap_or_default();
        madang_model::text::check_name(&name).ok()?;
        Some(Person { account, name, devices })
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

    /// What this account tells about itself.
    pub(crate) fn own_contact(
        &mut self,
        turn: &mut Turn<'_>,
        max_bundles: usize,
        friend: Option<AccountId>,
    ) -> Result<Contact, Error> {
        let signed = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(|b| Signed::decode(b).ok());
        let devices = self.directory.of_account(&self.me.account);
        let mut bundles: Vec<Signed> = Vec::new();
        for device in devices.iter().filter_map(|d| self.directory.get(d)) {
            bundles.extend(signed(&device.signed_bundle));
        }
        bundles.truncate(max_bundles.min(madang_wire::limits::BUNDLES));
        let addr = self.directory.get(&self.me.device).and_then(|d| signed(&d.signed_addr));
        let tokens = match friend {
            Some(account) => self.friend_tokens(turn, &account)?,
            None => Vec::new(),
        };
        Ok(Contact {
            account_log: self.account_log(turn.db, &self.me.account)?,
            bundles,
            addr,
            card: Some(self.me.card.clone()),
            tokens,
        })
    }

    /// Asks the inviter behind a checked record.
    pub(crate) fn send_request(
        &mut self,
        turn: &mut Turn<'_>,
        open: &requests::Outgoing,
        record: &InviteRecord,
    ) -> Result<Option<CallId>, Error> {
        let request = ContactRequest {
            invite_id: open.invite.as_bytes().to_vec(),
            c: Some(self.own_contact(turn, REQUEST_BUNDLES, Some(open.account))?),
            greeting: open.greeting.clone(),
            at: turn.now.wall,
            to_account: open.account.as_bytes().to_vec(),
        };
        let signed = sign_body(&request, &self.me.key);
        let inner = EnvelopeInner { body: Some(EnvelopeBody::ContactRequest(signed)) };
        let address = record.addr.as_ref().and_then(|a| open_signed::<AddressRecord>(a).ok());
        let mut call = None;
        for bundle in record.bundles.iter().filter_map(|s| open_signed::<DeviceBundle>(s).ok()) {
            let envelope =
                seal_envelope(&bundle.body.value().envelope_pk, &inner, &mut os_rng()).map_err(internal)?;
            let at = address.as_ref().filter(|a| a.signer == bundle.signer).map(|a| a.body.value());
            if let Some(at) = at {
                call = self.contact_put(turn, at, &envelope);
            }
            self.put_with_tokens(turn, bundle.body.value(), &record.tokens, &envelope)?;
        }
        Ok(call)
    }

    fn contact_put(
        &mut self,
        turn: &mut Turn<'_>,
        at: &AddressRecord,
        envelope: &Envelope,
    ) -> Option<CallId> {
        let peer = PeerId::from_bytes(&at.peer_id).ok()?;
        let addrs = at.addrs.iter().filter_map(|a| a.clone().try_into().ok()).collect();
        Some(self.contact_call(
            turn,
            peer,
            addrs,
            ContactBody::Put(ContactPut { env: Some(envelope.clone()) }),
        ))
    }

    /// Hands a lane packet over on the contact protocol, to a device that is not connected yet.
    /// Answers whether there is an address to try.
    pub(crate) fn contact_envelope(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        envelope: &Envelope,
    ) -> bool {
        let Some(known) = self.directory.get(&device) else { return false };
        let addrs = known.addrs.clone();
        let dialled = known.peer.filter(|_| !addrs.is_empty());
        let Some(peer) = dialled.or_else(|| self.contact_peers.get(&device).copied()) else { return false };
        let call = self.contact_call(
            turn,
            peer,
            addrs,
            ContactBody::Put(ContactPut { env: Some(envelope.clone()) }),
        );
        self.packet_calls.insert(call, device);
        true
    }

    /// Sends a frame on the contact protocol.
    pub(crate) fn contact_call(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        addrs: Vec<madang_p2p::Multiaddr>,
        body: ContactBody,
    ) -> CallId {
        self.next_call = self.next_call.wrapping_add(1);
        let call = CallId(self.next_call);
        let frame = Bytes::from(ContactFrame { body: Some(body) }.encode_to_vec());
        turn.send(Send::Contact { call, peer, addrs, frame });
        call
    }

    pub(crate) fn answer_waiting(
        &mut self,
        turn: &mut Turn<'_>,
        account: AccountId,
        result: Result<view::FriendState, Error>,
    ) {
        if let Some(waiting) = self.waiting_adds.remove(&account) {
            let reply: Reply<(AccountId, view::FriendState)> = waiting;
            turn.answer(reply, result.map(|state| (account, state)));
        }
    }
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
