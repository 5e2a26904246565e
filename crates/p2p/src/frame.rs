//! Length framing: four bytes, big endian, then that many bytes.
//!
//! Owns: reading and writing one frame on any byte stream.
//! Must not know: what is inside a frame.
//! Invariant: a length is compared with the cap before anything is allocated for it.

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::bytes::Bytes;
use std::io;

/// Bytes in front of every frame.
pub const HEADER: usize = 4;

/// Why a frame was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The announced or given length is above the cap of this protocol.
    #[error("frame of {len} bytes is above the cap of {cap}")]
    TooLarge {
        /// Length of the frame, bytes.
        len: usize,
        /// Cap of this protocol, bytes.
        cap: usize,
    },
    /// The stream failed, or ended inside a frame.
    #[error("stream failed")]
    Io(#[from] io::Error),
}

/// Reads one frame. `Ok(None)` means that the other side closed the stream between two frames.
///
/// # Errors
/// [`FrameError::TooLarge`] before allocating, when the announced length is above `cap`;
/// [`FrameError::Io`] when the stream fails or ends inside a frame.
pub async fn read_frame<R: AsyncRead + Unpin>(
    reader: &mut R,
    cap: usize,
) -> Result<Option<Bytes>, FrameError> {
    let mut header = [0_u8; HEADER];
    let first = reader.read(&mut header).await?;
    if first == 0 {
        return Ok(None);
    }
    if let Some(rest) = header.get_mut(first..) {
        reader.read_exact(rest).await?;
    }
    let len = usize::try_from(u32::from_be_bytes(header)).unwrap_or(usize::MAX);
    if len > cap {
        return Err(FrameError::TooLarge { len, cap });
    }
    let mut body = vec![0_u8; len];
    reader.read_exact(&mut body).await?;
    Ok(Some(Bytes::from(body)))
}

/// Writes one frame without flushing, so that a caller with more to send can fill larger packets.
///
/// # Errors
/// [`FrameError::TooLarge`] when the frame is above `cap`, with nothing written;
/// [`FrameError::Io`] when the stream fails.
pub async fn write_frame<W: AsyncWrite + Unpin>(
    writer: &mut W,
    frame: &[u8],
    cap: usize,
) -> Result<(), FrameError> {
    let len = frame.len();
    let header = match u32::try_from(len) {
        Ok(short) if len <= cap => short.to_be_bytes(),
        _ => return Err(FrameError::TooLarge { len, cap }),
    };
    writer.write_all(&header).await?;
    writer.write_all(frame).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::io::Cursor;

    #[tokio::test]
    async fn frames_come_back_in_order_and_the_end_is_clean() {
        let mut wire = Vec::new();
        for frame in [b"".as_slice(), b"a", &[7; 300]] {
            write_frame(&mut wire, frame, 300).await.unwrap();
        }
        assert_eq!(wire.len(), 3 * HEADER + 301);
        assert_eq!(wire[9..13], [0, 0, 1, 44]);
        let mut reader = Cursor::new(wire);
        assert_eq!(read_frame(&mut reader, 300).await.unwrap().unwrap(), b"".as_slice());
        assert_eq!(read_frame(&mut reader, 300).await.unwrap().unwrap(), b"a".as_slice());
        assert_eq!(read_frame(&mut reader, 300).await.unwrap().unwrap(), vec![7; 300]);
        assert!(read_frame(&mut reader, 300).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_length_above_the_cap_is_refused_by_its_header_alone() {
        let mut reader = Cursor::new(u32::MAX.to_be_bytes().to_vec());
        let error = read_frame(&mut reader, 64 * 1024).await.unwrap_err();
        assert!(matches!(error, FrameError::TooLarge { cap: 65_536, .. }), "{error}");
        let mut wire = Vec::new();
        let error = write_frame(&mut wire, &[0; 11], 10).await.unwrap_err();
        assert!(matches!(error, FrameError::TooLarge { len: 11, cap: 10 }), "{error}");
        assert!(wire.is_empty());
    }

    #[tokio::test]
    async fn an_end_inside_a_frame_is_an_error() {
        for cut in 1..8 {
            let mut wire = Vec::new();
            write_frame(&mut wire, b"four", 10).await.unwrap();
            wire.truncate(cut);
            let error = read_frame(&mut Cursor::new(wire), 10).await.unwrap_err();
            assert!(matches!(error, FrameError::Io(_)), "cut after {cut}: {error}");
        }
    }
}
