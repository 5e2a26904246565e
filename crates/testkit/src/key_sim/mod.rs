//! Random schedules against the key rules and the control log.
//!
//! Owns a small world of people with several machines each who add and remove each other, link and revoke
//! machines, lose key shares, sync in part and ask anybody for any key. Every decision is taken by
//! `madang_model`; nothing of the rules is repeated here. Invariant: a schedule is a function of its seed.
//!
//! After a schedule everybody syncs, and four things are counted; see [`Outcome`]. Rules can be left out one by
//! one through `madang_model::Rules`, to show that the counters would notice.

mod outcome;
mod people;
mod real;
mod rng;
mod schedule;
mod sealer;

#[cfg(test)]
mod key_sim_tests;

pub use outcome::{Outcome, Tally};
pub use real::RealSealer;
pub use schedule::{Plan, run, run_many};
pub use sealer::{Ciphertext, NewKey, RecordingSealer, Sealer};
