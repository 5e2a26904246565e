//! Names and size limits of the stream protocols.
//!
//! Owns: the protocol strings of protocol section 9.1 and the frame caps of protocol section 0.
//! Must not know: what a frame means.
//! Invariant: every reader of a stream takes its cap from here, before it allocates.

use libp2p::StreamProtocol;
use madang_wire::limits;

/// Sync between devices that hold each other's address record (protocol section 9.1).
pub const SYNC: StreamProtocol = StreamProtocol::new("/madang/sync/1");
/// First contact between accounts; open to anybody (protocol section 9.1).
pub const CONTACT: StreamProtocol = StreamProtocol::new("/madang/contact/1");
/// Linking of a new machine; open to anybody while a link is open (protocol section 8).
pub const LINK: StreamProtocol = StreamProtocol::new("/madang/link/1");
/// Client and relay (protocol section 10.2).
pub const RELAY: StreamProtocol = StreamProtocol::new("/madang/relay/1");
/// Protocol family told by identify, so that a foreign libp2p network is recognised in logs.
pub const IDENTIFY: &str = "/madang/id/1";

/// Largest frame on a sync stream, bytes (protocol section 0).
pub const SYNC_FRAME: usize = limits::STREAM_FRAME_BYTES;
/// Largest frame on a contact stream between peers that know each other, bytes (protocol section 0).
pub const CONTACT_FRAME: usize = limits::CONTACT_FRAME_BYTES;
/// Largest contact frame taken from an unknown peer, bytes: an envelope of one 16 KiB bucket, and its framing
/// (protocol section 0).
pub const CONTACT_FRAME_STRANGER: usize = limits::STRANGER_FRAME_BYTES;
/// Largest frame on a link stream, bytes (protocol section 0).
pub const LINK_FRAME: usize = limits::CONTACT_FRAME_BYTES;
/// Largest frame between client and relay, bytes (protocol section 0).
pub const RELAY_FRAME: usize = limits::RELAY_FRAME_BYTES;
/// Largest gossip message, bytes (protocol section 0).
pub const GOSSIP_MESSAGE: usize = limits::GOSSIP_BYTES;

#[cfg(test)]
mod tests {
    use super::*;
    use madang_wire::{ContactBody, ContactFrame, ContactPut, Envelope, Message as _};

    /// An envelope whose encoding has exactly so many bytes.
    fn envelope(len: usize) -> Envelope {
        let mut envelope = Envelope { v: 1, to: vec![1; 16], enc: vec![2; 1_120], ct: Vec::new() };
        while envelope.encoded_len() < len {
            let missing = len - envelope.encoded_len();
            envelope.ct.resize(envelope.ct.len() + missing.div_ceil(2), 3);
        }
        assert_eq!(envelope.encoded_len(), len);
        envelope
    }

    fn put(len: usize) -> usize {
        let body = ContactBody::Put(ContactPut { env: Some(envelope(len)) });
        ContactFrame { body: Some(body) }.encoded_len()
    }

    #[test]
    fn a_stranger_may_hand_over_a_bucket_and_not_the_next_larger_one() {
        // Two messages around the envelope, each with a tag of one byte and a length of three.
        assert_eq!(put(16 * 1024), 16 * 1024 + 8);
        assert!(put(16 * 1024) <= CONTACT_FRAME_STRANGER);
        // What is left is for a field that a later version may add.
        assert_eq!(CONTACT_FRAME_STRANGER - put(16 * 1024), 56);
        assert!(put(32 * 1024) > CONTACT_FRAME_STRANGER);
    }
}
