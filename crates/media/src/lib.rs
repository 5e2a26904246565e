//! Madang media.
