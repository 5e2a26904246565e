//! The control log of a conversation: mirrors of device changes, and control ops that arrive
//! (protocol sections 3.3 and 5.3).
//!
//! Invariant: a change of membership is posted before the next content of this machine.

use madang_crypto::{SALT_BYTES, ids_hash};
use madang_model::{
    AccountId, AccountLog, ControlOp, Kind, Op, OpId,
    control::{Change, ControlLog, Conversation as Members},
};
use madang_store::{
    Conn, RoomRow, accounts, history,
    ops::{self, Origin},
    rooms,
};
use madang_wire::{self as wire, ControlBody, DeviceAdded, DeviceRemoved, Message as _};

use crate::{
    accounts::{signed, typed_op},
    core::Core,
    error::Error,
    stored,
    timer::Due,
    turn::Turn,
};

/// The author of an op with other control heads is asked for what is missing at most this often.
const COMPARE_EVERY_MS: u64 = 60_000;
/// And so long after the op came: what it follows may be on its way.
const COMPARE_AFTER_MS: u64 = 1_000;

impl Core {
    /// Loads the control log of a room from the store.
    pub(crate) fn load_control(&self, db: &Conn, room: &rooms::Room) -> Result<ControlLog, Error> {
        let members = match (room.kind, room.peer) {
            (rooms::RoomKind::Own, _) => Members::Own(self.me.account),
            (rooms::RoomKind::Direct, Some(peer)) => Members::Direct(self.me.account, peer),
            _ => Members::Room,
        };
        let mut log = ControlLog::new(members, room.conv);
        for account in members.fixed_members() {
            for signed in self.account_log(db, &account)? {
                if let Some(op) = typed_op(&signed) {
                    insert(log.insert_account_op(op));
                }
            }
        }
        for op in history::control(db, room.row)? {
            if let Some(op) = stored::to_model(&op).as_ref().and_then(ControlOp::from_op) {
                insert(log.insert(op));
            }
        }
        Ok(log)
    }

    /// Posts the mirrors of device changes that this machine knows of and the room does not. Called before every
    /// send, so that accounts without news must cost nothing.
    pub(crate) fn post_mirrors(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
        let accounts: Vec<AccountId> = conversation.members.iter().copied().collect();
        for account in accounts {
            let Some(state) = self.account_state(turn.db, &account)? else { continue };
            let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
            if conversation.mirrored.get(&account) == Some(&state.heads) {
                continue;
            }
            let known = conversation.control.mirrored(&self.me.device);
            let wanted = self.account_logs.get_mut(&account).map(AccountLog::effective).unwrap_or_default();
            for id in wanted.iter().filter(|id| !known.contains(*id)) {
                self.post_mirror(turn, room, &account, id)?;
            }
            if let Some(conversation) = self.rooms.get_mut(&room) {
                conversation.mirrored.insert(account, state.heads.clone());
            }
        }
        Ok(())
    }

    fn post_mirror(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        account: &AccountId,
        id: &OpId,
    ) -> Result<(), Error> {
        let Some(stored) = accounts::by_id(turn.db, id)? else { return Ok(()) };
        let account_op = Some(signed(stored));
        let removes =
            self.account_logs.get(account).and_then(|log| log.op(id)).is_some_and(|op| op.removes());
        if removes {
            let body = ControlBody::DeviceRemoved(DeviceRemoved { account_op });
            self.post_control(turn, room, Kind::DeviceRemoved, body)
        } else {
            let body = ControlBody::DeviceAdded(DeviceAdded { account_op });
            self.post_control(turn, room, Kind::DeviceAdded, body)
        }
    }

    /// Posts a control op, sealed under the highest key that was usable, age aside, just before it; the
    /// first ones of a room under the first key, which is made for them (protocol sections 3.3, 5.3).
    fn post_control(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        kind: Kind,
        body: ControlBody,
    ) -> Result<(), Error> {
        let key = match self.current_key(turn, room) {
            Some(key) => key,
            None => self.usable_key(turn, room)?,
        };
        let ctl_deps = self.control_heads(room).iter().map(|id| id.as_bytes().to_vec()).collect();
        let content = wire::Control { ctl_deps, body: Some(body) }.encode_to_vec();
        let posted = self.write(turn, room, kind, &content, key)?;
        if let Some(op) = ops::by_id(turn.db, &posted.id)?
            && let Some(op) = stored::to_model(&op)
        {
            self.apply_control(turn, room, &op)?;
        }
        Ok(())
    }

    /// A control op is in the store: the view changes.
    pub(crate) fn apply_control(&mut self, turn: &mut Turn<'_>, room: RoomRow, op: &Op) -> Result<(), Error> {
        let Some(control_op) = ControlOp::from_op(op) else { return Ok(()) };
        let Some(conversation) = self.rooms.get_mut(&room) else { return Ok(()) };
        let mirrors = match &control_op.change {
            Change::DeviceAdded(mirrored) | Change::DeviceRemoved(mirrored) => {
                let known = self.account_logs.get(&mirrored.account);
                Some(mirrored.account).filter(|_| known.is_none_or(|log| !log.contains(&mirrored.id)))
            }
            _ => None,
        };
        insert(conversation.control.insert(control_op));
        self.view_changed(turn, room)?;
        if let Some(account) = mirrors {
            self.keep_mirrored(turn, room, op, account)?;
        }
        turn.changed_rooms.insert(room);
        Ok(())
    }

    /// A mirror is news of the account log of a member as well: what it removes is removed everywhere.
    fn keep_mirrored(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        op: &Op,
        account: AccountId,
    ) -> Result<(), Error> {
        if !self.rooms.get(&room).is_some_and(|room| room.has_member(&account)) {
            return Ok(());
        }
        let Some(payload) = ops::by_id(turn.db, &op.id)?.and_then(|stored| stored.payload) else {
            return Ok(());
        };
        let content = payload.get(SALT_BYTES..).unwrap_or_default();
        match wire::decode::<wire::Control>(content).ok().and_then(|control| control.body) {
            Some(
                ControlBody::DeviceAdded(DeviceAdded { account_op: Some(inner) })
                | ControlBody::DeviceRemoved(DeviceRemoved { account_op: Some(inner) }),
            ) => self.keep_account_log(turn, account, &[inner]),
            _ => Ok(()),
        }
    }

    /// An op names the control heads of its author's view. Where they are others than here although nothing waits, one
    /// of both lacks something: control ops are exchanged soon, rarely more than once a minute (protocol section 5.2).
    /// What comes as history was written with the heads of its time.
    pub(crate) fn compare_control(&mut self, turn: &Turn<'_>, room: RoomRow, op: &Op, origin: Origin) {
        if op.header.kind.is_control() || !matches!(origin, Origin::Gossip | Origin::Stream | Origin::Relay) {
            return;
        }
        let now = turn.now.mono;
        let Some(conversation) = self.rooms.get_mut(&room) else { return };
        let heads: Vec<[u8; 32]> =
            conversation.control.view().heads().iter().map(|id| id.to_bytes()).collect();
        let recent = conversation.views_differ.is_some_and(|at| now.saturating_sub(at) < COMPARE_EVERY_MS);
        if op.header.ctl == ids_hash(&heads) {
            conversation.views_differ = conversation.views_differ.filter(|_| recent);
            return;
        }
        if recent || conversation.control.missing().waiting > 0 {
            return;
        }
        conversation.views_differ = Some(now);
        if let Some(peer) = self.peer_of(&op.header.author).filter(|peer| self.peers_in(room).contains(peer))
        {
            self.timers.set(Due::Reconcile(peer, room), now.saturating_add(COMPARE_AFTER_MS));
        }
    }

    /// The control log of a room may have grown: devices that are new in its view are known from now on, and what
    /// they wrote before is taken.
    pub(crate) fn view_changed(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        let Some(conversation) = self.rooms.get_mut(&room) else { return Ok(()) };
        let before = std::mem::take(&mut conversation.devices);
        conversation.control_changed();
        let fresh: Vec<_> = conversation
            .devices
            .iter()
            .filter(|(device, _)| !before.contains_key(device))
            .map(|(device, account)| (*device, *account))
            .collect();
        // Newcomers read them for the first time, and after a removal others open the inboxes.
        if conversation.devices.keys().ne(before.keys()) {
            self.refresh_registers_of(turn, room)?;
        }
        self.check_keys(turn, room)?;
        for (device, account) in fresh {
            self.directory.row(turn.db, &device, Some(&account))?;
            self.unpark_ops(turn, room, &device)?;
        }
        Ok(())
    }
}

/// An op that breaks the form of the log counts for nothing; it stays in the store as it came.
fn insert<T>(result: Result<T, madang_model::LogError>) {
    if let Err(error) = result {
        tracing::debug!(%error, "an op does not fit the control log");
    }
}
