//! Madang wire.
