//! The pure rules of Madang: typed ids, ops, and every decision that two machines must take alike.
//!
//! Nothing here knows sockets, SQL, serialisation or how an id is hashed: ids come from outside, time and
//! arrival are arguments, and every result is a function of its inputs alone.
//!
//! * Names: [`AccountId`], [`DeviceId`], [`OpId`], [`ConvId`], [`KeyId`], [`InviteId`].
//! * What people say: [`Op`] with its [`Header`] and [`Body`], the clock ([`Hlc`]) and the [order](order).
//! * Bounds: [`limits`].
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice, clippy::arithmetic_side_effects))]

pub mod account;
pub mod clock;
pub mod content;
pub mod control;
pub mod hlc;
pub mod ids;
pub mod kind;
pub mod limits;
pub mod op;
pub mod order;
pub mod text;

pub use account::{AccountChange, AccountOp, DeviceCut};
pub use clock::{ClockReference, ClockRefused};
pub use control::{Change, Control, ControlOp, Role};
pub use hlc::{Hlc, HlcClock, Receive};
pub use ids::{AccountId, ConvId, DeviceId, IdError, InviteId, KeyId, OpId};
pub use kind::Kind;
pub use op::{Body, Header, HeaderError, Op};
pub use order::OrderKey;
