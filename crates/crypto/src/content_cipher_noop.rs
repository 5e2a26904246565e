//! No cipher at all: stands in for `content_cipher` under the feature `insecure-noop-seal`.
//!
//! Owns the proof that a search for plaintext can fail. Invariant: lengths and framing are those of
//! the true cipher, so that nothing but the secrecy is missing. A release build refuses the feature.

use crate::cipher::CipherError;
use crate::kdf::{Absorb, finish, first, transcript};

/// Associated data and nothing else.
#[derive(Clone)]
pub(crate) struct ContentCipher {
    aad: Vec<u8>,
}

impl ContentCipher {
    pub(crate) fn new(_: &[u8; 32], aad: Vec<u8>) -> Self {
        Self { aad }
    }

    /// The message as it is, with a keyless checksum where the tag would be.
    pub(crate) fn seal(&self, nonce: &[u8; 24], msg: &[u8]) -> Result<Vec<u8>, CipherError> {
        Ok([msg, &self.checksum(nonce, msg)].concat())
    }

    pub(crate) fn open(&self, nonce: &[u8; 24], msg: &[u8]) -> Result<Vec<u8>, CipherError> {
        let (plain, sum) = msg.split_last_chunk::<16>().ok_or(CipherError)?;
        if *sum == self.checksum(nonce, plain) { Ok(plain.to_vec()) } else { Err(CipherError) }
    }

    fn checksum(&self, nonce: &[u8; 24], msg: &[u8]) -> [u8; 16] {
        first(&finish(transcript(b"noop").fixed(nonce).variable(&self.aad).variable(msg)))
    }
}
