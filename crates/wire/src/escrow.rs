//! Parts of the escrow.
//!
//! Owns the frame of one part and of the data in it; must not know seals.
//! Invariant: a part travels signed and then sealed to the backup key, never bare.
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

use std::fmt;

use crate::{Signed, SignedOp, Token};

/// One slot's worth of escrow, [`SignedType::EscrowPart`](crate::SignedType::EscrowPart) (protocol section 1.3).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct EscrowPart {
    #[prost(bytes = "vec", tag = "1")]
    pub account: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub part: u32,
    #[prost(uint32, tag = "3")]
    pub of: u32,
    #[prost(fixed64, tag = "4")]
    pub at: u64,
    #[prost(bytes = "vec", tag = "5")]
    pub data: Vec<u8>,
}

/// What the data of a part holds. Every part can be read alone; those of one time together are the escrow
/// (protocol section 1.3).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct EscrowData {
    #[prost(message, repeated, tag = "1")]
    pub account_log: Vec<SignedOp>,
    #[prost(message, repeated, tag = "2")]
    pub rooms: Vec<EscrowRoom>,
    #[prost(message, repeated, tag = "3")]
    pub friends: Vec<EscrowFriend>,
    #[prost(message, repeated, tag = "4")]
    pub settings: Vec<EscrowSetting>,
}

/// A room with its current key, exactly as it was made, and its relays. `Debug` shows no key.
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[prost(skip_debug)]
pub struct EscrowRoom {
    #[prost(bytes = "vec", tag = "1")]
    pub conv: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub key: Vec<u8>,
    #[prost(string, repeated, tag = "3")]
    pub relays: Vec<String>,
}

impl fmt::Debug for EscrowRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EscrowRoom").field("conv", &self.conv).finish_non_exhaustive()
    }
}

/// A friend with the newest bundle and address of each machine, and the tokens for its inboxes.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct EscrowFriend {
    #[prost(bytes = "vec", tag = "1")]
    pub account: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    pub bundles: Vec<Signed>,
    #[prost(message, repeated, tag = "3")]
    pub addrs: Vec<Signed>,
    #[prost(message, repeated, tag = "4")]
    pub tokens: Vec<Token>,
}

/// A setting.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct EscrowSetting {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
    #[prost(fixed64, tag = "3")]
    pub version: u64,
}
