//! Putting items into boxes: by what right, for how long, on whose quota.
//!
//! Owns the rules of protocol sections 10.3 to 10.5 for puts. It must not know streams. Invariant: the decision and
//! the write are one storage call, so that a revoked token or an eviction cannot slip in between.

use std::sync::Arc;

use madang_wire::{Put, PutAuth};

use crate::answer::{Code, Refusal};
use crate::hub::News;
use crate::peers::Peer;
use crate::state::{BODY_BYTES, INBOX_TTL_MAX_H, KNOCK_BYTES, KNOCK_TTL_H, State, hours};
use crate::storage::{
    BoxId, InboxPut, Item, LogPut, Mailbox, MailboxKind, PutOutcome, Storage, StorageError,
};
use crate::token::Token;

/// By what right an item enters an inbox.
#[derive(Clone, Copy, Debug)]
enum Right {
    /// A delivery token.
    Token(Token),
    /// Nothing: the knock lane.
    Knock,
}

/// A put whose fields have the right lengths.
#[derive(Clone, Debug)]
pub(crate) struct Deposit {
    pub(crate) box_id: BoxId,
    ttl_h: u32,
    right: Right,
    slot: Option<[u8; 16]>,
    del_hash: Option<[u8; 16]>,
    body: Arc<[u8]>,
    /// The stream has proved the key of this box.
    proved: bool,
}

/// What became of it.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// Durable when the client hears of it.
    Stored { seq: u64, epoch: [u8; 8], dup: bool, news: Option<News>, evicted: u32 },
    /// Nothing was stored.
    Refused(Refusal),
}

impl Deposit {
    /// Checks the lengths of a put.
    pub(crate) fn parse(put: Put, proved: impl Fn(&BoxId) -> bool) -> Result<Self, Refusal> {
        let box_id = BoxId(put.box_id.as_slice().try_into().map_err(|_| Code::BadFrame)?);
        let right = match put.auth {
            Some(PutAuth::Token(bytes)) => Right::Token(Token::parse(&bytes).ok_or(Code::Token)?),
            Some(PutAuth::Pow(_)) | None => Right::Knock,
        };
        if put.body.is_empty() {
            return Err(Code::BadFrame.into());
        }
        if put.body.len() > BODY_BYTES {
            return Err(Code::TooLarge.into());
        }
        Ok(Self {
            box_id,
            ttl_h: put.ttl_h,
            right,
            slot: optional(&put.slot)?,
            del_hash: optional(&put.del_hash)?,
            body: put.body.into(),
            proved: proved(&box_id),
        })
    }
}

/// A field of 16 bytes that may be absent.
fn optional(bytes: &[u8]) -> Result<Option<[u8; 16]>, Refusal> {
    if bytes.is_empty() {
        return Ok(None);
    }
    bytes.try_into().map(Some).map_err(|_| Code::BadFrame.into())
}

/// Carries a put out; runs on the storage thread.
pub(crate) fn deposit(
    storage: &mut dyn Storage,
    state: &State,
    peer: &Peer,
    put: &Deposit,
) -> Result<Answer, StorageError> {
    let now = state.clock.now();
    let Some(mailbox) = storage.mailbox(put.box_id)? else {
        return Ok(Answer::Refused(Code::NotFound.into()));
    };
    let outcome = match mailbox.kind {
        MailboxKind::Inbox => into_inbox(storage, state, put, &mailbox, now)?,
        MailboxKind::Log => into_log(storage, state, peer, put, &mailbox, now)?,
    };
    Ok(match outcome {
        Err(refusal) => Answer::Refused(refusal),
        Ok(Outcome { kept, put: PutOutcome::Stored { seq, epoch, evicted } }) => {
            let news = kept.then(|| news(put, &mailbox, seq, evicted));
            Answer::Stored { seq, epoch, dup: false, news, evicted }
        }
        Ok(Outcome { put: PutOutcome::Duplicate { seq, epoch }, .. }) => {
            Answer::Stored { seq, epoch, dup: true, news: None, evicted: 0 }
        }
        Ok(Outcome { put: PutOutcome::Quota, .. }) => Answer::Refused(Code::Quota.into()),
        Ok(Outcome { put: PutOutcome::NotFound, .. }) => Answer::Refused(Code::NotFound.into()),
    })
}

/// What the storage did, and whether the item is really there.
struct Outcome {
    kept: bool,
    put: PutOutcome,
}

fn into_inbox(
    storage: &mut dyn Storage,
    state: &State,
    put: &Deposit,
    mailbox: &Mailbox,
    now: u64,
) -> Result<Result<Outcome, Refusal>, StorageError> {
    if put.slot.is_some() || put.del_hash.is_some() {
        return Ok(Err(Code::BadFrame.into()));
    }
    let default_ttl = state.limits.inbox_ttl_h;
    let (token_slot, ttl_h) = match put.right {
        Right::Token(token) => {
            let valid = mailbox.k_token.as_ref().is_some_and(|key| token.valid(key, now));
            if !valid {
                return Ok(Err(Code::Token.into()));
            }
            if let Err(exceeded) = state.rates.token(put.box_id, token.slot) {
                return Ok(Err(exceeded.into()));
            }
            match storage.revocation(put.box_id, token.slot)? {
                // The blocked writer must not see a difference; the sequence is used up like any other.
                Some(revoked) if revoked.silent => {
                    return Ok(Ok(Outcome { kept: false, put: storage.discard(put.box_id)? }));
                }
                Some(_) => return Ok(Err(Code::Token.into())),
                None => {}
            }
            let asked = if put.ttl_h == 0 { default_ttl } else { put.ttl_h.min(INBOX_TTL_MAX_H) };
            (Some(token.slot), asked)
        }
        // Proof of work is not offered yet, so that only a relay under development takes knocks.
        Right::Knock if !state.dev => return Ok(Err(Code::Pow.into())),
        Right::Knock if put.body.len() > KNOCK_BYTES => return Ok(Err(Code::TooLarge.into())),
        Right::Knock => (None, if put.ttl_h == 0 { KNOCK_TTL_H } else { put.ttl_h.min(KNOCK_TTL_H) }),
    };
    let put = InboxPut {
        inbox: put.box_id,
        token_slot,
        expires: now.saturating_add(hours(ttl_h)),
        body: Arc::clone(&put.body),
        max_items: state.limits.inbox_items,
        max_bytes: state.limits.inbox_bytes,
        max_knocks: state.limits.knocks,
    };
    Ok(Ok(Outcome { kept: true, put: storage.put_inbox(&put, now)? }))
}

fn into_log(
    storage: &mut dyn Storage,
    state: &State,
    peer: &Peer,
    put: &Deposit,
    mailbox: &Mailbox,
    now: u64,
) -> Result<Result<Outcome, Refusal>, StorageError> {
    if !put.proved {
        return Ok(Err(Code::Auth.into()));
    }
    let writer = state.writer_key.writer(mailbox.root, peer.owner().as_ref(), peer.network);
    if let Err(exceeded) = state.rates.writer(writer.tag, put.body.len()) {
        return Ok(Err(exceeded.into()));
    }
    let ttl_h = if put.ttl_h == 0 { mailbox.ttl_h } else { put.ttl_h.min(mailbox.ttl_h) };
    let put = LogPut {
        log: put.box_id,
        slot: put.slot,
        del_hash: put.del_hash,
        writer,
        expires: now.saturating_add(hours(ttl_h)),
        body: Arc::clone(&put.body),
    };
    Ok(Ok(Outcome { kept: true, put: storage.put_log(&put, &state.log_limits(), now)? }))
}

fn news(put: &Deposit, mailbox: &Mailbox, seq: u64, evicted: u32) -> News {
    let item = Item {
        seq,
        dedupe: crate::storage::short_hash(&put.body),
        slot: put.slot.filter(|_| mailbox.kind == MailboxKind::Log),
        body: Arc::clone(&put.body),
    };
    News { box_id: put.box_id, item: Arc::new(item), evicted: evicted > 0 }
}
