//! From a signed op to the typed op of the model.
//!
//! Owns the verification of what stands inside bodies: co-signatures, mirrored account ops, the root
//! of a genesis. Must not know which op takes effect. Invariant: in a typed op every signature that
//! anybody relies on was checked.

use crate::account::verify_cosig;
use crate::op::{OpError, VerifiedOp, verify_op};
use madang_model::{AccountChange, AccountOp, Body, Header, HeaderError, Kind, Op, OpId};
use madang_wire::SignedOp;
use madang_wire::typed::{TypedError, read_account, read_content, read_control, read_control_past, read_own};

/// Why an op as a whole was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenOpError {
    /// Signature, payload or lengths are wrong.
    #[error(transparent)]
    Op(#[from] OpError),
    /// The header has no typed form.
    #[error(transparent)]
    Typed(#[from] TypedError),
    /// The header breaks a rule that needs no other op.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

/// A typed op.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedOp {
    /// The op. `body` is `None` for a purged op.
    pub op: Op,
    /// Why the body has no effect, if it is of a known kind and does not read: the op is then kept
    /// and forwarded like one of an unknown kind, because later ops build on it.
    pub refused: Option<TypedError>,
}

/// Verifies and types a signed op.
///
/// # Errors
/// [`OpenOpError`]: such an op is neither kept nor forwarded.
pub fn open_op(signed: &SignedOp) -> Result<OpenedOp, OpenOpError> {
    type_op(&verify_op(signed)?)
}

/// Types an op that was verified already.
///
/// # Errors
/// [`OpenOpError::Typed`] and [`OpenOpError::Header`].
pub fn type_op(verified: &VerifiedOp) -> Result<OpenedOp, OpenOpError> {
    let header = Header::try_from(verified.header.value())?;
    header.check()?;
    let deps = &verified.header.value().deps;
    let id = OpId::from_bytes(verified.id);
    let Some(content) = verified.content() else {
        return Ok(OpenedOp { op: Op { id, header, body: None }, refused: None });
    };
    let (body, refused) = match read_body(&header, deps, content) {
        Ok(body) => (body, None),
        Err(error) => (without_effect(header.kind, content), Some(error)),
    };
    Ok(OpenedOp { op: Op { id, header, body: Some(body) }, refused })
}

/// What an op of a later version, or one whose body does not read, still is: control and account ops stand in the
/// past of others, or their log would end there for everybody who does not understand them.
fn without_effect(kind: Kind, content: &[u8]) -> Body {
    if kind.is_account() {
        Body::Account(AccountChange::Unknown)
    } else if kind.is_control() {
        read_control_past(content).map_or(Body::Unknown, Body::Control)
    } else {
        Body::Unknown
    }
}

fn read_body(header: &Header, deps: &[Vec<u8>], content: &[u8]) -> Result<Body, TypedError> {
    let kind = header.kind;
    match kind {
        Kind::Unknown(_) => Ok(without_effect(kind, content)),
        _ if kind.is_account() => {
            let cosigned = |remove: &_, cosig: &_| verify_cosig(deps, remove, cosig).is_ok();
            let change = read_account(kind, content, cosigned)?;
            if let AccountChange::Genesis { root, .. } = &change {
                let begins = header.seq == 1 && header.conv.as_bytes() == &[0; 32];
                if *root != header.author || !begins {
                    return Err(TypedError::Proof);
                }
            }
            Ok(Body::Account(change))
        }
        // A join is proven by the join key of an open room. Open rooms are not part of suite 1 yet, so
        // that no join is believed.
        _ if kind.is_control() => read_control(kind, content, mirrored_op, |_| false).map(Body::Control),
        _ if kind.is_self() => read_own(kind, content).map(Body::Own),
        _ => read_content(kind, content).map(Body::Content),
    }
}

/// The account op inside a mirror, with its own signature and co-signatures verified. One that does not read is
/// mirrored as well: others may follow it.
fn mirrored_op(signed: &SignedOp) -> Option<AccountOp> {
    AccountOp::from_op(&open_account_op(signed).ok()?.op)
}

/// Like [`open_op`], for ops that must be of an account log (protocol section 1.2).
///
/// # Errors
/// [`OpenOpError`]; [`TypedError::Kind`] for an op of another log.
pub fn open_account_op(signed: &SignedOp) -> Result<OpenedOp, OpenOpError> {
    let verified = verify_op(signed)?;
    let kind = Kind::from(verified.header.value().kind);
    // Asked before the body is read, so that a mirror inside a mirror leads nowhere.
    if !kind.is_account() {
        return Err(TypedError::Kind(kind.number()).into());
    }
    type_op(&verified)
}
