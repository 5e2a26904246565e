//! Reconciliation: finding and filling what one side lacks (protocol section 9.2).
//!
//! Owns what two machines say to each other about the ops and registers of a room that did not come by
//! the live paths. It must not know how frames are opened nor what an op does. Invariants: only what is
//! visible to the asking account is named or served; every set, list and round is bounded; and whatever
//! is lost here, the next reconciliation finds again.

mod budget;
mod bulk;
mod registers;
mod serve;
mod session;
mod talk;
mod vector;
mod waiting;
mod want;

pub(crate) use talk::Repair;
