//! Signing of account-log ops (protocol section 1.2).
//!
//! Owns genesis and co-signatures; must not know which removal wins. Invariant: a genesis is signed
//! by the root key it names, and its op id is the account id.

use crate::kdf::{Absorb, finish, transcript};
use crate::op::{NewOp, OpError, payload, sign_op};
use crate::random::{CryptoRng, random};
use crate::sign::{SignKey, SignatureError, verify};
use madang_wire::{AccountGenesis, Cosig, Message, OpHeader, RemoveDevice};

/// Kind of an AccountGenesis op.
pub const GENESIS_KIND: u32 = 96;
const COSIG_LABEL: &[u8] = b"madang/cosig/1";

/// Makes an account: the genesis op of its log. The op id is the account id.
///
/// # Errors
/// [`OpError::TooLong`] if the label is absurdly long.
pub fn genesis(
    root: &SignKey,
    first_device: &[u8; 32],
    label: &str,
    hlc: u64,
    rng: &mut impl CryptoRng,
) -> Result<NewOp, OpError> {
    let body = AccountGenesis {
        v: 1,
        root_pub: root.public().to_vec(),
        salt: random::<16>(rng).to_vec(),
        first_device: first_device.to_vec(),
        label: label.to_owned(),
    };
    let header = OpHeader { v: 1, conv: vec![0; 32], seq: 1, hlc, kind: GENESIS_KIND, ..OpHeader::default() };
    sign_op(header, payload(&body.encode_to_vec(), rng)?, root)
}

/// What a co-signer signs:
/// `"madang/cosig/1" | SHA-256(header deps | RemoveDevice without cosig)`, both behind their lengths.
fn cosig_bytes(deps: &[Vec<u8>], remove: &RemoveDevice) -> Vec<u8> {
    let bare = RemoveDevice { cosig: Vec::new(), ..remove.clone() };
    let hash = finish(transcript(b"").variable(&deps.concat()).variable(&bare.encode_to_vec()));
    [COSIG_LABEL, &hash].concat()
}

/// Co-signs the removal of a device that another device is about to author with these header deps.
pub fn cosign(deps: &[Vec<u8>], remove: &RemoveDevice, key: &SignKey) -> Cosig {
    Cosig { device: key.public().to_vec(), sig: key.sign(&cosig_bytes(deps, remove)).to_vec() }
}

/// Verifies one co-signature of a removal against the deps of its header.
///
/// # Errors
/// [`SignatureError`]; a removal with a wrong co-signature does not have it.
pub fn verify_cosig(deps: &[Vec<u8>], remove: &RemoveDevice, cosig: &Cosig) -> Result<(), SignatureError> {
    verify(&cosig.device, &cosig_bytes(deps, remove), &cosig.sig)
}
