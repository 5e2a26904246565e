//! What the media worker and its parent say to each other over two pipes.
//!
//! To the worker: a big-endian `u32` length and that many bytes. From it: a code byte; after code 0 the
//! avatar's fields, each with its length. Must not know processes. Invariant: a length is checked against
//! its limit before anything is allocated, in both directions.

use std::io::{self, Read, Write};

use crate::avatar::{Avatar, Encoded, PHOTO_MAX, SMALL_MAX};
use crate::{MediaError, Type};

/// Longest placeholder that is taken, in bytes; the algorithm makes at most 25.
const THUMBHASH_MAX: usize = 32;

const MADE: u8 = 0;
const TOO_MANY_BYTES: u8 = 1;
const UNSUPPORTED_TYPE: u8 = 2;
const TOO_MANY_PIXELS: u8 = 3;
const DAMAGED: u8 = 4;
const CANNOT_FIT: u8 = 5;

/// Writes bytes behind their length.
pub(crate) fn write_bytes(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(bytes)
}

/// Reads bytes behind their length, which is at most `max`.
pub(crate) fn read_bytes(from: &mut impl Read, max: usize) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| io::ErrorKind::InvalidData)?;
    if length > max {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    from.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// Writes what the worker made or why it did not.
pub(crate) fn write_reply(to: &mut impl Write, reply: &Result<Avatar, MediaError>) -> io::Result<()> {
    match reply {
        Ok(avatar) => {
            to.write_all(&[MADE])?;
            write_encoded(to, &avatar.photo)?;
            write_encoded(to, &avatar.small)?;
            write_bytes(to, &avatar.thumbhash)?;
        }
        Err(error) => to.write_all(&[code(error)])?,
    }
    to.flush()
}

/// Reads a reply. The worker handles hostile bytes, so its words are checked like a stranger's.
pub(crate) fn read_reply(from: &mut impl Read) -> io::Result<Result<Avatar, MediaError>> {
    let mut code = [0; 1];
    from.read_exact(&mut code)?;
    let [code] = code;
    Ok(Err(match code {
        MADE => {
            let photo = read_encoded(from, PHOTO_MAX)?;
            let small = read_encoded(from, SMALL_MAX)?;
            let thumbhash = read_bytes(from, THUMBHASH_MAX)?;
            return Ok(Ok(Avatar { photo, small, thumbhash }));
        }
        TOO_MANY_BYTES => MediaError::TooManyBytes,
        UNSUPPORTED_TYPE => MediaError::UnsupportedType,
        TOO_MANY_PIXELS => MediaError::TooManyPixels,
        DAMAGED => MediaError::Damaged,
        CANNOT_FIT => MediaError::CannotFit,
        _ => return Err(io::ErrorKind::InvalidData.into()),
    }))
}

fn code(error: &MediaError) -> u8 {
    match error {
        MediaError::TooManyBytes => TOO_MANY_BYTES,
        MediaError::UnsupportedType => UNSUPPORTED_TYPE,
        MediaError::TooManyPixels => TOO_MANY_PIXELS,
        MediaError::CannotFit => CANNOT_FIT,
        // The worker's own variants never arise inside it.
        MediaError::Damaged | MediaError::TimedOut | MediaError::WorkerFailed | MediaError::Start(_) => {
            DAMAGED
        }
    }
}

fn write_encoded(to: &mut impl Write, encoded: &Encoded) -> io::Result<()> {
    let kind = match encoded.media_type {
        Type::Png => 0,
        Type::Jpeg => 1,
        Type::Webp => 2,
        Type::Gif => 3,
    };
    to.write_all(&[kind])?;
    write_bytes(to, &encoded.bytes)
}

fn read_encoded(from: &mut impl Read, max: usize) -> io::Result<Encoded> {
    let mut kind = [0; 1];
    from.read_exact(&mut kind)?;
    let media_type = match kind {
        [1] => Type::Jpeg,
        [2] => Type::Webp,
        // An avatar is never anything else.
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    Ok(Encoded { media_type, bytes: read_bytes(from, max)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Avatar {
        let encoded = |media_type, length| Encoded { media_type, bytes: vec![7; length] };
        Avatar {
            photo: encoded(Type::Jpeg, PHOTO_MAX),
            small: encoded(Type::Webp, 3),
            thumbhash: vec![1; 25],
        }
    }

    fn written(reply: &Result<Avatar, MediaError>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_reply(&mut bytes, reply).unwrap();
        bytes
    }

    #[test]
    fn replies_come_back_as_they_were() {
        let bytes = written(&Ok(sample()));
        assert_eq!(read_reply(&mut bytes.as_slice()).unwrap().unwrap(), sample());
        let bytes = written(&Err(MediaError::TooManyPixels));
        assert!(matches!(read_reply(&mut bytes.as_slice()).unwrap(), Err(MediaError::TooManyPixels)));
    }

    #[test]
    fn a_reply_cut_off_anywhere_is_an_error() {
        let bytes = written(&Ok(sample()));
        for length in 0..bytes.len() {
            assert!(read_reply(&mut &bytes[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn lengths_types_and_codes_beyond_their_limits_are_refused() {
        let mut long = sample();
        long.photo.bytes.push(0);
        assert!(read_reply(&mut written(&Ok(long)).as_slice()).is_err());
        let mut other = sample();
        other.photo.media_type = Type::Gif;
        assert!(read_reply(&mut written(&Ok(other)).as_slice()).is_err());
        assert!(read_reply(&mut [250_u8].as_slice()).is_err());
        assert!(read_bytes(&mut [0xff, 0xff, 0xff, 0xff].as_slice(), 1024).is_err());
    }
}
