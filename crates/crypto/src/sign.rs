//! Ed25519: signing keys, strict verification and the `Signed` wrapper.
//!
//! Owns both; must not know who may sign what. Invariant: nothing is verified but by
//! `verify_strict`, which refuses weak keys and second forms of a signature (protocol section 0).

use crate::kdf::{array, sha256};
use crate::random::{CryptoRng, random};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use madang_wire::{
    AddressRecord, Bounded, ContactRequest, DecodeError, DeviceBundle, EscrowPart, InviteRecord, Kept,
    Register, Signal, Signed, SignedType,
};
use std::fmt;
use zeroize::Zeroizing;

const LABEL: &[u8] = b"madang/sig/1";

/// Why a signature or a signed object was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The key is not a point of the curve, or not 32 bytes.
    #[error("not a public key")]
    Key,
    /// The signature does not fit key and message, or is not the only form of it.
    #[error("wrong signature")]
    Signature,
    /// The object is of another type.
    #[error("signed object of type {found}, expected {expected}")]
    Type {
        /// Number of the expected [`SignedType`].
        expected: u32,
        /// Number found.
        found: u32,
    },
    /// The body names another signer.
    #[error("the body names another signer")]
    Signer,
    /// The body does not decode.
    #[error("signed body: {0}")]
    Body(#[from] DecodeError),
}

/// A secret Ed25519 key: device, root, slot, log or inbox owner. Zeroed when dropped.
#[derive(Clone)]
pub struct SignKey(SigningKey);

impl SignKey {
    /// The key of a 32-byte seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }
    /// A new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::from_seed(&Zeroizing::new(random(rng)))
    }
    /// The seed, to be stored.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }
    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }
    /// Signs bytes.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignKey").finish_non_exhaustive()
    }
}

/// Verifies strictly (protocol section 0).
///
/// # Errors
/// [`SignatureError::Key`] and [`SignatureError::Signature`].
pub fn verify(public: &[u8], message: &[u8], sig: &[u8]) -> Result<(), SignatureError> {
    let public = VerifyingKey::from_bytes(&array(public).ok_or(SignatureError::Key)?)
        .map_err(|_| SignatureError::Key)?;
    let sig = Signature::from_bytes(&array(sig).ok_or(SignatureError::Signature)?);
    public.verify_strict(message, &sig).map_err(|_| SignatureError::Signature)
}

fn signed_bytes(kind: u32, body: &[u8]) -> Vec<u8> {
    [LABEL, &kind.to_be_bytes(), &sha256(body)].concat()
}

/// Signs an encoded body as an object of this type (protocol section 0).
pub fn sign(kind: SignedType, body: Vec<u8>, key: &SignKey) -> Signed {
    let sig = key.sign(&signed_bytes(kind.number(), &body)).to_vec();
    Signed { r#type: kind.number(), body, signer: key.public().to_vec(), sig }
}

/// Verifies type and signature; returns the signer.
///
/// # Errors
/// Any [`SignatureError`] but `Signer` and `Body`.
pub fn verify_signed(signed: &Signed, kind: SignedType) -> Result<[u8; 32], SignatureError> {
    if signed.r#type != kind.number() {
        return Err(SignatureError::Type { expected: kind.number(), found: signed.r#type });
    }
    verify(&signed.signer, &signed_bytes(kind.number(), &signed.body), &signed.sig)?;
    array(&signed.signer).ok_or(SignatureError::Key)
}

/// A body with its type number, and the signer it names itself if it does.
pub trait SignedBody: Bounded {
    /// Number of the object.
    const TYPE: SignedType;
    /// The key that must have signed it, where the body says so.
    fn named_signer(&self) -> Option<&[u8]>;
}

macro_rules! signed_body {
    ($($name:ident: $field:expr;)*) => {$(
        impl SignedBody for $name {
            const TYPE: SignedType = SignedType::$name;
            fn named_signer(&self) -> Option<&[u8]> {
                let named: fn(&Self) -> Option<&[u8]> = $field;
                named(self)
            }
        }
    )*};
}
signed_body! {
    Register: |body| Some(&body.author);
    Signal: |body| Some(&body.author);
    DeviceBundle: |body| Some(&body.device);
    AddressRecord: |body| Some(&body.device);
    // Signed by any device of the account: the caller looks it up in the account log.
    InviteRecord: |_| None;
    ContactRequest: |_| None;
    EscrowPart: |_| None;
}

/// A verified object: its exact body, its value and who signed it.
#[derive(Clone, Debug)]
pub struct Verified<T> {
    /// The key that signed it.
    pub signer: [u8; 32],
    /// Exact bytes and value of the body.
    pub body: Kept<T>,
}

/// Encodes and signs a body.
pub fn sign_body<T: SignedBody>(body: &T, key: &SignKey) -> Signed {
    sign(T::TYPE, body.encode_to_vec(), key)
}

/// Verifies an object and decodes its body (signature first, protocol section 0).
///
/// # Errors
/// Any [`SignatureError`]. Whether the signer is an active device is the caller's question.
pub fn open_signed<T: SignedBody>(signed: &Signed) -> Result<Verified<T>, SignatureError> {
    let signer = verify_signed(signed, T::TYPE)?;
    let body = Kept::<T>::decode(signed.body.clone())?;
    match body.value().named_signer() {
        Some(named) if named != signer => Err(SignatureError::Signer),
        _ => Ok(Verified { signer, body }),
    }
}
