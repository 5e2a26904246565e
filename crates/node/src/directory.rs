//! Devices and accounts this node knows: who stands behind a PeerId, where a device listens, which
//! keys and inboxes it has. A cache over the device table.
//!
//! Invariant: an address record proves who signed it, not that the PeerId it names is his. So a PeerId that
//! somebody has is not taken away by a record of somebody else; only the peer itself shows whose it is.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use madang_crypto::open_signed;
use madang_model::{AccountId, DeviceId, account::AccountState, limits::BUNDLE_GRACE_MS};
use madang_p2p::{Multiaddr, PeerId};
use madang_store::{Conn, DeviceRow, devices, meta};
use madang_wire::{AddressRecord, DeviceBundle, Message as _, Signed};

use crate::error::Error;

/// Where the holder of a PeerId that several devices name is kept.
const HOLDER: &str = "peer.holder.";

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
    /// Version of the address record.
    pub(crate) addr_version: u64,
    /// The log of its account removes it, or admits it no more.
    pub(crate) removed: bool,
}

impl Known {
    /// Whether it is a machine of an account now.
    fn is_of(&self, account: &AccountId) -> bool {
        !self.removed && self.account.as_ref() == Some(account)
    }

    /// The bundle, while it may be used for sending.
    pub(crate) fn usable_bundle(&self, now: u64) -> Option<&DeviceBundle> {
        self.bundle.as_ref().filter(|_| !self.removed && self.asleep_since(now).is_none())
    }

    /// Since when nothing is queued for the device, ms since 1970; none while its bundle may be used, or while there
    /// is none yet (protocol section 4.5).
    pub(crate) fn asleep_since(&self, now: u64) -> Option<u64> {
        asleep_since(self.bundle.as_ref()?, now)
    }
}

/// Since when nobody seals for a machine with this bundle, ms since 1970; none while it may be used.
pub(crate) fn asleep_since(bundle: &DeviceBundle, now: u64) -> Option<u64> {
    let until = bundle.envelope_not_after.saturating_add(BUNDLE_GRACE_MS);
    (now > until).then_some(until)
}

/// All devices.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    devices: BTreeMap<DeviceId, Known>,
    /// Devices whose address record names a peer.
    claims: BTreeMap<PeerId, BTreeSet<DeviceId>>,
    /// The one of them that is believed.
    holders: BTreeMap<PeerId, DeviceId>,
}

impl Directory {
    /// Loads every device.
    pub(crate) fn load(db: &Conn) -> Result<Self, Error> {
        let mut directory = Self::default();
        for device in devices::list(db)? {
            directory.put(device);
        }
        for (key, device) in meta::list(db, HOLDER)? {
            let peer = key.strip_prefix(HOLDER).and_then(|text| text.parse::<PeerId>().ok());
            if let (Some(peer), Ok(device)) = (peer, DeviceId::try_from(device.as_slice()))
                && directory.claims.get(&peer).is_some_and(|claims| claims.contains(&device))
            {
                directory.holders.insert(peer, device);
            }
        }
        Ok(directory)
    }

    fn put(&mut self, device: devices::Device) {
        let signed = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(|b| Signed::decode(b).ok());
        // Both were verified before they were stored; a second check here only decodes them.
        let bundle = signed(&device.bundle).and_then(|s| open_signed::<DeviceBundle>(&s).ok());
        let addr = signed(&device.addr).and_then(|s| open_signed::<AddressRecord>(&s).ok());
        let addr = addr.map(|a| a.body.value().clone());
        let addr_version = device.addr_version;
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
            addr_version,
            removed: device.removed,
        };
        let peer = known.peer;
        let before = self.devices.insert(device.id, known).and_then(|before| before.peer);
        if let Some(before) = before.filter(|before| Some(*before) != peer) {
            self.release(&before, &device.id);
        }
        if let Some(peer) = peer {
            self.claims.entry(peer).or_default().insert(device.id);
            self.holders.entry(peer).or_insert(device.id);
        }
    }

    /// A device no longer names a peer: one of the others that do is believed from now on.
    fn release(&mut self, peer: &PeerId, device: &DeviceId) {
        let next = self.claims.get_mut(peer).and_then(|claims| {
            claims.remove(device);
            claims.first().copied()
        });
        if self.holders.get(peer) == Some(device) {
            self.holders.remove(peer);
            self.holders.extend(next.map(|next| (*peer, next)));
        }
        if next.is_none() {
            self.claims.remove(peer);
        }
    }

    /// Whether the record of a device names a peer.
    pub(crate) fn names(&self, peer: &PeerId, device: &DeviceId) -> bool {
        self.claims.get(peer).is_some_and(|claims| claims.contains(device))
    }

    /// Believes a device that names a peer rather than the others; answers whether another one was believed.
    pub(crate) fn believe(&mut self, db: &Conn, peer: &PeerId, device: &DeviceId) -> Result<bool, Error> {
        if !self.names(peer, device) || self.holders.get(peer) == Some(device) {
            return Ok(false);
        }
        self.holders.insert(*peer, *device);
        self.keep_holder(db, peer)?;
        Ok(true)
    }

    /// Keeps which of several devices that name a peer is believed: after a start nobody knows who came first.
    pub(crate) fn keep_holder(&self, db: &Conn, peer: &PeerId) -> Result<(), Error> {
        let contested = self.claims.get(peer).is_some_and(|claims| claims.len() > 1);
        if let Some(holder) = self.holders.get(peer).filter(|_| contested) {
            meta::set(db, &format!("{HOLDER}{peer}"), holder.as_bytes())?;
        }
        Ok(())
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
        let device = self.holders.get(peer)?;
        Some((*device, self.devices.get(device)?.account?))
    }

    /// Devices of an account, without those that its log removes.
    pub(crate) fn of_account(&self, account: &AccountId) -> Vec<DeviceId> {
        self.devices.iter().filter(|(_, d)| d.is_of(account)).map(|(id, _)| *id).collect()
    }

    /// Notes which devices of an account its log does not have (any more): those that it removes, and those whose
    /// admission is void with a removal. Both may turn out otherwise.
    pub(crate) fn note_removed(&mut self, db: &Conn, state: &AccountState) -> Result<(), Error> {
        let of_account = |known: &Known| known.account == Some(state.account);
        for (device, known) in self.devices.iter_mut().filter(|(_, known)| of_account(known)) {
            let removed = !state.is_active(device);
            if known.removed == removed {
                continue;
            }
            known.removed = removed;
            devices::set_removed(db, known.row, removed)?;
        }
        Ok(())
    }

    /// Peers that the devices of an account have.
    pub(crate) fn peers_of(&self, account: &AccountId) -> Vec<PeerId> {
        let has =
            |device: &DeviceId| self.devices.get(device).is_some_and(|d| d.account.as_ref() == Some(account));
        self.holders.iter().filter(|(_, device)| has(device)).map(|(peer, _)| *peer).collect()
    }

    /// Whose inbox that is, by the bundles held.
    pub(crate) fn owner_of_inbox(&self, inbox: &[u8; 16]) -> Option<AccountId> {
        let names = |known: &&Known| {
            known.bundle.iter().flat_map(|bundle| &bundle.inboxes).any(|own| own.inbox_id == inbox)
        };
        self.devices.values().find(names)?.account
    }

    /// Relays that the devices of an account name, the newest record's first (protocol section 9.4).
    pub(crate) fn relays_of(&self, account: &AccountId) -> Vec<String> {
        let mut devices: Vec<&Known> = self.devices.values().filter(|d| d.is_of(account)).collect();
        devices.sort_by_key(|d| Reverse(d.addr_version));
        let mut seen = BTreeSet::new();
        devices
            .into_iter()
            .flat_map(|d| d.relays.iter().cloned())
            .filter(|relay| seen.insert(relay.clone()))
            .collect()
    }
}
