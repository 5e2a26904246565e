//! Madang store.
