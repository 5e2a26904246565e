//! Madang testkit.

pub mod key_sim;
