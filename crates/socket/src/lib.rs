//! The socket of a home: JSON-RPC 2.0, one value per line, over a unix socket that only its owner can reach.
//!
//! It owns framing, the bounds of a connection, and the check of who is on the other side. It must not know
//! what a call does: it serves whatever fulfils [`Calls`]. Invariant: nothing that a peer sends makes it hold
//! more than the bounds named in [`server`] and [`client`].

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice, clippy::arithmetic_side_effects))]

mod calls;
pub mod client;
mod connection;
mod line;
mod message;
mod place;
pub mod server;

pub use calls::Calls;
pub use client::Client;
pub use connection::serve_stream;
pub use place::PlaceError;
pub use server::Server;
