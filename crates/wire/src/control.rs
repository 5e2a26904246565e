//! Control ops: membership and settings of a conversation.
//!
//! Owns their encoding; must not know which of them takes effect (the model does).
//! Invariant: the kind of a control op is its wire tag minus one.
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

use crate::SignedOp;

/// Content of a control op (protocol section 5.1). At most 64 `ctl_deps`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Control {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub ctl_deps: Vec<Vec<u8>>,
    #[prost(oneof = "ControlBody", tags = "2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15")]
    pub body: Option<ControlBody>,
}

/// The cases of [`Control`]. The numbers are wire tags.
#[allow(clippy::large_enum_variant)] // A frame lives shortly and alone; a box per frame would cost more.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub enum ControlBody {
    #[prost(message, tag = "2")]
    Genesis(Genesis),
    #[prost(message, tag = "3")]
    Add(AddMany),
    #[prost(message, tag = "4")]
    Remove(Remove),
    #[prost(message, tag = "5")]
    DeviceAdded(DeviceAdded),
    #[prost(message, tag = "6")]
    DeviceRemoved(DeviceRemoved),
    #[prost(message, tag = "7")]
    Role(Role),
    #[prost(message, tag = "8")]
    Transfer(Transfer),
    #[prost(message, tag = "9")]
    Leave(Leave),
    #[prost(message, tag = "10")]
    Title(Title),
    #[prost(message, tag = "11")]
    Relays(Relays),
    #[prost(message, tag = "12")]
    Join(Join),
    #[prost(message, tag = "13")]
    Policy(Policy),
    #[prost(message, tag = "14")]
    Greet(Greet),
    #[prost(message, tag = "15")]
    Timer(Timer),
}

/// Makes a group or an open room, kind 1 (protocol section 5.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Genesis {
    #[prost(uint32, tag = "1")]
    pub v: u32,
    #[prost(uint32, tag = "2")]
    pub suite: u32,
    #[prost(uint32, tag = "3")]
    pub kind: u32,
    #[prost(bytes = "vec", tag = "4")]
    pub owner: Vec<u8>,
    #[prost(bytes = "vec", repeated, tag = "5")]
    pub owner_heads: Vec<Vec<u8>>,
    #[prost(bytes = "vec", tag = "6")]
    pub salt: Vec<u8>,
    #[prost(string, tag = "7")]
    pub title: String,
    #[prost(uint32, tag = "8")]
    pub history: u32,
    #[prost(uint32, tag = "9")]
    pub days: u32,
    #[prost(bool, tag = "10")]
    pub direct: bool,
    #[prost(string, repeated, tag = "11")]
    pub relays: Vec<String>,
    #[prost(uint32, tag = "12")]
    pub join: u32,
    #[prost(uint32, tag = "13")]
    pub member_limit: u32,
}

/// One account that enters, with its role and account-log heads (protocol section 5.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Entry {
    #[prost(bytes = "vec", tag = "1")]
    pub account: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub role: u32,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub account_heads: Vec<Vec<u8>>,
}

/// Adds accounts, kind 2, at most 750 (protocol section 5.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct AddMany {
    #[prost(message, repeated, tag = "1")]
    pub entries: Vec<Entry>,
}

/// Last sequence of a device that counts (protocol section 5.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Cut {
    #[prost(bytes = "vec", tag = "1")]
    pub device: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub seq: u64,
}

/// Removes an account, kind 3 (protocol section 5.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Remove {
    #[prost(bytes = "vec", tag = "1")]
    pub account: Vec<u8>,
    #[prost(message, repeated, tag = "2")]
    pub cuts: Vec<Cut>,
}

/// Mirror of an account op that added a device, kind 4 (protocol sections 5.1 and 5.3).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct DeviceAdded {
    #[prost(message, optional, tag = "1")]
    pub account_op: Option<SignedOp>,
}

/// Mirror of an account op that removed a device, kind 5 (protocol sections 5.1 and 5.3).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct DeviceRemoved {
    #[prost(message, optional, tag = "1")]
    pub account_op: Option<SignedOp>,
}

/// Gives a member another role, kind 6 (protocol section 5.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Role {
    #[prost(bytes = "vec", tag = "1")]
    pub account: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub role: u32,
}

/// Passes ownership on, kind 7 (protocol section 5.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Transfer {
    #[prost(bytes = "vec", tag = "1")]
    pub account: Vec<u8>,
}

/// Leaves, kind 8 (protocol section 5.1).
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Leave {
    #[prost(bool, tag = "1")]
    pub quiet: bool,
}

/// Sets title and picture, kind 9 (protocol section 5.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Title {
    #[prost(string, tag = "1")]
    pub title: String,
    #[prost(bytes = "vec", tag = "2")]
    pub picture: Vec<u8>,
}

/// Sets the relays of the conversation, kind 10 (protocol section 5.1). At most 3.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Relays {
    #[prost(string, repeated, tag = "1")]
    pub relays: Vec<String>,
}

/// Joins by the join key, kind 11 (protocol section 5.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Join {
    #[prost(message, optional, tag = "1")]
    pub entry: Option<Entry>,
    #[prost(bytes = "vec", tag = "2")]
    pub sig: Vec<u8>,
}

/// Sets how the room is joined and used, kind 12 (protocol section 5.1).
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Policy {
    #[prost(uint32, tag = "1")]
    pub join: u32,
    #[prost(uint32, tag = "2")]
    pub slow_mode_s: u32,
    #[prost(uint32, tag = "3")]
    pub member_limit: u32,
    #[prost(bool, tag = "4")]
    pub direct: bool,
    #[prost(bool, tag = "5")]
    pub basic_profile_only: bool,
}

/// New link generation of an open room, kind 13 (protocol section 5.1).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Greet {
    #[prost(uint32, tag = "1")]
    pub generation: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub greet_id: Vec<u8>,
    #[prost(string, repeated, tag = "3")]
    pub greeters: Vec<String>,
}

/// Lifetime of new messages, kind 14 (protocol section 5.1).
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Timer {
    #[prost(uint32, tag = "1")]
    pub ttl_s: u32,
}
