//! Registers and signals, and the small payloads of both.
//!
//! Owns their encoding; must not know which version wins or how long a signal lives.
//! Invariant: both travel as the body of a [`Signed`](crate::Signed).
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

/// A signed value of which only the newest counts (protocol section 2.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Register {
    #[prost(bytes = "vec", tag = "1")]
    pub conv: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub author: Vec<u8>,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(fixed64, tag = "4")]
    pub version: u64,
    #[prost(bytes = "vec", tag = "5")]
    pub payload: Vec<u8>,
}

/// A signed value that is never stored (protocol section 2.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Signal {
    #[prost(bytes = "vec", tag = "1")]
    pub conv: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub author: Vec<u8>,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(fixed64, tag = "4")]
    pub hlc: u64,
    #[prost(bytes = "vec", tag = "5")]
    pub payload: Vec<u8>,
}

/// Payload of the `prefs` register (protocol section 2.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Prefs {
    #[prost(bool, tag = "1")]
    pub receipts: bool,
    #[prost(bool, tag = "2")]
    pub typing: bool,
}

/// Ops that stand for themselves and their whole causal past (protocol section 6.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Frontier {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub ids: Vec<Vec<u8>>,
}
