//! Answering what others lack: ops by id and history, sealed anew under the key in use (protocol section
//! 3.4).
//!
//! Must not know why they are missing there. Invariants: only what the asking account may see is served;
//! an answer has at most 1,024 ops and 4 MiB; a purged op goes out as header and signature.

use std::cmp::Reverse;

use madang_model::{KeyId, Kind, OpId, visible::Class};
use madang_p2p::PeerId;
use madang_store::{RoomRow, frames, history, ops};
use madang_wire::{BulkEnd, BulkGet, Inner, InnerBody, Message as _, OpHeader, Sealed, StreamBody, limits};

use super::{budget::Work, vector::sees};
use crate::{core::Core, error::Error, stored, turn::Turn};

/// Sealed bytes of one answer: a quarter of what may wait on a stream. The peer asks for the rest.
pub(super) const ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// Ops read from the store at a time.
const PAGE: usize = 100;
/// Ops looked at for one answer: those that the peer may not see are passed over.
const LOOKED_AT: usize = 4_000;

/// An answer in the making.
struct Answer {
    key: KeyId,
    sealed: Vec<Sealed>,
    bytes: usize,
}

impl Core {
    /// Answers a `Want`.
    pub(super) fn serve_wanted(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
        ids: &[Vec<u8>],
    ) -> Result<(), Error> {
        let Some((class, mut answer)) = self.begin_answer(turn, peer, room)? else { return Ok(()) };
        self.charge(turn, peer, Work::Serve(ids.len().min(limits::WANT_IDS)));
        let mut control = true;
        for (is_control, id) in in_order(turn, ids)? {
            if control && !is_control {
                control = false;
                self.send_ops(turn, peer, room, std::mem::take(&mut answer.sealed));
                self.serve_compared(turn, peer, room)?;
            }
            if answer.bytes >= ANSWER_BYTES {
                break;
            }
            if let Some(op) = ops::by_id(turn.db, &id)?.filter(|op| op.room == room && sees(&class, op)) {
                self.put_op(turn, &mut answer, op)?;
            }
        }
        self.charge(turn, peer, Work::Send(answer.bytes));
        self.send_ops(turn, peer, room, answer.sealed);
        self.serve_compared(turn, peer, room)
    }

    /// Answers a `BulkGet`: ops before the cursor, newest first.
    pub(super) fn serve_bulk(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
        get: &BulkGet,
    ) -> Result<(), Error> {
        let Ok(before) = OpId::try_from(get.before_id.as_slice()) else { return Ok(()) };
        let Some((class, mut answer)) = self.begin_answer(turn, peer, room)? else { return Ok(()) };
        let max = usize::try_from(get.max.min(limits::BULK_OPS)).unwrap_or(usize::MAX);
        let (mut cursor, mut more, mut looked_at) = ((get.before_hlc, before), true, 0_usize);
        'answer: while more && looked_at < LOOKED_AT {
            let page = history::bulk(turn.db, room, cursor.0, &cursor.1, PAGE)?;
            more = page.len() == PAGE;
            looked_at = looked_at.saturating_add(page.len());
            self.charge(turn, peer, Work::Serve(page.len()));
            for op in page {
                if answer.sealed.len() >= max || answer.bytes >= ANSWER_BYTES {
                    more = true;
                    break 'answer;
                }
                cursor = (op.hlc, op.id);
                if sees(&class, &op) {
                    self.put_op(turn, &mut answer, op)?;
                }
            }
        }
        self.charge(turn, peer, Work::Send(answer.bytes));
        self.send_ops(turn, peer, room, answer.sealed);
        if let Some(tag) = self.tag_with(peer, room) {
            self.frame(turn, peer, StreamBody::BulkEnd(BulkEnd { tag, more }));
        }
        Ok(())
    }

    /// Whether and as what kind of reader the peer may be served, and the key to seal with.
    fn begin_answer(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
    ) -> Result<Option<(Class, Answer)>, Error> {
        let Some((class, _)) = self.readers(peer, room) else {
            self.refuse(turn, peer, room, "not_member");
            return Ok(None);
        };
        if !self.repair.budget(peer, turn.now.mono).may_serve() {
            self.refuse(turn, peer, room, "busy");
            return Ok(None);
        }
        let key = self.post_mirrors(turn, room).and_then(|()| self.usable_key(turn, room));
        match key {
            Ok(key) => Ok(Some((class, Answer { key, sealed: Vec::new(), bytes: 0 }))),
            Err(error @ (Error::Internal(_) | Error::DiskFull)) => Err(error),
            Err(error) => {
                tracing::debug!(%error, "there is no key to serve under");
                Ok(None)
            }
        }
    }

    fn put_op(&self, turn: &Turn<'_>, answer: &mut Answer, op: ops::Op) -> Result<(), Error> {
        let room = op.room;
        // Bytes that are still on their way need not be sealed twice: copies of them are dropped early.
        let kept = frames::get(turn.db, op.row)?.filter(|frame| frame.key == answer.key);
        let sealed = match kept.and_then(|frame| madang_wire::decode::<Sealed>(&frame.body).ok()) {
            Some(sealed) => sealed,
            None => self.seal(room, answer.key, &Inner { body: Some(InnerBody::Op(stored::signed(op))) })?.0,
        };
        answer.bytes = answer.bytes.saturating_add(sealed.encoded_len());
        answer.sealed.push(sealed);
        Ok(())
    }
}

/// Ids that are here, in the order in which they are served: control ops, which are marked, then the newest (protocol
/// section 9.2).
fn in_order(turn: &Turn<'_>, ids: &[Vec<u8>]) -> Result<Vec<(bool, OpId)>, Error> {
    let mut found = Vec::new();
    let ids = ids.iter().take(limits::WANT_IDS);
    for id in ids.filter_map(|id| OpId::try_from(id.as_slice()).ok()) {
        let header = ops::header(turn.db, &id)?.and_then(|bytes| OpHeader::decode(bytes.as_slice()).ok());
        if let Some(header) = header {
            found.push((!Kind::from(header.kind).is_control(), Reverse(header.hlc), id));
        }
    }
    found.sort_unstable();
    Ok(found.into_iter().map(|(content, _, id)| (!content, id)).collect())
}
