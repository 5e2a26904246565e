//! Devices and accounts this node knows: who stands behind a PeerId, where a device listens, which
//! keys and inboxes it has. A cache over the device table.

use std::collections::{BTreeMap, BTreeSet};

use madang_crypto::open_signed;
use madang_model::{AccountId, DeviceId};
use madang_p2p::{Multiaddr, PeerId};
use madang_store::{Conn, DeviceRow, devices};
use madang_wire::{AddressRecord, DeviceBundle, Message as _, Signed};

use crate::error::Error;

/// A bundle stays usable for sending until so long after its envelope key has expired (protocol
/// section 4.5).
const BUNDLE_GRACE_MS: u64 = 45 * 24 * 60 * 60 * 1000;

/// One device.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) row: DeviceRow,
    pub(crate) account: Option<AccountId>,
    pub(crate) bundle: Option<DeviceBundle>,
    pub(crate) signed_bundle: Option<Vec<u8>>,
    pub(crate) peer: Option<PeerId>,
    pub(crate) addrs: Vec<Multiaddr>,
    pub(crate) relays: Vec<String>,
    pub(crate) signed_addr: Option<Vec<u8>>,
}

impl Known {
    /// The bundle, while it may be used for sending.
    pub(crate) fn usable_bundle(&self, now: u64) -> Option<&DeviceBundle> {
        self.bundle.as_ref().filter(|b| now <= b.envelope_not_after.saturating_add(BUNDLE_GRACE_MS))
    }
}

/// All devices.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    devices: BTreeMap<DeviceId, Known>,
    peers: BTreeMap<PeerId, DeviceId>,
}

impl Directory {
    /// Loads every device.
    pub(crate) fn load(db: &Conn) -> Result<Self, Error> {
        let mut directory = Self::default();
        for device in devices::list(db)? {
            directory.put(device);
        }
        Ok(directory)
    }

    fn put(&mut self, device: devices::Device) {
        let signed = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(|b| Signed::decode(b).ok());
        // Both were verified before they were stored; a second check here only decodes them.
        let bundle = signed(&device.bundle).and_then(|s| open_signed::<DeviceBundle>(&s).ok());
        let addr = signed(&device.addr).and_then(|s| open_signed::<AddressRecord>(&s).ok());
        let addr = addr.map(|a| a.body.value().clone());
        let known = Known {
            row: device.row,
            account: device.account,
            bundle: bundle.map(|b| b.body.value().clone()),
            signed_bundle: device.bundle,
            peer: addr.as_ref().and_then(|a| PeerId::from_bytes(&a.peer_id).ok()),
            addrs: addr
                .iter()
                .flat_map(|a| &a.addrs)
                .filter_map(|bytes| Multiaddr::try_from(bytes.clone()).ok())
                .collect(),
            relays: addr.map(|a| a.relays).unwrap_or_default(),
            signed_addr: device.addr,
        };
        self.peers.retain(|_, id| *id != device.id);
        if let Some(peer) = known.peer {
            self.peers.insert(peer, device.id);
        }
        self.devices.insert(device.id, known);
    }

    /// Reads a device again after it was changed.
    pub(crate) fn refresh(&mut self, db: &Conn, device: &DeviceId) -> Result<(), Error> {
        if let Some(found) = devices::by_id(db, device)? {
            self.put(found);
        }
        Ok(())
    }

    /// A device.
    pub(crate) fn get(&self, device: &DeviceId) -> Option<&Known> {
        self.devices.get(device)
    }

    /// The row of a device, made when it is new.
    pub(crate) fn row(
        &mut self,
        db: &Conn,
        device: &DeviceId,
        account: Option<&AccountId>,
    ) -> Result<DeviceRow, Error> {
        match self.devices.get(device) {
            Some(known) if known.account.is_some() || account.is_none() => Ok(known.row),
            _ => {
                let row = devices::intern(db, device, account)?;
                self.refresh(db, device)?;
                Ok(row)
            }
        }
    }

    /// Which device and account a peer is, by the address records held.
    pub(crate) fn of_peer(&self, peer: &PeerId) -> Option<(DeviceId, AccountId)> {
        let device = self.peers.get(peer)?;
        Some((*device, self.devices.get(device)?.account?))
    }

    /// Devices of an account.
    pub(crate) fn of_account(&self, account: &AccountId) -> Vec<DeviceId> {
        self.devices.iter().filter(|(_, d)| d.account.as_ref() == Some(account)).map(|(id, _)| *id).collect()
    }

    /// Relays that the devices of an account name, the newest record's first.
    pub(crate) fn relays_of(&self, account: &AccountId) -> Vec<String> {
        let mut seen = BTreeSet::new();
        self.devices
            .values()
            .filter(|d| d.account.as_ref() == Some(account))
            .flat_map(|d| d.relays.iter().cloned())
            .filter(|relay| seen.insert(relay.clone()))
            .collect()
    }
}
