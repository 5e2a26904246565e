//! Digests that two machines compare before they exchange lists (protocol section 9.1).
//!
//! Owns what is hashed; must not know what follows from a difference. Invariant: equal sets have
//! equal digests, whatever the order they were met in.

use crate::kdf::{Absorb, finish, transcript};
use std::collections::BTreeSet;

/// Name and version of one register.
pub type RegisterVersion<'a> = ([u8; 32], &'a str, u64);

/// `RegHave.digest`: SHA-256 of all sorted (author, name, version), the name behind its length.
pub fn registers_digest<'a>(registers: impl IntoIterator<Item = RegisterVersion<'a>>) -> [u8; 32] {
    let sorted: BTreeSet<RegisterVersion<'_>> = registers.into_iter().collect();
    finish(sorted.into_iter().fold(transcript(b""), |hash, (author, name, version)| {
        hash.fixed(&author).variable(name.as_bytes()).fixed(&version.to_be_bytes())
    }))
}
