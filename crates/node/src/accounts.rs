//! Account logs as this node keeps them: whose device is whose, bundles and addresses of devices
//! (protocol sections 1.2, 4.3 and 7.4).
//!
//! Invariant: a bundle or address is kept only with a valid chain to its account id.

use std::collections::{BTreeMap, BTreeSet};

use madang_crypto::{open_account_op, open_signed, verify_op};
use madang_model::{AccountId, AccountOp, DeviceId, OpId, account::AccountLog};
use madang_p2p::PeerId;
use madang_store::{Conn, accounts, devices};
use madang_wire::{
    AccountGet, AccountHint, AccountOps, AddressRecord, DeviceBundle, LaneBody, LanePlain, Message as _,
    Signed, SignedOp, StreamBody,
};

use crate::{core::Core, effect::Send, error::Error, turn::Turn};

/// Resolves the ops of an account log: the account and its active devices. None when there is no
/// valid genesis or an op is not signed as it should be.
pub(crate) fn resolve(ops: &[SignedOp]) -> Option<(AccountId, BTreeSet<DeviceId>)> {
    let mut log = log_of(ops)?;
    let state = log.state();
    state.root?;
    Some((log.account(), state.devices.keys().copied().collect()))
}

/// An op of an account log, with every signature in it verified.
pub(crate) fn typed_op(signed: &SignedOp) -> Option<AccountOp> {
    let opened = open_account_op(signed).ok()?;
    AccountOp::from_op(&opened.op)
}

/// Label of a device, for lines that name it.
pub(crate) fn label_of(db: &Conn, account: &AccountId, device: &DeviceId) -> Result<String, Error> {
    let ops: Vec<SignedOp> = accounts::list(db, account)?
        .into_iter()
        .map(|op| SignedOp { header: op.header, sig: op.sig, payload: Some(op.payload) })
        .collect();
    let label = log_of(&ops).and_then(|mut log| log.state().devices.get(device).map(|d| d.label.clone()));
    Ok(label.unwrap_or_default())
}

/// The log that some ops make.
pub(crate) fn log_of(ops: &[SignedOp]) -> Option<AccountLog> {
    let typed: Vec<_> = ops.iter().map(typed_op).collect::<Option<_>>()?;
    let account = typed.first().map(|op| op.account)?;
    let mut log = AccountLog::new(account);
    for op in typed {
        log.insert(op).ok()?;
    }
    Some(log)
}

impl Core {
    /// Ops of an account log that are kept here.
    pub(crate) fn account_log(&self, db: &Conn, account: &AccountId) -> Result<Vec<SignedOp>, Error> {
        Ok(accounts::list(db, account)?
            .into_iter()
            .map(|op| SignedOp { header: op.header, sig: op.sig, payload: Some(op.payload) })
            .collect())
    }

    /// The resolved log of an account, cached.
    pub(crate) fn account_state(
        &mut self,
        db: &Conn,
        account: &AccountId,
    ) -> Result<Option<std::sync::Arc<madang_model::account::AccountState>>, Error> {
        if !self.account_logs.contains_key(account) {
            let ops = self.account_log(db, account)?;
            let Some(log) = log_of(&ops) else { return Ok(None) };
            self.account_logs.insert(*account, log);
        }
        Ok(self.account_logs.get_mut(account).map(AccountLog::state))
    }

    /// Heads of an account log as raw ids.
    pub(crate) fn account_heads(&mut self, db: &Conn, account: &AccountId) -> Vec<[u8; 32]> {
        match self.account_state(db, account) {
            Ok(Some(state)) => state.heads.iter().map(|id| id.to_bytes()).collect(),
            _ => Vec::new(),
        }
    }

    /// Keeps new ops of an account log; devices that it names are known from now on.
    pub(crate) fn keep_account_log(
        &mut self,
        turn: &mut Turn<'_>,
        account: AccountId,
        ops: &[SignedOp],
    ) -> Result<(), Error> {
        let mut fresh = Vec::new();
        for signed in ops {
            let Some(op) = typed_op(signed) else { continue };
            let id = op.id;
            if op.account != account {
                continue;
            }
            let kept = accounts::AccountOp {
                id,
                account,
                header: signed.header.clone(),
                sig: signed.sig.clone(),
                payload: signed.payload.clone().unwrap_or_default(),
            };
            if accounts::insert(turn.db, &kept)? {
                fresh.push(op);
            }
        }
        if fresh.is_empty() {
            return Ok(());
        }
        self.account_logs.remove(&account);
        if let Some(state) = self.account_state(turn.db, &account)? {
            for device in state.devices.keys() {
                self.directory.row(turn.db, device, Some(&account))?;
            }
        }
        let rooms: Vec<_> =
            self.rooms.values().filter(|room| room.has_member(&account)).map(|room| room.row).collect();
        for room in rooms {
            if let Some(conversation) = self.rooms.get_mut(&room) {
                for op in &fresh {
                    // An op that does not fit the log counts for nothing; the others go on.
                    if let Err(error) = conversation.control.insert_account_op(op.clone()) {
                        tracing::debug!(%error, "an account op does not fit");
                    }
                }
                conversation.control_changed();
            }
        }
        Ok(())
    }

    /// Keeps a bundle if it is newer and its device is in the account's log.
    pub(crate) fn take_bundle(&mut self, turn: &mut Turn<'_>, signed: &Signed) -> Result<bool, Error> {
        let Ok(bundle) = open_signed::<DeviceBundle>(signed) else { return Ok(false) };
        let device = DeviceId::from_bytes(bundle.signer);
        let Ok(account) = AccountId::try_from(bundle.body.value().account.as_slice()) else {
            return Ok(false);
        };
        if !self.is_device_of(turn.db, &device, &account)? {
            return Ok(false);
        }
        let row = self.directory.row(turn.db, &device, Some(&account))?;
        let version = bundle.body.value().version;
        let newer = devices::set_bundle(turn.db, row, &signed.encode_to_vec(), version)?;
        if newer {
            self.directory.refresh(turn.db, &device)?;
            turn.lanes.insert(device);
        }
        Ok(newer)
    }

    /// Keeps an address record if it is newer; its peer becomes known.
    pub(crate) fn take_address(&mut self, turn: &mut Turn<'_>, signed: &Signed) -> Result<bool, Error> {
        let Ok(record) = open_signed::<AddressRecord>(signed) else { return Ok(false) };
        let device = DeviceId::from_bytes(record.signer);
        let Some(account) = self.directory.get(&device).and_then(|d| d.account) else { return Ok(false) };
        let value = record.body.value();
        if PeerId::from_bytes(&value.peer_id).is_err() {
            return Ok(false);
        }
        let row = self.directory.row(turn.db, &device, Some(&account))?;
        let newer = devices::set_addr(turn.db, row, &signed.encode_to_vec(), value.version, &value.peer_id)?;
        if newer {
            let before = self.directory.get(&device).and_then(|d| d.peer);
            self.directory.refresh(turn.db, &device)?;
            self.know_peer(turn, &device, before);
        }
        Ok(newer)
    }

    /// Makes the peer of a friend's or own device known to the network; others stay strangers.
    pub(crate) fn know_peer(&mut self, turn: &mut Turn<'_>, device: &DeviceId, before: Option<PeerId>) {
        let Some(known) = self.directory.get(device) else { return };
        if *device == self.me.device {
            return;
        }
        let wanted =
            known.account.is_some_and(|account| account == self.me.account || self.is_friend(&account));
        if let Some(before) = before.filter(|before| Some(*before) != known.peer) {
            turn.send(Send::ForgetPeer(before));
        }
        if let Some(peer) = known.peer.filter(|_| wanted) {
            turn.send(Send::SetPeer { peer, addrs: known.addrs.clone() });
            self.relays_changed = true;
        }
    }

    fn is_device_of(&mut self, db: &Conn, device: &DeviceId, account: &AccountId) -> Result<bool, Error> {
        Ok(self.account_state(db, account)?.is_some_and(|state| state.is_active(device)))
    }

    /// The heads in a lane packet show whether one side has missed a device (protocol section 4.1).
    pub(crate) fn compare_heads(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        plain: &LanePlain,
    ) -> Result<(), Error> {
        let mine = self.account_heads(turn.db, &self.me.account.clone());
        let known: BTreeSet<&[u8]> = plain.to_heads.iter().map(Vec::as_slice).collect();
        let stale = !plain.to_heads.is_empty() && mine.iter().any(|head| !known.contains(head.as_slice()));
        if stale {
            let ops = self.account_log(turn.db, &self.me.account)?;
            self.lane_send(turn, device, "hint", LaneBody::Hint(AccountHint { ops }))?;
        }
        Ok(())
    }

    /// Newer ops of the sender's own account log.
    pub(crate) fn account_hint(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        ops: &[SignedOp],
    ) -> Result<(), Error> {
        match self.directory.get(&device).and_then(|d| d.account) {
            Some(account) => self.keep_account_log(turn, account, ops),
            None => Ok(()),
        }
    }

    /// A peer asks for an account log that it lacks.
    pub(crate) fn account_get(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        get: &AccountGet,
    ) -> Result<(), Error> {
        let Ok(account) = AccountId::try_from(get.account.as_slice()) else { return Ok(()) };
        let Some(asker) = self.peers.get(&peer).map(|link| link.account) else { return Ok(()) };
        // Only logs of people one shares a room with: anything else would tell whom one knows.
        let shared = self.rooms.values().any(|room| room.has_member(&account) && room.has_member(&asker));
        if shared {
            let ops = self.account_log(turn.db, &account)?;
            self.frame(turn, peer, StreamBody::Account(AccountOps { account: get.account.clone(), ops }));
        }
        Ok(())
    }

    pub(crate) fn account_ops(
        &mut self,
        turn: &mut Turn<'_>,
        account: &[u8],
        ops: &[SignedOp],
    ) -> Result<(), Error> {
        match AccountId::try_from(account) {
            Ok(account) => self.keep_account_log(turn, account, ops),
            Err(_) => Ok(()),
        }
    }

    /// Labels of the devices of an account.
    pub(crate) fn device_labels(
        &mut self,
        db: &Conn,
        account: &AccountId,
    ) -> Result<BTreeMap<DeviceId, String>, Error> {
        Ok(self
            .account_state(db, account)?
            .map(|state| state.devices.iter().map(|(id, d)| (*id, d.label.clone())).collect())
            .unwrap_or_default())
    }

    /// Ids of the ops of an account log that add or remove devices, with their exact bytes.
    pub(crate) fn device_ops(&self, db: &Conn, account: &AccountId) -> Result<Vec<(OpId, SignedOp)>, Error> {
        let mut found = Vec::new();
        for signed in self.account_log(db, account)? {
            if let Ok(op) = verify_op(&signed) {
                found.push((OpId::from_bytes(op.id), signed));
            }
        }
        Ok(found)
    }
}
