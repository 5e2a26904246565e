//! The control log of a conversation: mirrors of device changes, and control ops that arrive
//! (protocol sections 3.3 and 5.3).
//!
//! Invariant: a change of membership is posted before the next content of this machine.

use madang_model::{
    AccountChange, ControlOp, Kind, Op,
    control::{Change, ControlLog, Conversation as Members},
    keys as rules,
};
use madang_store::{Conn, RoomRow, history, rooms};
use madang_wire::{self as wire, ControlBody, DeviceAdded, DeviceRemoved, Message as _};

use crate::{accounts::typed_op, core::Core, error::Error, stored, turn::Turn};

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

    /// Posts the mirrors of device changes that this machine knows of and the room does not.
    pub(crate) fn post_mirrors(&mut self, turn: &mut Turn<'_>, room: RoomRow) -> Result<(), Error> {
        let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
        let mirrored: Vec<_> = conversation
            .control
            .ops()
            .filter_map(|op| match &op.change {
                Change::DeviceAdded(account_op) | Change::DeviceRemoved(account_op) => Some(account_op.id),
                _ => None,
            })
            .collect();
        let accounts: Vec<_> = conversation.members.iter().copied().collect();
        let mut posts = Vec::new();
        for account in accounts {
            for (id, signed) in self.device_ops(turn.db, &account)? {
                if mirrored.contains(&id) {
                    continue;
                }
                let Some(op) = typed_op(&signed) else { continue };
                match op.change {
                    AccountChange::Genesis { .. } | AccountChange::AddDevice { .. } => {
                        posts.push((
                            Kind::DeviceAdded,
                            ControlBody::DeviceAdded(DeviceAdded { account_op: Some(signed) }),
                        ));
                    }
                    AccountChange::RemoveDevice(_) | AccountChange::RotateRoot { .. } => {
                        posts.push((
                            Kind::DeviceRemoved,
                            ControlBody::DeviceRemoved(DeviceRemoved { account_op: Some(signed) }),
                        ));
                    }
                }
            }
        }
        for (kind, body) in posts {
            self.post_control(turn, room, kind, body)?;
        }
        Ok(())
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
        let conversation = self.rooms.get_mut(&room).ok_or(Error::NotFound("room"))?;
        let view = conversation.control.view();
        let facts: Vec<_> = conversation.keys.values().map(|held| held.facts.clone()).collect();
        let key = rules::choose(&mut conversation.control, &facts, &view, 0, &rules::Rules::AGE_ASIDE)
            .map(|k| k.id);
        let key = match key {
            Some(key) => key,
            None => self.usable_key(turn, room)?,
        };
        let ctl_deps = self.control_heads(room).iter().map(|id| id.as_bytes().to_vec()).collect();
        let content = wire::Control { ctl_deps, body: Some(body) }.encode_to_vec();
        let posted = self.write(turn, room, kind, &content, key)?;
        if let Some(op) = madang_store::ops::by_id(turn.db, &posted.id)?
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
        insert(conversation.control.insert(control_op));
        let before = std::mem::take(&mut conversation.devices);
        conversation.control_changed();
        let fresh: Vec<_> = conversation
            .devices
            .iter()
            .filter(|(device, _)| !before.contains_key(device))
            .map(|(device, account)| (*device, *account))
            .collect();
        for (device, account) in fresh {
            self.directory.row(turn.db, &device, Some(&account))?;
            self.unpark_ops(turn, room, &device)?;
        }
        turn.changed_rooms.insert(room);
        Ok(())
    }
}

/// An op that breaks the form of the log counts for nothing; it stays in the store as it came.
fn insert<T>(result: Result<T, madang_model::LogError>) {
    if let Err(error) = result {
        tracing::debug!(%error, "an op does not fit the control log");
    }
}
