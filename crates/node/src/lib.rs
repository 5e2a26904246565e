//! The node: it turns commands into ops and ops into state.
//!
//! It must not know a shell, JSON, locale strings or window focus. Invariant: nothing is answered or announced
//! before it is on disk.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice, clippy::arithmetic_side_effects))]

pub mod home;
