//! Frames of `/madang/relay/1`.
//!
//! Owns their encoding; what is signed in them is in [`relay_sign`](crate::relay_sign).
//! Invariant: no frame names an account, a device or a conversation.
#![allow(missing_docs)] // Fields carry the names of the protocol; the structs are documented.

use std::fmt;

/// A frame of `/madang/relay/1` (protocol section 10.2). Tags 40 to 43 are reserved.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RelayFrame {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(
        oneof = "RelayBody",
        tags = "2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30"
    )]
    pub body: Option<RelayBody>,
}

/// The cases of [`RelayFrame`]. The numbers are wire tags.
#[allow(clippy::large_enum_variant)] // A frame lives shortly and alone; a box per frame would cost more.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
pub enum RelayBody {
    #[prost(message, tag = "2")]
    Hello(RHello),
    #[prost(message, tag = "3")]
    HelloOk(HelloOk),
    #[prost(message, tag = "4")]
    Auth(RAuth),
    #[prost(message, tag = "5")]
    InboxCreate(InboxCreate),
    #[prost(message, tag = "6")]
    LogCreate(LogCreate),
    #[prost(message, tag = "7")]
    Created(Created),
    #[prost(message, tag = "8")]
    Put(Put),
    #[prost(message, tag = "9")]
    PutMany(PutMany),
    #[prost(message, tag = "10")]
    Stored(Stored),
    #[prost(message, tag = "11")]
    Fetch(Fetch),
    #[prost(message, tag = "12")]
    Subscribe(Subscribe),
    #[prost(message, tag = "13")]
    Items(Items),
    #[prost(message, tag = "14")]
    Credit(Credit),
    #[prost(message, tag = "15")]
    Ack(RAck),
    #[prost(message, tag = "16")]
    Drop(Drop),
    #[prost(message, tag = "17")]
    SlotPut(SlotPut),
    #[prost(message, tag = "18")]
    SlotGet(SlotGet),
    #[prost(message, tag = "19")]
    Slot(Slot),
    #[prost(message, tag = "20")]
    SlotDelete(SlotDelete),
    #[prost(message, tag = "21")]
    Revoke(TokenRevoke),
    #[prost(message, tag = "22")]
    PushSet(PushSet),
    #[prost(message, tag = "23")]
    PushClear(PushClear),
    #[prost(message, tag = "24")]
    GreetSet(GreetSet),
    #[prost(message, tag = "25")]
    Login1(Login1),
    #[prost(message, tag = "26")]
    Login1Ok(Login1Ok),
    #[prost(message, tag = "27")]
    Login2(Login2),
    #[prost(message, tag = "28")]
    Ok(ROk),
    #[prost(message, tag = "29")]
    Err(RErr),
    #[prost(message, tag = "30")]
    GreetReg(GreetReg),
}

/// The client's first frame (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RHello {
    #[prost(uint32, tag = "1")]
    pub v: u32,
    #[prost(string, repeated, tag = "2")]
    pub features: Vec<String>,
}

/// The relay's first frame; the challenge has 32 bytes (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct HelloOk {
    #[prost(uint32, tag = "1")]
    pub v: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub relay_key: Vec<u8>,
    #[prost(fixed64, tag = "3")]
    pub now: u64,
    #[prost(bytes = "vec", tag = "4")]
    pub challenge: Vec<u8>,
    #[prost(message, optional, tag = "5")]
    pub limits: Option<Limits>,
    #[prost(string, tag = "6")]
    pub policy: String,
    #[prost(string, repeated, tag = "7")]
    pub features: Vec<String>,
}

/// Proves a capability on this stream, any number up to 4,096 (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RAuth {
    #[prost(bytes = "vec", tag = "1")]
    pub cap_pub: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub sig: Vec<u8>,
}

/// Makes an inbox (protocol section 10.2). Its `Debug` hides the token key.
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[prost(skip_debug)]
pub struct InboxCreate {
    #[prost(bytes = "vec", tag = "1")]
    pub owner_pub: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub k_token: Vec<u8>,
    #[prost(string, tag = "3")]
    pub admission: String,
}

impl fmt::Debug for InboxCreate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxCreate").field("owner_pub", &self.owner_pub).finish_non_exhaustive()
    }
}

/// Makes a log; `prev` is a log authenticated on this stream (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[prost(skip_debug)]
pub struct LogCreate {
    #[prost(bytes = "vec", tag = "1")]
    pub log_pub: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub ttl_h: u32,
    #[prost(string, tag = "3")]
    pub admission: String,
    #[prost(bytes = "vec", tag = "4")]
    pub prev: Vec<u8>,
}

impl fmt::Debug for LogCreate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogCreate")
            .field("log_pub", &self.log_pub)
            .field("ttl_h", &self.ttl_h)
            .field("prev", &self.prev)
            .finish_non_exhaustive()
    }
}

/// The box is there; `epoch` was made with it (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Created {
    #[prost(bytes = "vec", tag = "1")]
    pub box_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub epoch: Vec<u8>,
}

/// Puts an item into a box (protocol section 10.2). Into a log without `auth`, the stream is authenticated.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Put {
    #[prost(bytes = "vec", tag = "1")]
    pub box_id: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub ttl_h: u32,
    #[prost(oneof = "PutAuth", tags = "3, 4")]
    pub auth: Option<PutAuth>,
    #[prost(bytes = "vec", tag = "5")]
    pub slot: Vec<u8>,
    #[prost(bytes = "vec", tag = "6")]
    pub del_hash: Vec<u8>,
    #[prost(bytes = "vec", tag = "7")]
    pub body: Vec<u8>,
}

/// By what right a [`Put`] enters an inbox. The numbers are wire tags.
#[derive(Clone, PartialEq, Eq, prost::Oneof)]
#[prost(skip_debug)]
pub enum PutAuth {
    #[prost(bytes = "vec", tag = "3")]
    Token(Vec<u8>),
    #[prost(message, tag = "4")]
    Pow(Pow),
}

impl fmt::Debug for PutAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token",
            Self::Pow(_) => "Pow",
        })
    }
}

/// Up to 64 puts, answered by as many [`Stored`] or [`RErr`] with index (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct PutMany {
    #[prost(message, repeated, tag = "1")]
    pub puts: Vec<Put>,
}

/// The item is on disk (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Stored {
    #[prost(bytes = "vec", tag = "1")]
    pub box_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub epoch: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub seq: u64,
    #[prost(bool, tag = "4")]
    pub dup: bool,
    #[prost(uint32, tag = "5")]
    pub index: u32,
}

/// Asks for items after a sequence (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Fetch {
    #[prost(bytes = "vec", tag = "1")]
    pub box_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub epoch: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub after_seq: u64,
    #[prost(uint32, tag = "4")]
    pub max: u32,
}

/// Asks for pushes while credit lasts, at most 1,024 boxes (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Subscribe {
    #[prost(message, repeated, tag = "1")]
    pub boxes: Vec<Fetch>,
    #[prost(uint32, tag = "2")]
    pub window: u32,
}

/// Items of one box (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Items {
    #[prost(bytes = "vec", tag = "1")]
    pub box_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub epoch: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    pub items: Vec<Item>,
    #[prost(uint64, tag = "4")]
    pub head: u64,
    #[prost(uint64, tag = "5")]
    pub truncated_before: u64,
}

/// One item (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Item {
    #[prost(uint64, tag = "1")]
    pub seq: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub dedupe: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub slot: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub body: Vec<u8>,
}

/// Room for `n` more items (protocol section 10.2).
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Credit {
    #[prost(uint32, tag = "1")]
    pub n: u32,
}

/// Deletes items of an inbox, at most 1,024 (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RAck {
    #[prost(bytes = "vec", tag = "1")]
    pub inbox_id: Vec<u8>,
    #[prost(uint64, repeated, tag = "2")]
    pub seqs: Vec<u64>,
}

/// Deletes an item of a log by its deletion secret (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
#[prost(skip_debug)]
pub struct Drop {
    #[prost(bytes = "vec", tag = "1")]
    pub log_id: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub seq: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub del_secret: Vec<u8>,
}

impl fmt::Debug for Drop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drop").field("log_id", &self.log_id).field("seq", &self.seq).finish_non_exhaustive()
    }
}

/// Writes a slot; signed (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SlotPut {
    #[prost(bytes = "vec", tag = "1")]
    pub slot_pub: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub version: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub body: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub new_pub: Vec<u8>,
    #[prost(string, tag = "5")]
    pub admission: String,
    #[prost(bytes = "vec", tag = "6")]
    pub sig: Vec<u8>,
}

/// Reads a slot (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SlotGet {
    #[prost(bytes = "vec", tag = "1")]
    pub slot_id: Vec<u8>,
}

/// Content of a slot (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Slot {
    #[prost(uint64, tag = "1")]
    pub version: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub body: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub slot_pub: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub sig: Vec<u8>,
}

/// Deletes a slot; signed (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct SlotDelete {
    #[prost(bytes = "vec", tag = "1")]
    pub slot_pub: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub version: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub sig: Vec<u8>,
}

/// Revokes a token slot of an inbox (protocol sections 10.2 and 10.5).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct TokenRevoke {
    #[prost(bytes = "vec", tag = "1")]
    pub inbox_id: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub slot: u32,
    #[prost(bool, tag = "3")]
    pub silent: bool,
}

/// Registers a wake-up subscription (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct PushSet {
    #[prost(bytes = "vec", tag = "1")]
    pub inbox_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub subscription: Vec<u8>,
    #[prost(uint32, tag = "3")]
    pub min_interval_s: u32,
}

/// Clears a wake-up subscription (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct PushClear {
    #[prost(bytes = "vec", tag = "1")]
    pub inbox_id: Vec<u8>,
}

/// OPAQUE registration request and its response (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct GreetReg {
    #[prost(bytes = "vec", tag = "1")]
    pub greet_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub opaque: Vec<u8>,
}

/// Writes the greeting of an open room; signed (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct GreetSet {
    #[prost(bytes = "vec", tag = "1")]
    pub greet_pub: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub version: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub record: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub sig: Vec<u8>,
    #[prost(bytes = "vec", tag = "5")]
    pub name_id: Vec<u8>,
}

/// First message of a password login (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Login1 {
    #[prost(bytes = "vec", tag = "1")]
    pub greet_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub ke1: Vec<u8>,
}

/// Answer to [`Login1`] (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Login1Ok {
    #[prost(bytes = "vec", tag = "1")]
    pub ke2: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub session: u64,
}

/// Last message of a password login (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Login2 {
    #[prost(uint64, tag = "1")]
    pub session: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub ke3: Vec<u8>,
}

/// Proof of work for the knock lane (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Pow {
    #[prost(bytes = "vec", tag = "1")]
    pub nonce: Vec<u8>,
    #[prost(fixed64, tag = "2")]
    pub at: u64,
}

/// Done (protocol section 10.2).
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct ROk {}

/// What the relay allows (protocol section 10.2).
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Limits {
    #[prost(uint32, tag = "1")]
    pub frame: u32,
    #[prost(uint32, tag = "2")]
    pub inbox_items: u32,
    #[prost(uint64, tag = "3")]
    pub inbox_bytes: u64,
    #[prost(uint64, tag = "4")]
    pub log_bytes: u64,
    #[prost(uint32, tag = "5")]
    pub log_ttl_h: u32,
    #[prost(uint32, tag = "6")]
    pub inbox_ttl_h: u32,
    #[prost(uint32, tag = "7")]
    pub pow_bits: u32,
}

/// Refusal: `quota`, `token`, `pow`, `auth`, `admission`, `not_found`, `version`, `busy`, `too_large`, `bad_frame` (protocol section 10.2).
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct RErr {
    #[prost(string, tag = "1")]
    pub code: String,
    #[prost(uint32, tag = "2")]
    pub retry_ms: u32,
    #[prost(uint32, tag = "3")]
    pub index: u32,
}
