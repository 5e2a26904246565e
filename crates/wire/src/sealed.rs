//! The sealed frame of a conversation and what is inside it.
//!
//! Owns the two frames; must not know keys. The cipher lives in the crypto crate.
//! Invariant: an encoded [`Sealed`] has one of the bucket lengths of [`pad`](crate::pad).
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

use crate::{Signed, SignedOp};

/// Anything of a conversation under one of its keys (protocol section 2.3).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Sealed {
    #[prost(bytes = "vec", tag = "1")]
    pub key_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub nonce: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub ct: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub rmac: Vec<u8>,
}

/// What a [`Sealed`] holds (protocol section 2.3).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Inner {
    #[prost(oneof = "InnerBody", tags = "1, 2, 3")]
    pub body: Option<InnerBody>,
}

/// The cases of [`Inner`]. The numbers are wire tags.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub enum InnerBody {
    #[prost(message, tag = "1")]
    Op(SignedOp),
    #[prost(message, tag = "2")]
    Register(Signed),
    #[prost(message, tag = "3")]
    Signal(Signed),
}
