//! The desktop: a window, the node behind it, and what belongs to the operating system.
//!
//! It must not know messages, rooms or peers beyond what a notification says: the page asks through `rpc` and
//! hears through `subscribe`, and both end at the contract of `madang-api`.

#![deny(unsafe_code)]

mod arguments;
mod badge;
mod ending;
mod home;
mod link;
mod notice;
mod place;
mod platform;
mod rpc;
#[cfg(test)]
mod security_tests;
mod shell;
mod window;
mod words;

pub use shell::run;
