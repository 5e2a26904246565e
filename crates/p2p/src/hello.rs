//! The first frame of both sides of a sync stream.
//!
//! Owns: what that frame must be, and how to tell it from all others.
//! Must not know: what the owner makes of it.
//! Invariant: it comes first on every stream, and never again.

use libp2p::bytes::Bytes;
use madang_wire::{Message as _, StreamBody, StreamErr, StreamFrame, StreamHello, byte_fields, decode};
use std::{fmt, sync::Arc};

/// Version of the sync protocol (protocol section 9.1).
const VERSION: u32 = 1;
/// Field of [`StreamFrame`] that holds a hello (protocol section 9.1).
const HELLO_FIELD: u32 = 2;

/// What the owner says first on one stream (protocol section 9.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Random; it must be another one on every stream, for conversations are named under it.
    pub nonce: [u8; 16],
    /// Wall time, ms since 1970.
    pub now: u64,
    /// Features of this node by name.
    pub features: Vec<String>,
}

/// Makes the hello of each new stream. Called by the tasks of streams, so it must not wait.
#[derive(Clone)]
pub struct HelloSource(Arc<dyn Fn() -> Hello + Send + Sync>);

impl HelloSource {
    /// Calls `make` once for every stream.
    pub fn new(make: impl Fn() -> Hello + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    pub(crate) fn next(&self) -> Hello {
        (self.0)()
    }
}

impl fmt::Debug for HelloSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HelloSource").finish_non_exhaustive()
    }
}

/// Why a first frame is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HelloError {
    /// Another frame, or junk.
    #[error("the first frame is no hello")]
    NoHello,
    /// The peer speaks no version that we know.
    #[error("the peer speaks another version")]
    Version,
}

/// The frame that says hello.
pub(crate) fn encode(hello: &Hello) -> Vec<u8> {
    let hello = StreamHello {
        v: VERSION,
        nonce: hello.nonce.to_vec(),
        now: hello.now,
        features: hello.features.clone(),
    };
    StreamFrame { id: 0, body: Some(StreamBody::Hello(hello)) }.encode_to_vec()
}

/// The frame that answers a hello of another version.
pub(crate) fn refusal() -> Vec<u8> {
    let error = StreamErr { code: "version".to_owned(), tag: Vec::new() };
    StreamFrame { id: 0, body: Some(StreamBody::Err(error)) }.encode_to_vec()
}

/// Checks the first frame of the other side. A higher version is no error: whoever speaks it speaks ours too.
pub(crate) fn check(frame: &Bytes) -> Result<(), HelloError> {
    let decoded: StreamFrame = decode(frame).map_err(|_| HelloError::NoHello)?;
    match decoded.body {
        Some(StreamBody::Hello(hello)) if hello.v < VERSION => Err(HelloError::Version),
        Some(StreamBody::Hello(hello)) if hello.nonce.len() == 16 => Ok(()),
        _ => Err(HelloError::NoHello),
    }
}

/// Whether a later frame says hello again. Only the outermost fields are looked at, nothing is decoded.
pub(crate) fn is_hello(frame: &[u8]) -> bool {
    byte_fields(frame, HELLO_FIELD).is_ok_and(|found| !found.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use madang_wire::Heads;

    fn framed(body: StreamBody) -> Bytes {
        StreamFrame { id: 7, body: Some(body) }.encode_to_vec().into()
    }

    #[test]
    fn only_a_whole_hello_of_our_version_or_a_later_one_comes_first() {
        let hello = Hello { nonce: [7; 16], now: 1, features: vec!["blobs".into()] };
        let good = Bytes::from(encode(&hello));
        assert_eq!(check(&good), Ok(()));
        assert!(is_hello(&good));
        let with = |v, len| StreamHello { v, nonce: vec![1; len], now: 0, features: Vec::new() };
        assert_eq!(check(&framed(StreamBody::Hello(with(2, 16)))), Ok(()));
        assert_eq!(check(&framed(StreamBody::Hello(with(0, 16)))), Err(HelloError::Version));
        assert_eq!(check(&framed(StreamBody::Hello(with(1, 15)))), Err(HelloError::NoHello));
        for other in
            [Bytes::new(), Bytes::from_static(&[0xff; 9]), framed(StreamBody::Heads(Heads::default()))]
        {
            assert_eq!(check(&other), Err(HelloError::NoHello));
            assert!(!is_hello(&other));
        }
    }

    #[test]
    fn a_hello_is_found_wherever_it_hides() {
        let heads = framed(StreamBody::Heads(Heads { tag: vec![9; 16], ..Heads::default() }));
        let hello = encode(&Hello { nonce: [7; 16], now: 1, features: Vec::new() });
        assert!(is_hello(&[heads.as_ref(), &hello].concat()));
    }
}
