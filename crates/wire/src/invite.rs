//! Invites: the content of a link and the record it opens.
//!
//! Owns both encodings; the text form of the link is in [`invite_link`](crate::invite_link).
//! Invariant: the slot's write key is in neither, so who has the link cannot change the record.
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

use crate::{Card, Signed, SignedOp, Token};
use std::fmt;

/// What an invite link carries (protocol section 7.1). Its `Debug` hides the secret.
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[prost(skip_debug)]
pub struct InviteLink {
    #[prost(bytes = "vec", tag = "1")]
    pub slot_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub account16: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub secret: Vec<u8>,
    #[prost(fixed32, tag = "4")]
    pub expiry_h: u32,
    #[prost(bytes = "vec", repeated, tag = "5")]
    pub relays: Vec<Vec<u8>>,
    #[prost(bytes = "vec", tag = "6")]
    pub peer: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub addrs: Vec<Vec<u8>>,
}

impl fmt::Debug for InviteLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InviteLink")
            .field("slot_id", &self.slot_id)
            .field("expiry_h", &self.expiry_h)
            .finish_non_exhaustive()
    }
}

/// The sealed record behind a link, signed by a device of the account (protocol section 7.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct InviteRecord {
    #[prost(message, repeated, tag = "1")]
    pub account_log: Vec<SignedOp>,
    #[prost(message, repeated, tag = "2")]
    pub bundles: Vec<Signed>,
    #[prost(message, optional, tag = "3")]
    pub card: Option<Card>,
    #[prost(message, optional, tag = "4")]
    pub addr: Option<Signed>,
    #[prost(message, repeated, tag = "5")]
    pub tokens: Vec<Token>,
    #[prost(bool, tag = "6")]
    pub once: bool,
    #[prost(fixed64, tag = "7")]
    pub expires: u64,
}
