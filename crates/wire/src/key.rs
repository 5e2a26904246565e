//! The key of one epoch of a conversation.
//!
//! Owns its encoding; must not know when a key is usable (the model does).
//! Invariant: a key id is a hash of the creator's encoding, so a key is passed on as bytes.
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

use std::fmt;

/// A conversation key (protocol section 3.1). Its `Debug` shows neither secret.
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[prost(skip_debug)]
pub struct Key {
    #[prost(uint32, tag = "1")]
    pub suite: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub conv: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub secret: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub route: Vec<u8>,
    #[prost(uint64, tag = "5")]
    pub epoch: u64,
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub basis: Vec<Vec<u8>>,
    #[prost(bytes = "vec", tag = "7")]
    pub creator: Vec<u8>,
    #[prost(fixed64, tag = "8")]
    pub created_hlc: u64,
    #[prost(bytes = "vec", tag = "9")]
    pub recipients: Vec<u8>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("suite", &self.suite)
            .field("epoch", &self.epoch)
            .field("created_hlc", &self.created_hlc)
            .finish_non_exhaustive()
    }
}
