//! Ops from the store, typed again. They were verified before they were kept.

use madang_crypto::{SALT_BYTES, VerifiedOp, type_op};
use madang_model::Op;
use madang_store::ops;
use madang_wire::{Kept, OpHeader, SignedOp};

/// Types a stored op; none only if the store is damaged in a way that its checks did not see.
pub(crate) fn to_model(stored: &ops::Op) -> Option<Op> {
    let header = Kept::<OpHeader>::decode(stored.header.clone()).ok()?;
    let sig = stored.sig.as_slice().try_into().ok()?;
    let verified = VerifiedOp { id: stored.id.to_bytes(), header, sig, payload: stored.payload.clone() };
    type_op(&verified).ok().map(|opened| opened.op)
}

/// The op as it is sealed and served.
pub(crate) fn signed(stored: ops::Op) -> SignedOp {
    SignedOp { header: stored.header, sig: stored.sig, payload: stored.payload }
}

/// Text and answered message of a stored text op.
pub(crate) fn text(payload: Option<&[u8]>) -> Option<madang_wire::Text> {
    madang_wire::decode(payload?.get(SALT_BYTES..)?).ok()
}
