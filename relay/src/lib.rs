//! The Madang relay: it keeps sealed frames in boxes until their readers come (protocol section 10).
//!
//! Owns boxes, quotas, tokens, the relay stream, the web page and the command line of the relay. It must not know
//! plaintext, accounts, devices or friends. Invariant: `Stored` means that the item has reached the disk.
//!
//! `session` serves one client stream, `storage` holds the database on its own thread, `swarm` accepts connections,
//! `server` puts them together.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice, clippy::arithmetic_side_effects))]

mod admission;
mod answer;
mod args;
#[cfg(test)]
mod bare;
pub mod cli;
pub mod clock;
pub mod config;
pub mod data_dir;
mod deposit;
#[cfg(test)]
mod deposit_tests;
mod drain;
mod exposure;
mod failure;
mod http;
mod hub;
pub mod init;
mod metrics;
mod peers;
mod probe;
mod rates;
pub mod server;
mod session;
mod state;
pub mod storage;
mod swarm;
mod terms;
mod token;
mod trace;
mod usage;
mod words;
mod writer;

pub use failure::Failure;
pub use probe::ProbeError;
pub use swarm::ListenError;
