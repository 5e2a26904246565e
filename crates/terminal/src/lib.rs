//! What every program of ours says in the same way at a terminal: the choice of the language, help, and a wrong use.
//!
//! It owns the Korean words for what the parser of the command line says by itself. It must not know the commands of any
//! program: their words come from there. Invariant: the language changes nothing that can be typed.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice, clippy::arithmetic_side_effects))]

pub mod help;
mod language;
pub mod usage;

pub use language::{Language, is_korean};
