//! Names and size limits of the stream protocols.
//!
//! Owns: the protocol strings of protocol section 9.1 and the frame caps of protocol section 0.
//! Must not know: what a frame means.
//! Invariant: every reader of a stream takes its cap from here, before it allocates.

use libp2p::StreamProtocol;

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
pub const SYNC_FRAME: usize = 64 * 1024;
/// Largest frame on a contact stream between peers that know each other, bytes (protocol section 0).
pub const CONTACT_FRAME: usize = 64 * 1024;
/// Largest contact frame taken from an unknown peer, bytes: one 16 KiB bucket plus 2 KiB for the X-Wing
/// encapsulation (1,120 B), tags and field headers around it (protocol section 0).
pub const CONTACT_FRAME_STRANGER: usize = 18 * 1024;
/// Largest frame on a link stream, bytes (protocol section 0).
pub const LINK_FRAME: usize = 64 * 1024;
/// Largest frame between client and relay, bytes (protocol section 0).
pub const RELAY_FRAME: usize = 256 * 1024;
/// Largest gossip message, bytes (protocol section 0).
pub const GOSSIP_MESSAGE: usize = 32 * 1024;
