//! Keys from passphrases: Argon2id with stored parameters.
//!
//! Owns cost and normalisation. Invariant: parameters read from a file are bounded before a byte of
//! memory is taken for them.

use argon2::{Algorithm, Argon2, Params, Version};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Bytes of an encoded cost.
pub(crate) const COST_BYTES: usize = 12;

/// Cost of one guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    rounds: u32,
    lanes: u32,
}

impl Cost {
    /// What new slots and backups take: 64 MiB, 3 rounds, about 0.2 s.
    pub const STANDARD: Self = Self { memory_kib: 64 * 1024, rounds: 3, lanes: 1 };
    /// For tests, which would wait for minutes otherwise.
    #[cfg(any(test, feature = "insecure-test-cost"))]
    pub const TEST: Self = Self { memory_kib: 64, rounds: 1, lanes: 1 };
    /// Most that is accepted from a file: 1 GiB, 16 rounds, 8 lanes.
    const MOST: Self = Self { memory_kib: 1024 * 1024, rounds: 16, lanes: 8 };

    pub(crate) fn to_bytes(self) -> [u8; COST_BYTES] {
        let mut out = [0; COST_BYTES];
        let fields = [self.memory_kib, self.rounds, self.lanes];
        for (to, from) in out.iter_mut().zip(fields.iter().flat_map(|field| field.to_be_bytes())) {
            *to = from;
        }
        out
    }

    /// Reads a cost; `None` for one that is out of bounds.
    pub(crate) fn from_bytes(bytes: &[u8; COST_BYTES]) -> Option<Self> {
        let mut fields = bytes.chunks_exact(4).map(|field| field.try_into().map(u32::from_be_bytes));
        let mut next = || fields.next()?.ok();
        let cost = Self { memory_kib: next()?, rounds: next()?, lanes: next()? };
        let bounded = cost.memory_kib <= Self::MOST.memory_kib
            && cost.rounds <= Self::MOST.rounds
            && cost.lanes <= Self::MOST.lanes;
        bounded.then_some(cost)
    }

    /// The key of a passphrase. It is normalised (NFKC), so that a keyboard that composes Hangul or
    /// accents differently gives the same key. `None` if Argon2id refuses the cost.
    pub(crate) fn derive(self, passphrase: &str, salt: &[u8; 16]) -> Option<Zeroizing<[u8; 32]>> {
        let params = Params::new(self.memory_kib, self.rounds, self.lanes, Some(32)).ok()?;
        let normal = Zeroizing::new(passphrase.nfkc().collect::<String>());
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(normal.as_bytes(), salt, key.as_mut())
            .ok()?;
        Some(key)
    }
}
