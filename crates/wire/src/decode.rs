//! Decoding of remote bytes.
//!
//! Owns the order of checks: length, counts, then the decoder. It must not know what a message
//! means. Invariant: the decoder runs only on bytes whose counts were checked.

use crate::Shape;

/// A message that may come from somebody else, with its limits.
pub trait Bounded: prost::Message + Default {
    /// Largest encoding, bytes.
    const MAX_BYTES: usize;
    /// Bounds of its fields.
    const SHAPE: &'static Shape;
}

/// Why remote bytes were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The message is longer than its limit (protocol section 0).
    #[error("message of {len} bytes, at most {max} are allowed")]
    TooLong {
        /// Length received, bytes.
        len: usize,
        /// Limit, bytes.
        max: usize,
    },
    /// A field occurs more often than its limit.
    #[error("field {tag} occurs more than {max} times")]
    TooMany {
        /// Number of the field.
        tag: u32,
        /// Limit.
        max: usize,
    },
    /// A field is longer than its limit.
    #[error("field {tag} is longer than {max} bytes")]
    FieldTooLong {
        /// Number of the field.
        tag: u32,
        /// Limit, bytes.
        max: usize,
    },
    /// The bytes are not an encoding of this message.
    #[error("malformed message")]
    Malformed,
}

/// Decodes remote bytes after checking length and counts.
///
/// Unknown fields are ignored; whoever passes the message on passes on the bytes, see
/// [`Kept`](crate::Kept).
///
/// # Errors
/// Any [`DecodeError`].
pub fn decode<T: Bounded>(bytes: &[u8]) -> Result<T, DecodeError> {
    decode_within(bytes, T::MAX_BYTES)
}

/// Like [`decode`], with a smaller limit of `max` bytes where the context asks for one
/// (a stranger's contact frame, for example).
///
/// # Errors
/// Any [`DecodeError`].
pub fn decode_within<T: Bounded>(bytes: &[u8], max: usize) -> Result<T, DecodeError> {
    let max = max.min(T::MAX_BYTES);
    if bytes.len() > max {
        return Err(DecodeError::TooLong { len: bytes.len(), max });
    }
    T::SHAPE.check(bytes)?;
    T::decode(bytes).map_err(|_| DecodeError::Malformed)
}
