//! Ops of an account log.
//!
//! Owns their typed bodies. Must not know keys or signatures: a cosigner stands here only after his signature
//! was verified. Invariant: an [`AccountOp`] names all of its direct past.

use std::collections::BTreeSet;

use crate::hlc::Hlc;
use crate::ids::{AccountId, DeviceId, OpId};
use crate::kind::Kind;
use crate::op::{Body, Op};

/// A removed device and what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceCut {
    /// The device.
    pub device: DeviceId,
    /// Last accepted number of the device in the account log.
    pub cut: u64,
    /// Devices whose cosignature under this removal was verified.
    pub cosigners: BTreeSet<DeviceId>,
}

/// The body of an account-log op.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountChange {
    /// First op; its id is the account id. Signed by the root key.
    Genesis {
        /// Root key, the author of this op.
        root: DeviceId,
        /// The first device.
        first_device: DeviceId,
        /// Label of the first device.
        label: String,
    },
    /// Admits a device.
    AddDevice {
        /// The device.
        device: DeviceId,
        /// Its label, at most 32 characters, seen by friends.
        label: String,
    },
    /// Removes a device.
    RemoveDevice(DeviceCut),
    /// Makes a new recovery phrase and may remove devices with the strength of the old one.
    RotateRoot {
        /// The new root key.
        root: DeviceId,
        /// Devices removed along with it.
        remove: Vec<DeviceCut>,
    },
    /// An op of a later version, or one whose body does not read: kept, without effect but that others follow it
    /// (protocol section 0).
    Unknown,
}

/// An op of an account log, reduced to what the rules need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountOp {
    /// Id of the op.
    pub id: OpId,
    /// The account; equals the id of the genesis.
    pub account: AccountId,
    /// Device or root key that signed it.
    pub author: DeviceId,
    /// Number in the author's line of this log.
    pub seq: u64,
    /// `prev` and `deps`.
    pub parents: Vec<OpId>,
    /// Timestamp.
    pub hlc: Hlc,
    /// What it does.
    pub change: AccountChange,
}

impl AccountOp {
    /// Whether it takes machines away.
    pub fn removes(&self) -> bool {
        matches!(self.change, AccountChange::RemoveDevice(_) | AccountChange::RotateRoot { .. })
    }

    /// Reads an account-log op from a verified op; none if its body is of another kind or missing, and for a genesis
    /// that does not read: it founds nothing.
    pub fn from_op(op: &Op) -> Option<Self> {
        let Some(Body::Account(change)) = &op.body else { return None };
        let account = match change {
            AccountChange::Genesis { .. } => AccountId::from_bytes(op.id.to_bytes()),
            AccountChange::Unknown if op.header.kind == Kind::AccountGenesis => return None,
            _ => AccountId::from_bytes(op.header.conv.to_bytes()),
        };
        Some(Self {
            id: op.id,
            account,
            author: op.header.author,
            seq: op.header.seq,
            parents: op.header.parents().collect(),
            hlc: op.header.hlc,
            change: change.clone(),
        })
    }
}
