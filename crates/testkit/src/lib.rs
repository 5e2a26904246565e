//! Madang testkit.
