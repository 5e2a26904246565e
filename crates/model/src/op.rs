//! The op: what every entry of every log is (protocol section 2.1).
//!
//! Owns header and body as typed values and the checks that need no key and no log. Must not know encodings: the
//! id was computed over the received bytes, and signatures were verified, before an [`Op`] is made. Invariant: a
//! checked header has at most 8 distinct deps, and `prev` exactly when it is not the first of its log.

use crate::account::AccountChange;
use crate::content::{Content, SelfContent};
use crate::control::Control;
use crate::hlc::Hlc;
use crate::ids::{ConvId, DeviceId, OpId};
use crate::kind::Kind;
use crate::limits::{DEPS_MAX, OP_PAYLOAD_MAX};

/// The only version of headers so far.
pub const HEADER_VERSION: u32 = 1;

/// The signed header of an op.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Version of the form.
    pub v: u32,
    /// Conversation; in an account log the account id, 32 zero bytes in its genesis.
    pub conv: ConvId,
    /// Device that signed; in an account log possibly the root key.
    pub author: DeviceId,
    /// Number in this device's log of this conversation, from 1, without holes.
    pub seq: u64,
    /// The op with the number before; none for the first.
    pub prev: Option<OpId>,
    /// Other heads the author had seen, at most 8, control heads not yet in his past first.
    pub deps: Vec<OpId>,
    /// Timestamp, greater than those of `prev` and every dep.
    pub hlc: Hlc,
    /// SHA-256 of the sorted control heads of the author's view.
    pub ctl: [u8; 32],
    /// What the op does.
    pub kind: Kind,
    /// Hash of the payload, by which a purged op is still whole.
    pub payload_hash: [u8; 32],
    /// Length of the payload in bytes.
    pub payload_len: u32,
    /// Lifetime of a disappearing message in seconds, 0 for none.
    pub ttl_s: u32,
}

/// The typed payload of an op.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Membership and settings of a conversation.
    Control(Control),
    /// What people say.
    Content(Content),
    /// State shared among own machines.
    Own(SelfContent),
    /// An entry of an account log.
    Account(AccountChange),
    /// A kind this version does not know.
    Unknown,
}

/// An op whose id and signature were verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// Hash of the header: the identity of the op and of the message.
    pub id: OpId,
    /// The signed header.
    pub header: Header,
    /// The payload; none when it was purged.
    pub body: Option<Body>,
}

/// Why a header is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// A version this build does not know.
    #[error("header version {0} is not known")]
    Version(u32),
    /// Numbers start at 1.
    #[error("the number of an op is at least 1")]
    SeqZero,
    /// `prev` must be empty exactly in the first op of a log.
    #[error("prev does not fit the number of the op")]
    Prev,
    /// More than 8 deps.
    #[error("more than {DEPS_MAX} deps")]
    TooManyDeps,
    /// The same op is named twice.
    #[error("a dep is named twice")]
    RepeatedDep,
    /// The payload is above 60,000 bytes.
    #[error("the payload has more than {OP_PAYLOAD_MAX} bytes")]
    PayloadTooLarge,
    /// `prev` is by another author, in another conversation, or does not have the number before.
    #[error("prev belongs to another log or has another number")]
    WrongPrev,
    /// The timestamp is not greater than that of `prev` or of a dep.
    #[error("the timestamp is not greater than that of the past")]
    NotAfterPast,
}

impl Header {
    /// Checks that need nothing but the header itself.
    pub fn check(&self) -> Result<(), HeaderError> {
        if self.v != HEADER_VERSION {
            return Err(HeaderError::Version(self.v));
        }
        if self.seq == 0 {
            return Err(HeaderError::SeqZero);
        }
        if (self.seq == 1) != self.prev.is_none() {
            return Err(HeaderError::Prev);
        }
        if self.deps.len() > DEPS_MAX {
            return Err(HeaderError::TooManyDeps);
        }
        let mut named: Vec<&OpId> = self.deps.iter().chain(self.prev.iter()).collect();
        named.sort_unstable();
        if named.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(HeaderError::RepeatedDep);
        }
        if self.payload_len as usize > OP_PAYLOAD_MAX {
            return Err(HeaderError::PayloadTooLarge);
        }
        Ok(())
    }

    /// Checks against `prev` and those deps that are known.
    pub fn check_past<'a>(
        &self,
        prev: Option<&'a Header>,
        deps: impl IntoIterator<Item = &'a Header>,
    ) -> Result<(), HeaderError> {
        if let Some(prev) = prev {
            let same_conv = prev.conv == self.conv || prev.kind == Kind::AccountGenesis;
            if !same_conv || prev.author != self.author || prev.seq.checked_add(1) != Some(self.seq) {
                return Err(HeaderError::WrongPrev);
            }
        }
        if prev.into_iter().chain(deps).any(|past| past.hlc >= self.hlc) {
            return Err(HeaderError::NotAfterPast);
        }
        Ok(())
    }

    /// `prev` and `deps` together: the direct past of the op.
    pub fn parents(&self) -> impl Iterator<Item = OpId> + '_ {
        self.prev.iter().chain(self.deps.iter()).copied()
    }

    /// Moment in milliseconds since 1970 at which a disappearing message is gone, if it is one.
    pub fn expires_ms(&self) -> Option<u64> {
        (self.ttl_s > 0)
            .then(|| self.hlc.millis().saturating_add(u64::from(self.ttl_s).saturating_mul(1_000)))
    }
}

impl Op {
    /// The control body, if this is a control op.
    pub fn control(&self) -> Option<&Control> {
        match &self.body {
            Some(Body::Control(control)) => Some(control),
            _ => None,
        }
    }

    /// The account body, if this is an op of an account log.
    pub fn account(&self) -> Option<&AccountChange> {
        match &self.body {
            Some(Body::Account(change)) => Some(change),
            _ => None,
        }
    }

    /// Whether a purged op is complete (protocol section 2.1): a Delete or Purge naming it is held, or its
    /// lifetime has passed. Control and account ops are never complete without their payload.
    pub fn complete(&self, deleted: bool, now_ms: u64) -> bool {
        if self.body.is_some() {
            return true;
        }
        let purgeable = !self.header.kind.is_control() && !self.header.kind.is_account();
        purgeable && (deleted || self.header.expires_ms().is_some_and(|at| at <= now_ms))
    }
}

#[cfg(test)]
#[path = "op_tests.rs"]
mod tests;
