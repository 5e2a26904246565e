//! Invite ids and sealed invite records (protocol sections 7.1 and 7.2).
//!
//! Owns the seal; must not know slots or links. Invariant: who has the link can read the record,
//! and nothing in the link lets anybody write it.

use crate::cipher::{self, CipherError};
use crate::kdf::{first, hkdf};
use crate::random::CryptoRng;
use crate::sign::{SignKey, SignatureError, Verified, open_signed, sign_body};
use madang_wire::{DecodeError, InviteRecord, Message, Signed, decode, limits};

/// Why a record was not made or not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InviteError {
    /// The record is longer than 64 KiB.
    #[error("invite record of {0} bytes is too long")]
    TooLong(usize),
    /// The link does not open it.
    #[error("the link does not open the invite")]
    Open,
    /// It is not signed as it should be.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// What is inside does not decode.
    #[error("invite record: {0}")]
    Decode(#[from] DecodeError),
}

impl From<CipherError> for InviteError {
    fn from(_: CipherError) -> Self {
        Self::Open
    }
}

/// Invite id: `HKDF(secret, "invite-id")[..16]`.
pub fn invite_id(secret: &[u8; 16]) -> [u8; 16] {
    first(&hkdf(secret, b"invite-id")[..])
}

/// Signs and seals a record for the slot: `nonce 24 | ciphertext` under
/// `HKDF(secret, "invite-seal")`.
///
/// # Errors
/// [`InviteError::TooLong`].
pub fn seal_invite(
    secret: &[u8; 16],
    record: &InviteRecord,
    device: &SignKey,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, InviteError> {
    let signed = sign_body(record, device).encode_to_vec();
    let sealed = cipher::seal(&hkdf(secret, b"invite-seal"), b"", &signed, rng)?;
    if sealed.len() > limits::SLOT_BYTES {
        return Err(InviteError::TooLong(sealed.len()));
    }
    Ok(sealed)
}

/// Opens a record. Whether its signer is a device of the account in the link is told by the account
/// log inside.
///
/// # Errors
/// Any [`InviteError`].
pub fn open_invite(secret: &[u8; 16], sealed: &[u8]) -> Result<Verified<InviteRecord>, InviteError> {
    if sealed.len() > limits::SLOT_BYTES {
        return Err(InviteError::TooLong(sealed.len()));
    }
    let signed = cipher::open(&hkdf(secret, b"invite-seal"), b"", sealed)?;
    Ok(open_signed(&decode::<Signed>(&signed)?)?)
}
