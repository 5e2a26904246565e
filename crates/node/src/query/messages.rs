//! Messages as the shells see them, with their delivery state derived from acknowledgements.
//!
//! Invariant: a state is computed from what is on disk, never remembered, so that it is right after
//! any restart.

use std::collections::{BTreeMap, btree_map::Entry};

use madang_model::{AccountId, ConvId, DeviceId, Hlc, OpId, order::shown_time_ms};
use madang_store::{
    Conn, DeviceRow, OpRow, RoomRow, acks, devices, frames,
    history::{self, Cursor, Kinds},
    ops, rooms, search,
};

use crate::{error::Error, home::secrets, query::friends, stored, view};

/// Messages older than this show no unread number (protocol section 6.2).
const UNREAD_NUMBER_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// Most messages of one answer.
pub(crate) const LIMIT_MAX: usize = 1_000;

/// Where the devices of a room stand, loaded once per answer.
pub(crate) struct Standing {
    me: AccountId,
    own_name: String,
    /// Devices of others, by account.
    others: BTreeMap<AccountId, Vec<(DeviceRow, DeviceId)>>,
    /// What each device has committed, by author.
    acks: acks::Vectors,
    /// What each account has read, by author.
    marks: acks::Marks,
}

impl Standing {
    /// Loads the standing of a room.
    pub(crate) fn load(db: &Conn, me: &AccountId, room: &rooms::Room) -> Result<Self, Error> {
        let mut others: BTreeMap<AccountId, Vec<(DeviceRow, DeviceId)>> = BTreeMap::new();
        if let Some(peer) = room.peer {
            let list = devices::of_account(db, &peer)?;
            others.insert(peer, list.iter().map(|d| (d.row, d.id)).collect());
        }
        Ok(Self {
            me: *me,
            own_name: secrets::own_name(db)?,
            others,
            acks: acks::vectors(db, room.row)?,
            marks: acks::read_marks(db, room.row)?,
        })
    }

    fn committed(&self, device: DeviceRow, author: DeviceRow) -> u64 {
        self.acks.get(&device).and_then(|v| v.get(&author)).copied().unwrap_or(0)
    }

    fn has_read(&self, account: &AccountId, author: DeviceRow, seq: u64) -> bool {
        self.marks.get(account).and_then(|v| v.get(&author)).is_some_and(|upto| *upto >= seq)
    }

    fn unread(&self, op: &ops::Op) -> u32 {
        let people = self.others.keys().chain([&self.me]);
        let count = people
            .filter(|account| **account != op.account && !self.has_read(account, op.author_row, op.seq))
            .count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    fn state(&self, db: &Conn, op: &ops::Op) -> Result<view::MessageState, Error> {
        let delivered = self
            .others
            .values()
            .all(|devices| devices.iter().any(|(row, _)| self.committed(*row, op.author_row) >= op.seq));
        if delivered {
            let read = !self.others.is_empty() && self.unread(op) == 0;
            return Ok(if read { view::MessageState::Read } else { view::MessageState::Delivered });
        }
        let relayed = !frames::copies(db, op.row)?.is_empty();
        Ok(if relayed { view::MessageState::Relayed } else { view::MessageState::Sending })
    }
}

/// One message.
pub(crate) fn message(
    db: &Conn,
    conv: ConvId,
    standing: &Standing,
    op: &ops::Op,
    now: u64,
) -> Result<view::Message, Error> {
    let text = stored::text(op.payload.as_deref());
    let own = op.account == standing.me;
    let state = if own { Some(standing.state(db, op)?) } else { None };
    // It was at a relay once, and the relay has lost it.
    let expired = state == Some(view::MessageState::Sending) && frames::was_relayed(db, op.row)?;
    let fresh = now.saturating_sub(Hlc::from_u64(op.hlc).millis()) < UNREAD_NUMBER_MS;
    Ok(view::Message {
        message: op.id,
        room: conv,
        sender: op.account,
        sender_name: if own { standing.own_name.clone() } else { friends::name_of(db, &op.account)? },
        text: text.as_ref().map(|text| text.text.clone()),
        at: shown_time_ms(Hlc::from_u64(op.hlc), op.arrived_at),
        state,
        reason: expired.then_some("relay_expired"),
        unread: fresh.then(|| standing.unread(op)),
        late: op.late,
        reply: text.and_then(|text| OpId::try_from(text.reply.as_slice()).ok()),
    })
}

/// A message by its id.
pub(crate) fn by_id(db: &Conn, me: &AccountId, id: &OpId, now: u64) -> Result<Option<view::Message>, Error> {
    let Some(op) = ops::by_id(db, id)? else { return Ok(None) };
    let Some(room) = rooms::get(db, op.room)? else { return Ok(None) };
    let standing = Standing::load(db, me, &room)?;
    message(db, room.conv, &standing, &op, now).map(Some)
}

/// A page of a room, oldest first.
pub(crate) fn list(
    db: &Conn,
    me: &AccountId,
    conv: &ConvId,
    limit: usize,
    (before, after): (Option<OpId>, Option<OpId>),
    now: u64,
) -> Result<Vec<view::Message>, Error> {
    let room = rooms::by_conv(db, conv)?.ok_or(Error::NotFound("room"))?;
    let place = |id: OpId| -> Result<_, Error> {
        let op = ops::by_id(db, &id)?.filter(|op| op.room == room.row);
        Ok(op.ok_or(Error::NotFound("message"))?.place())
    };
    let cursor = match (before, after) {
        (Some(id), _) => Cursor::Before(place(id)?),
        (None, Some(id)) => Cursor::After(place(id)?),
        (None, None) => Cursor::Newest,
    };
    let standing = Standing::load(db, me, &room)?;
    history::page(db, room.row, cursor, &Kinds::MESSAGES, limit.min(LIMIT_MAX))?
        .iter()
        .map(|op| message(db, room.conv, &standing, op, now))
        .collect()
}

/// Where a message is, device by device.
pub(crate) fn why(db: &Conn, me: &AccountId, id: &OpId) -> Result<Vec<view::DeviceDelivery>, Error> {
    let op = ops::by_id(db, id)?.ok_or(Error::NotFound("message"))?;
    let room = rooms::get(db, op.room)?.ok_or(Error::NotFound("room"))?;
    let standing = Standing::load(db, me, &room)?;
    let copies = frames::copies(db, op.row)?;
    let queued = if frames::was_relayed(db, op.row)? { "relay_expired" } else { "not_reached" };
    let mut out = Vec::new();
    for (account, devices) in &standing.others {
        if *account == op.account {
            continue;
        }
        for (row, device) in devices {
            let (state, at, reason) = if standing.has_read(account, op.author_row, op.seq) {
                (view::DeviceState::Read, 0, None)
            } else if standing.committed(*row, op.author_row) >= op.seq {
                (view::DeviceState::Delivered, 0, None)
            } else if let Some(copy) = copies.first() {
                (view::DeviceState::Relayed, copy.at, Some("waits_at_relay"))
            } else {
                (view::DeviceState::Queued, op.arrived_at, Some(queued))
            };
            out.push(view::DeviceDelivery { account: *account, device: *device, state, at, reason });
        }
    }
    Ok(out)
}

/// Messages that contain a text, newest first.
pub(crate) fn search(
    db: &Conn,
    me: &AccountId,
    text: &str,
    (room, from): (Option<ConvId>, Option<AccountId>),
    limit: usize,
    now: u64,
) -> Result<Vec<view::Message>, Error> {
    let row: Option<RoomRow> = match room {
        Some(conv) => Some(rooms::row_of(db, &conv)?.ok_or(Error::NotFound("room"))?),
        None => None,
    };
    let decode = |_: OpRow, payload: &[u8]| stored::text(Some(payload)).map(|text| text.text);
    let query = search::Query { text, room: row, account: from.as_ref(), limit: limit.min(LIMIT_MAX) };
    let hits = search::query(db, &query, decode)?;
    let mut out = Vec::new();
    let mut standings: BTreeMap<RoomRow, (ConvId, Standing)> = BTreeMap::new();
    for row in hits {
        let Some(op) = ops::get(db, row)? else { continue };
        let (conv, standing) = match standings.entry(op.room) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let Some(room) = rooms::get(db, op.room)? else { continue };
                free.insert((room.conv, Standing::load(db, me, &room)?))
            }
        };
        out.push(message(db, *conv, standing, &op, now)?);
    }
    Ok(out)
}
