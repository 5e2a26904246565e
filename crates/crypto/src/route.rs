//! What derives from the route of a conversation (protocol sections 2.3, 3.1, 9.1, 10.3).
//!
//! Owns topic, relay log, tags and the outer authenticator; must not know content keys. Invariant:
//! the route itself and the content keys cannot be told from anything derived here.

use crate::kdf::{Absorb, finish16, first, hkdf, hmac};
use crate::relay::box_id;
use crate::sign::SignKey;
use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, Mac};
use madang_wire::Sealed;
use sha2::Sha256;
use std::fmt;

/// A route with its derived keys, ready for use. Cheap to keep, dear to make (about 10 µs).
#[derive(Clone)]
pub struct Route {
    topic: String,
    log: SignKey,
    rmac: Hmac<Sha256>,
    tag: Hmac<Sha256>,
    slot: Hmac<Sha256>,
}

impl Route {
    /// Derives everything from the 32 bytes in a key.
    pub fn new(route: &[u8; 32]) -> Self {
        let topic: [u8; 16] = first(&hkdf(route, b"topic")[..]);
        Self {
            topic: BASE64URL_NOPAD.encode(&topic),
            log: SignKey::from_seed(&hkdf(route, b"relay-log")),
            rmac: hmac(&hkdf(route, b"rmac")),
            tag: hmac(&hkdf(route, b"tag")),
            slot: hmac(&hkdf(route, b"slot")),
        }
    }
    /// Gossip topic: base64url(HKDF(route, "topic")[..16]), 22 characters.
    pub fn topic(&self) -> &str {
        &self.topic
    }
    /// Key of the relay log, which every member has.
    pub fn log_key(&self) -> &SignKey {
        &self.log
    }
    /// Id of the relay log.
    pub fn log_id(&self) -> [u8; 16] {
        box_id(&self.log.public())
    }
    /// Name of the conversation on one stream:
    /// `HMAC(HKDF(route, "tag"), nonce of opener | nonce of accepter)[..16]`.
    pub fn tag(&self, opener: &[u8; 16], accepter: &[u8; 16]) -> [u8; 16] {
        finish16(self.tag.clone().fixed(opener).fixed(accepter))
    }
    /// Register slot in the relay log: `HMAC(HKDF(route, "slot"), author | name)[..16]`.
    pub fn register_slot(&self, author: &[u8; 32], name: &str) -> [u8; 16] {
        finish16(self.slot.clone().fixed(author).variable(name.as_bytes()))
    }
    /// Checks the outer authenticator of a frame, before anything else is done with it.
    pub fn check_rmac(&self, sealed: &Sealed) -> bool {
        let lengths = sealed.key_id.len() == 16 && sealed.nonce.len() == 24 && sealed.rmac.len() == 16;
        let mac = self.mac_of(&sealed.key_id, &sealed.nonce, &sealed.ct);
        // Constant time: the comparison must not tell how many bytes were right.
        lengths && mac.verify_truncated_left(&sealed.rmac).is_ok()
    }
    /// `HMAC-SHA256(HKDF(route, "rmac"), key_id | nonce | ct)[..16]`, `ct` behind its length.
    pub(crate) fn rmac(&self, key_id: &[u8], nonce: &[u8], ct: &[u8]) -> [u8; 16] {
        finish16(self.mac_of(key_id, nonce, ct))
    }
    fn mac_of(&self, key_id: &[u8], nonce: &[u8], ct: &[u8]) -> Hmac<Sha256> {
        self.rmac.clone().fixed(key_id).fixed(nonce).variable(ct)
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").finish_non_exhaustive()
    }
}
