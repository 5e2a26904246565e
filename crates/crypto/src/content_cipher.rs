//! The cipher of conversation content: XChaCha20-Poly1305 (protocol section 2.3).
//!
//! Owns key and associated data of one epoch; must not know frames. Invariant: nothing opens under
//! another conversation, suite or key id than it was sealed for.

use crate::cipher::CipherError;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

/// The content key of one epoch, expanded, with `suite | conv | key_id`.
#[derive(Clone)]
pub(crate) struct ContentCipher {
    cipher: XChaCha20Poly1305,
    aad: Vec<u8>,
}

impl ContentCipher {
    pub(crate) fn new(key: &[u8; 32], aad: Vec<u8>) -> Self {
        Self { cipher: XChaCha20Poly1305::new(key.into()), aad }
    }

    pub(crate) fn seal(&self, nonce: &[u8; 24], msg: &[u8]) -> Result<Vec<u8>, CipherError> {
        let payload = Payload { msg, aad: &self.aad };
        self.cipher.encrypt(&XNonce::from(*nonce), payload).map_err(|_| CipherError)
    }

    pub(crate) fn open(&self, nonce: &[u8; 24], msg: &[u8]) -> Result<Vec<u8>, CipherError> {
        let payload = Payload { msg, aad: &self.aad };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| CipherError)
    }
}
