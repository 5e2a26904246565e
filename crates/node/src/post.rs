//! Writing own ops: header, signature, seal, and the rows that make it durable.
//!
//! Invariant: the op, its sealed bytes and the state of the own line are in one transaction; nothing
//! leaves before its commit, and a retry sends the same bytes.

use bytes::Bytes;
use madang_crypto::{ids_hash, os_rng, payload, sign_op};
use madang_model::{Hlc, KeyId, Kind, OpId};
use madang_store::{
    OpRow, RoomRow,
    frames::{self, Frame},
    ops::{NewOp, Origin},
};
use madang_wire::{Inner, InnerBody, OpHeader, Sealed, SignedOp};

use crate::{core::Core, error::Error, outbox::Outgoing, turn::Turn};

/// Version of the op header.
const VERSION: u32 = 1;

/// What became of an own op.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Posted {
    pub(crate) id: OpId,
    pub(crate) row: OpRow,
    pub(crate) hlc: Hlc,
}

impl Core {
    /// Posts content in a room: membership changes that this machine knows of go first, a usable key
    /// is made when there is none (protocol section 3.3, Send).
    pub(crate) fn post(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        kind: Kind,
        content: &[u8],
    ) -> Result<Posted, Error> {
        self.post_mirrors(turn, room)?;
        let key = self.usable_key(turn, room)?;
        self.write(turn, room, kind, content, key)
    }

    /// Signs, seals and stores one op under `key`.
    pub(crate) fn write(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        kind: Kind,
        content: &[u8],
        key: KeyId,
    ) -> Result<Posted, Error> {
        let payload = payload(content, &mut os_rng()).map_err(|_| Error::TooLarge)?;
        let (header, hlc) = self.header(turn, room, kind)?;
        let seq = header.seq;
        let deps = header.deps.clone();
        let signed = sign_op(header, payload, &self.me.key).map_err(|_| Error::TooLarge)?;
        let id = OpId::from_bytes(signed.id);
        let signed = signed.op;
        let (sealed, bytes) = self.seal(room, key, &Inner { body: Some(InnerBody::Op(signed.clone())) })?;
        let row = self.store_own(turn, room, kind, id, hlc, seq, &signed)?;
        if self.rooms.get(&room).is_some_and(|r| !r.recipient_devices(&self.me.device).is_empty()) {
            frames::put(turn.db, room, &Frame { op: row, key, body: bytes.clone() })?;
        }
        self.own_line(turn, room, id, seq, hlc, &deps);
        let bytes = Bytes::from(bytes);
        turn.outgoing.entry(room).or_default().push(Outgoing { seq, sealed, bytes });
        Ok(Posted { id, row, hlc })
    }

    fn header(&mut self, turn: &Turn<'_>, room: RoomRow, kind: Kind) -> Result<(OpHeader, Hlc), Error> {
        let now = self.author_time(turn);
        let conversation = self.rooms.get_mut(&room).ok_or(Error::NotFound("room"))?;
        let hlc = self.clock.tick_after(now, conversation.newest);
        let control: Vec<[u8; 32]> = conversation.control.heads().iter().map(|id| id.to_bytes()).collect();
        let header = OpHeader {
            v: VERSION,
            conv: conversation.conv.as_bytes().to_vec(),
            author: self.me.device.as_bytes().to_vec(),
            seq: conversation.own.seq.saturating_add(1),
            prev: conversation.own.prev.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            deps: conversation.deps().iter().map(|id| id.as_bytes().to_vec()).collect(),
            hlc: hlc.as_u64(),
            ctl: ids_hash(&control).to_vec(),
            kind: kind.number(),
            // Filled in when the op is signed.
            payload_hash: Vec::new(),
            payload_len: 0,
            ttl_s: conversation.control.view().settings().timer_s,
        };
        Ok((header, hlc))
    }

    #[allow(clippy::too_many_arguments)] // One row; a struct of the same seven fields would only rename them.
    fn store_own(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        kind: Kind,
        id: OpId,
        hlc: Hlc,
        seq: u64,
        signed: &SignedOp,
    ) -> Result<OpRow, Error> {
        let author_row = self.directory.row(turn.db, &self.me.device, Some(&self.me.account))?;
        let new = NewOp {
            id: &id,
            room,
            author_row,
            author: &self.me.device,
            account: &self.me.account,
            seq,
            hlc: hlc.as_u64(),
            kind: kind.number(),
            header: &signed.header,
            sig: &signed.sig,
            payload: signed.payload.as_deref(),
            arrived_at: turn.now.wall,
            origin: Origin::Own,
            late: false,
            due_at: 0,
        };
        Ok(madang_store::ops::insert(turn.db, &new)?.row())
    }

    fn own_line(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        id: OpId,
        seq: u64,
        hlc: Hlc,
        deps: &[Vec<u8>],
    ) {
        let me = self.me.device;
        if let Some(conversation) = self.rooms.get_mut(&room) {
            conversation.own.seq = seq;
            let prev = conversation.own.prev.replace(id);
            let deps = deps.iter().filter_map(|dep| OpId::try_from(dep.as_slice()).ok());
            let parents: Vec<OpId> = deps.chain(prev).collect();
            conversation.note(id, me, seq, hlc, &parents);
        }
        turn.to_save.insert(room);
        turn.changed_rooms.insert(room);
    }

    /// Seals something under a key of a room; answers the frame and its bytes.
    pub(crate) fn seal(&self, room: RoomRow, key: KeyId, inner: &Inner) -> Result<(Sealed, Vec<u8>), Error> {
        let conversation = self.rooms.get(&room).ok_or(Error::NotFound("room"))?;
        let held = conversation.keys.get(&key).ok_or(Error::NotFound("key"))?;
        let bytes = held.seal.seal(inner, &mut os_rng()).map_err(|_| Error::TooLarge)?;
        let sealed = madang_wire::decode(&bytes).map_err(crate::lane::internal)?;
        Ok((sealed, bytes))
    }
}
