//! Bodies of account-log ops.
//!
//! Owns their encoding; must not know who may sign them or which removal wins (the model does).
//! Invariant: field numbers never change, the account id is a hash over them.
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

/// First op of an account log, kind 96, signed by the root key (protocol section 1.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct AccountGenesis {
    #[prost(uint32, tag = "1")]
    pub v: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub root_pub: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub salt: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub first_device: Vec<u8>,
    #[prost(string, tag = "5")]
    pub label: String,
}

/// Admits a device, kind 97 (protocol section 1.2). Friends see the label.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct AddDevice {
    #[prost(bytes = "vec", tag = "1")]
    pub device: Vec<u8>,
    #[prost(string, tag = "2")]
    pub label: String,
}

/// Removes a device, kind 98 (protocol section 1.2). `cut` is its last accepted sequence.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RemoveDevice {
    #[prost(bytes = "vec", tag = "1")]
    pub device: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub cut: u64,
    #[prost(message, repeated, tag = "3")]
    pub cosig: Vec<Cosig>,
}

/// Replaces the root key and removes devices, kind 99, signed by the current root key (protocol section 1.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RotateRoot {
    #[prost(bytes = "vec", tag = "1")]
    pub root_pub: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    pub remove: Vec<RemoveDevice>,
}

/// Consent of a second device to a removal (protocol section 1.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Cosig {
    #[prost(bytes = "vec", tag = "1")]
    pub device: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub sig: Vec<u8>,
}
