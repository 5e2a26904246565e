//! The ordered lane: envelopes, packets and the messages between two devices.
//!
//! Owns their encoding; must not know sessions or queues.
//! Invariant: an encoded [`Envelope`] has one of the bucket lengths of [`pad`](crate::pad).
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

use crate::{ContactAccept, ContactUpdate, Sealed, Signed, SignedOp};
use std::fmt;

/// Anonymous box to one envelope key (protocol section 4.1); `to` finds the private key.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Envelope {
    #[prost(uint32, tag = "1")]
    pub v: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub to: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub enc: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub ct: Vec<u8>,
}

/// Body of a put into an inbox (protocol section 4.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct InboxItem {
    #[prost(oneof = "InboxBody", tags = "1, 2")]
    pub body: Option<InboxBody>,
}

/// The cases of [`InboxItem`]. The numbers are wire tags.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub enum InboxBody {
    #[prost(message, tag = "1")]
    Env(Envelope),
    #[prost(message, tag = "2")]
    Sealed(Sealed),
}

/// What an [`Envelope`] holds (protocol section 4.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct EnvelopeInner {
    #[prost(oneof = "EnvelopeBody", tags = "1, 2")]
    pub body: Option<EnvelopeBody>,
}

/// The cases of [`EnvelopeInner`]. The numbers are wire tags.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub enum EnvelopeBody {
    #[prost(message, tag = "1")]
    Lane(LanePacket),
    #[prost(message, tag = "2")]
    ContactRequest(Signed),
}

/// One Olm message with its place in the lane (protocol section 4.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct LanePacket {
    #[prost(bytes = "vec", tag = "1")]
    pub from: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub to: Vec<u8>,
    #[prost(uint32, tag = "3")]
    pub r#gen: u32,
    #[prost(uint64, tag = "4")]
    pub td_seq: u64,
    #[prost(uint32, tag = "5")]
    pub olm_type: u32,
    #[prost(bytes = "vec", tag = "6")]
    pub olm: Vec<u8>,
}

/// Plaintext of an Olm message (protocol section 4.1). The names must fit session and packet.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct LanePlain {
    #[prost(bytes = "vec", tag = "1")]
    pub from_account: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub from_device: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub to_account: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub to_device: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    pub from_olm: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    pub to_olm: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "7")]
    pub from_heads: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub to_heads: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "9")]
    pub m: Vec<LaneMessage>,
    #[prost(message, optional, tag = "10")]
    pub bundle: Option<Signed>,
}

/// A message from device to device (protocol section 4.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct LaneMessage {
    #[prost(oneof = "LaneBody", tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10")]
    pub body: Option<LaneBody>,
}

/// The cases of [`LaneMessage`]. The numbers are wire tags.
#[allow(clippy::large_enum_variant)] // A frame lives shortly and alone; a box per frame would cost more.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub enum LaneBody {
    #[prost(message, tag = "1")]
    Share(KeyShare),
    #[prost(message, tag = "2")]
    Request(KeyRequest),
    #[prost(message, tag = "3")]
    Denied(KeyDenied),
    #[prost(message, tag = "4")]
    Welcome(Welcome),
    #[prost(message, tag = "5")]
    Accept(ContactAccept),
    #[prost(message, tag = "6")]
    Update(ContactUpdate),
    #[prost(message, tag = "7")]
    Hint(AccountHint),
    #[prost(message, tag = "8")]
    Reset(Reset),
    #[prost(message, tag = "9")]
    Ack(LaneAck),
    #[prost(message, tag = "10")]
    Greet(GreetKey),
}

/// Keys of one conversation, each an encoded [`Key`](crate::Key), at most 64, with its relays (protocol section 4.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[prost(skip_debug)]
pub struct KeyShare {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub keys: Vec<Vec<u8>>,
    #[prost(string, repeated, tag = "2")]
    pub relays: Vec<String>,
    #[prost(bytes = "vec", tag = "3")]
    pub conv: Vec<u8>,
}

impl fmt::Debug for KeyShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyShare").field("conv", &self.conv).finish_non_exhaustive()
    }
}

/// Asks for keys of one conversation, at most 16 (protocol section 4.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct KeyRequest {
    #[prost(bytes = "vec", tag = "1")]
    pub conv: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub key_ids: Vec<Vec<u8>>,
}

/// Refuses a key; `before_you` says that it is older than the asker's membership (protocol section 4.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct KeyDenied {
    #[prost(bytes = "vec", tag = "1")]
    pub conv: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub key_id: Vec<u8>,
    #[prost(bool, tag = "3")]
    pub before_you: bool,
}

/// Control and account ops for a newcomer, at most 16 parts of 56 KiB (protocol section 4.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Welcome {
    #[prost(bytes = "vec", tag = "1")]
    pub conv: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub part: u32,
    #[prost(uint32, tag = "3")]
    pub of: u32,
    #[prost(message, repeated, tag = "4")]
    pub control: Vec<SignedOp>,
    #[prost(message, repeated, tag = "5")]
    pub account_ops: Vec<SignedOp>,
    #[prost(string, repeated, tag = "6")]
    pub relays: Vec<String>,
}

/// Newer ops of the sender's own account log (protocol section 4.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct AccountHint {
    #[prost(message, repeated, tag = "1")]
    pub ops: Vec<SignedOp>,
}

/// First message of a fresh session (protocol sections 4.1 and 4.4).
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Reset {
    #[prost(uint32, tag = "1")]
    pub r#gen: u32,
}

/// Cumulative acknowledgement, sent after the commit (protocol section 4.1).
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct LaneAck {
    #[prost(uint32, tag = "1")]
    pub r#gen: u32,
    #[prost(uint64, tag = "2")]
    pub upto: u64,
}

/// Write key of a room's greeting, to devices of admins (protocol section 4.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[prost(skip_debug)]
pub struct GreetKey {
    #[prost(bytes = "vec", tag = "1")]
    pub conv: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub generation: u32,
    #[prost(bytes = "vec", tag = "3")]
    pub r#priv: Vec<u8>,
}

impl fmt::Debug for GreetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GreetKey").field("generation", &self.generation).finish_non_exhaustive()
    }
}
