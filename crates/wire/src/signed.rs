//! The signed wrapper of everything that is not an op.
//!
//! Owns the frame only; what is signed and how is checked lives in the crypto crate.
//! Invariant: `body` is the signer's own bytes and is forwarded exactly as received.
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

/// A body with the signature of one device or root key (protocol section 0).
///
/// `sig` is Ed25519 over `"madang/sig/1" | type(4) | SHA-256(body)`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Signed {
    #[prost(uint32, tag = "1")]
    pub r#type: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub body: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub signer: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub sig: Vec<u8>,
}

/// The values of [`Signed::type`](Signed) (protocol section 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum SignedType {
    /// A [`Register`](crate::Register).
    Register = 1,
    /// A [`Signal`](crate::Signal).
    Signal = 2,
    /// A [`DeviceBundle`](crate::DeviceBundle).
    DeviceBundle = 3,
    /// An [`AddressRecord`](crate::AddressRecord).
    AddressRecord = 4,
    /// An [`InviteRecord`](crate::InviteRecord).
    InviteRecord = 5,
    /// A [`ContactRequest`](crate::ContactRequest).
    ContactRequest = 6,
    /// An [`EscrowPart`](crate::EscrowPart).
    EscrowPart = 7,
}

impl SignedType {
    /// The number that stands on the wire and inside the signature.
    pub const fn number(self) -> u32 {
        self as u32
    }
}
