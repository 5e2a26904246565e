//! Length-delimited frames on a stream: 4 bytes big-endian length, then the message.
//!
//! Owns the layout; must not know sockets. Invariant: a buffer never holds more than one frame, and
//! it grows with the bytes that arrived, not with the length somebody claimed.

/// Bytes of the length in front of a frame.
const LENGTH_BYTES: usize = 4;

/// Why a frame was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The frame is longer than the protocol's cap.
    #[error("frame of {len} bytes, at most {max} are allowed")]
    TooLong {
        /// Length, bytes.
        len: usize,
        /// Cap, bytes.
        max: usize,
    },
}

/// Puts the length in front of `message`.
///
/// # Errors
/// [`FrameError::TooLong`] above `cap` bytes.
pub fn encode_frame(message: &[u8], cap: usize) -> Result<Vec<u8>, FrameError> {
    let too_long = FrameError::TooLong { len: message.len(), max: cap };
    if message.len() > cap {
        return Err(too_long);
    }
    let len = u32::try_from(message.len()).map_err(|_| too_long)?;
    let mut out = Vec::with_capacity(message.len().saturating_add(LENGTH_BYTES));
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(message);
    Ok(out)
}

/// Takes frames out of a stream of bytes, however it is cut.
#[derive(Debug)]
pub struct FrameBuf {
    cap: usize,
    length: Vec<u8>,
    message: Vec<u8>,
}

impl FrameBuf {
    /// A buffer for frames of at most `cap` bytes.
    pub fn new(cap: usize) -> Self {
        Self { cap, length: Vec::with_capacity(LENGTH_BYTES), message: Vec::new() }
    }

    /// Takes bytes from the front of `input` until a frame is complete or the input is used up.
    /// Call it again with the same `input` until it returns `None`.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] as soon as a length above the cap is read; the stream is then unusable.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, FrameError> {
        fill(&mut self.length, LENGTH_BYTES, input);
        let Ok(length) = <[u8; LENGTH_BYTES]>::try_from(self.length.as_slice()) else {
            return Ok(None);
        };
        let len = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if len > self.cap {
            return Err(FrameError::TooLong { len, max: self.cap });
        }
        fill(&mut self.message, len, input);
        if self.message.len() < len {
            return Ok(None);
        }
        self.length.clear();
        Ok(Some(std::mem::take(&mut self.message)))
    }

    /// True between two frames: the stream may end here.
    pub fn is_empty(&self) -> bool {
        self.length.is_empty()
    }
}

fn fill(target: &mut Vec<u8>, len: usize, input: &mut &[u8]) {
    let missing = len.saturating_sub(target.len());
    let (head, tail) = input.split_at_checked(missing).unwrap_or((input, &[]));
    target.extend_from_slice(head);
    *input = tail;
}
