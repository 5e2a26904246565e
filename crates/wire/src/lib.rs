//! Peer and relay messages: their encoding, their limits and their text forms.
//!
//! Owns every byte layout that leaves a process. It must not know sockets, storage or keys: it
//! encodes and checks lengths, the crypto crate hashes, signs and seals.
//!
//! Messages are prost structs with the field numbers of the protocol. Remote bytes are decoded with
//! [`decode`], which checks byte limits and counts *before* anything is allocated. Bytes that are
//! signed, hashed or sealed are kept with [`Kept`] and never encoded again.
//!
//! Invariant: no function here allocates more than a small multiple of the bytes it was given.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice, clippy::arithmetic_side_effects))]

mod account;
mod address;
mod bounds;
mod bundle;
mod card;
mod contact;
mod content;
mod control;
mod decode;
pub mod device_link;
mod escrow;
mod frame;
mod invite;
pub mod invite_link;
mod kept;
mod key;
mod lane;
pub mod limits;
mod link;
mod link_text;
mod op;
pub mod pad;
mod register;
mod relay;
pub mod relay_sign;
mod sealed;
mod shape;
mod signed;
mod stream;
pub mod typed;

#[cfg(test)]
mod tests;

pub use account::{AccountGenesis, AddDevice, Cosig, RemoveDevice, RotateRoot};
pub use address::AddressRecord;
pub use bundle::{BundleEntry, DeviceBundle, InboxRef, Token};
pub use card::{Card, FileRef};
pub use contact::{
    Contact, ContactAccept, ContactBody, ContactErr, ContactFrame, ContactOk, ContactPut, ContactRequest,
    ContactUpdate, InviteGet, InviteRec,
};
pub use content::{
    Delete, Edit, FriendSet, Hide, Introduce, Mention, PersonaSet, Pin, Preview, ProfileSet, Purge, React,
    RoomSet, Text,
};
pub use control::{
    AddMany, Control, ControlBody, Cut, DeviceAdded, DeviceRemoved, Entry, Genesis, Greet, Join, Leave,
    Policy, Relays, Remove, Role, Timer, Title, Transfer,
};
pub use decode::{Bounded, DecodeError, decode, decode_within};
pub use escrow::{EscrowData, EscrowFriend, EscrowPart, EscrowRoom, EscrowSetting};
pub use frame::{FrameBuf, FrameError, encode_frame};
pub use invite::{InviteLink, InviteRecord};
pub use kept::Kept;
pub use key::Key;
pub use lane::{
    AccountHint, Envelope, EnvelopeBody, EnvelopeInner, GreetKey, InboxBody, InboxItem, KeyDenied,
    KeyRequest, KeyShare, LaneAck, LaneBody, LaneMessage, LanePacket, LanePlain, Reset, Welcome,
};
pub use link::{LinkAccount, LinkBody, LinkDevice, LinkDone, LinkFrame, LinkHello, LinkIntro, LinkSealed};
pub use link_text::BadLink;
pub use op::{OpHeader, SignedOp};
pub use prost::Message;
pub use register::{Frontier, Prefs, Register, Signal};
pub use relay::{
    Created, Credit, Drop, Fetch, GreetReg, GreetSet, HelloOk, InboxCreate, Item, Items, Limits, LogCreate,
    Login1, Login1Ok, Login2, Pow, PushClear, PushSet, Put, PutAuth, PutMany, RAck, RAuth, RErr, RHello, ROk,
    RelayBody, RelayFrame, Slot, SlotDelete, SlotGet, SlotPut, Stored, Subscribe, TokenRevoke,
};
pub use sealed::{Inner, InnerBody, Sealed};
pub use shape::{Field, Shape, byte_fields};
pub use signed::{Signed, SignedType};
pub use stream::{
    AccountGet, AccountOps, BulkEnd, BulkGet, ConvOpen, Heads, Neg, NegEnd, Ops, RegHave, RegVer, StreamBody,
    StreamErr, StreamFrame, StreamHello, StreamKeyRequest, Upto, Want,
};
