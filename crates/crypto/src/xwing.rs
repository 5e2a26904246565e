//! HPKE base mode with X-Wing, HKDF-SHA256 and ChaCha20-Poly1305 (protocol section 4.1).
//!
//! Owns the one anonymous, post-quantum box used for envelopes, escrow and backups. Must not know
//! what is inside. Invariant: the info string separates the uses, no box opens under another.

use crate::kdf::{first, sha256};
use crate::random::{CryptoRng, random};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::XWing;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of a public key.
pub const PUBLIC_BYTES: usize = 1_216;
/// Bytes of an encapsulation.
pub const ENC_BYTES: usize = 1_120;

/// Why a box was not made or not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BoxError {
    /// The public key is not one.
    #[error("not an X-Wing public key")]
    Key,
    /// The box does not open: another key, other info, or changed bytes.
    #[error("the box does not open")]
    Open,
}

/// A secret X-Wing key. Zeroed when dropped.
#[derive(Clone)]
pub struct XWingSecret {
    seed: Zeroizing<[u8; 32]>,
    key: <XWing as Kem>::PrivateKey,
    public: Vec<u8>,
}

impl XWingSecret {
    /// The key of a 32-byte seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        // Any 32 bytes are a key, and the length is right by type.
        #[allow(clippy::expect_used)]
        let key = <XWing as Kem>::PrivateKey::from_bytes(seed).expect("32 bytes are a key");
        let public = XWing::sk_to_pk(&key).to_bytes().to_vec();
        Self { seed: Zeroizing::new(*seed), key, public }
    }
    /// A new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::from_seed(&Zeroizing::new(random(rng)))
    }
    /// The seed, to be stored.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        self.seed.clone()
    }
    /// The public key, 1,216 bytes.
    pub fn public(&self) -> &[u8] {
        &self.public
    }
}

impl fmt::Debug for XWingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XWingSecret").finish_non_exhaustive()
    }
}

/// Short name of a public key: `SHA-256(public)[..8]`, the `to` of an envelope.
pub fn public_id(public: &[u8]) -> [u8; 8] {
    first(&sha256(public))
}

/// An encapsulation and its ciphertext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XWingBox {
    /// Encapsulation, 1,120 bytes.
    pub enc: Vec<u8>,
    /// Ciphertext, 16 bytes longer than the plaintext.
    pub ct: Vec<u8>,
}

/// Seals to a public key.
///
/// # Errors
/// [`BoxError::Key`] for bytes that are no key.
pub fn seal_box(
    public: &[u8],
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<XWingBox, BoxError> {
    // The length is checked here, the crate asserts it.
    if public.len() != PUBLIC_BYTES {
        return Err(BoxError::Key);
    }
    let public = <XWing as Kem>::PublicKey::from_bytes(public).map_err(|_| BoxError::Key)?;
    let (enc, ct) = hpke::single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeS::Base,
        &public,
        info,
        plaintext,
        aad,
        rng,
    )
    .map_err(|_| BoxError::Key)?;
    Ok(XWingBox { enc: enc.to_bytes().to_vec(), ct })
}

/// Opens a box.
///
/// # Errors
/// [`BoxError::Open`].
pub fn open_box(
    secret: &XWingSecret,
    info: &[u8],
    aad: &[u8],
    enc: &[u8],
    ct: &[u8],
) -> Result<Zeroizing<Vec<u8>>, BoxError> {
    if enc.len() != ENC_BYTES {
        return Err(BoxError::Open);
    }
    let enc = <XWing as Kem>::EncappedKey::from_bytes(enc).map_err(|_| BoxError::Open)?;
    hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, XWing>(
        &OpModeR::Base,
        &secret.key,
        &enc,
        info,
        ct,
        aad,
    )
    .map(Zeroizing::new)
    .map_err(|_| BoxError::Open)
}
