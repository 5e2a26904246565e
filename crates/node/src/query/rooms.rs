//! Rooms as the shells see them.

use madang_model::{AccountId, ConvId, Role};
use madang_store::{Conn, devices, gaps, ops, rooms};

use crate::{
    error::Error,
    gaps::CLOCK,
    query::{friends, messages, standing::Standing},
    view,
};

fn kind(kind: rooms::RoomKind) -> view::RoomKind {
    match kind {
        rooms::RoomKind::Own => view::RoomKind::SelfRoom,
        rooms::RoomKind::Direct => view::RoomKind::Direct,
        rooms::RoomKind::Group => view::RoomKind::Group,
        rooms::RoomKind::Open => view::RoomKind::Open,
    }
}

/// Rooms, latest first.
pub(crate) fn list(db: &Conn, me: &AccountId, own_name: &str, now: u64) -> Result<Vec<view::Room>, Error> {
    let mut out = Vec::new();
    for room in rooms::list(db)? {
        let last = match room.last_op {
            Some(row) => match ops::get(db, row)? {
                Some(op) => {
                    Some(messages::message(db, room.conv, &Standing::load(db, me, &room)?, &op, now)?)
                }
                None => None,
            },
            None => None,
        };
        let missing: u64 = gaps::list(db, room.row)?
            .iter()
            .filter(|gap| gap.closed_at.is_none())
            .map(|gap| gap.to_seq.saturating_sub(gap.from_seq).saturating_add(1))
            .sum();
        let title = match room.peer {
            Some(peer) => friends::name_of(db, &peer)?,
            None if room.title.is_empty() => own_name.to_owned(),
            None => room.title.clone(),
        };
        out.push(view::Room {
            room: room.conv,
            kind: kind(room.kind),
            title,
            peer: room.peer,
            unread: u32::try_from(room.unread).unwrap_or(u32::MAX),
            last,
            members: if room.peer.is_some() { 2 } else { 1 },
            missing: u32::try_from(missing).unwrap_or(u32::MAX),
            incomplete_keys: u32::try_from(crate::recipients::incomplete_keys(db, room.row)?)
                .unwrap_or(u32::MAX),
        });
    }
    Ok(out)
}

/// The people in a room with fixed members: equals, so that everybody is an owner.
pub(crate) fn members(
    db: &Conn,
    me: &AccountId,
    own_name: &str,
    conv: &ConvId,
) -> Result<Vec<view::Member>, Error> {
    let room = rooms::by_conv(db, conv)?.ok_or(Error::NotFound("room"))?;
    let mut out = vec![view::Member { account: *me, name: own_name.to_owned(), role: Role::Owner }];
    if let Some(peer) = room.peer {
        out.push(view::Member { account: peer, name: friends::name_of(db, &peer)?, role: Role::Owner });
    }
    Ok(out)
}

/// Whether a room is here.
pub(crate) fn exists(db: &Conn, conv: &ConvId) -> Result<(), Error> {
    rooms::row_of(db, conv)?.map(drop).ok_or(Error::NotFound("room"))
}

/// Open and closed gaps of a room, and what is here from the future.
pub(crate) fn gaps(db: &Conn, conv: &ConvId) -> Result<Vec<view::Gap>, Error> {
    let room = rooms::row_of(db, conv)?.ok_or(Error::NotFound("room"))?;
    let mut out: Vec<view::Gap> = Vec::new();
    for gap in gaps::list(db, room)? {
        let Some(device) = devices::get(db, gap.author)? else { continue };
        let Some(account) = device.account else { continue };
        let count = gap.to_seq.saturating_sub(gap.from_seq).saturating_add(1);
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let closed = gap.closed_at.is_some();
        // One line per author and state, however many holes there are.
        match out.iter_mut().find(|g| g.device == device.id && g.closed == closed) {
            Some(line) => {
                line.count = line.count.saturating_add(count);
                line.since = line.since.min(gap.since);
            }
            None => out.push(view::Gap {
                room: *conv,
                account,
                device: device.id,
                device_name: crate::accounts::label_of(db, &account, &device.id)?,
                count,
                since: gap.since,
                closed,
                reason: None,
            }),
        }
    }
    for waiting in ops::waiting(db, room)? {
        let Some(device) = devices::get(db, waiting.author)? else { continue };
        let Some(account) = device.account else { continue };
        out.push(view::Gap {
            room: *conv,
            account,
            device: device.id,
            device_name: crate::accounts::label_of(db, &account, &device.id)?,
            count: u32::try_from(waiting.count).unwrap_or(u32::MAX),
            since: waiting.since,
            closed: false,
            reason: Some(CLOCK),
        });
    }
    Ok(out)
}
