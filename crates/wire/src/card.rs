//! Cards: how a person shows itself to somebody.
//!
//! Owns the encoding; must not know which card which viewer sees.
//! Invariant: a rendered name travels in a card and nowhere else.
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

use std::fmt;

/// Name, status and pictures (protocol section 6.4).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Card {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub status: String,
    #[prost(string, tag = "3")]
    pub birthday: String,
    #[prost(message, optional, tag = "4")]
    pub photo: Option<FileRef>,
    #[prost(message, optional, tag = "5")]
    pub background: Option<FileRef>,
    #[prost(bytes = "vec", tag = "6")]
    pub stickers: Vec<u8>,
    #[prost(bytes = "vec", tag = "7")]
    pub thumb: Vec<u8>,
}

/// A file by reference (protocol section 6.1). Its `Debug` hides the file key.
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[prost(skip_debug)]
pub struct FileRef {
    #[prost(bytes = "vec", tag = "1")]
    pub id: Vec<u8>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(uint64, tag = "3")]
    pub size: u64,
    #[prost(string, tag = "4")]
    pub r#type: String,
    #[prost(bytes = "vec", tag = "5")]
    pub thumbhash: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    pub key: Vec<u8>,
}

impl fmt::Debug for FileRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileRef")
            .field("size", &self.size)
            .field("type", &self.r#type)
            .finish_non_exhaustive()
    }
}
