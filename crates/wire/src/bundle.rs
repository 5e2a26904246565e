//! Device bundles: what one needs to write to a device.
//!
//! Owns their encoding; must not know whether the device is still active.
//! Invariant: a bundle travels as the body of a [`Signed`](crate::Signed) by its device.
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

use crate::Signed;
use std::fmt;

/// Keys and inboxes of a device (protocol section 4.3). At most 3 inboxes.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct DeviceBundle {
    #[prost(bytes = "vec", tag = "1")]
    pub account: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub device: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub add_op: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub olm_identity: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    pub fallback: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    pub envelope_pk: Vec<u8>,
    #[prost(fixed64, tag = "7")]
    pub envelope_not_after: u64,
    #[prost(message, repeated, tag = "8")]
    pub inboxes: Vec<InboxRef>,
    #[prost(fixed64, tag = "9")]
    pub version: u64,
}

/// Where an inbox is: relay address with `/p2p/` and box id (protocol section 4.3).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct InboxRef {
    #[prost(string, tag = "1")]
    pub relay: String,
    #[prost(bytes = "vec", tag = "2")]
    pub inbox_id: Vec<u8>,
}

/// Payload of the `bundle` register (protocol section 4.3): one token per inbox, for this room.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct BundleEntry {
    #[prost(message, optional, tag = "1")]
    pub bundle: Option<Signed>,
    #[prost(message, repeated, tag = "2")]
    pub tokens: Vec<Token>,
}

/// Right to put into one inbox (protocol sections 4.3 and 10.5). Its `Debug` hides the token.
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[prost(skip_debug)]
pub struct Token {
    #[prost(bytes = "vec", tag = "1")]
    pub inbox_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub token: Vec<u8>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("inbox_id", &self.inbox_id).finish_non_exhaustive()
    }
}
