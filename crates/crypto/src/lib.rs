//! Identity, signatures, seals, envelopes and lanes.
//!
//! Owns every secret and everything that is hashed, signed or sealed; works on encoded bytes and
//! keeps no state of its own. It must not know sockets, the database or what a message means.
//!
//! Randomness comes in as a generator ([`os_rng`] at the edge), time as a number. Secrets are zeroed
//! when dropped and no `Debug` shows one.
//!
//! Invariant: remote bytes reach a decoder only after their length and, where there is one, their
//! authenticator were checked.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice, clippy::arithmetic_side_effects))]

#[cfg(all(feature = "insecure-noop-seal", not(debug_assertions)))]
compile_error!("insecure-noop-seal seals nothing and must not be in a release build");
#[cfg(all(feature = "insecure-test-cost", not(debug_assertions)))]
compile_error!("insecure-test-cost makes passphrases guessable and must not be in a release build");

mod account;
mod backup;
mod cipher;
#[cfg(not(feature = "insecure-noop-seal"))]
mod content_cipher;
#[cfg(feature = "insecure-noop-seal")]
#[path = "content_cipher_noop.rs"]
mod content_cipher;
mod device;
mod digest;
mod envelope;
mod escrow;
mod identity;
mod invite;
mod kdf;
mod lane;
mod op;
mod passphrase;
mod random;
mod relay;
mod route;
mod safety;
mod seal;
mod sign;
mod slots;
mod token;
mod typed_op;
mod xwing;

#[cfg(test)]
mod tests;

pub use account::{GENESIS_KIND, cosign, genesis, verify_cosig};
pub use backup::{
    BackupError, BackupKind, backup_kind, open_backup_with_key, open_backup_with_passphrase,
    seal_backup_to_key, seal_backup_to_passphrase,
};
pub use cipher::CipherError;
pub use device::DeviceKeys;
pub use digest::{RegisterVersion, registers_digest};
pub use envelope::{EnvelopeError, open_envelope, seal_envelope};
pub use escrow::{
    EscrowError, PART_BYTES, PARTS, open_account_slot, open_escrow, seal_account_slot, seal_escrow,
};
pub use identity::{Phrase, PhraseError, Seed, WORDS};
pub use invite::{InviteError, invite_id, open_invite, seal_invite};
pub use kdf::{hkdf, sha256};
pub use lane::{LaneAccount, LaneContent, LaneEnd, LaneError, LanePlace, LaneSession, are_lane_keys};
pub use op::{
    NewOp, OpError, SALT_BYTES, VerifiedOp, ids_hash, op_id, payload, payload_hash, sign_op, verify_op,
};
pub use passphrase::Cost;
pub use random::{CryptoRng, OsRng, os_rng, random};
pub use relay::{
    box_id, del_hash, del_secret, sign_auth, sign_slot_delete, sign_slot_put, verify_auth,
    verify_slot_delete, verify_slot_put,
};
pub use route::Route;
pub use safety::{EMOJI, safety_digest, safety_emoji};
pub use seal::{
    NewKey, SUITE, SealError, SealKey, direct_conv, frame_id, key_facts, key_id, key_names_recipients,
    new_key, self_conv,
};
pub use sign::{
    SignKey, SignatureError, SignedBody, Verified, open_signed, sign, sign_body, verify, verify_signed,
};
pub use slots::{DataKey, KeySlot, SlotError, SlotKind, SlotSecret};
pub use token::{TOKEN_BYTES, TokenError, TokenSlot, check_token, inbox_token_key, issue_token};
pub use typed_op::{OpenOpError, OpenedOp, open_account_op, open_op, type_op};
pub use xwing::{BoxError, ENC_BYTES, PUBLIC_BYTES, XWingBox, XWingSecret, open_box, public_id, seal_box};
