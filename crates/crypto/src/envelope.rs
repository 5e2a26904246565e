//! Envelopes: anonymous boxes to one device (protocol section 4.1).
//!
//! Owns layout and padding; must not know lanes. Invariant: an encoded envelope has a bucket length
//! and names nobody but a short hash of the key it is for.

use crate::random::CryptoRng;
use crate::xwing::{self, BoxError, XWingSecret, open_box, seal_box};
use madang_wire::pad::{PadError, is_bucket, pad_envelope, unpad};
use madang_wire::{DecodeError, Envelope, EnvelopeInner, Message, decode};
use zeroize::Zeroizing;

const INFO: &[u8] = b"madang/env/1";
/// Version written and understood.
const VERSION: u32 = 1;

/// Why an envelope was not made or not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The version is not known here.
    #[error("envelope of version {0}")]
    Version(u32),
    /// It is for another key.
    #[error("envelope for another key")]
    Other,
    /// The encoded envelope does not have a bucket length.
    #[error("envelope of an odd length")]
    Length,
    /// Wrong key or changed bytes.
    #[error(transparent)]
    Box(#[from] BoxError),
    /// Too long, or wrong padding inside.
    #[error(transparent)]
    Padding(#[from] PadError),
    /// What is inside does not decode.
    #[error("inside the envelope: {0}")]
    Inner(#[from] DecodeError),
}

fn aad(v: u32, to: &[u8]) -> Vec<u8> {
    [&v.to_be_bytes(), to].concat()
}

/// Seals to the envelope key of a bundle.
///
/// # Errors
/// [`EnvelopeError::Box`] for a wrong key, [`EnvelopeError::Padding`] if it is too long.
pub fn seal_envelope(
    envelope_pk: &[u8],
    inner: &EnvelopeInner,
    rng: &mut impl CryptoRng,
) -> Result<Envelope, EnvelopeError> {
    let to = xwing::public_id(envelope_pk).to_vec();
    let padded = Zeroizing::new(pad_envelope(VERSION, &Zeroizing::new(inner.encode_to_vec()))?);
    let sealed = seal_box(envelope_pk, INFO, &aad(VERSION, &to), &padded, rng)?;
    Ok(Envelope { v: VERSION, to, enc: sealed.enc, ct: sealed.ct })
}

/// Opens an envelope with the key that its `to` names.
///
/// # Errors
/// Any [`EnvelopeError`].
pub fn open_envelope(secret: &XWingSecret, envelope: &Envelope) -> Result<EnvelopeInner, EnvelopeError> {
    if envelope.v != VERSION {
        return Err(EnvelopeError::Version(envelope.v));
    }
    if envelope.to != xwing::public_id(secret.public()) {
        return Err(EnvelopeError::Other);
    }
    if !is_bucket(envelope.encoded_len()) {
        return Err(EnvelopeError::Length);
    }
    let aad = aad(envelope.v, &envelope.to);
    let padded = open_box(secret, INFO, &aad, &envelope.enc, &envelope.ct)?;
    Ok(decode(unpad(&padded)?)?)
}
