//! Headers of ops.
//!
//! Owns their translation. Invariant: the typed header says what the signed bytes say; the bytes are
//! what is kept.

use super::{TypedError, bytes, hash, id, ids, optional};
use crate::OpHeader;
use madang_model::{Header, Hlc, Kind};

impl TryFrom<&OpHeader> for Header {
    type Error = TypedError;

    fn try_from(wire: &OpHeader) -> Result<Self, TypedError> {
        Ok(Self {
            v: wire.v,
            conv: id(&wire.conv)?,
            author: id(&wire.author)?,
            seq: wire.seq,
            prev: optional(&wire.prev)?,
            deps: ids(&wire.deps)?,
            hlc: Hlc::from_u64(wire.hlc),
            // An account log has no control heads, so that the field may be absent.
            ctl: if wire.ctl.is_empty() { [0; 32] } else { hash("ctl", &wire.ctl)? },
            kind: Kind::from(wire.kind),
            payload_hash: hash("payload_hash", &wire.payload_hash)?,
            payload_len: wire.payload_len,
            ttl_s: wire.ttl_s,
        })
    }
}

impl From<&Header> for OpHeader {
    fn from(header: &Header) -> Self {
        Self {
            v: header.v,
            conv: header.conv.as_ref().to_vec(),
            author: header.author.as_ref().to_vec(),
            seq: header.seq,
            prev: header.prev.map(|prev| prev.as_ref().to_vec()).unwrap_or_default(),
            deps: bytes(&header.deps),
            hlc: header.hlc.as_u64(),
            ctl: if header.ctl == [0; 32] { Vec::new() } else { header.ctl.to_vec() },
            kind: header.kind.number(),
            payload_hash: header.payload_hash.to_vec(),
            payload_len: header.payload_len,
            ttl_s: header.ttl_s,
        }
    }
}
