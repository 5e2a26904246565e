//! What strangers have signed with keys of their own is opened and resolved for a while: it never panics, never runs
//! long, and lets nobody into an account or out of it who has no right to.
//!
//! Time and seeds are set as for `hostile_bytes` of the wire crate, whose loop this is.

// The same loop and the same changes as for decoders.
#[path = "../../../../wire/tests/hostile/bytes.rs"]
mod bytes;
mod script;
mod strangers;

use crate as madang_crypto;

#[test]
fn account_logs() {
    bytes::feed("account_logs", &script::samples(), strangers::account_logs);
}

#[test]
fn contact_requests() {
    bytes::feed("contact_requests", &strangers::requests(), strangers::contact_requests);
}

#[test]
fn invite_records() {
    bytes::feed("invite_records", &strangers::records(), strangers::invite_records);
}

#[test]
fn lane_packets() {
    bytes::feed("lane_packets", &strangers::packets(), strangers::lane_packets);
}
