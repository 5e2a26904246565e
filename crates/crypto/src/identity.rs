//! The recovery phrase and the keys that follow from it (protocol section 1.1).
//!
//! Owns phrase, seed and derivation labels. Must not know devices: no device key follows from the
//! phrase. Invariant: phrase, seed and derived secrets are zeroed when dropped and never shown by
//! `Debug`.

use crate::kdf::hkdf;
use crate::random::{CryptoRng, random};
use crate::sign::SignKey;
use crate::xwing::XWingSecret;
use bip39::{Language, Mnemonic};
use std::fmt;
use zeroize::Zeroizing;

/// Words of a phrase.
pub const WORDS: usize = 24;

/// What is wrong with a phrase that somebody typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PhraseError {
    /// A phrase has 24 words.
    #[error("{found} words, a phrase has 24")]
    Count {
        /// Number of words typed.
        found: usize,
    },
    /// A word is not in the list.
    #[error("word {position} is not in the list")]
    Word {
        /// Its position, from 1.
        position: usize,
    },
    /// All words are in the list, but they do not belong together: a word was confused.
    #[error("the words do not belong together")]
    Checksum,
}

/// A recovery phrase: 24 words of the English BIP-39 list.
#[derive(Clone)]
pub struct Phrase(Mnemonic);

impl Phrase {
    /// A new phrase of 256 random bits.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self::from_entropy(&Zeroizing::new(random(rng)))
    }

    /// The phrase of 256 bits.
    pub fn from_entropy(entropy: &[u8; 32]) -> Self {
        // 32 bytes are an allowed length, and there is no other error.
        #[allow(clippy::expect_used)]
        Self(Mnemonic::from_entropy_in(Language::English, entropy).expect("32 bytes are 24 words"))
    }

    /// Reads a phrase; case and white space do not matter.
    ///
    /// # Errors
    /// [`PhraseError`]; the first wrong word is named.
    pub fn parse(text: &str) -> Result<Self, PhraseError> {
        let words: Vec<Zeroizing<String>> =
            text.split_whitespace().map(|word| Zeroizing::new(word.to_lowercase())).collect();
        let unknown = words.iter().position(|word| Language::English.find_word(word).is_none());
        if let Some(index) = unknown {
            return Err(PhraseError::Word { position: index.saturating_add(1) });
        }
        if words.len() != WORDS {
            return Err(PhraseError::Count { found: words.len() });
        }
        let words: Vec<&str> = words.iter().map(|word| word.as_str()).collect();
        let joined = Zeroizing::new(words.join(" "));
        Mnemonic::parse_in_normalized(Language::English, &joined).map(Self).map_err(|_| PhraseError::Checksum)
    }

    /// The words, to be shown once.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        self.0.words()
    }

    /// The BIP-39 seed, without a BIP-39 passphrase. Takes some milliseconds.
    pub fn seed(&self) -> Seed {
        self.seed_with("")
    }

    pub(crate) fn seed_with(&self, passphrase: &str) -> Seed {
        Seed(Zeroizing::new(self.0.to_seed_normalized(passphrase)))
    }
}

impl fmt::Debug for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phrase").finish_non_exhaustive()
    }
}

/// The seed of an account. No device stores it.
#[derive(Clone)]
pub struct Seed(Zeroizing<[u8; 64]>);

impl Seed {
    /// `HKDF(seed, "root")`: the root key. No device stores it.
    pub fn root(&self) -> SignKey {
        SignKey::from_seed(&self.derive(b"root"))
    }
    /// `HKDF(seed, "backup")`: the backup key. Devices have its public part.
    pub fn backup(&self) -> XWingSecret {
        XWingSecret::from_seed(&self.derive(b"backup"))
    }
    /// `HKDF(seed, "slot/account")`: write key of the account slot.
    pub fn account_slot(&self) -> SignKey {
        SignKey::from_seed(&self.derive(b"slot/account"))
    }
    /// `HKDF(seed, "slot/escrow/" | i)`, i in 4 bytes big-endian: write key of escrow slot i.
    pub fn escrow_slot(&self, i: u32) -> SignKey {
        SignKey::from_seed(&self.derive(&[b"slot/escrow/", &i.to_be_bytes()[..]].concat()))
    }
    /// `HKDF(seed, "account-seal")`: seals the account slot.
    pub fn account_seal(&self) -> Zeroizing<[u8; 32]> {
        self.derive(b"account-seal")
    }
    /// `HKDF(seed, "key-slot")`: opens the store of a machine, see [`KeySlot`](crate::KeySlot).
    pub(crate) fn key_slot(&self) -> Zeroizing<[u8; 32]> {
        self.derive(b"key-slot")
    }
    fn derive(&self, label: &[u8]) -> Zeroizing<[u8; 32]> {
        hkdf(&self.0[..], label)
    }
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seed").finish_non_exhaustive()
    }
}
