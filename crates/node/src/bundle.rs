//! Bundles of other machines: the one check before a bundle is kept or a lane is opened with it (protocol
//! section 4.3).
//!
//! Must not know where a bundle came from. Invariant: whatever passes can be written to, so that one bad bundle
//! never stands in the way of anything else.

use madang_crypto::{are_lane_keys, open_signed};
use madang_model::{AccountId, DeviceId, account::AccountState};
use madang_wire::{DeviceBundle, Signed};

/// Opens a bundle and checks it against the account log of its account: signed by an active device for itself, the
/// op named is the one that admitted it, every key has its length and contributes.
pub(crate) fn check(signed: &Signed, state: &AccountState) -> Option<(DeviceId, DeviceBundle)> {
    let opened = open_signed::<DeviceBundle>(signed).ok()?;
    let device = DeviceId::from_bytes(opened.signer);
    let bundle = opened.body.value();
    let active = state.devices.get(&device)?;
    let named = bundle.account == state.account.as_bytes()
        && bundle.device == device.as_bytes()
        && bundle.add_op == active.add_op.as_bytes();
    let usable = named && are_lane_keys(&bundle.olm_identity, &bundle.fallback, &bundle.envelope_pk);
    usable.then(|| (device, bundle.clone()))
}

/// The account that a bundle names, before anything about it is known.
pub(crate) fn account_of(signed: &Signed) -> Option<AccountId> {
    let opened = open_signed::<DeviceBundle>(signed).ok()?;
    AccountId::try_from(opened.body.value().account.as_slice()).ok()
}
