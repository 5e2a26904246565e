//! Who holds which key.
//!
//! Owns the seam between the rules and cryptography: the schedules call a [`Sealer`], which either only records
//! or really seals. Must not decide anything. Invariant: a machine opens exactly what it holds the key of.

use madang_model::{Hlc, KeyId, OpId};

/// What a new key is made of, beside its secret.
#[derive(Debug, Clone)]
pub struct NewKey<'a> {
    /// Number of the machine that makes it.
    pub maker: usize,
    /// Number of the epoch.
    pub epoch: u64,
    /// Control heads the maker had seen.
    pub basis: &'a [OpId],
    /// When it is made.
    pub created: Hlc,
}

/// A sealed message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ciphertext {
    /// Key that opens it, by the order of making.
    pub key: usize,
    /// The sealed bytes.
    pub bytes: Vec<u8>,
}

/// Makes keys, hands them over, seals and opens. Machines and keys are numbered from 0; keys in the order in
/// which they are made.
pub trait Sealer {
    /// Makes a key, held by its maker, and returns its id.
    fn new_key(&mut self, key: &NewKey<'_>) -> KeyId;
    /// Hands key `key` from machine `from`, which holds it, to machine `to`.
    fn give(&mut self, key: usize, from: usize, to: usize);
    /// Whether this machine holds this key.
    fn holds(&self, machine: usize, key: usize) -> bool;
    /// Seals a message on a machine that holds the key.
    fn seal(&mut self, machine: usize, key: usize, message: &[u8]) -> Ciphertext;
    /// Opens a message; none if the machine does not hold the key.
    fn open(&self, machine: usize, sealed: &Ciphertext) -> Option<Vec<u8>>;
}

/// Records who holds which key, without any cryptography.
#[derive(Debug, Clone, Default)]
pub struct RecordingSealer {
    /// For each key the machines that hold it, one bit each.
    holders: Vec<u64>,
}

impl Sealer for RecordingSealer {
    fn new_key(&mut self, key: &NewKey<'_>) -> KeyId {
        // Ids are spread like hashes, so that of two keys of one epoch either may be the greater.
        let mut rng = super::rng::Rng::new(self.holders.len() as u64 ^ key.created.as_u64());
        self.holders.push(1 << key.maker);
        KeyId::from_bytes(rng.bytes())
    }

    fn give(&mut self, key: usize, from: usize, to: usize) {
        assert!(self.holds(from, key), "machine {from} does not hold key {key}");
        self.holders[key] |= 1 << to;
    }

    fn holds(&self, machine: usize, key: usize) -> bool {
        self.holders[key] & (1 << machine) != 0
    }

    fn seal(&mut self, machine: usize, key: usize, message: &[u8]) -> Ciphertext {
        assert!(self.holds(machine, key), "machine {machine} does not hold key {key}");
        Ciphertext { key, bytes: message.to_vec() }
    }

    fn open(&self, machine: usize, sealed: &Ciphertext) -> Option<Vec<u8>> {
        self.holds(machine, sealed.key).then(|| sealed.bytes.clone())
    }
}
