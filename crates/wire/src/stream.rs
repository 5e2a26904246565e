//! Frames of `/madang/sync/1`.
//!
//! Owns their encoding; must not know what is missing where.
//! Invariant: a conversation is named by a tag of its route, never by its id.
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

use crate::{Envelope, Sealed, SignedOp};

/// A frame of `/madang/sync/1` (protocol section 9.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct StreamFrame {
    #[prost(uint32, tag = "1")]
    pub id: u32,
    #[prost(oneof = "StreamBody", tags = "2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16")]
    pub body: Option<StreamBody>,
}

/// The cases of [`StreamFrame`]. The numbers are wire tags.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub enum StreamBody {
    #[prost(message, tag = "2")]
    Hello(StreamHello),
    #[prost(message, tag = "3")]
    Open(ConvOpen),
    #[prost(message, tag = "4")]
    Heads(Heads),
    #[prost(message, tag = "5")]
    Ops(Ops),
    #[prost(message, tag = "6")]
    Want(Want),
    #[prost(message, tag = "7")]
    Neg(Neg),
    #[prost(message, tag = "8")]
    NegEnd(NegEnd),
    #[prost(message, tag = "9")]
    BulkGet(BulkGet),
    #[prost(message, tag = "10")]
    BulkEnd(BulkEnd),
    #[prost(message, tag = "11")]
    RegHave(RegHave),
    #[prost(message, tag = "12")]
    KeyRequest(StreamKeyRequest),
    #[prost(message, tag = "13")]
    Lane(Envelope),
    #[prost(message, tag = "14")]
    AccountGet(AccountGet),
    #[prost(message, tag = "15")]
    Account(AccountOps),
    #[prost(message, tag = "16")]
    Err(StreamErr),
}

/// First frame of both sides (protocol section 9.1); the nonce has 16 bytes.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct StreamHello {
    #[prost(uint32, tag = "1")]
    pub v: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub nonce: Vec<u8>,
    #[prost(fixed64, tag = "3")]
    pub now: u64,
    #[prost(string, repeated, tag = "4")]
    pub features: Vec<String>,
}

/// Conversations of the sender by tag, at most 1,024 (protocol section 9.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ConvOpen {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub tags: Vec<Vec<u8>>,
}

/// Acknowledgement after the commit (protocol section 9.1); `also` are op ids beyond a gap, at most 64.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Heads {
    #[prost(bytes = "vec", tag = "1")]
    pub tag: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    pub upto: Vec<Upto>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub also: Vec<Vec<u8>>,
}

/// Every visible op of this author up to `seq` is committed here (protocol section 9.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Upto {
    #[prost(bytes = "vec", tag = "1")]
    pub author: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub seq: u64,
}

/// Ops, registers or signals (protocol section 9.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Ops {
    #[prost(bytes = "vec", tag = "1")]
    pub tag: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    pub sealed: Vec<Sealed>,
}

/// Asks for ops by id, at most 1,024 (protocol section 9.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Want {
    #[prost(bytes = "vec", tag = "1")]
    pub tag: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub ids: Vec<Vec<u8>>,
}

/// A reconciliation message over an hlc range (protocol section 9.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Neg {
    #[prost(bytes = "vec", tag = "1")]
    pub tag: Vec<u8>,
    #[prost(fixed64, tag = "2")]
    pub from: u64,
    #[prost(fixed64, tag = "3")]
    pub to: u64,
    #[prost(bytes = "vec", tag = "4")]
    pub msg: Vec<u8>,
}

/// End of a reconciliation (protocol section 9.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct NegEnd {
    #[prost(bytes = "vec", tag = "1")]
    pub tag: Vec<u8>,
}

/// Asks for history, newest first, at most 1,000 ops (protocol section 9.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct BulkGet {
    #[prost(bytes = "vec", tag = "1")]
    pub tag: Vec<u8>,
    #[prost(fixed64, tag = "2")]
    pub before_hlc: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub before_id: Vec<u8>,
    #[prost(uint32, tag = "4")]
    pub max: u32,
}

/// End of the answer to [`BulkGet`] (protocol section 9.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct BulkEnd {
    #[prost(bytes = "vec", tag = "1")]
    pub tag: Vec<u8>,
    #[prost(bool, tag = "2")]
    pub more: bool,
}

/// Digest of registers; the list, at most 1,024, only after it differed (protocol section 9.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RegHave {
    #[prost(bytes = "vec", tag = "1")]
    pub tag: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub digest: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    pub have: Vec<RegVer>,
}

/// Version of one register (protocol section 9.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RegVer {
    #[prost(bytes = "vec", tag = "1")]
    pub author: Vec<u8>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(fixed64, tag = "3")]
    pub version: u64,
}

/// Asks for keys, at most 16; answered in the lane (protocol section 9.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct StreamKeyRequest {
    #[prost(bytes = "vec", tag = "1")]
    pub tag: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub key_ids: Vec<Vec<u8>>,
}

/// Asks for an account log beyond these heads (protocol section 9.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct AccountGet {
    #[prost(bytes = "vec", tag = "1")]
    pub account: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub heads: Vec<Vec<u8>>,
}

/// Ops of an account log (protocol section 9.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct AccountOps {
    #[prost(bytes = "vec", tag = "1")]
    pub account: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    pub ops: Vec<SignedOp>,
}

/// Refusal: `version`, `not_member`, `too_large`, `busy` (protocol section 9.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct StreamErr {
    #[prost(string, tag = "1")]
    pub code: String,
    #[prost(bytes = "vec", tag = "2")]
    pub tag: Vec<u8>,
}
