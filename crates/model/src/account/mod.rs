//! The account log: which machines speak for a person (protocol section 1.2).

mod log;
mod op;
mod resolve;
mod state;

#[cfg(test)]
mod account_tests;

pub use log::{AccountLog, AccountLogs};
pub use op::{AccountChange, AccountOp, DeviceCut};
pub use resolve::Strength;
pub use state::{AccountState, ActiveDevice, RemovedDevice};
