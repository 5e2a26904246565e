//! Messages: sending texts.

use madang_model::{ConvId, Kind, OpId, text};
use madang_store::{RoomRow, friends, ops, rooms};
use madang_wire::{Message as _, Text};

use crate::{command::Sent, core::Core, error::Error, turn::Turn};

impl Core {
    /// Writes a text into a room. Durable with the commit of this turn.
    pub(crate) fn send_text(
        &mut self,
        turn: &mut Turn<'_>,
        conv: ConvId,
        body: &str,
        answers: Option<OpId>,
    ) -> Result<Sent, Error> {
        let room = self.by_conv.get(&conv).copied().ok_or(Error::NotFound("room"))?;
        text::check_message(body, false)?;
        self.check_member(turn, room)?;
        self.check_clock()?;
        if let Some(id) = &answers
            && !ops::by_id(turn.db, id)?.is_some_and(|op| op.room == room && op.kind == Kind::Text.number())
        {
            return Err(Error::NotFound("message"));
        }
        let text = Text {
            text: body.to_owned(),
            reply: answers.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            ..Text::default()
        };
        let posted = self.post(turn, room, Kind::Text, &text.encode_to_vec())?;
        self.findable(turn, posted.row, body)?;
        rooms::raise_last(turn.db, room, posted.hlc.as_u64(), posted.row)?;
        turn.new_messages.push(posted.id);
        Ok(Sent { message: posted.id, room: conv, at: posted.hlc.millis().min(turn.now.wall) })
    }

    /// Whether this account may write here: a 1:1 with somebody who is no friend or is blocked is closed.
    fn check_member(&self, turn: &Turn<'_>, room: RoomRow) -> Result<(), Error> {
        let conversation = self.rooms.get(&room).ok_or(Error::NotFound("room"))?;
        if !conversation.has_member(&self.me.account) {
            return Err(Error::NotMember);
        }
        match conversation.peer {
            Some(peer) if !self.is_friend(&peer) => {
                let friend = friends::get(turn.db, &peer)?;
                Err(if friend.is_some_and(|friend| friend.blocked) {
                    Error::Blocked
                } else {
                    Error::NotFriend
                })
            }
            _ => Ok(()),
        }
    }
}
