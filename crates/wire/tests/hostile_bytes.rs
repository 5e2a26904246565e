//! Every decoder that a stranger can reach is fed with mutated and random bytes for a while: it never panics, never runs
//! long, and what it accepts is encoded within its limit.
//!
//! `MADANG_FUZZ_SECONDS` is the time per decoder (1 by default). Every run begins with another seed and prints it;
//! `MADANG_FUZZ_SEED` begins with the one that a failure has printed.
#![allow(clippy::print_stdout, reason = "a run of the fuzzer says how to repeat it")]
#![allow(clippy::unwrap_used)] // A test that panics has failed, which is what it is for.

mod hostile {
    pub(crate) mod bytes;
    pub(crate) mod decoders;
}
