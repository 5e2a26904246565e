//! Account logs as this node keeps them: whose device is whose, bundles and addresses of devices
//! (protocol sections 1.2, 4.3 and 7.4).
//!
//! Invariants: a bundle or address is kept only with a valid chain to its account id; of an account log only what
//! somebody had the right to write is kept, and only so much of it.

use std::collections::{BTreeMap, BTreeSet};

use madang_crypto::{op_id, open_account_op, open_signed};
use madang_model::{AccountChange, AccountId, AccountLog, AccountOp, AccountState, DeviceId, OpId};
use madang_p2p::PeerId;
use madang_store::{Conn, RoomRow, accounts, devices};
use madang_wire::{
    AccountGet, AccountHint, AccountOps, AddressRecord, LaneBody, LanePlain, Message as _, Signed, SignedOp,
    StreamBody,
};

use crate::{
    allowance::{Grown, grown, size},
    core::Core,
    effect::Send,
    error::Error,
    event::Event,
    lane::topic,
    timer::Due,
    turn::Turn,
};

/// Frames of one answer to a question for an account log that are taken.
const ANSWER_FRAMES: u32 = 4;
/// Bytes of account ops in one frame or hint, well below the 60 KiB of an envelope.
const PART_BYTES: usize = 40 * 1024;

/// The account whose log these ops are, by the genesis among them.
fn named_account(ops: &[SignedOp]) -> Option<AccountId> {
    let is_genesis = |op: &AccountOp| matches!(op.change, AccountChange::Genesis { .. });
    ops.iter().filter_map(typed_op).find(is_genesis).map(|op| op.account)
}

/// An op of an account log, with every signature in it verified.
pub(crate) fn typed_op(signed: &SignedOp) -> Option<AccountOp> {
    let opened = open_account_op(signed).ok()?;
    AccountOp::from_op(&opened.op)
}

/// Label of a device, for lines that name it.
pub(crate) fn label_of(db: &Conn, account: &AccountId, device: &DeviceId) -> Result<String, Error> {
    let ops: Vec<SignedOp> = accounts::list(db, account)?.into_iter().map(signed).collect();
    let state = log_of(*account, &ops).state();
    Ok(state.devices.get(device).map(|d| d.label.clone()).unwrap_or_default())
}

/// The op exactly as it was signed.
pub(crate) fn signed(op: accounts::AccountOp) -> SignedOp {
    SignedOp { header: op.header, sig: op.sig, payload: Some(op.payload) }
}

/// The log of an account that these ops make. What does not fit is passed over: one bad op must not take the
/// others away.
pub(crate) fn log_of(account: AccountId, ops: &[SignedOp]) -> AccountLog {
    let mut log = AccountLog::new(account);
    for op in ops.iter().filter_map(typed_op) {
        if let Err(error) = log.insert(op) {
            tracing::debug!(%error, "an account op does not fit its log");
        }
    }
    log.trimmed()
}

/// Packs ops into parts that fit into one frame, at least one part.
fn parts(ops: Vec<SignedOp>) -> Vec<Vec<SignedOp>> {
    let mut parts = vec![Vec::new()];
    let mut bytes = 0_usize;
    for op in ops {
        bytes = bytes.saturating_add(size(&op));
        if bytes > PART_BYTES && parts.last().is_some_and(|part| !part.is_empty()) {
            parts.push(Vec::new());
            bytes = size(&op);
        }
        if let Some(part) = parts.last_mut() {
            part.push(op);
        }
    }
    parts
}

/// Tells people which machines of somebody came and went.
fn announce_machines(turn: &mut Turn<'_>, before: &AccountState, after: &AccountState) {
    let only_in = |one: &AccountState, other: &AccountState| -> Vec<String> {
        one.devices.iter().filter(|(id, _)| !other.is_active(id)).map(|(_, d)| d.label.clone()).collect()
    };
    let (added, removed) = (only_in(after, before), only_in(before, after));
    if !added.is_empty() || !removed.is_empty() {
        turn.emit(Event::Machines { account: after.account, added, removed });
    }
}

impl Core {
    /// Ops of an account log that are kept here.
    pub(crate) fn account_log(&self, db: &Conn, account: &AccountId) -> Result<Vec<SignedOp>, Error> {
        Ok(accounts::list(db, account)?.into_iter().map(signed).collect())
    }

    /// The resolved log of an account, cached.
    pub(crate) fn account_state(
        &mut self,
        db: &Conn,
        account: &AccountId,
    ) -> Result<Option<std::sync::Arc<madang_model::account::AccountState>>, Error> {
        if !self.account_logs.contains_key(account) {
            let ops = self.account_log(db, account)?;
            if ops.is_empty() {
                return Ok(None);
            }
            self.account_logs.insert(*account, log_of(*account, &ops));
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

    /// The resolved log of the account that these ops name, as it is once they are kept: whoever offers a log leaves
    /// out what is against him. None when there is no valid genesis among them; ops that do not fit count for nothing.
    pub(crate) fn state_with(
        &mut self,
        db: &Conn,
        offered: &[SignedOp],
    ) -> Result<Option<std::sync::Arc<AccountState>>, Error> {
        let Some(account) = named_account(offered) else { return Ok(None) };
        self.account_state(db, &account)?;
        let (mut log, _) = self.grown_by(db, account, offered)?;
        let state = log.state();
        Ok(state.root.is_some().then_some(state))
    }

    /// The log of an account with those of the offered ops that are to be kept, and these ops, each after its past.
    fn grown_by<'a>(
        &self,
        db: &Conn,
        account: AccountId,
        offered: &'a [SignedOp],
    ) -> Result<Grown<'a>, Error> {
        let log = self.account_logs.get(&account).cloned().unwrap_or_else(|| AccountLog::new(account));
        let fresh = |signed: &&SignedOp| !log.contains(&OpId::from_bytes(op_id(&signed.header)));
        let offered: Vec<&SignedOp> = offered.iter().filter(fresh).collect();
        if offered.is_empty() {
            return Ok((log, Vec::new()));
        }
        let kept = accounts::list(db, &account)?.into_iter().map(|op| (op.id, size(&signed(op)))).collect();
        Ok(grown(log, &offered, kept))
    }

    /// Keeps new ops of an account log: those that somebody had the right to write, and what such ops follow.
    /// Machines that they admit are known from now on.
    pub(crate) fn keep_account_log(
        &mut self,
        turn: &mut Turn<'_>,
        account: AccountId,
        ops: &[SignedOp],
    ) -> Result<(), Error> {
        let before = self.account_state(turn.db, &account)?;
        let (log, fresh) = self.grown_by(turn.db, account, ops)?;
        if fresh.is_empty() {
            return Ok(());
        }
        for (op, signed) in &fresh {
            let kept = accounts::AccountOp {
                id: op.id,
                account,
                header: signed.header.clone(),
                sig: signed.sig.clone(),
                payload: signed.payload.clone().unwrap_or_default(),
            };
            accounts::insert(turn.db, &kept)?;
        }
        self.account_logs.insert(account, log);
        let fresh: Vec<AccountOp> = fresh.into_iter().map(|(op, _)| op).collect();
        self.account_grew(turn, account, before.as_deref(), &fresh)
    }

    /// Tells every room of an account what is new in its log, and people which machines came and went.
    fn account_grew(
        &mut self,
        turn: &mut Turn<'_>,
        account: AccountId,
        before: Option<&AccountState>,
        fresh: &[AccountOp],
    ) -> Result<(), Error> {
        let Some(state) = self.account_state(turn.db, &account)? else { return Ok(()) };
        let was = |device: &&DeviceId| before.is_some_and(|before| before.is_active(device));
        let added: Vec<DeviceId> = state.devices.keys().filter(|d| !was(d)).copied().collect();
        for device in &added {
            self.directory.row(turn.db, device, Some(&account))?;
        }
        self.directory.note_removed(turn.db, &state)?;
        // Also one that is not removed itself: it falls with the machine that admitted it.
        let gone = before.into_iter().flat_map(|before| before.devices.keys());
        for device in gone.filter(|device| !state.is_active(device)) {
            self.part_from(turn, device)?;
        }
        if let Some(before) = before.filter(|before| before.root.is_some()) {
            announce_machines(turn, before, &state);
        }
        let rooms: Vec<_> =
            self.rooms.values().filter(|room| room.has_member(&account)).map(|room| room.row).collect();
        for room in rooms {
            let Some(conversation) = self.rooms.get_mut(&room) else { continue };
            for op in fresh {
                // An op that does not fit the log counts for nothing; the others go on.
                if let Err(error) = conversation.control.insert_account_op(op.clone()) {
                    tracing::debug!(%error, "an account op does not fit");
                }
            }
            self.view_changed(turn, room)?;
            for device in &added {
                self.unpark_ops(turn, room, device)?;
            }
        }
        Ok(())
    }

    /// A machine is gone: its peer is a stranger from now on, nothing waits for it, and nothing of it is taken that
    /// came too early.
    fn part_from(&mut self, turn: &mut Turn<'_>, device: &DeviceId) -> Result<(), Error> {
        if let Some(row) = self.directory.get(device).map(|known| known.row) {
            madang_store::lanes::clear(turn.db, row)?;
            madang_store::lanes::drop_early(turn.db, row, u32::MAX)?;
        }
        self.late_resets.remove(device);
        self.timers.cancel(|due| matches!(due, Due::Lane(of) | Due::LaneGap(of) if of == device));
        let peer = self.directory.get(device).and_then(|d| d.peer);
        let peer = peer.filter(|peer| self.directory.of_peer(peer).is_some_and(|(of, _)| of == *device));
        if let Some(peer) = peer
            && !self.set_peer(turn, peer)?
        {
            turn.send(Send::ForgetPeer(peer));
            self.peer_down(turn, peer)?;
        }
        Ok(())
    }

    /// Keeps a bundle if it is newer and its device is in the account's log.
    pub(crate) fn take_bundle(&mut self, turn: &mut Turn<'_>, signed: &Signed) -> Result<bool, Error> {
        let Some(account) = crate::bundle::account_of(signed) else { return Ok(false) };
        let Some(state) = self.account_state(turn.db, &account)? else { return Ok(false) };
        let Some((device, bundle)) = crate::bundle::check(signed, &state) else { return Ok(false) };
        let row = self.directory.row(turn.db, &device, Some(&account))?;
        let version = bundle.version;
        let newer = devices::set_bundle(turn.db, row, &signed.encode_to_vec(), version)?;
        if newer {
            self.directory.refresh(turn.db, &device)?;
            turn.lanes.insert(device);
        }
        Ok(newer)
    }

    /// Keeps an address record of an active device if it is newer; its peer becomes known.
    pub(crate) fn take_address(&mut self, turn: &mut Turn<'_>, signed: &Signed) -> Result<bool, Error> {
        let Ok(record) = open_signed::<AddressRecord>(signed) else { return Ok(false) };
        let device = DeviceId::from_bytes(record.signer);
        let Some(account) = self.directory.get(&device).and_then(|d| d.account) else { return Ok(false) };
        if !self.is_device_of(turn.db, &device, &account)? {
            return Ok(false);
        }
        let value = record.body.value();
        let Ok(peer) = PeerId::from_bytes(&value.peer_id) else { return Ok(false) };
        if peer == self.me.peer && device != self.me.device {
            return Ok(false);
        }
        let row = self.directory.row(turn.db, &device, Some(&account))?;
        let newer = devices::set_addr(turn.db, row, &signed.encode_to_vec(), value.version, &value.peer_id)?;
        if newer {
            let before = self.directory.get(&device).and_then(|d| d.peer);
            self.directory.refresh(turn.db, &device)?;
            // Whoever named the peer first keeps it, unless his machine was removed.
            if let Some((holder, of)) = self.directory.of_peer(&peer)
                && !self.is_device_of(turn.db, &holder, &of)?
            {
                self.directory.believe(turn.db, &peer, &device)?;
            }
            self.directory.keep_holder(turn.db, &peer)?;
            self.know_peer(turn, &device, before)?;
        }
        Ok(newer)
    }

    /// Makes the peer of a friend's or own active device known to the network; others stay strangers.
    pub(crate) fn know_peer(
        &mut self,
        turn: &mut Turn<'_>,
        device: &DeviceId,
        before: Option<PeerId>,
    ) -> Result<(), Error> {
        let Some(known) = self.directory.get(device) else { return Ok(()) };
        if *device == self.me.device {
            return Ok(());
        }
        let peer = known.peer;
        if let Some(before) = before.filter(|before| Some(*before) != peer)
            && !self.set_peer(turn, before)?
        {
            turn.send(Send::ForgetPeer(before));
        }
        if let Some(peer) = peer {
            self.set_peer(turn, peer)?;
        }
        Ok(())
    }

    /// Tells the network about a peer that a friend's or own active device has; answers whether one has it.
    fn set_peer(&mut self, turn: &mut Turn<'_>, peer: PeerId) -> Result<bool, Error> {
        if let Some((device, account)) = self.directory.of_peer(&peer)
            && (account == self.me.account || self.is_friend(&account))
            && self.is_device_of(turn.db, &device, &account)?
        {
            let addrs = self.directory.get(&device).map(|d| d.addrs.clone()).unwrap_or_default();
            turn.send(Send::SetPeer { peer, addrs });
            self.relays_changed = true;
            return Ok(true);
        }
        Ok(false)
    }

    /// A device has spoken over the stream of a peer: if its record names that peer, it is the one behind it,
    /// whoever else names it.
    pub(crate) fn peer_speaks_for(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        device: &DeviceId,
    ) -> Result<(), Error> {
        if self.directory.believe(turn.db, &peer, device)? {
            // The connection was taken for another one's; it comes anew.
            turn.send(Send::ForgetPeer(peer));
            self.peer_down(turn, peer)?;
            self.set_peer(turn, peer)?;
        }
        Ok(())
    }

    /// The account for which a device may write in a room. What a removed device wrote counts only where something
    /// that counts names it as its past: it was there before the removal then.
    pub(crate) fn writer_account(
        &mut self,
        db: &Conn,
        room: RoomRow,
        device: &DeviceId,
        op: Option<&OpId>,
    ) -> Result<Option<AccountId>, Error> {
        let Some(account) = self.author_account(room, device) else { return Ok(None) };
        let state = self.account_state(db, &account)?;
        let removed = |state: &AccountState| state.removed.contains_key(device);
        let active = state.as_deref().is_some_and(|state| state.is_active(device));
        let Some(conversation) = self.rooms.get(&room) else { return Ok(None) };
        let in_view = conversation.devices.contains_key(device) && !state.as_deref().is_some_and(removed);
        let named = op.is_some_and(|op| conversation.covered.is_named(op));
        Ok((active || in_view || named).then_some(account))
    }

    /// Whether a device is an active one of an account.
    pub(crate) fn is_device_of(
        &mut self,
        db: &Conn,
        device: &DeviceId,
        account: &AccountId,
    ) -> Result<bool, Error> {
        Ok(self.account_state(db, account)?.is_some_and(|state| state.is_active(device)))
    }

    /// The heads in a lane packet show whether the other side has missed a device of this account (protocol
    /// section 4.1): then it is told what it lacks, once for the same heads.
    pub(crate) fn compare_heads(
        &mut self,
        turn: &mut Turn<'_>,
        device: DeviceId,
        plain: &LanePlain,
    ) -> Result<(), Error> {
        let own = self.me.account;
        let Some(state) = self.account_state(turn.db, &own)? else { return Ok(()) };
        let known: BTreeSet<&[u8]> = plain.to_heads.iter().map(Vec::as_slice).collect();
        if plain.to_heads.is_empty()
            || state.heads.iter().all(|head| known.contains(head.as_bytes().as_slice()))
        {
            return Ok(());
        }
        let told = (state.heads.clone(), plain.to_heads.clone());
        if self.hinted.get(&device) == Some(&told) {
            return Ok(());
        }
        self.hinted.insert(device, told);
        let ops = self.account_ops_after(turn.db, &own, &plain.to_heads)?;
        if ops.is_empty() {
            return Ok(());
        }
        for (number, ops) in parts(ops).into_iter().enumerate() {
            self.lane_send(turn, device, &topic("hint", number), LaneBody::Hint(AccountHint { ops }))?;
        }
        Ok(())
    }

    /// What somebody with these heads of an account log lacks, each op after its past.
    fn account_ops_after(
        &mut self,
        db: &Conn,
        account: &AccountId,
        heads: &[Vec<u8>],
    ) -> Result<Vec<SignedOp>, Error> {
        self.account_state(db, account)?;
        let heads: Vec<OpId> = heads.iter().filter_map(|id| OpId::try_from(id.as_slice()).ok()).collect();
        let ids = self.account_logs.get(account).map(|log| log.unknown_to(&heads)).unwrap_or_default();
        let mut ops = Vec::new();
        for id in ids {
            ops.extend(accounts::by_id(db, &id)?.map(signed));
        }
        Ok(ops)
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

    /// Asks a peer for what it knows of an account log beyond what is here.
    pub(crate) fn ask_account(&mut self, turn: &mut Turn<'_>, peer: PeerId, account: AccountId) {
        let heads = self.account_heads(turn.db, &account).iter().map(|head| head.to_vec()).collect();
        let Some(link) = self.peers.get_mut(&peer) else { return };
        link.asked_accounts.insert(account, ANSWER_FRAMES);
        let get = AccountGet { account: account.as_bytes().to_vec(), heads };
        self.frame(turn, peer, StreamBody::AccountGet(get));
    }

    /// A peer asks for what it lacks of an account log.
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
            for ops in parts(self.account_ops_after(turn.db, &account, &get.heads)?) {
                let answer = AccountOps { account: get.account.clone(), ops };
                self.frame(turn, peer, StreamBody::Account(answer));
            }
        }
        Ok(())
    }

    /// Ops of an account log, if this peer was asked for them: otherwise any friend could fill the logs of
    /// everybody else.
    pub(crate) fn account_ops(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        account: &[u8],
        ops: &[SignedOp],
    ) -> Result<(), Error> {
        let Ok(account) = AccountId::try_from(account) else { return Ok(()) };
        let Some(link) = self.peers.get_mut(&peer) else { return Ok(()) };
        match link.asked_accounts.get_mut(&account) {
            Some(frames) if *frames > 0 => *frames = frames.saturating_sub(1),
            _ => return Ok(()),
        }
        self.keep_account_log(turn, account, ops)
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
}
