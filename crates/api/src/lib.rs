//! Madang api.
