//! Own contact requests: made once, sent until they are answered (protocol section 7.3).
//!
//! Must not know how an answer is checked. Invariant: a request is signed and sealed once for each machine of the
//! inviter, and every copy is the same bytes, so that copies are told by their hash everywhere.

use madang_crypto::{invite_id, open_signed, os_rng, seal_envelope, sign_body};
use madang_model::{AccountId, DeviceId, InviteId};
use madang_p2p::PeerId;
use madang_store::{
    friends::{self, FriendState},
    meta,
    requests::{self, RequestState},
};
use madang_wire::{
    AddressRecord, Contact, ContactBody, ContactErr, ContactPut, ContactRequest, DeviceBundle, Envelope,
    EnvelopeBody, EnvelopeInner, InviteRecord, Message as _,
};

use crate::{
    command::Reply, contacts::Person, core::Core, effect::CallId, error::Error, event::Event,
    invites::Looked, own_contact::Extent, timer::Due, turn::Turn, view,
};

/// `friend add` waits so long for an inviter who accepts by himself.
const ACCEPT_WAIT_MS: u64 = 1_500;
/// A request that nobody has taken goes out again after this, then after twice as long.
const RETRY_MS: u64 = 20_000;
/// Longest pause between two copies of a request.
const RETRY_MAX_MS: u64 = 2 * 60_000;
/// Longest greeting, characters.
pub(crate) const GREETING_MAX: usize = 200;

/// How often a request went out since the start, and when it does again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tries {
    count: u32,
    /// Monotonic ms.
    next_at: u64,
}

/// The sealed copies of a request, one for each machine of the inviter.
struct Sealed {
    /// Changes with everything that is said in the request.
    mark: [u8; 16],
    copies: Vec<(DeviceId, Envelope)>,
}

impl Core {
    /// Asks the inviter behind a checked record.
    pub(crate) fn ask_inviter(
        &mut self,
        turn: &mut Turn<'_>,
        looked: &Looked,
        person: &Person,
        record: &InviteRecord,
        greeting: String,
        reply: Reply<(AccountId, view::FriendState)>,
    ) -> Result<(), Error> {
        let account = person.account;
        let contact = Contact {
            account_log: record.account_log.clone(),
            bundles: record.bundles.clone(),
            addr: record.addr.clone(),
            card: record.card.clone(),
            tokens: Vec::new(),
        };
        self.keep_contact(turn, person, &contact)?;
        friends::know(turn.db, &account, &person.name, turn.now.wall)?;
        if is_friend(turn, &account)? {
            // The request goes out all the same: the other side may have ended the friendship since.
            turn.answer(reply, Ok((account, view::FriendState::Friend)));
        } else {
            friends::set_state(turn.db, &account, FriendState::Requested)?;
            self.waiting_adds.entry(account).or_default().push(reply);
            self.timers.set(Due::Added(account), turn.now.mono.saturating_add(ACCEPT_WAIT_MS));
        }
        let secret: [u8; 16] = looked.link.secret.as_slice().try_into().unwrap_or_default();
        let open = requests::Outgoing {
            account,
            link: looked.text.clone(),
            invite: InviteId::from_bytes(invite_id(&secret)),
            greeting: greeting.chars().take(GREETING_MAX).collect(),
            at: turn.now.wall,
            state: RequestState::Open,
            reason: String::new(),
            peer: looked.link.peer.clone(),
            record: record.encode_to_vec(),
        };
        requests::send(turn.db, &open)?;
        self.request_tries.remove(&account);
        self.send_request(turn, &open, record)?;
        turn.emit(Event::Friend { account });
        Ok(())
    }

    /// Sends a request to every machine of the inviter, and sets when it goes out again.
    fn send_request(
        &mut self,
        turn: &mut Turn<'_>,
        open: &requests::Outgoing,
        record: &InviteRecord,
    ) -> Result<(), Error> {
        let sealed = self.sealed_request(turn, open, record)?;
        let address = record.addr.as_ref().and_then(|a| open_signed::<AddressRecord>(a).ok());
        for bundle in record.bundles.iter().filter_map(|s| open_signed::<DeviceBundle>(s).ok()) {
            let device = DeviceId::from_bytes(bundle.signer);
            let Some((_, envelope)) = sealed.copies.iter().find(|(to, _)| *to == device) else { continue };
            let at = address.as_ref().filter(|a| a.signer == bundle.signer).map(|a| a.body.value());
            if let Some(call) = at.and_then(|at| self.put_request(turn, at, envelope)) {
                self.request_calls.insert(call, open.account);
            }
            self.put_with_tokens(turn, bundle.body.value(), &record.tokens, envelope)?;
        }
        let tries = self.request_tries.entry(open.account).or_default();
        tries.next_at = turn.now.mono.saturating_add(pause(tries.count));
        tries.count = tries.count.saturating_add(1);
        self.timers.set(Due::Requests, tries.next_at);
        Ok(())
    }

    /// The copies of a request: those that went out before, unless what they say is no longer true.
    fn sealed_request(
        &mut self,
        turn: &mut Turn<'_>,
        open: &requests::Outgoing,
        record: &InviteRecord,
    ) -> Result<Sealed, Error> {
        let mark = self.request_mark(open);
        let kept = meta::get(turn.db, &kept_at(&open.account))?.and_then(|bytes| Sealed::read(&bytes));
        if let Some(kept) = kept.filter(|kept| kept.mark == mark) {
            return Ok(kept);
        }
        let request = ContactRequest {
            invite_id: open.invite.as_bytes().to_vec(),
            c: Some(self.own_contact(turn, Extent::Request, Some(open.account))?),
            greeting: open.greeting.clone(),
            at: turn.now.wall,
            to_account: open.account.as_bytes().to_vec(),
        };
        let signed = sign_body(&request, &self.me.key);
        let inner = EnvelopeInner { body: Some(EnvelopeBody::ContactRequest(signed)) };
        let mut copies = Vec::new();
        for bundle in record.bundles.iter().filter_map(|s| open_signed::<DeviceBundle>(s).ok()) {
            match seal_envelope(&bundle.body.value().envelope_pk, &inner, &mut os_rng()) {
                Ok(envelope) => copies.push((DeviceId::from_bytes(bundle.signer), envelope)),
                Err(error) => tracing::warn!(%error, "a request cannot be sealed for a machine"),
            }
        }
        let sealed = Sealed { mark, copies };
        meta::set(turn.db, &kept_at(&open.account), &sealed.write())?;
        Ok(sealed)
    }

    /// What a request says besides when it was made: the invite, the greeting, own keys, inboxes and addresses.
    fn request_mark(&self, open: &requests::Outgoing) -> [u8; 16] {
        let own = self.directory.get(&self.me.device);
        let bytes = |kept: Option<&Vec<u8>>| kept.cloned().unwrap_or_default();
        let parts = [
            open.invite.as_bytes().to_vec(),
            open.greeting.clone().into_bytes(),
            bytes(own.and_then(|own| own.signed_bundle.as_ref())),
            bytes(own.and_then(|own| own.signed_addr.as_ref())),
        ];
        madang_crypto::frame_id(&parts.concat())
    }

    fn put_request(
        &mut self,
        turn: &mut Turn<'_>,
        at: &AddressRecord,
        envelope: &Envelope,
    ) -> Option<CallId> {
        let peer = PeerId::from_bytes(&at.peer_id).ok()?;
        let addrs = at.addrs.iter().filter_map(|a| a.clone().try_into().ok()).collect();
        let put = ContactPut { env: Some(envelope.clone()) };
        Some(self.contact_call(turn, peer, addrs, ContactBody::Put(put)))
    }

    /// The inviter's machine has answered on the contact protocol.
    pub(crate) fn request_answered(
        &mut self,
        turn: &mut Turn<'_>,
        account: AccountId,
        body: Result<ContactBody, String>,
    ) -> Result<(), Error> {
        let Ok(ContactBody::Err(ContactErr { code })) = body else { return Ok(()) };
        match code.as_str() {
            "invite_used" => self.own_request_refused(turn, account, Error::InviteUsed, "invite_used"),
            "invite_expired" => {
                self.own_request_refused(turn, account, Error::InviteExpired, "invite_expired")
            }
            "invite_revoked" => {
                self.own_request_refused(turn, account, Error::InviteRevoked, "invite_revoked")
            }
            _ => Ok(()),
        }
    }

    fn own_request_refused(
        &mut self,
        turn: &mut Turn<'_>,
        account: AccountId,
        why: Error,
        code: &'static str,
    ) -> Result<(), Error> {
        let Some(open) = requests::outgoing(turn.db, &account)? else { return Ok(()) };
        if open.state != RequestState::Open {
            return Ok(());
        }
        requests::answered(turn.db, &account, RequestState::Refused, code)?;
        self.request_over(turn, &account)?;
        if !is_friend(turn, &account)? {
            friends::set_state(turn.db, &account, FriendState::Known)?;
        }
        turn.emit(Event::Answer { account, refused: Some(code) });
        self.answer_waiting(turn, account, &Err(why));
        Ok(())
    }

    /// Whoever was asked is a friend now.
    pub(crate) fn request_accepted(&mut self, turn: &mut Turn<'_>, account: &AccountId) -> Result<(), Error> {
        let open = requests::outgoing(turn.db, account)?.is_some_and(|open| open.state == RequestState::Open);
        if open {
            requests::answered(turn.db, account, RequestState::Accepted, "")?;
            self.request_over(turn, account)?;
            turn.emit(Event::Answer { account: *account, refused: None });
            self.answer_waiting(turn, *account, &Ok(view::FriendState::Friend));
        }
        Ok(())
    }

    /// A request was answered or given up: its copies are of no more use.
    pub(crate) fn request_over(&mut self, turn: &Turn<'_>, account: &AccountId) -> Result<(), Error> {
        self.request_tries.remove(account);
        if let Some(open) = requests::outgoing(turn.db, account)? {
            self.drop_request_puts(turn, &open.record)?;
        }
        meta::remove(turn.db, &kept_at(account))?;
        Ok(())
    }

    /// Requests without an answer go out again.
    pub(crate) fn requests_due(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        let now = self.author_time(turn);
        for request in requests::outgoing_open(turn.db)? {
            let Ok(record) = InviteRecord::decode(request.record.as_slice()) else { continue };
            if now > record.expires {
                self.own_request_refused(turn, request.account, Error::InviteExpired, "invite_expired")?;
                continue;
            }
            match self.request_tries.get(&request.account).map(|tries| tries.next_at) {
                Some(at) if at > turn.now.mono => self.timers.set(Due::Requests, at),
                _ => self.send_request(turn, &request, &record)?,
            }
        }
        Ok(())
    }

    /// Answers everybody who waits for what becomes of a request.
    pub(crate) fn answer_waiting(
        &mut self,
        turn: &mut Turn<'_>,
        account: AccountId,
        result: &Result<view::FriendState, Error>,
    ) {
        for reply in self.waiting_adds.remove(&account).unwrap_or_default() {
            turn.answer(reply, result.clone().map(|state| (account, state)));
        }
    }
}

impl Sealed {
    fn write(&self) -> Vec<u8> {
        let mut bytes = self.mark.to_vec();
        for (device, envelope) in &self.copies {
            let envelope = envelope.encode_to_vec();
            bytes.extend_from_slice(device.as_bytes());
            // At most 60 KiB.
            bytes.extend_from_slice(&u32::try_from(envelope.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(&envelope);
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (mark, mut rest) = bytes.split_first_chunk::<16>()?;
        let mut copies = Vec::new();
        while let Some((device, tail)) = rest.split_first_chunk::<32>() {
            let (length, tail) = tail.split_first_chunk::<4>()?;
            let (envelope, tail) =
                tail.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
            copies.push((DeviceId::from_bytes(*device), Envelope::decode(envelope).ok()?));
            rest = tail;
        }
        Some(Self { mark: *mark, copies })
    }
}

/// Whether an account is a friend on this side, blocked or not.
fn is_friend(turn: &Turn<'_>, account: &AccountId) -> Result<bool, Error> {
    Ok(friends::get(turn.db, account)?.is_some_and(|friend| friend.state == FriendState::Friend))
}

/// Where the copies of a request are kept.
fn kept_at(account: &AccountId) -> String {
    format!("request.{account}")
}

/// Pause after so many copies.
fn pause(count: u32) -> u64 {
    let doubled = RETRY_MS.saturating_mul(1_u64.checked_shl(count.min(16)).unwrap_or(u64::MAX));
    doubled.min(RETRY_MAX_MS)
}
