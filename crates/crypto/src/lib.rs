//! Madang crypto.
