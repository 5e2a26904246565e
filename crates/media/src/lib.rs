//! Pictures from strangers, made small and harmless.
//!
//! Owns type sniffing, bounded decoding, orientation, re-encoding without metadata, the placeholder hash,
//! and the media worker: a child of the same executable in which all of this happens.
//! Must not know where files come from or go, or what a room is.
//!
//! Invariant: no byte of the input reaches the output. Everything that leaves here was encoded anew from
//! pixels, so that no position, camera name or hidden payload survives.
//!
//! A decoder that has run away on a thread cannot be stopped, and one that allocates without end takes the
//! whole program with it. Hence programs call [`Worker`], and only the worker calls [`avatar`].

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice, clippy::arithmetic_side_effects))]

mod avatar;
mod error;
mod frame;
mod picture;
mod sniff;
pub mod worker;

pub use avatar::{Avatar, Encoded, PHOTO_MAX, PHOTO_SIDE, SMALL_MAX, SMALL_SIDE, avatar};
pub use error::MediaError;
pub use picture::{ALLOC_MAX, PIXELS_MAX, SIDE_MAX};
pub use sniff::{Type, sniff};
pub use worker::{INPUT_MAX, Worker};
