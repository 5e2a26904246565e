//! Parts of the escrow.
//!
//! Owns the frame of one part; must not know what the data of a part holds.
//! Invariant: a part travels signed and then sealed to the backup key, never bare.
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

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
