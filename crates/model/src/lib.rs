//! Madang model.
