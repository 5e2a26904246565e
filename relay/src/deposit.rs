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
use crate::usage;

/// What a put shows to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// A delivery token; `None` when it has the wrong length.
    Token(Option<Token>),
    /// A proof of work.
    Pow,
    /// Nothing: right for a log, whose stream has proved the key.
    Nothing,
}

/// A put whose fields have the right lengths.
#[derive(Clone, Debug)]
pub(crate) struct Deposit {
    pub(crate) box_id: BoxId,
    ttl_h: u32,
    shown: Shown,
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
        // Whether it fits is known when the box is.
        let shown = match put.auth {
            Some(PutAuth::Token(bytes)) => Shown::Token(Token::parse(&bytes)),
            Some(PutAuth::Pow(_)) => Shown::Pow,
            None => Shown::Nothing,
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
            shown,
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
    let lane = match lane(storage, state, put, mailbox, now)? {
        Ok(lane) => lane,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let put = InboxPut {
        inbox: put.box_id,
        token_slot: lane.token_slot,
        expires: now.saturating_add(hours(lane.ttl_h)),
        body: Arc::clone(&put.body),
        max_items: state.terms().limits.inbox_items,
        max_bytes: state.terms().limits.inbox_bytes,
        max_knocks: state.terms().limits.knocks,
    };
    let outcome = if lane.kept { storage.put_inbox(&put, now)? } else { storage.discard(&put, now)? };
    Ok(Ok(Outcome { kept: lane.kept, put: outcome }))
}

/// How an item enters an inbox.
struct Lane {
    /// `None`: without a token.
    token_slot: Option<u32>,
    ttl_h: u32,
    /// The token was not revoked silently: the blocked writer must not see a difference.
    kept: bool,
}

fn lane(
    storage: &mut dyn Storage,
    state: &State,
    put: &Deposit,
    mailbox: &Mailbox,
    now: u64,
) -> Result<Result<Lane, Refusal>, StorageError> {
    let Shown::Token(token) = put.shown else { return Ok(knock(state, put)) };
    let valid =
        token.zip(mailbox.k_token.as_ref()).and_then(|(token, key)| token.valid(key, now).then_some(token));
    let Some(token) = valid else { return Ok(Err(Code::Token.into())) };
    // On the token first, so that one contact alone cannot use up the rate of the inbox.
    let counted = state
        .terms()
        .rates
        .token(put.box_id, token.slot)
        .and_then(|()| state.terms().rates.capability(put.box_id));
    if let Err(exceeded) = counted {
        return Ok(Err(exceeded.into()));
    }
    let kept = match storage.revocation(put.box_id, token.slot)? {
        Some(revoked) if !revoked.silent => return Ok(Err(Code::Token.into())),
        revoked => revoked.is_none(),
    };
    let ttl_h =
        if put.ttl_h == 0 { state.terms().limits.inbox_ttl_h } else { put.ttl_h.min(INBOX_TTL_MAX_H) };
    Ok(Ok(Lane { token_slot: Some(token.slot), ttl_h, kept }))
}

/// An item without a token. It does not count on the rate of the inbox: anybody may knock, and must not make it `busy`
/// for those who have a token.
fn knock(state: &State, put: &Deposit) -> Result<Lane, Refusal> {
    if !state.takes_knocks() {
        return Err(Code::Pow.into());
    }
    if put.body.len() > KNOCK_BYTES {
        return Err(Code::TooLarge.into());
    }
    let ttl_h = if put.ttl_h == 0 { KNOCK_TTL_H } else { put.ttl_h.min(KNOCK_TTL_H) };
    Ok(Lane { token_slot: None, ttl_h, kept: true })
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
    if put.shown != Shown::Nothing {
        return Ok(Err(Code::BadFrame.into()));
    }
    let writer = usage::writer(state, peer, mailbox);
    let counted = usage::count(state, peer, put.box_id, mailbox)
        .and_then(|()| state.terms().rates.writer_bytes(writer.tag, put.body.len()));
    if let Err(exceeded) = counted {
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
