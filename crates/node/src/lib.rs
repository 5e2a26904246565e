//! The node: commands in, events out. It decides, persists, *then* sends and announces.
//!
//! Owns the engine and the features of the messenger. It must not know Tauri, JSON, words in a
//! language, or window focus. Invariant: whatever leaves this crate is on disk.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice, clippy::arithmetic_side_effects))]

mod accounts;
mod address;
mod allowance;
mod asking;
mod awaited;
mod bundle;
mod clock;
mod command;
mod contacts;
mod control;
mod conversation;
mod core;
mod covered;
mod devices;
mod directory;
mod effect;
mod engine;
mod error;
mod event;
mod flight;
mod friends;
mod gaps;
mod handle;
pub mod home;
mod inbox;
mod ingest;
mod input;
mod invites;
mod keys;
mod lane;
mod lane_admission;
mod lane_in;
mod lane_keys;
mod line;
mod messages;
mod network;
mod node;
mod outbox;
mod own_contact;
mod past;
mod poison;
mod post;
mod query;
mod receipts;
mod recipients;
mod register_in;
mod registers;
mod relays;
mod repair;
mod requests;
mod retention;
mod ring;
mod search;
mod status;
mod stored;
mod sync;
mod time;
mod timer;
mod times;
mod turn;
pub mod view;

#[cfg(test)]
mod tests;

pub use clock::{Clock, SystemClock};
pub use command::{FriendChange, Sent};
pub use error::Error;
pub use event::Event;
pub use handle::{Handle, Queued};
pub use network::Paths;
pub use node::{Config, StartError, start};
