//! Names and signatures towards a relay (protocol sections 10.1 to 10.3).
//!
//! Owns box ids, capability proofs and deletion secrets. Must not know frames beyond the two it
//! signs. Invariant: what is signed names the relay, so that no proof works at another one.

use crate::kdf::{Absorb, array, finish16, first, hmac, sha256};
use crate::sign::{SignKey, SignatureError, verify};
use madang_wire::relay_sign::{auth_bytes, slot_delete_bytes, slot_put_bytes};
use madang_wire::{RAuth, SlotDelete, SlotPut};

/// Id of an inbox, log or slot: `SHA-256(public key)[..16]`.
pub fn box_id(public: &[u8; 32]) -> [u8; 16] {
    first(&sha256(public))
}

/// Proves a capability on a stream.
pub fn sign_auth(key: &SignKey, relay_key: &[u8; 32], challenge: &[u8; 32]) -> RAuth {
    let cap_pub = key.public();
    let sig = key.sign(&auth_bytes(relay_key, challenge, &cap_pub));
    RAuth { cap_pub: cap_pub.to_vec(), sig: sig.to_vec() }
}

/// Checks the proof of a capability; returns its public key.
///
/// # Errors
/// [`SignatureError`].
pub fn verify_auth(
    auth: &RAuth,
    relay_key: &[u8; 32],
    challenge: &[u8; 32],
) -> Result<[u8; 32], SignatureError> {
    let cap_pub: [u8; 32] = array(&auth.cap_pub).ok_or(SignatureError::Key)?;
    verify(&cap_pub, &auth_bytes(relay_key, challenge, &cap_pub), &auth.sig)?;
    Ok(cap_pub)
}

/// Fills in key and signature of a slot put. `new_pub` and `admission` are signed with it.
///
/// # Errors
/// [`SignatureError::Key`] if a field is too long to be signed.
pub fn sign_slot_put(
    mut put: SlotPut,
    key: &SignKey,
    relay_key: &[u8; 32],
) -> Result<SlotPut, SignatureError> {
    put.slot_pub = key.public().to_vec();
    let bytes = slot_put_bytes(relay_key, &put).ok_or(SignatureError::Key)?;
    put.sig = key.sign(&bytes).to_vec();
    Ok(put)
}

/// Checks a slot put against the key that may write the slot now.
///
/// # Errors
/// [`SignatureError`].
pub fn verify_slot_put(put: &SlotPut, relay_key: &[u8; 32]) -> Result<(), SignatureError> {
    let bytes = slot_put_bytes(relay_key, put).ok_or(SignatureError::Key)?;
    verify(&put.slot_pub, &bytes, &put.sig)
}

/// Signs the deletion of a slot.
pub fn sign_slot_delete(key: &SignKey, relay_key: &[u8; 32], version: u64) -> SlotDelete {
    let slot_pub = key.public();
    let sig = key.sign(&slot_delete_bytes(relay_key, &slot_pub, version));
    SlotDelete { slot_pub: slot_pub.to_vec(), version, sig: sig.to_vec() }
}

/// Checks the deletion of a slot.
///
/// # Errors
/// [`SignatureError`].
pub fn verify_slot_delete(delete: &SlotDelete, relay_key: &[u8; 32]) -> Result<(), SignatureError> {
    let slot_pub: [u8; 32] = array(&delete.slot_pub).ok_or(SignatureError::Key)?;
    verify(&delete.slot_pub, &slot_delete_bytes(relay_key, &slot_pub, delete.version), &delete.sig)
}

/// Secret that drops a log item: `HMAC(delete key kept in self, SHA-256(body))[..16]`.
pub fn del_secret(delete_key: &[u8; 32], body: &[u8]) -> [u8; 16] {
    finish16(hmac(delete_key).fixed(&sha256(body)))
}

/// What the put says about it: `SHA-256(del_secret)[..16]`.
pub fn del_hash(del_secret: &[u8; 16]) -> [u8; 16] {
    first(&sha256(del_secret))
}
