//! XChaCha20-Poly1305 with a random nonce in front.
//!
//! Owns that layout for slots, backups and invite records. Must not know keys' origin.
//! Invariant: nonces are random 24 bytes, never counted, so copies of a machine cannot repeat one.

use crate::random::{CryptoRng, random};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

/// Bytes of nonce and tag.
pub(crate) const OVERHEAD_BYTES: usize = 24 + 16;

/// The bytes do not open: another key, other data beside, or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("does not open")]
pub struct CipherError;

/// `nonce 24 | ciphertext`.
pub(crate) fn seal(
    key: &[u8; 32],
    aad: &[u8],
    msg: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, CipherError> {
    let nonce: [u8; 24] = random(rng);
    let ct = XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(nonce), Payload { msg, aad })
        .map_err(|_| CipherError)?;
    Ok([&nonce[..], &ct].concat())
}

/// Opens what [`seal`] made.
pub(crate) fn open(key: &[u8; 32], aad: &[u8], bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, CipherError> {
    let (nonce, msg) = bytes.split_first_chunk::<24>().ok_or(CipherError)?;
    XChaCha20Poly1305::new(key.into())
        .decrypt(&XNonce::from(*nonce), Payload { msg, aad })
        .map(Zeroizing::new)
        .map_err(|_| CipherError)
}
