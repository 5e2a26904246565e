//! What is signed towards a relay (protocol section 10.2).
//!
//! Owns the byte layouts, for client and relay alike; must not know keys. Invariant: fixed-length
//! fields stand bare, variable ones behind a 4-byte big-endian length, so no two frames share bytes.

use crate::SlotPut;

const AUTH: &[u8] = b"madang/auth/1";
const SLOT: &[u8] = b"madang/slot/1";
const SLOT_DELETE: &[u8] = b"madang/slot-delete/1";

/// Bytes under the signature of an [`RAuth`](crate::RAuth):
/// `"madang/auth/1" | relay_key | challenge | cap_pub`.
pub fn auth_bytes(relay_key: &[u8; 32], challenge: &[u8; 32], cap_pub: &[u8; 32]) -> Vec<u8> {
    [AUTH, relay_key, challenge, cap_pub].concat()
}

/// Bytes under the signature of a [`SlotPut`]: `"madang/slot/1" | relay_key | slot_pub | version(8) |
/// body | new_pub | admission`, the last three with their lengths.
///
/// `None` if `slot_pub` does not have 32 bytes or a field has 4 GiB or more.
pub fn slot_put_bytes(relay_key: &[u8; 32], put: &SlotPut) -> Option<Vec<u8>> {
    let slot_pub = <&[u8; 32]>::try_from(put.slot_pub.as_slice()).ok()?;
    let mut out = [SLOT, relay_key, slot_pub, &put.version.to_be_bytes()].concat();
    for field in [put.body.as_slice(), &put.new_pub, put.admission.as_bytes()] {
        out.extend_from_slice(&u32::try_from(field.len()).ok()?.to_be_bytes());
        out.extend_from_slice(field);
    }
    Some(out)
}

/// Bytes under the signature of a [`SlotDelete`](crate::SlotDelete):
/// `"madang/slot-delete/1" | relay_key | slot_pub | version(8)`.
pub fn slot_delete_bytes(relay_key: &[u8; 32], slot_pub: &[u8; 32], version: u64) -> Vec<u8> {
    [SLOT_DELETE, relay_key, slot_pub, &version.to_be_bytes()].concat()
}
