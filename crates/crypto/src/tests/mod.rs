//! Tests of the crate as a whole.

mod files;
mod hostile;
mod known;
mod lanes;
mod ops;
mod relays;
mod seals;
mod typed;
// Frames of a build that seals nothing have other bytes.
#[cfg(not(feature = "insecure-noop-seal"))]
mod vectors;

use rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};
use std::convert::Infallible;

/// A generator that repeats itself: SHA-256 of a seed and a counter.
pub(crate) struct SeededRng {
    seed: u64,
    drawn: u64,
}

pub(crate) fn seeded(seed: u64) -> SeededRng {
    SeededRng { seed, drawn: 0 }
}

impl TryRng for SeededRng {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_be_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_be_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        for chunk in dst.chunks_mut(32) {
            self.drawn += 1;
            let block = Sha256::digest([self.seed.to_be_bytes(), self.drawn.to_be_bytes()].concat());
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
        Ok(())
    }
}
impl TryCryptoRng for SeededRng {}

/// A generator that hands out given bytes, as the vectors of others ask for.
pub(crate) struct ScriptedRng(pub(crate) Vec<u8>);

impl TryRng for ScriptedRng {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }
    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        let rest = self.0.split_off(dst.len());
        dst.copy_from_slice(&std::mem::replace(&mut self.0, rest));
        Ok(())
    }
}
impl TryCryptoRng for ScriptedRng {}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap()
}
