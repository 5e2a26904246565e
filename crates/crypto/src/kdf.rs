//! Hashes, key derivation and the concatenation rule of the protocol (section 0).
//!
//! Owns how fields are joined before hashing: fixed-length ones bare, variable ones behind a 4-byte
//! big-endian length. Must not know what is hashed. Invariant: two different lists of fields never
//! give the same bytes under one label.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::digest::Update;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// SHA-256 of `data`.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}

/// `HKDF(key, label)`: HKDF-SHA256, empty salt, 32 bytes (protocol section 0).
pub fn hkdf(key: &[u8], label: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    // Expansion fails above 255 blocks only; this is one block.
    #[allow(clippy::expect_used)]
    Hkdf::<Sha256>::new(None, key).expand(label, out.as_mut()).expect("32 bytes are one block");
    out
}

/// A keyed HMAC-SHA256.
pub(crate) fn hmac(key: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC takes keys of any length, so that this cannot fail.
    #[allow(clippy::expect_used)]
    Hmac::new_from_slice(key).expect("any length is a key")
}

/// Joins fields by the rule of the protocol.
pub(crate) trait Absorb: Update + Sized {
    /// A field whose length the protocol fixes.
    fn fixed(mut self, field: &[u8]) -> Self {
        self.update(field);
        self
    }
    /// A field of variable length.
    fn variable(self, field: &[u8]) -> Self {
        // All inputs are far below 4 GiB, limits are checked before.
        let len = u32::try_from(field.len()).unwrap_or(u32::MAX);
        self.fixed(&len.to_be_bytes()).fixed(field)
    }
}
impl<T: Update> Absorb for T {}

/// Starts a hash with its label.
pub(crate) fn transcript(label: &[u8]) -> Sha256 {
    Sha256::new().fixed(label)
}

/// Finishes a hash.
pub(crate) fn finish(hash: Sha256) -> [u8; 32] {
    hash.finalize().into()
}

/// First 16 bytes of an authenticator.
pub(crate) fn finish16(mac: Hmac<Sha256>) -> [u8; 16] {
    first(&mac.finalize().into_bytes())
}

/// `X[..N]`: the first N bytes; missing ones are zero, which no caller here has.
pub(crate) fn first<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}

/// The bytes as an array, if they have its length.
pub(crate) fn array<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}
