//! The node's side of relays (protocol sections 9.3, 9.4 and 10): which ones are followed, the boxes
//! there, what is put and what is read.
//!
//! It must not know sockets: frames leave as effects and come in as inputs. Invariants: a cursor moves in
//! the transaction that keeps what was read; an item is acknowledged only after that; what a relay has
//! lost is put again.

mod boxes;
mod close;
mod deposit;
mod epoch;
mod escrow;
mod follow;
mod inbox;
mod leave;
mod link;
mod list;
mod log;
mod ops;
mod place;
mod puts;
mod refusals;
mod register;
mod room_tokens;
mod shelter;
mod slots;
mod stale;
mod state;
mod tokens;

#[cfg(test)]
mod tests;

pub(crate) use refusals::refuses;
pub(crate) use state::Relays;
