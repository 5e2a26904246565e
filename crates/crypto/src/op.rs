//! Ops: ids, payload hashes, signatures (protocol section 2.1).
//!
//! Owns what is hashed and signed; must not know kinds, members or order. Invariant: a
//! [`VerifiedOp`] was signed by the key its header names, and its payload, if there is one, is the
//! one that was signed.

use crate::kdf::{Absorb, array, finish, transcript};
use crate::random::{CryptoRng, random};
use crate::sign::{SignKey, SignatureError, verify};
use madang_model::Kind;
use madang_wire::{DecodeError, Kept, Message, OpHeader, SignedOp, limits};

/// Bytes of salt in front of the content, so that short texts cannot be guessed from the hash.
pub const SALT_BYTES: usize = 16;

/// Why an op was refused or could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpError {
    /// The header does not decode within its limits.
    #[error("op header: {0}")]
    Header(#[from] DecodeError),
    /// A field of the header has the wrong length.
    #[error("field {0} of the op header is wrong")]
    Field(&'static str),
    /// The signature is wrong.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The payload is not the one that was signed.
    #[error("the payload does not fit the header")]
    Payload,
    /// The payload is longer than 60,000 bytes.
    #[error("payload of {0} bytes is too long")]
    TooLong(usize),
}

/// Op id: `SHA-256("op1" | header)`, the header behind its length.
pub fn op_id(header: &[u8]) -> [u8; 32] {
    finish(transcript(b"op1").variable(header))
}

/// Payload hash: `SHA-256("pl1" | payload)`, the payload behind its length.
pub fn payload_hash(payload: &[u8]) -> [u8; 32] {
    finish(transcript(b"pl1").variable(payload))
}

/// `ctl` of a header, and the list part of `recipients`: SHA-256 over the sorted ids.
pub fn ids_hash(ids: &[[u8; 32]]) -> [u8; 32] {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    crate::kdf::sha256(&sorted.concat())
}

/// Payload of a content: 16 random bytes, then the content.
///
/// # Errors
/// [`OpError::TooLong`] above the payload limit.
pub fn payload(content: &[u8], rng: &mut impl CryptoRng) -> Result<Vec<u8>, OpError> {
    let payload = [&random::<SALT_BYTES>(rng)[..], content].concat();
    if payload.len() > limits::OP_PAYLOAD_BYTES {
        return Err(OpError::TooLong(payload.len()));
    }
    Ok(payload)
}

/// A signed op with its id.
#[derive(Clone, Debug)]
pub struct NewOp {
    /// Its id.
    pub id: [u8; 32],
    /// The op as it is stored and sealed.
    pub op: SignedOp,
}

/// Signs an op. `author`, `payload_hash` and `payload_len` of the header are filled in here.
///
/// # Errors
/// [`OpError::Field`] for a header that nobody would accept, [`OpError::TooLong`].
pub fn sign_op(mut header: OpHeader, payload: Vec<u8>, key: &SignKey) -> Result<NewOp, OpError> {
    if payload.len() > limits::OP_PAYLOAD_BYTES {
        return Err(OpError::TooLong(payload.len()));
    }
    header.author = key.public().to_vec();
    header.payload_hash = payload_hash(&payload).to_vec();
    header.payload_len = u32::try_from(payload.len()).map_err(|_| OpError::TooLong(payload.len()))?;
    check_fields(&header)?;
    let header = header.encode_to_vec();
    let id = op_id(&header);
    Ok(NewOp { id, op: SignedOp { header, sig: key.sign(&id).to_vec(), payload: Some(payload) } })
}

/// An op whose signature and payload were checked.
#[derive(Clone, Debug)]
pub struct VerifiedOp {
    /// Its id.
    pub id: [u8; 32],
    /// Exact header bytes and value.
    pub header: Kept<OpHeader>,
    /// The signature, to be stored with the header.
    pub sig: [u8; 64],
    /// The payload; `None` for a purged op.
    pub payload: Option<Vec<u8>>,
}

impl VerifiedOp {
    /// The content without its salt; `None` for a purged op.
    pub fn content(&self) -> Option<&[u8]> {
        self.payload.as_deref().and_then(|payload| payload.get(SALT_BYTES..))
    }
}

/// Verifies an op in itself: lengths, signature, payload. What it may do is another question.
///
/// # Errors
/// Any [`OpError`] but `TooLong`.
pub fn verify_op(op: &SignedOp) -> Result<VerifiedOp, OpError> {
    let header = Kept::<OpHeader>::decode(op.header.clone())?;
    check_fields(header.value())?;
    let sig = array(&op.sig).ok_or(SignatureError::Signature)?;
    let id = op_id(header.bytes());
    verify(&header.value().author, &id, &sig)?;
    if let Some(payload) = &op.payload {
        let fits = usize::try_from(header.value().payload_len) == Ok(payload.len())
            && payload_hash(payload)[..] == header.value().payload_hash[..]
            && payload.len() >= SALT_BYTES;
        if !fits {
            return Err(OpError::Payload);
        }
    }
    Ok(VerifiedOp { id, header, sig, payload: op.payload.clone() })
}

fn check_fields(header: &OpHeader) -> Result<(), OpError> {
    let id = |bytes: &[u8]| bytes.len() == 32;
    let payload_len = usize::try_from(header.payload_len).unwrap_or(usize::MAX);
    let fields = [
        ("v", header.v == 1),
        ("conv", id(&header.conv)),
        ("author", id(&header.author)),
        ("seq", header.seq >= 1),
        ("prev", if header.seq == 1 { header.prev.is_empty() } else { id(&header.prev) }),
        ("deps", header.deps.len() <= limits::DEPS && header.deps.iter().all(|dep| id(dep))),
        // Only an account log has no control heads.
        ("ctl", id(&header.ctl) || (header.ctl.is_empty() && Kind::from(header.kind).is_account())),
        ("payload_hash", id(&header.payload_hash)),
        ("payload_len", (SALT_BYTES..=limits::OP_PAYLOAD_BYTES).contains(&payload_len)),
    ];
    match fields.iter().find(|(_, fits)| !fits) {
        Some((name, _)) => Err(OpError::Field(name)),
        None => Ok(()),
    }
}
