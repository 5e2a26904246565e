//! Content ops: what people say, and what they set in self.
//!
//! Owns their encoding; must not know who may edit or delete (the model does).
//! Invariant: people are named by account id, never by a rendered name.
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

use crate::{Card, FileRef, Signed, SignedOp};
use std::fmt;

/// A message, kind 32 (protocol section 6.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Text {
    #[prost(string, tag = "1")]
    pub text: String,
    #[prost(message, repeated, tag = "2")]
    pub mentions: Vec<Mention>,
    #[prost(bytes = "vec", tag = "3")]
    pub reply: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub forwarded: Vec<u8>,
    #[prost(message, optional, tag = "5")]
    pub preview: Option<Preview>,
    #[prost(message, repeated, tag = "6")]
    pub files: Vec<FileRef>,
}

/// Changes a message, kind 33 (protocol section 6.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Edit {
    #[prost(bytes = "vec", tag = "1")]
    pub target: Vec<u8>,
    #[prost(string, tag = "2")]
    pub text: String,
    #[prost(message, repeated, tag = "3")]
    pub mentions: Vec<Mention>,
}

/// Deletes a message for everyone, kind 34 (protocol section 6.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Delete {
    #[prost(bytes = "vec", tag = "1")]
    pub target: Vec<u8>,
}

/// The one reaction of an account to a message, kind 35; empty is none (protocol section 6.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct React {
    #[prost(bytes = "vec", tag = "1")]
    pub target: Vec<u8>,
    #[prost(string, tag = "2")]
    pub emoji: String,
}

/// Removes somebody else's content, kind 36 (protocol section 6.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Purge {
    #[prost(bytes = "vec", tag = "1")]
    pub target: Vec<u8>,
}

/// Pins or unpins a message, kind 37 (protocol section 6.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Pin {
    #[prost(bytes = "vec", tag = "1")]
    pub target: Vec<u8>,
    #[prost(bool, tag = "2")]
    pub on: bool,
}

/// Contact card of a friend, kind 38, at most 4 bundles (protocol section 6.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Introduce {
    #[prost(bytes = "vec", tag = "1")]
    pub account: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    pub account_log: Vec<SignedOp>,
    #[prost(message, repeated, tag = "3")]
    pub bundles: Vec<Signed>,
    #[prost(message, optional, tag = "4")]
    pub card: Option<Card>,
}

/// A mention inside a text (protocol section 6.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Mention {
    #[prost(uint32, tag = "1")]
    pub pos: u32,
    #[prost(uint32, tag = "2")]
    pub len: u32,
    #[prost(bytes = "vec", tag = "3")]
    pub account: Vec<u8>,
}

/// Link preview made by the sender (protocol section 6.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Preview {
    #[prost(string, tag = "1")]
    pub url: String,
    #[prost(string, tag = "2")]
    pub title: String,
    #[prost(string, tag = "3")]
    pub text: String,
    #[prost(bytes = "vec", tag = "4")]
    pub thumb: Vec<u8>,
}

/// State of a friend, kind 64, in self (protocol section 6.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct FriendSet {
    #[prost(bytes = "vec", tag = "1")]
    pub account: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub state: u32,
    #[prost(string, tag = "3")]
    pub alias: String,
    #[prost(bool, tag = "4")]
    pub favourite: bool,
    #[prost(bool, tag = "5")]
    pub hidden: bool,
    #[prost(bool, tag = "6")]
    pub blocked: bool,
    #[prost(bytes = "vec", tag = "7")]
    pub profile: Vec<u8>,
}

/// State of a room, kind 65, in self (protocol section 6.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RoomSet {
    #[prost(bytes = "vec", tag = "1")]
    pub conv: Vec<u8>,
    #[prost(bool, tag = "2")]
    pub joined: bool,
    #[prost(string, repeated, tag = "3")]
    pub relays: Vec<String>,
    #[prost(string, tag = "4")]
    pub title: String,
    #[prost(bool, tag = "5")]
    pub pinned: bool,
    #[prost(bool, tag = "6")]
    pub archived: bool,
}

/// A persona and its root secret, kind 66, in self (protocol section 6.1). Its `Debug` hides the secret.
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[prost(skip_debug)]
pub struct PersonaSet {
    #[prost(bytes = "vec", tag = "1")]
    pub root_secret: Vec<u8>,
    #[prost(string, tag = "2")]
    pub name: String,
}

impl fmt::Debug for PersonaSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonaSet").finish_non_exhaustive()
    }
}

/// One of the own profiles, kind 67, in self (protocol section 6.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ProfileSet {
    #[prost(bytes = "vec", tag = "1")]
    pub profile: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub card: Option<Card>,
}

/// A message deleted for oneself, kind 68, in self (protocol section 6.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Hide {
    #[prost(bytes = "vec", tag = "1")]
    pub conv: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub target: Vec<u8>,
}
