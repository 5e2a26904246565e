//! A decoded message together with the bytes it came from.
//!
//! Owns the pair. Invariant: `bytes` are exactly those received or first encoded; nothing here
//! encodes a value a second time, so unknown fields and signatures survive (protocol section 0).

use crate::{Bounded, DecodeError, decode};

/// A message and its exact bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept<T> {
    bytes: Vec<u8>,
    value: T,
}

impl<T: Bounded> Kept<T> {
    /// Decodes remote bytes within the limits of `T` and keeps them.
    ///
    /// # Errors
    /// Any [`DecodeError`].
    pub fn decode(bytes: Vec<u8>) -> Result<Self, DecodeError> {
        let value = decode(&bytes)?;
        Ok(Self { bytes, value })
    }

    /// Encodes a value made here, once.
    pub fn encode(value: T) -> Self {
        Self { bytes: value.encode_to_vec(), value }
    }
}

impl<T> Kept<T> {
    /// The exact bytes: what is hashed, signed, stored and forwarded.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    /// The decoded value, for reading.
    pub fn value(&self) -> &T {
        &self.value
    }
    /// Gives up the value and returns the exact bytes.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
    /// Returns the exact bytes and the value.
    pub fn into_parts(self) -> (Vec<u8>, T) {
        (self.bytes, self.value)
    }
}
