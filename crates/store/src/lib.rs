//! The encrypted store of one home: schema, queries by noun, full-text index and the files beside it.
//!
//! Only this crate (and the storage of the relay) names SQL. It must not know the network, JSON or who is online.
//! One [`Writer`] belongs to the thread that decides; it groups what arrived into one [`Tx`] and commits it durably.
//! [`Readers`] answer queries meanwhile. The query modules take any connection ([`Conn`]), so the same function serves
//! inside a transaction and on a reader.
//!
//! A home is taken with [`Home::open`], its store opened with [`Store::open`].
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice, clippy::arithmetic_side_effects))]

mod atomic;
mod check;
mod db;
mod error;
mod home;
mod readers;
mod row;
mod schema;
mod statement;
mod terms;
mod writer;

pub mod accounts;
pub mod acks;
pub mod devices;
pub mod envelopes;
pub mod frames;
pub mod friends;
pub mod gaps;
pub mod heads;
pub mod history;
pub mod invites;
pub mod keys;
pub mod lanes;
pub mod lines;
pub mod meta;
pub mod ops;
pub mod parked;
pub mod registers;
pub mod relays;
pub mod requests;
pub mod rooms;
pub mod search;
mod search_tail;
pub mod settings;
pub mod tokens;

pub use db::{Conn, Store};
pub use error::{Error, OpenError, Result};
pub use home::{Home, Paths, Peek};
pub use readers::Readers;
pub use row::{DeviceRow, LaneRow, OpRow, ParkedRow, PutRow, RelayRow, RoomRow};
pub use schema::SCHEMA_VERSION;
pub use writer::{Tx, Writer};

#[cfg(test)]
mod plans_tests;
#[cfg(test)]
mod testing;
