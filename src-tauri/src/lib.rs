//! The desktop shell: a window, the commands of its page, links and the badge.
//!
//! It owns what belongs to the operating system. It must not know messages, rooms or peers: the page
//! asks through `rpc` and hears through `subscribe`, and both end at the contract of `madang-api`.

#![deny(unsafe_code)]

mod badge;
mod link;
mod platform;
mod rpc;
mod shell;
mod window;

pub use shell::run;
