//! Padding to buckets, so that sizes say little (protocol sections 2.3 and 4.1).
//!
//! Owns the lengths; must not know ciphers beyond the 16 bytes their tag adds. Invariant: with the
//! padded plaintext the *encoded* [`Sealed`] or [`Envelope`] has exactly a bucket length.

use crate::{Envelope, Sealed};
use prost::Message;

/// The bucket lengths of an encoded `Sealed` or `Envelope`, bytes.
pub const BUCKETS: [usize; 8] =
    [512, 1_024, 2 * 1_024, 4 * 1_024, 8 * 1_024, 16 * 1_024, 32 * 1_024, crate::limits::SEALED_BYTES];
/// Bytes a Poly1305 tag adds to a plaintext.
const TAG_BYTES: usize = 16;
/// Bytes of the length in front of the data.
const LENGTH_BYTES: usize = 4;
/// Bytes of an X-Wing encapsulation.
pub const XWING_ENC_BYTES: usize = 1_120;

/// Why data could not be padded, or padding was wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PadError {
    /// The data does not fit the largest bucket.
    #[error("{len} bytes do not fit the largest bucket")]
    TooLong {
        /// Length of the data, bytes.
        len: usize,
    },
    /// The length does not fit, or the filling is not zero.
    #[error("wrong padding")]
    Malformed,
}

/// True if `len` is one of the [`BUCKETS`].
pub fn is_bucket(len: usize) -> bool {
    BUCKETS.contains(&len)
}

/// Pads data for a [`Sealed`]: 4-byte length, data, zeros.
///
/// # Errors
/// [`PadError::TooLong`].
pub fn pad_sealed(data: &[u8]) -> Result<Vec<u8>, PadError> {
    let empty = Sealed { key_id: vec![0; 16], nonce: vec![0; 24], ct: Vec::new(), rmac: vec![0; 16] };
    pad(data, empty.encoded_len(), LENGTH_BYTES.saturating_add(data.len()))
}

/// Pads data for an [`Envelope`] of version `v`.
///
/// # Errors
/// [`PadError::TooLong`].
pub fn pad_envelope(v: u32, data: &[u8]) -> Result<Vec<u8>, PadError> {
    let empty = Envelope { v, to: vec![0; 8], enc: vec![0; XWING_ENC_BYTES], ct: Vec::new() };
    pad(data, empty.encoded_len(), LENGTH_BYTES.saturating_add(data.len()))
}

fn pad(data: &[u8], frame: usize, needed: usize) -> Result<Vec<u8>, PadError> {
    let too_long = PadError::TooLong { len: data.len() };
    let len = BUCKETS
        .iter()
        .filter_map(|bucket| ciphertext_len(*bucket, frame)?.checked_sub(TAG_BYTES))
        .find(|room| *room >= needed)
        .ok_or(too_long)?;
    let mut padded = Vec::with_capacity(len);
    padded.extend_from_slice(&u32::try_from(data.len()).map_err(|_| too_long)?.to_be_bytes());
    padded.extend_from_slice(data);
    padded.resize(len, 0);
    Ok(padded)
}

/// Length of `ct` that brings a frame, which has `frame` bytes without that field, to `bucket`.
fn ciphertext_len(bucket: usize, frame: usize) -> Option<usize> {
    // One byte for the tag of the field and one to three for its length.
    (1..=3_usize).find_map(|digits| {
        let ct = bucket.checked_sub(frame)?.checked_sub(1)?.checked_sub(digits)?;
        (prost::length_delimiter_len(ct) == digits).then_some(ct)
    })
}

/// Returns the data inside padded bytes.
///
/// # Errors
/// [`PadError::Malformed`] if the length does not fit or the rest is not zero.
pub fn unpad(padded: &[u8]) -> Result<&[u8], PadError> {
    let (length, rest) = padded.split_first_chunk::<LENGTH_BYTES>().ok_or(PadError::Malformed)?;
    let len = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| PadError::Malformed)?;
    let (data, filling) = rest.split_at_checked(len).ok_or(PadError::Malformed)?;
    if filling.iter().any(|byte| *byte != 0) {
        return Err(PadError::Malformed);
    }
    Ok(data)
}
