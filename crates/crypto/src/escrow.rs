//! What the phrase alone gives back: escrow parts and the account slot (protocol sections 1.2, 1.3).
//!
//! Owns both seals; must not know what is in them. Invariant: an escrow part is signed by a device
//! and then sealed, so a relay that keeps it cannot write one.

use crate::cipher::{self, CipherError};
use crate::random::CryptoRng;
use crate::sign::{SignKey, SignatureError, Verified, open_signed, sign_body};
use crate::xwing::{self, BoxError, XWingSecret, open_box, seal_box};
use madang_wire::{DecodeError, EscrowPart, Message, Signed, decode, limits};
use zeroize::Zeroizing;

const INFO: &[u8] = b"madang/escrow/1";
const ACCOUNT_AAD: &[u8] = b"madang/account-slot/1";
/// Largest body of an escrow slot, bytes (protocol section 1.3).
pub const PART_BYTES: usize = 60 * 1024;
/// Escrow slots of an account at most (protocol section 1.3).
pub const PARTS: u32 = 64;

/// Why a slot's body was not made or not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EscrowError {
    /// The body is longer than a slot takes.
    #[error("{0} bytes are too long for the slot")]
    TooLong(usize),
    /// Wrong key or changed bytes.
    #[error("the slot does not open")]
    Open,
    /// The part is not signed as it should be.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// What is inside does not decode.
    #[error("escrow part: {0}")]
    Decode(#[from] DecodeError),
}

impl From<BoxError> for EscrowError {
    fn from(_: BoxError) -> Self {
        Self::Open
    }
}
impl From<CipherError> for EscrowError {
    fn from(_: CipherError) -> Self {
        Self::Open
    }
}

/// Signs a part and seals it to the public backup key: `enc 1120 | ciphertext`.
///
/// # Errors
/// [`EscrowError::TooLong`], [`EscrowError::Open`] for a wrong backup key.
pub fn seal_escrow(
    part: &EscrowPart,
    device: &SignKey,
    backup_pub: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, EscrowError> {
    let signed = Zeroizing::new(sign_body(part, device).encode_to_vec());
    let sealed = seal_box(backup_pub, INFO, b"", &signed, rng)?;
    let body = [sealed.enc, sealed.ct].concat();
    if body.len() > PART_BYTES {
        return Err(EscrowError::TooLong(body.len()));
    }
    Ok(body)
}

/// Opens the body of an escrow slot. Whether the signer is a device that was not removed is told by
/// the account log.
///
/// # Errors
/// Any [`EscrowError`].
pub fn open_escrow(body: &[u8], backup: &XWingSecret) -> Result<Verified<EscrowPart>, EscrowError> {
    if body.len() > PART_BYTES {
        return Err(EscrowError::TooLong(body.len()));
    }
    let (enc, ct) = body.split_at_checked(xwing::ENC_BYTES).ok_or(EscrowError::Open)?;
    let signed = open_box(backup, INFO, b"", enc, ct)?;
    Ok(open_signed(&decode::<Signed>(&signed)?)?)
}

/// Seals the account log for the account slot with the key of
/// [`Seed::account_seal`](crate::Seed::account_seal).
///
/// # Errors
/// [`EscrowError::TooLong`] above a slot's limit.
pub fn seal_account_slot(
    seal_key: &[u8; 32],
    data: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, EscrowError> {
    let body = cipher::seal(seal_key, ACCOUNT_AAD, data, rng)?;
    if body.len() > limits::SLOT_BYTES {
        return Err(EscrowError::TooLong(body.len()));
    }
    Ok(body)
}

/// Opens the body of the account slot.
///
/// # Errors
/// [`EscrowError::Open`].
pub fn open_account_slot(seal_key: &[u8; 32], body: &[u8]) -> Result<Zeroizing<Vec<u8>>, EscrowError> {
    Ok(cipher::open(seal_key, ACCOUNT_AAD, body)?)
}
