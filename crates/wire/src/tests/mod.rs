//! Tests of the crate as a whole.

mod encoding;
mod limits;
mod links;
mod samples;
mod streams;
mod typed;
mod vectors;
