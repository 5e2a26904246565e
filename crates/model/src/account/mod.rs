//! The account log: which machines speak for a person (protocol section 1.2).

mod op;

pub use op::{AccountChange, AccountOp, DeviceCut};
