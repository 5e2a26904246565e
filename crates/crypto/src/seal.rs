//! The seal of a conversation: keys and frames (protocol sections 2.3 and 3.1).
//!
//! Owns how a key is made and named, and how a frame is sealed and opened. Must not know when a key
//! is usable or who gets it. Invariant: sealing the same inside twice gives different frames, so a
//! retry sends the bytes of the first try.

use crate::content_cipher::ContentCipher;
use crate::kdf::{Absorb, array, finish, first, hkdf, sha256, transcript};
use crate::op::ids_hash;
use crate::random::{CryptoRng, random};
use crate::route::Route;
use madang_model::{DeviceId, Hlc, KeyFacts, KeyId, OpId};
use madang_wire::pad::{PadError, pad_sealed, unpad};
use madang_wire::{DecodeError, Inner, Key, Message, Sealed, decode};
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// The only suite there is (protocol section 0).
pub const SUITE: u32 = 1;

/// Why a key, a frame or its content was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The key does not decode.
    #[error("conversation key: {0}")]
    Key(DecodeError),
    /// A field of the key has the wrong length.
    #[error("field {0} of the conversation key is wrong")]
    KeyField(&'static str),
    /// The key is of a suite this program does not know.
    #[error("suite {0} is not known")]
    Suite(u32),
    /// The frame has no valid outer authenticator.
    #[error("the frame does not belong to this route")]
    Rmac,
    /// The frame was sealed under another key.
    #[error("the frame is under another key")]
    OtherKey,
    /// The ciphertext does not open.
    #[error("the frame does not open")]
    Open,
    /// Too long, or wrong padding inside.
    #[error(transparent)]
    Padding(#[from] PadError),
    /// What is inside does not decode.
    #[error("inside the frame: {0}")]
    Inner(#[from] DecodeError),
}

/// What the creator of a key decides.
#[derive(Clone, Debug)]
pub struct NewKey<'a> {
    /// Conversation.
    pub conv: [u8; 32],
    /// One more than the highest epoch known.
    pub epoch: u64,
    /// Control heads in the creator's view.
    pub basis: &'a [[u8; 32]],
    /// Device that makes the key.
    pub creator: [u8; 32],
    /// Its clock.
    pub created_hlc: u64,
    /// Devices it will be given to.
    pub recipients: &'a [[u8; 32]],
    /// The route taken over from an older key; `None` makes a new one.
    pub route: Option<[u8; 32]>,
}

/// Makes a key; the result is the encoded `Key` that is shared and stored as it is.
pub fn new_key(new: &NewKey<'_>, rng: &mut impl CryptoRng) -> Zeroizing<Vec<u8>> {
    let secret = Zeroizing::new(random::<32>(rng));
    let fresh_route = Zeroizing::new(random::<32>(rng));
    let mut key = Key {
        suite: SUITE,
        conv: new.conv.to_vec(),
        secret: secret.to_vec(),
        route: new.route.unwrap_or(*fresh_route).to_vec(),
        epoch: new.epoch,
        basis: new.basis.iter().map(|head| head.to_vec()).collect(),
        creator: new.creator.to_vec(),
        created_hlc: new.created_hlc,
        recipients: ids_hash(new.recipients).to_vec(),
    };
    let bytes = Zeroizing::new(key.encode_to_vec());
    key.secret.zeroize();
    key.route.zeroize();
    bytes
}

/// What the rules know of an encoded key (protocol section 3.1).
///
/// # Errors
/// [`SealError::Key`], [`SealError::KeyField`], [`SealError::Suite`].
pub fn key_facts(encoded_key: &[u8]) -> Result<KeyFacts, SealError> {
    let mut key: Key = decode(encoded_key).map_err(SealError::Key)?;
    key.secret.zeroize();
    key.route.zeroize();
    if key.suite != SUITE {
        return Err(SealError::Suite(key.suite));
    }
    let basis: Result<_, _> = key.basis.iter().map(|head| OpId::try_from(head.as_slice())).collect();
    Ok(KeyFacts {
        id: KeyId::from_bytes(key_id(encoded_key)),
        epoch: key.epoch,
        basis: basis.map_err(|_| SealError::KeyField("basis"))?,
        creator: DeviceId::try_from(key.creator.as_slice()).map_err(|_| SealError::KeyField("creator"))?,
        created: Hlc::from_u64(key.created_hlc),
    })
}

/// True if the creator says that it gave the key to exactly these devices (protocol section 3.3).
///
/// # Errors
/// [`SealError::Key`].
pub fn key_names_recipients(encoded_key: &[u8], devices: &[[u8; 32]]) -> Result<bool, SealError> {
    let mut key: Key = decode(encoded_key).map_err(SealError::Key)?;
    key.secret.zeroize();
    key.route.zeroize();
    Ok(key.recipients == ids_hash(devices))
}

/// Key id: `SHA-256("key1" | encoded Key)[..16]`, the key behind its length.
pub fn key_id(encoded_key: &[u8]) -> [u8; 16] {
    first(&finish(transcript(b"key1").variable(encoded_key)))
}

/// Conversation id of self: `SHA-256("self" | account)` (protocol section 5.1).
pub fn self_conv(account: &[u8; 32]) -> [u8; 32] {
    finish(transcript(b"self").fixed(account))
}

/// Conversation id of two people: `SHA-256("direct" | both accounts sorted)` (protocol section 5.1).
pub fn direct_conv(one: &[u8; 32], other: &[u8; 32]) -> [u8; 32] {
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    finish(transcript(b"direct").fixed(low).fixed(high))
}

/// A conversation key ready for use: content key and route derived once.
#[derive(Clone)]
pub struct SealKey {
    id: [u8; 16],
    cipher: ContentCipher,
    route: Route,
}

impl SealKey {
    /// Prepares an encoded key.
    ///
    /// # Errors
    /// [`SealError::Key`], [`SealError::KeyField`], [`SealError::Suite`].
    pub fn new(encoded_key: &[u8]) -> Result<Self, SealError> {
        let mut key: Key = decode(encoded_key).map_err(SealError::Key)?;
        let ready = Self::from_key(key_id(encoded_key), &key);
        key.secret.zeroize();
        key.route.zeroize();
        ready
    }

    fn from_key(id: [u8; 16], key: &Key) -> Result<Self, SealError> {
        let suite = u16::try_from(key.suite).map_err(|_| SealError::Suite(key.suite))?;
        if key.suite != SUITE {
            return Err(SealError::Suite(key.suite));
        }
        let conv: [u8; 32] = array(&key.conv).ok_or(SealError::KeyField("conv"))?;
        let secret = Zeroizing::new(array::<32>(&key.secret).ok_or(SealError::KeyField("secret"))?);
        let route = Zeroizing::new(array::<32>(&key.route).ok_or(SealError::KeyField("route"))?);
        let content_key = hkdf(&secret[..], b"content");
        Ok(Self {
            id,
            cipher: ContentCipher::new(&content_key, [&suite.to_be_bytes()[..], &conv, &id].concat()),
            route: Route::new(&route),
        })
    }

    /// Id of the key.
    pub fn id(&self) -> [u8; 16] {
        self.id
    }
    /// What derives from its route.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Seals; returns the encoded `Sealed`, which has a bucket length. Keep these bytes for retries.
    ///
    /// # Errors
    /// [`SealError::Padding`] if it does not fit the largest bucket.
    pub fn seal(&self, inner: &Inner, rng: &mut impl CryptoRng) -> Result<Vec<u8>, SealError> {
        let inner = inner.encode_to_vec();
        // Hedged: a generator that repeats after the restore of a virtual machine repeats the nonce
        // only together with the plaintext.
        let nonce: [u8; 24] = first(&finish(transcript(b"").variable(&inner).fixed(&random::<16>(rng))));
        let ct = self.cipher.seal(&nonce, &pad_sealed(&inner)?).map_err(|_| SealError::Open)?;
        let rmac = self.route.rmac(&self.id, &nonce, &ct);
        let sealed = Sealed { key_id: self.id.to_vec(), nonce: nonce.to_vec(), ct, rmac: rmac.to_vec() };
        Ok(sealed.encode_to_vec())
    }

    /// Opens a frame that names this key.
    ///
    /// # Errors
    /// [`SealError::Rmac`] before anything else, then [`SealError::OtherKey`], [`SealError::Open`],
    /// [`SealError::Padding`], [`SealError::Inner`].
    pub fn open(&self, sealed: &Sealed) -> Result<Inner, SealError> {
        if !self.route.check_rmac(sealed) {
            return Err(SealError::Rmac);
        }
        if sealed.key_id != self.id {
            return Err(SealError::OtherKey);
        }
        let nonce: [u8; 24] = array(&sealed.nonce).ok_or(SealError::Open)?;
        let padded = self.cipher.open(&nonce, &sealed.ct).map_err(|_| SealError::Open)?;
        Ok(decode(unpad(&padded)?)?)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Short name of a frame for deduplication: `SHA-256(frame)[..16]` (protocol section 2.5).
pub fn frame_id(frame: &[u8]) -> [u8; 16] {
    first(&sha256(frame))
}
