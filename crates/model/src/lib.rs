//! The pure rules of Madang: typed ids, ops, and every decision that two machines must take alike.
//!
//! Nothing here knows sockets, SQL, serialisation or how an id is hashed: ids come from outside, time and
//! arrival are arguments, and every result is a function of its inputs alone.
//!
//! * Names: [`AccountId`], [`DeviceId`], [`OpId`], [`ConvId`], [`KeyId`], [`InviteId`].
//! * What people say: [`Op`] with its [`Header`] and [`Body`], the clock ([`Hlc`]) and the [`order`].
//! * Who may do what: [`AccountLog`] and [`ControlLog`] with its [`View`], [`keys`], [`visible`].
//! * How far things have come: [`Frontier`], [`unread`], [`delivery`], [`gap`].
//! * Bounds: [`limits`].
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice, clippy::arithmetic_side_effects))]

pub mod account;
mod bits;
pub mod clock;
pub mod content;
pub mod control;
mod dag;
pub mod delivery;
pub mod frontier;
pub mod gap;
pub mod hlc;
pub mod ids;
mod invisible;
pub mod keys;
pub mod kind;
pub mod limits;
pub mod op;
pub mod order;
pub mod text;
pub mod unread;
pub mod visible;

pub use account::{AccountChange, AccountLog, AccountLogs, AccountOp, AccountState, DeviceCut};
pub use clock::{ClockReference, ClockRefused};
pub use control::{Change, Control, ControlLog, ControlOp, Conversation, Role, View};
pub use dag::{Inserted, LogError, WAITING_MAX};
pub use delivery::Delivery;
pub use frontier::{Frontier, Vector};
pub use hlc::{Hlc, HlcClock, Receive};
pub use ids::{AccountId, ConvId, DeviceId, IdError, InviteId, KeyId, OpId};
pub use keys::{KeyFacts, Rules};
pub use kind::Kind;
pub use op::{Body, Header, HeaderError, Op};
pub use order::OrderKey;
