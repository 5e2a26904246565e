//! Delivery tokens (protocol section 10.5).
//!
//! Owns their byte form and the check against the token key of an inbox. It must not know what is revoked. Invariant:
//! the mac is compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of a token: slot, expiry and mac.
pub(crate) const TOKEN_BYTES: usize = 24;

/// A token as it came, not yet checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// Which contact of the inbox, as its owner counts.
    pub(crate) slot: u32,
    expiry_h: u32,
    mac: [u8; 16],
}

impl Token {
    /// Takes a token apart; `None` when it has the wrong length.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != TOKEN_BYTES {
            return None;
        }
        let (slot, rest) = bytes.split_first_chunk::<4>()?;
        let (expiry, mac) = rest.split_first_chunk::<4>()?;
        Some(Self {
            slot: u32::from_be_bytes(*slot),
            expiry_h: u32::from_be_bytes(*expiry),
            mac: mac.try_into().ok()?,
        })
    }

    /// Whether the owner of `key` made it and it has not expired at `now` (ms since 1970).
    pub(crate) fn valid(&self, key: &[u8; 32], now: u64) -> bool {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
        mac.update(&self.slot.to_be_bytes());
        mac.update(&self.expiry_h.to_be_bytes());
        let expires = u64::from(self.expiry_h).saturating_mul(3_600_000);
        mac.verify_truncated_left(&self.mac).is_ok() && now < expires
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(key: &[u8; 32], slot: u32, expiry_h: u32) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(&[slot.to_be_bytes(), expiry_h.to_be_bytes()].concat());
        [&slot.to_be_bytes()[..], &expiry_h.to_be_bytes(), &mac.finalize().into_bytes()[..16]].concat()
    }

    #[test]
    fn only_the_unexpired_token_of_this_key_is_valid() {
        let key = [7; 32];
        let good = Token::parse(&token(&key, 17, 100)).unwrap();
        assert_eq!(good.slot, 17);
        assert!(good.valid(&key, 100 * 3_600_000 - 1));
        assert!(!good.valid(&key, 100 * 3_600_000));
        assert!(!good.valid(&[8; 32], 0));
    }

    #[test]
    fn every_changed_byte_and_every_other_length_is_refused() {
        let key = [7; 32];
        let good = token(&key, 17, 100);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(!Token::parse(&bad).unwrap().valid(&key, 0), "byte {at}");
        }
        for len in (0..40).filter(|len| *len != TOKEN_BYTES) {
            assert!(Token::parse(&vec![0; len]).is_none(), "length {len}");
        }
    }
}
