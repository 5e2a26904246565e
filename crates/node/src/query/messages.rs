//! Messages as the shells see them. How far they have come is in `standing`.

use std::collections::{BTreeMap, btree_map::Entry};

use madang_model::{AccountId, ConvId, Hlc, OpId, limits::UNREAD_WINDOW_MS, order::shown_time_ms};
use madang_store::{
    Conn, OpRow, RoomRow,
    history::{self, Cursor, Kinds},
    ops, rooms, search,
};

use crate::{
    error::Error,
    query::{friends, standing::Standing},
    stored, view,
};

/// Most messages of one answer.
pub(crate) const LIMIT_MAX: usize = 1_000;

/// One message.
pub(crate) fn message(
    db: &Conn,
    conv: ConvId,
    standing: &Standing,
    op: &ops::Op,
    now: u64,
) -> Result<view::Message, Error> {
    let text = stored::text(op.payload.as_deref());
    let own = standing.is_own(op);
    let (state, reason) = match own {
        true => standing.state(db, op).map(|(state, reason)| (Some(state), reason))?,
        false => (None, None),
    };
    let fresh = now.saturating_sub(Hlc::from_u64(op.hlc).millis()) < UNREAD_WINDOW_MS;
    Ok(view::Message {
        message: op.id,
        room: conv,
        sender: op.account,
        sender_name: if own { standing.own_name().to_owned() } else { friends::name_of(db, &op.account)? },
        text: text.as_ref().map(|text| text.text.clone()),
        at: shown_time_ms(Hlc::from_u64(op.hlc), op.arrived_at),
        state,
        reason,
        unread: standing.unread(op).filter(|_| fresh),
        late: op.late,
        reply: text.and_then(|text| OpId::try_from(text.reply.as_slice()).ok()),
    })
}

/// A message by its id.
#[cfg(test)]
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
    let (before, after) = (before.map(place).transpose()?, after.map(place).transpose()?);
    let cursor = match (before, after) {
        // Between two messages the page begins behind the older one.
        (_, Some(after)) => Cursor::After(after),
        (Some(before), None) => Cursor::Before(before),
        (None, None) => Cursor::Newest,
    };
    let standing = Standing::load(db, me, &room)?;
    history::page(db, room.row, cursor, &Kinds::MESSAGES, limit.min(LIMIT_MAX))?
        .iter()
        .filter(|op| before.is_none_or(|before| op.place() < before))
        .map(|op| message(db, room.conv, &standing, op, now))
        .collect()
}

/// Where a message is, device by device.
pub(crate) fn why(db: &Conn, me: &AccountId, id: &OpId) -> Result<Vec<view::DeviceDelivery>, Error> {
    let op = ops::by_id(db, id)?.ok_or(Error::NotFound("message"))?;
    let room = rooms::get(db, op.room)?.ok_or(Error::NotFound("room"))?;
    Standing::load(db, me, &room)?.devices(db, &op)
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
