//! Delivery tokens of an inbox (protocol section 10.5).
//!
//! Owns their layout, for owner and relay alike; must not know who got which. Invariant: a token
//! names a slot number and an expiry and nothing else.

use crate::kdf::{Absorb, array, finish16, hkdf, hmac};
use hmac::Mac;
use zeroize::Zeroizing;

/// Bytes of a token.
pub const TOKEN_BYTES: usize = 24;

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It does not have 24 bytes.
    #[error("not a token")]
    Malformed,
    /// It was not issued with this key.
    #[error("wrong token")]
    Wrong,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
}

/// What a valid token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenSlot {
    /// Number of the contact; the owner revokes by it.
    pub slot: u32,
    /// Hours since 1970 until which it is valid.
    pub expiry_h: u32,
}

/// Key of the tokens of one inbox: `HKDF(token_key, "inbox-token" | inbox_id)`. The relay of the inbox is told this key,
/// and with one for all inboxes each relay could make tokens for the others and see whose they are.
pub fn inbox_token_key(token_key: &[u8; 32], inbox_id: &[u8; 16]) -> Zeroizing<[u8; 32]> {
    hkdf(token_key, &[b"inbox-token".as_slice(), inbox_id].concat())
}

/// Issues a token: `slot(4) | expiry_h(4) | HMAC-SHA256(k_token, slot | expiry_h)[..16]`.
pub fn issue_token(k_token: &[u8; 32], slot: u32, expiry_h: u32) -> [u8; TOKEN_BYTES] {
    let (slot, expiry_h) = (slot.to_be_bytes(), expiry_h.to_be_bytes());
    let mac = finish16(hmac(k_token).fixed(&slot).fixed(&expiry_h));
    let mut token = [0; TOKEN_BYTES];
    for (to, from) in token.iter_mut().zip(slot.into_iter().chain(expiry_h).chain(mac)) {
        *to = from;
    }
    token
}

/// Checks a token at `now_h` hours since 1970. It is valid through its last hour.
///
/// # Errors
/// [`TokenError`]. Whether the slot was revoked is the relay's question.
pub fn check_token(k_token: &[u8; 32], token: &[u8], now_h: u32) -> Result<TokenSlot, TokenError> {
    let token: [u8; TOKEN_BYTES] = array(token).ok_or(TokenError::Malformed)?;
    let (slot, rest) = token.split_first_chunk::<4>().ok_or(TokenError::Malformed)?;
    let (expiry, mac) = rest.split_first_chunk::<4>().ok_or(TokenError::Malformed)?;
    hmac(k_token).fixed(slot).fixed(expiry).verify_truncated_left(mac).map_err(|_| TokenError::Wrong)?;
    let expiry_h = u32::from_be_bytes(*expiry);
    if expiry_h < now_h {
        return Err(TokenError::Expired);
    }
    Ok(TokenSlot { slot: u32::from_be_bytes(*slot), expiry_h })
}
