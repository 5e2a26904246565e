//! Hello, proofs of keys, and the making of boxes (protocol sections 10.2 and 10.3).
//!
//! Owns who may make and who may manage a box. Invariant: a box is made only for a key proved on this stream, and an
//! existing box is found again without admission.

use std::sync::Arc;

use ed25519_dalek::{Signature, VerifyingKey};
use madang_wire::limits::CAPABILITIES;
use madang_wire::relay_sign::auth_bytes;
use madang_wire::{Created, HelloOk, InboxCreate, LogCreate, RAuth, RHello, ROk, RelayBody, TokenRevoke};

use super::reply::{one, pending};
use super::stream::{Cause, Session};
use crate::answer::{Code, Refusal, frame};
use crate::peers::Peer;
use crate::state::State;
use crate::storage::{
    self, Access, BoxId, InboxCreated, LogCreated, MailboxKind, NewInbox, NewLog, Storage, StorageError,
    Succession,
};

/// Version of the relay protocol spoken here.
const VERSION: u32 = 1;

/// What this relay offers beyond the hello.
const FEATURES: [&str; 3] = ["inbox", "log", "slot"];

/// Offered too where items without a token are taken.
const KNOCK: &str = "knock";

/// Whether `sig` is the strict Ed25519 signature of `bytes` by `public`.
pub(super) fn verify(public: &[u8; 32], bytes: &[u8], sig: &[u8]) -> bool {
    let Ok(sig) = Signature::from_slice(sig) else { return false };
    VerifyingKey::from_bytes(public).is_ok_and(|key| key.verify_strict(bytes, &sig).is_ok())
}

/// A key of 32 bytes in a frame.
pub(super) fn key(bytes: &[u8]) -> Result<[u8; 32], Refusal> {
    bytes.try_into().map_err(|_| Code::BadFrame.into())
}

impl Session {
    pub(super) async fn hello(&mut self, id: u64, hello: &RHello) -> Result<(), Cause> {
        if hello.v != VERSION {
            return self.refuse(id, Code::Version.into()).await;
        }
        self.greeted = true;
        let knock = self.state.takes_knocks().then_some(KNOCK);
        let answer = HelloOk {
            v: VERSION,
            relay_key: self.state.relay_key.to_vec(),
            now: self.state.clock.now(),
            challenge: self.challenge.to_vec(),
            limits: Some(self.state.told_limits()),
            policy: self.state.terms().admission.policy().to_owned(),
            features: FEATURES.into_iter().chain(knock).map(str::to_owned).collect(),
        };
        self.send(frame(id, RelayBody::HelloOk(answer))).await
    }

    pub(super) async fn auth(&mut self, id: u64, auth: &RAuth) -> Result<(), Cause> {
        let public = match key(&auth.cap_pub) {
            Ok(public) => public,
            Err(refusal) => return self.refuse(id, refusal).await,
        };
        let box_id = BoxId::of(&public);
        if self.proved.len() >= CAPABILITIES && !self.proved.contains_key(&box_id) {
            return self.refuse(id, Code::Quota.into()).await;
        }
        let signed = auth_bytes(&self.state.relay_key, &self.challenge, &public);
        if !verify(&public, &signed, &auth.sig) {
            return self.refuse(id, Code::Auth.into()).await;
        }
        self.proved.insert(box_id, public);
        let (state, peer) = (Arc::clone(&self.state), Arc::clone(&self.peer));
        let work = move |storage: &mut dyn Storage| {
            let found = storage.mailbox(box_id)?;
            if found.is_some() {
                storage.touch(box_id, state.clock.now())?;
            }
            // An inbox of this relay was made with admission, so its owner writes on a quota of his own.
            if found.is_some_and(|found| found.kind == MailboxKind::Inbox) {
                peer.admit(public);
            }
            Ok(())
        };
        let answer = self.state.storage.submit(Access::Write, work, |()| ()).await;
        let answer = answer.map_err(|error| Self::closed(&error))?;
        self.pending.push(pending(answer, move |outcome| one(id, outcome.map(|()| RelayBody::Ok(ROk {})))));
        Ok(())
    }

    pub(super) async fn inbox_create(&mut self, id: u64, create: InboxCreate) -> Result<(), Cause> {
        let keys = key(&create.owner_pub).and_then(|owner| Ok((owner, key(&create.k_token)?)));
        let (owner_pub, k_token) = match keys {
            Ok(keys) => keys,
            Err(refusal) => return self.refuse(id, refusal).await,
        };
        if let Err(refusal) = self.may_make(&owner_pub) {
            return self.refuse(id, refusal).await;
        }
        let admitted = self.state.terms().admission.admits(&self.peer.id, &create.admission);
        let (state, peer) = (Arc::clone(&self.state), Arc::clone(&self.peer));
        let new = NewInbox { owner_pub, k_token };
        let work = move |storage: &mut dyn Storage| {
            let made = make_inbox(storage, &state, &peer, &new, admitted)?;
            if made.is_ok() {
                peer.admit(new.owner_pub);
            }
            Ok(made)
        };
        self.create(id, work).await
    }

    pub(super) async fn log_create(&mut self, id: u64, create: LogCreate) -> Result<(), Cause> {
        let log_pub = match key(&create.log_pub) {
            Ok(log_pub) => log_pub,
            Err(refusal) => return self.refuse(id, refusal).await,
        };
        if let Err(refusal) = self.may_make(&log_pub) {
            return self.refuse(id, refusal).await;
        }
        let prev = match <[u8; 16]>::try_from(create.prev.as_slice()) {
            Ok(prev) if self.proved.contains_key(&BoxId(prev)) => Some(BoxId(prev)),
            Ok(_) => return self.refuse(id, Code::Auth.into()).await,
            Err(_) if create.prev.is_empty() => None,
            Err(_) => return self.refuse(id, Code::BadFrame.into()).await,
        };
        let longest = self.state.terms().limits.log_ttl_h;
        let ttl_h = if create.ttl_h == 0 { longest } else { create.ttl_h.min(longest) };
        let may = Making {
            admitted: self.state.terms().admission.admits(&self.peer.id, &create.admission),
            succeed: self.state.terms().admission.accepts_new(),
        };
        let (state, peer) = (Arc::clone(&self.state), Arc::clone(&self.peer));
        let new = NewLog { log_pub, ttl_h, prev };
        let work = move |storage: &mut dyn Storage| make_log(storage, &state, &peer, &new, may);
        self.create(id, work).await
    }

    /// A box is made and found for a proved key only.
    fn may_make(&self, public: &[u8; 32]) -> Result<(), Refusal> {
        if self.proved.contains_key(&BoxId::of(public)) { Ok(()) } else { Err(Code::Auth.into()) }
    }

    async fn create<F>(&mut self, id: u64, work: F) -> Result<(), Cause>
    where
        F: FnMut(&mut dyn Storage) -> Result<Result<storage::Created, Refusal>, StorageError>
            + Send
            + 'static,
    {
        let answer = self.state.storage.submit(Access::Write, work, |_| ()).await;
        let answer = answer.map_err(|error| Self::closed(&error))?;
        self.pending.push(pending(answer, move |outcome| {
            let created = outcome.and_then(|outcome| outcome);
            one(
                id,
                created.map(|created| {
                    RelayBody::Created(Created {
                        box_id: created.id.0.to_vec(),
                        epoch: created.epoch.to_vec(),
                    })
                }),
            )
        }));
        Ok(())
    }

    pub(super) async fn revoke(&mut self, id: u64, revoke: &TokenRevoke) -> Result<(), Cause> {
        let inbox = match self.proved_box(&revoke.inbox_id) {
            Ok(inbox) => inbox,
            Err(refusal) => return self.refuse(id, refusal).await,
        };
        let (slot, silent) = (revoke.slot, revoke.silent);
        let work = move |storage: &mut dyn Storage| {
            let kind = storage.mailbox(inbox)?.map(|found| found.kind);
            if kind != Some(MailboxKind::Inbox) {
                return Ok(Err(Refusal::from(Code::NotFound)));
            }
            let kept = storage.revoke_token(inbox, slot, silent)?;
            Ok(if kept { Ok(()) } else { Err(Code::Quota.into()) })
        };
        let answer = self.state.storage.submit(Access::Write, work, |_| ()).await;
        let answer = answer.map_err(|error| Self::closed(&error))?;
        self.pending.push(pending(answer, move |outcome| {
            one(id, outcome.and_then(|outcome| outcome).map(|()| RelayBody::Ok(ROk {})))
        }));
        Ok(())
    }

    /// The box of a request that only its key holder may make.
    pub(super) fn proved_box(&self, id: &[u8]) -> Result<BoxId, Refusal> {
        let id = BoxId(id.try_into().map_err(|_| Code::BadFrame)?);
        if self.proved.contains_key(&id) { Ok(id) } else { Err(Code::Auth.into()) }
    }
}

/// By what right a log may be made.
#[derive(Clone, Copy)]
struct Making {
    admitted: bool,
    succeed: bool,
}

/// Finds an inbox, or makes it with admission.
fn make_inbox(
    storage: &mut dyn Storage,
    state: &State,
    peer: &Peer,
    new: &NewInbox,
    admitted: bool,
) -> Result<Result<storage::Created, Refusal>, StorageError> {
    match storage.mailbox(BoxId::of(&new.owner_pub))?.map(|found| found.kind) {
        Some(MailboxKind::Inbox) => {}
        // Every member of a log knows its key; it must not make him the admitted owner of an inbox.
        Some(MailboxKind::Log) => return Ok(Err(Code::Auth.into())),
        None if !admitted => return Ok(Err(Code::Admission.into())),
        // Only what is really made counts; clients find their boxes again with every connection.
        None => {
            if let Err(exceeded) = state.terms().rates.creation(peer.network) {
                return Ok(Err(exceeded.into()));
            }
        }
    }
    Ok(match storage.create_inbox(new, state.clock.now())? {
        InboxCreated::Created(created) => Ok(created),
        InboxCreated::OtherKind => Err(Code::Auth.into()),
    })
}

/// Finds a log, makes it as a successor, or makes it with admission, in this order.
fn make_log(
    storage: &mut dyn Storage,
    state: &State,
    peer: &Peer,
    new: &NewLog,
    may: Making,
) -> Result<Result<storage::Created, Refusal>, StorageError> {
    let now = state.clock.now();
    let mut new = new.clone();
    match storage.mailbox(BoxId::of(&new.log_pub))?.map(|found| found.kind) {
        Some(MailboxKind::Log) => {}
        Some(MailboxKind::Inbox) => return Ok(Err(Code::Auth.into())),
        None => {
            if let Some(refusal) = not_heir(storage, &new, may, now)? {
                if !may.admitted {
                    return Ok(Err(refusal.into()));
                }
                new.prev = None;
            }
            if let Err(exceeded) = state.terms().rates.creation(peer.network) {
                return Ok(Err(exceeded.into()));
            }
        }
    }
    Ok(match storage.create_log(&new, now)? {
        LogCreated::Created(created) => Ok(created),
        LogCreated::OtherKind => Err(Code::Auth.into()),
        LogCreated::NoPredecessor => Err(Code::NotFound.into()),
        LogCreated::TooMany => Err(Code::Quota.into()),
    })
}

/// Why a log cannot be made as a successor; `None` when it can.
fn not_heir(
    storage: &mut dyn Storage,
    new: &NewLog,
    may: Making,
    now: u64,
) -> Result<Option<Code>, StorageError> {
    let Some(prev) = new.prev.filter(|_| may.succeed) else { return Ok(Some(Code::Admission)) };
    Ok(match storage.succession(prev, now)? {
        Succession::Free(_) => None,
        Succession::NoPredecessor => Some(Code::NotFound),
        Succession::TooMany => Some(Code::Quota),
    })
}
