//! Contact messages and the frames of `/madang/contact/1`.
//!
//! Owns their encoding; must not know open requests or invites.
//! Invariant: a request fits the 16 KiB bucket, strangers are served nothing larger.
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

use crate::{Card, Envelope, KeyShare, Signed, SignedOp, Token};

/// Asks to become a friend (protocol section 7.3), in an envelope to every device of the record.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ContactRequest {
    #[prost(bytes = "vec", tag = "1")]
    pub invite_id: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub c: Option<Contact>,
    #[prost(string, tag = "3")]
    pub greeting: String,
    #[prost(fixed64, tag = "4")]
    pub at: u64,
    #[prost(bytes = "vec", tag = "5")]
    pub to_account: Vec<u8>,
}

/// Answer to a request; the lane message that starts the session (protocol section 7.3).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ContactAccept {
    #[prost(bytes = "vec", tag = "1")]
    pub invite_id: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub c: Option<Contact>,
    #[prost(message, optional, tag = "3")]
    pub share: Option<KeyShare>,
}

/// New bundle, relays, tokens or account log of a friend (protocol section 7.3).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ContactUpdate {
    #[prost(message, optional, tag = "1")]
    pub c: Option<Contact>,
}

/// What one tells a contact about oneself (protocol section 7.3).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Contact {
    #[prost(message, repeated, tag = "1")]
    pub account_log: Vec<SignedOp>,
    #[prost(message, repeated, tag = "2")]
    pub bundles: Vec<Signed>,
    #[prost(message, optional, tag = "3")]
    pub addr: Option<Signed>,
    #[prost(message, optional, tag = "4")]
    pub card: Option<Card>,
    #[prost(message, repeated, tag = "5")]
    pub tokens: Vec<Token>,
}

/// A frame of `/madang/contact/1` (protocol section 7.3).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ContactFrame {
    #[prost(oneof = "ContactBody", tags = "1, 2, 3, 4, 5")]
    pub body: Option<ContactBody>,
}

/// The cases of [`ContactFrame`]. The numbers are wire tags.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub enum ContactBody {
    #[prost(message, tag = "1")]
    Get(InviteGet),
    #[prost(message, tag = "2")]
    Record(InviteRec),
    #[prost(message, tag = "3")]
    Put(ContactPut),
    #[prost(message, tag = "4")]
    Ok(ContactOk),
    #[prost(message, tag = "5")]
    Err(ContactErr),
}

/// Asks for the sealed invite record (protocol section 7.3).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct InviteGet {
    #[prost(bytes = "vec", tag = "1")]
    pub invite_id: Vec<u8>,
}

/// The sealed invite record (protocol section 7.3).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct InviteRec {
    #[prost(bytes = "vec", tag = "1")]
    pub sealed: Vec<u8>,
}

/// Hands over an envelope (protocol section 7.3).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ContactPut {
    #[prost(message, optional, tag = "1")]
    pub env: Option<Envelope>,
}

/// The envelope was taken (protocol section 7.3).
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct ContactOk {}

/// The envelope or question was refused: `invite_used`, `invite_expired`, `invite_revoked` (protocol section 7.3).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ContactErr {
    #[prost(string, tag = "1")]
    pub code: String,
}
