//! Where a device can be dialled.
//!
//! Owns the record's encoding; must not know libp2p, addresses are text or bytes here.
//! Invariant: the record travels as the body of a [`Signed`](crate::Signed) by its device.
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

/// PeerId, addresses and relays of a device (protocol section 7.4). At most 16 addresses.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct AddressRecord {
    #[prost(bytes = "vec", tag = "1")]
    pub device: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub peer_id: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub addrs: Vec<Vec<u8>>,
    #[prost(string, repeated, tag = "4")]
    pub relays: Vec<String>,
    #[prost(fixed64, tag = "5")]
    pub version: u64,
}
