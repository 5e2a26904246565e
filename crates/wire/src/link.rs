//! Frames of `/madang/link/1`, which links a machine.
//!
//! Owns their encoding; the text form of the link is in [`device_link`](crate::device_link).
//! Invariant: after the hello the existing machine sends nothing but [`LinkSealed`].
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

use crate::Signed;
use std::fmt;

/// A frame of `/madang/link/1` (protocol section 8).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct LinkFrame {
    #[prost(oneof = "LinkBody", tags = "1, 2, 3, 4, 5, 6")]
    pub body: Option<LinkBody>,
}

/// The cases of [`LinkFrame`]. The numbers are wire tags.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub enum LinkBody {
    #[prost(message, tag = "1")]
    Hello(LinkHello),
    #[prost(message, tag = "2")]
    Sealed(LinkSealed),
    #[prost(message, tag = "3")]
    Device(LinkDevice),
    #[prost(message, tag = "4")]
    Intro(LinkIntro),
    #[prost(message, tag = "5")]
    Account(LinkAccount),
    #[prost(message, tag = "6")]
    Done(LinkDone),
}

/// A [`LinkFrame`] sealed to the new machine's X-Wing key (protocol section 8).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct LinkSealed {
    #[prost(bytes = "vec", tag = "1")]
    pub enc: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub ct: Vec<u8>,
}

/// Whose account the new machine is about to join (protocol section 8).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct LinkIntro {
    #[prost(bytes = "vec", tag = "1")]
    pub account: Vec<u8>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(bytes = "vec", tag = "3")]
    pub thumb: Vec<u8>,
}

/// The new machine's X-Wing key, whose hash stands in the link (protocol section 8).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct LinkHello {
    #[prost(bytes = "vec", tag = "1")]
    pub xwing_pk: Vec<u8>,
}

/// The new machine's device key, label and bundle (protocol section 8).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct LinkDevice {
    #[prost(bytes = "vec", tag = "1")]
    pub device: Vec<u8>,
    #[prost(string, tag = "2")]
    pub label: String,
    #[prost(message, optional, tag = "3")]
    pub bundle: Option<Signed>,
}

/// One part of what the new machine is given (protocol section 8). Its `Debug` hides the data.
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[prost(skip_debug)]
pub struct LinkAccount {
    #[prost(uint32, tag = "1")]
    pub part: u32,
    #[prost(uint32, tag = "2")]
    pub of: u32,
    #[prost(bytes = "vec", tag = "3")]
    pub data: Vec<u8>,
}

impl fmt::Debug for LinkAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkAccount").field("part", &self.part).field("of", &self.of).finish_non_exhaustive()
    }
}

/// Everything arrived; the hash is over all parts (protocol section 8).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct LinkDone {
    #[prost(bytes = "vec", tag = "1")]
    pub hash: Vec<u8>,
}
