//! Key slots: the key of a store, wrapped for each way to open it.
//!
//! Owns wrapping; must not know where slots are kept. Invariant: a wrong secret and a changed slot
//! are told by the same error, and neither gives a key.

use crate::cipher;
use crate::identity::Phrase;
use crate::kdf::hkdf;
use crate::passphrase::{COST_BYTES, Cost};
use crate::random::{CryptoRng, random};
use std::fmt;
use zeroize::Zeroizing;

/// First byte of an encoded slot.
const VERSION: u8 = 1;
/// Version, kind, id, cost and salt: the part that stands in clear and is authenticated.
const HEAD_BYTES: usize = 1 + 1 + 16 + COST_BYTES + 16;

/// The random 32-byte key of a store. Zeroed when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct DataKey(Zeroizing<[u8; 32]>);

impl DataKey {
    /// A new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self(Zeroizing::new(random(rng)))
    }
    /// The bytes, for the store.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataKey").finish_non_exhaustive()
    }
}

/// Why a slot did not give its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SlotError {
    /// The secret is wrong, or the slot was changed.
    #[error("wrong secret")]
    WrongSecret,
    /// The bytes are not a slot, or ask for an absurd cost.
    #[error("not a key slot")]
    Malformed,
    /// The slot is opened by another kind of secret.
    #[error("the slot needs another kind of secret")]
    Kind,
}

/// How a slot is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SlotKind {
    /// A passphrase.
    Passphrase = 1,
    /// A 32-byte key from a key file or the desktop's secret service.
    Key = 2,
    /// The recovery phrase.
    Phrase = 3,
}

/// A secret that opens a slot.
#[derive(Clone, Copy)]
pub enum SlotSecret<'a> {
    /// A passphrase.
    Passphrase(&'a str),
    /// A 32-byte key.
    Key(&'a [u8; 32]),
    /// The recovery phrase.
    Phrase(&'a Phrase),
}

impl SlotSecret<'_> {
    fn kind(&self) -> SlotKind {
        match self {
            Self::Passphrase(_) => SlotKind::Passphrase,
            Self::Key(_) => SlotKind::Key,
            Self::Phrase(_) => SlotKind::Phrase,
        }
    }
    fn wrapping_key(&self, cost: Cost, salt: &[u8; 16]) -> Result<Zeroizing<[u8; 32]>, SlotError> {
        match self {
            Self::Passphrase(text) => cost.derive(text, salt).ok_or(SlotError::Malformed),
            Self::Key(key) => Ok(hkdf(&key[..], b"madang/key-slot/1")),
            Self::Phrase(phrase) => Ok(phrase.seed().key_slot()),
        }
    }
}

impl fmt::Debug for SlotSecret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SlotSecret").field(&self.kind()).finish()
    }
}

/// One wrapped copy of a [`DataKey`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySlot {
    kind: SlotKind,
    id: [u8; 16],
    cost: Cost,
    salt: [u8; 16],
    sealed: Vec<u8>,
}

impl KeySlot {
    /// Wraps a key. `cost` matters for passphrases only.
    ///
    /// # Errors
    /// [`SlotError::Malformed`] if the cost is refused.
    pub fn wrap(
        key: &DataKey,
        secret: SlotSecret<'_>,
        cost: Cost,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, SlotError> {
        let mut slot =
            Self { kind: secret.kind(), id: random(rng), cost, salt: random(rng), sealed: Vec::new() };
        let wrapping = secret.wrapping_key(cost, &slot.salt)?;
        slot.sealed =
            cipher::seal(&wrapping, &slot.head(), &key.0[..], rng).map_err(|_| SlotError::Malformed)?;
        Ok(slot)
    }

    /// Unwraps the key.
    ///
    /// # Errors
    /// [`SlotError::Kind`], [`SlotError::WrongSecret`].
    pub fn unlock(&self, secret: SlotSecret<'_>) -> Result<DataKey, SlotError> {
        if secret.kind() != self.kind {
            return Err(SlotError::Kind);
        }
        let wrapping = secret.wrapping_key(self.cost, &self.salt)?;
        let opened =
            cipher::open(&wrapping, &self.head(), &self.sealed).map_err(|_| SlotError::WrongSecret)?;
        let key = opened.as_slice().try_into().map_err(|_| SlotError::WrongSecret)?;
        Ok(DataKey(Zeroizing::new(key)))
    }

    /// How it is opened.
    pub fn kind(&self) -> SlotKind {
        self.kind
    }
    /// Its random id.
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// The slot as bytes: `version 1 | kind 1 | id 16 | cost 12 | salt 16 | nonce 24 | wrapped 48`.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.head().as_slice(), &self.sealed].concat()
    }

    /// Reads a slot.
    ///
    /// # Errors
    /// [`SlotError::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SlotError> {
        let (head, sealed) = bytes.split_at_checked(HEAD_BYTES).ok_or(SlotError::Malformed)?;
        Self::parse(head, sealed).ok_or(SlotError::Malformed)
    }

    fn parse(head: &[u8], sealed: &[u8]) -> Option<Self> {
        let ([version, kind], rest) = head.split_first_chunk::<2>()?;
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (cost, salt) = rest.split_first_chunk::<COST_BYTES>()?;
        let kind = match kind {
            1 => SlotKind::Passphrase,
            2 => SlotKind::Key,
            3 => SlotKind::Phrase,
            _ => return None,
        };
        let known = *version == VERSION && sealed.len() == cipher::OVERHEAD_BYTES + 32;
        let cost = Cost::from_bytes(cost)?;
        known.then_some(Self { kind, id: *id, cost, salt: salt.try_into().ok()?, sealed: sealed.to_vec() })
    }

    /// Everything in clear is authenticated: kind and id, and the cost, which must not be lowered.
    fn head(&self) -> Vec<u8> {
        [&[VERSION, self.kind as u8][..], &self.id, &self.cost.to_bytes(), &self.salt].concat()
    }
}
