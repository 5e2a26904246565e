//! The relay as a process, seen through its command line, its stream and its web server.

// The client and the process runner are test code outside of test functions.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod boxes;
mod client;
mod clocked;
mod hostile;
mod korean;
mod life;
mod operator;
mod proxy;
mod quotas;
mod rates;
mod relay;
mod secrecy;
mod slots;
