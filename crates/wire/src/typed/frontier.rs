//! Frontiers, the payload of the `heads` and `read` registers (protocol section 6.2).
//!
//! Owns their translation. Invariant: ids are written sorted, so that equal frontiers have equal bytes.

use super::{TypedError, bytes, ids, read};
use crate::Frontier;
use madang_model::OpId;
use prost::Message;
use std::collections::BTreeSet;

/// Reads the ids of an encoded frontier, at most 64.
///
/// # Errors
/// [`TypedError`].
pub fn read_frontier(payload: &[u8]) -> Result<BTreeSet<OpId>, TypedError> {
    Ok(ids(&read::<Frontier>(payload)?.ids)?.into_iter().collect())
}

/// Writes a frontier.
pub fn frontier_bytes(ids: impl IntoIterator<Item = OpId>) -> Vec<u8> {
    let sorted: Vec<OpId> = ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    Frontier { ids: bytes(&sorted) }.encode_to_vec()
}
