//! Between encoded messages and the typed values of the model.
//!
//! Owns the translation both ways. It must not know keys: what needs a signature to be believed
//! (co-signatures, mirrored account ops) comes in as a function of the caller. Invariant: a typed
//! value has every id in its length and every number in its range.

mod account;
mod content;
mod control;
mod frontier;
mod header;
mod own;

pub use account::{account_bytes, read_account};
pub use content::{content_bytes, content_kind, read_card, read_content};
pub use control::{ControlExtra, control_bytes, control_kind, read_control, read_control_past};
pub use frontier::{frontier_bytes, read_frontier};
pub use own::{own_bytes, own_kind, read_own};

use crate::{Bounded, DecodeError};
use madang_model::content::ContentError;
use madang_model::control::ControlError;
use madang_model::{IdError, OpId};

/// Why encoded bytes are not a value of the model. An op whose body is refused is kept and forwarded
/// like one of an unknown kind, and has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TypedError {
    /// The bytes do not decode within their limits.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// An id has the wrong length.
    #[error(transparent)]
    Id(#[from] IdError),
    /// A hash has the wrong length.
    #[error("the hash {0} has the wrong length")]
    Hash(&'static str),
    /// A number has no meaning here.
    #[error("{value} is not a value of {field}")]
    Number {
        /// Field.
        field: &'static str,
        /// Number found.
        value: u32,
    },
    /// A field that must be there is missing.
    #[error("the field {0} is missing")]
    Missing(&'static str),
    /// The kind is not one of this family.
    #[error("kind {0} has another family")]
    Kind(u32),
    /// What the body carries as proof was not accepted.
    #[error("the proof inside the body is not valid")]
    Proof,
    /// A content op breaks a limit.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// A control op breaks a limit.
    #[error(transparent)]
    Control(#[from] ControlError),
}

fn read<T: Bounded>(bytes: &[u8]) -> Result<T, TypedError> {
    Ok(crate::decode(bytes)?)
}

fn id<T: for<'a> TryFrom<&'a [u8], Error = IdError>>(bytes: &[u8]) -> Result<T, TypedError> {
    Ok(T::try_from(bytes)?)
}

fn ids<T: for<'a> TryFrom<&'a [u8], Error = IdError>>(list: &[Vec<u8>]) -> Result<Vec<T>, TypedError> {
    list.iter().map(|bytes| id(bytes)).collect()
}

/// An empty field is no id.
fn optional(bytes: &[u8]) -> Result<Option<OpId>, TypedError> {
    if bytes.is_empty() { Ok(None) } else { id(bytes).map(Some) }
}

fn hash(name: &'static str, bytes: &[u8]) -> Result<[u8; 32], TypedError> {
    bytes.try_into().map_err(|_| TypedError::Hash(name))
}

fn bytes<T: AsRef<[u8]>>(list: &[T]) -> Vec<Vec<u8>> {
    list.iter().map(|id| id.as_ref().to_vec()).collect()
}
