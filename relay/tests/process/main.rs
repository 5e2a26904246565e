//! The relay as a process, seen through its command line, its stream and its web server.

// The client and the process runner are test code outside of test functions.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod boxes;
mod client;
mod hostile;
mod life;
mod operator;
mod quotas;
mod relay;
mod slots;
