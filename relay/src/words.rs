//! What the relay says to its operator, in English and in Korean.
//!
//! Owns, below, every text in Korean. It must not know how a relay works. Invariant:
//! only what people read at the terminal is translated; log lines, JSON and the configuration are the same everywhere.

mod config;
mod data;
pub(crate) mod failures;
pub(crate) mod help;
pub(crate) mod notices;
mod system;

#[cfg(test)]
mod failures_tests;

pub(crate) use madang_terminal::Language;

/// An English and a Korean text that say the same.
type Both = (String, String);

fn both(english: impl Into<String>, korean: impl Into<String>) -> Both {
    (english.into(), korean.into())
}
