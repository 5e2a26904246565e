//! Ops: signed, hash-linked, permanent entries.
//!
//! Owns the encoding of header and wrapper; must not know kinds or rules.
//! Invariant: `header` is kept as the bytes that were signed, it is decoded for reading only.
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

/// An op as it travels and is stored (protocol section 2.1). An absent payload means purged.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SignedOp {
    #[prost(bytes = "vec", tag = "1")]
    pub header: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub sig: Vec<u8>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub payload: Option<Vec<u8>>,
}

/// What the author signs by its hash (protocol section 2.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct OpHeader {
    #[prost(uint32, tag = "1")]
    pub v: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub conv: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub author: Vec<u8>,
    #[prost(uint64, tag = "4")]
    pub seq: u64,
    #[prost(bytes = "vec", tag = "5")]
    pub prev: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub deps: Vec<Vec<u8>>,
    #[prost(fixed64, tag = "7")]
    pub hlc: u64,
    #[prost(bytes = "vec", tag = "8")]
    pub ctl: Vec<u8>,
    #[prost(uint32, tag = "9")]
    pub kind: u32,
    #[prost(bytes = "vec", tag = "10")]
    pub payload_hash: Vec<u8>,
    #[prost(uint32, tag = "11")]
    pub payload_len: u32,
    #[prost(uint32, tag = "12")]
    pub ttl_s: u32,
}
