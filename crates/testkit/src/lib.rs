//! What tests across processes are made of: people with homes of their own, real nodes and relays, faults, clocks
//! and small networks.
//!
//! It must not know the inside of what it starts: programs are reached through their public command lines.
//! Invariant: no process, directory or network outlives the value that owns it. Production code may not depend on it.

mod browser;
mod clock;
mod connection;
mod desktop;
mod driver;
pub mod key_sim;
mod lab;
mod link;
mod loss;
mod outsider;
mod party;
mod person;
mod process;
mod programs;
mod relay;
mod screen;
mod secrets;
mod trace;
mod wait;
pub mod webdriver;

pub use browser::Browser;
pub use clock::Clock;
pub use connection::Connection;
pub use desktop::Desktop;
pub use lab::{Host, Lab};
pub use link::without_addresses;
pub use loss::{lose_messages, make_newer};
pub use outsider::{Outsider, Read};
pub use party::{Pair, Party};
pub use person::{Answer, Node, PASSPHRASE, Person};
pub use process::{LineEnd, Process};
pub use programs::{madang, relay_program, unsealed};
pub use relay::Relay;
pub use screen::Screen;
pub use secrets::{Secrets, random_word};
pub use trace::{Trace, WINDOW, common_windows};
pub use wait::wait_until;
