//! Bodies of account-log ops.
//!
//! Owns their translation. Invariant: a co-signer stands in the typed value only if the caller's
//! check accepted the signature.

use super::{TypedError, id, read};
use crate::{AccountGenesis, AddDevice, Cosig, RemoveDevice, RotateRoot};
use madang_model::{AccountChange, DeviceCut, Kind};
use prost::Message;

/// Reads the content of an account-log op. `cosigned` verifies one co-signature of a removal.
///
/// # Errors
/// [`TypedError`].
pub fn read_account(
    kind: Kind,
    content: &[u8],
    cosigned: impl Fn(&RemoveDevice, &Cosig) -> bool,
) -> Result<AccountChange, TypedError> {
    match kind {
        Kind::AccountGenesis => {
            let body: AccountGenesis = read(content)?;
            if body.v != 1 {
                return Err(TypedError::Number { field: "v", value: body.v });
            }
            Ok(AccountChange::Genesis {
                root: id(&body.root_pub)?,
                first_device: id(&body.first_device)?,
                label: body.label,
            })
        }
        Kind::AddDevice => {
            let body: AddDevice = read(content)?;
            Ok(AccountChange::AddDevice { device: id(&body.device)?, label: body.label })
        }
        Kind::RemoveDevice => Ok(AccountChange::RemoveDevice(cut(&read(content)?, &cosigned)?)),
        Kind::RotateRoot => {
            let body: RotateRoot = read(content)?;
            let remove: Result<_, _> = body.remove.iter().map(|remove| cut(remove, &cosigned)).collect();
            Ok(AccountChange::RotateRoot { root: id(&body.root_pub)?, remove: remove? })
        }
        other => Err(TypedError::Kind(other.number())),
    }
}

fn cut(
    remove: &RemoveDevice,
    cosigned: &impl Fn(&RemoveDevice, &Cosig) -> bool,
) -> Result<DeviceCut, TypedError> {
    let valid = remove.cosig.iter().filter(|cosig| cosigned(remove, cosig));
    let cosigners: Result<_, _> = valid.map(|cosig| id(&cosig.device)).collect();
    Ok(DeviceCut { device: id(&remove.device)?, cut: remove.cut, cosigners: cosigners? })
}

/// Content of an account-log op, without co-signatures: they are made over the deps of the header and
/// are added to the wire message.
///
/// # Errors
/// [`TypedError::Missing`] for a genesis, which has a salt and is made by the crypto crate, [`TypedError::Kind`] for
/// an unknown change.
pub fn account_bytes(change: &AccountChange) -> Result<Vec<u8>, TypedError> {
    match change {
        AccountChange::Genesis { .. } => Err(TypedError::Missing("salt")),
        AccountChange::Unknown => Err(TypedError::Kind(0)),
        AccountChange::AddDevice { device, label } => {
            Ok(AddDevice { device: device.as_ref().to_vec(), label: label.clone() }.encode_to_vec())
        }
        AccountChange::RemoveDevice(cut) => Ok(RemoveDevice::from(cut).encode_to_vec()),
        AccountChange::RotateRoot { root, remove } => Ok(RotateRoot {
            root_pub: root.as_ref().to_vec(),
            remove: remove.iter().map(RemoveDevice::from).collect(),
        }
        .encode_to_vec()),
    }
}

impl From<&DeviceCut> for RemoveDevice {
    fn from(cut: &DeviceCut) -> Self {
        Self { device: cut.device.as_ref().to_vec(), cut: cut.cut, cosig: Vec::new() }
    }
}
