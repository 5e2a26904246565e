//! Comparing registers with a peer: a digest, the list only if it differs, then what the other lacks
//! (protocol section 9.1, `RegHave`).
//!
//! Must not know what a register says. Invariant: a list is sent at most every five seconds to a peer in
//! a room, so two peers that cannot agree do not talk forever.

use std::{cell::Cell, collections::BTreeMap};

use madang_model::DeviceId;
use madang_p2p::PeerId;
use madang_store::{RoomRow, registers};
use madang_wire::{RegHave, RegVer, StreamBody, limits};

use super::{budget::Work, serve::ANSWER_BYTES};
use crate::{core::Core, error::Error, turn::Turn};

/// Between two lists to the same peer in the same room.
const LIST_PAUSE_MS: u64 = 5_000;
/// Between two digests to the same peer in the same room.
const DIGEST_PAUSE_MS: u64 = 60_000;
/// Bytes of a list, below the 64 KiB of a stream frame.
const LIST_BYTES: usize = 56 * 1024;
/// Bytes of a line of the list besides its name.
const LINE_BYTES: usize = 56;

type Versions = Vec<(DeviceId, String, u64)>;
/// Versions of the registers that a peer has, by author and name.
pub(super) type Have = BTreeMap<(Vec<u8>, String), u64>;

impl Core {
    /// Both sides follow the room: the digest goes out with the first step of reconciliation.
    pub(crate) fn registers_opened(&mut self, _turn: &mut Turn<'_>, peer: PeerId, room: RoomRow) {
        self.repair.talk(peer, room).digest_sent = None;
    }

    /// Tells the peer the digest of the registers here, unless it was told a moment ago.
    pub(super) fn registers_here(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
    ) -> Result<(), Error> {
        let now = turn.now.mono;
        let talk = self.repair.talk(peer, room);
        if talk.digest_sent.is_some_and(|at| now.saturating_sub(at) < DIGEST_PAUSE_MS) {
            return Ok(());
        }
        talk.digest_sent = Some(now);
        let digest = digest(&registers::versions(turn.db, room)?);
        if let Some(tag) = self.tag_with(peer, room) {
            self.frame(turn, peer, StreamBody::RegHave(RegHave { tag, digest, have: Vec::new() }));
        }
        Ok(())
    }

    /// What the peer says of its registers.
    pub(super) fn registers_there(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
        theirs: &RegHave,
    ) -> Result<(), Error> {
        let mine = registers::versions(turn.db, room)?;
        let digest = digest(&mine);
        if digest == theirs.digest || self.readers(peer, room).is_none() {
            return Ok(());
        }
        let nothing_there = theirs.digest == self::digest(&Vec::new());
        if theirs.have.is_empty() && !nothing_there {
            self.list_registers(turn, peer, room, digest, &mine);
            return Ok(());
        }
        let have: Have =
            theirs.have.iter().map(|line| ((line.author.clone(), line.name.clone()), line.version)).collect();
        let here: Have = mine
            .iter()
            .map(|(author, name, version)| ((author.as_bytes().to_vec(), name.clone()), *version))
            .collect();
        if have.iter().any(|(register, version)| here.get(register).is_none_or(|mine| mine < version)) {
            self.list_registers(turn, peer, room, digest, &mine);
        }
        let talk = self.repair.talk(peer, room);
        talk.registers_there = Some(have);
        if talk.session.is_alive(turn.now.mono) { Ok(()) } else { self.serve_compared(turn, peer, room) }
    }

    /// Sends the registers that the peer lacks, as its last list says: once, behind the control ops of a comparison.
    pub(super) fn serve_compared(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
    ) -> Result<(), Error> {
        match self.repair.talk(peer, room).registers_there.take() {
            Some(have) => self.serve_registers(turn, peer, room, &have),
            None => Ok(()),
        }
    }

    fn list_registers(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
        digest: Vec<u8>,
        mine: &Versions,
    ) {
        let now = turn.now.mono;
        let talk = self.repair.talk(peer, room);
        if talk.list_sent.is_some_and(|at| now.saturating_sub(at) < LIST_PAUSE_MS) {
            return;
        }
        talk.list_sent = Some(now);
        let mut bytes = 0_usize;
        let have = mine
            .iter()
            .take(limits::REGISTER_VERSIONS)
            .take_while(|(_, name, _)| {
                bytes = bytes.saturating_add(name.len()).saturating_add(LINE_BYTES);
                bytes <= LIST_BYTES
            })
            .map(|(author, name, version)| RegVer {
                author: author.as_bytes().to_vec(),
                name: name.clone(),
                version: *version,
            })
            .collect();
        if let Some(tag) = self.tag_with(peer, room) {
            self.frame(turn, peer, StreamBody::RegHave(RegHave { tag, digest, have }));
        }
    }

    /// Sends the registers that the peer lacks or has in an older version.
    fn serve_registers(
        &mut self,
        turn: &mut Turn<'_>,
        peer: PeerId,
        room: RoomRow,
        have: &Have,
    ) -> Result<(), Error> {
        if !self.repair.budget(peer, turn.now.mono).may_serve() {
            self.refuse(turn, peer, room, "busy");
            return Ok(());
        }
        let (count, bytes) = (Cell::new(0_usize), Cell::new(0_usize));
        let sealed = self.sealed_registers(turn, room, |register| {
            let known = have.get(&(register.author.as_bytes().to_vec(), register.name.clone()));
            let lacks = known.is_none_or(|version| *version < register.version);
            let fits = count.get() < limits::REGISTER_VERSIONS && bytes.get() < ANSWER_BYTES;
            if lacks && fits {
                count.set(count.get().saturating_add(1));
                bytes.set(bytes.get().saturating_add(register.body.len()));
            }
            lacks && fits
        })?;
        self.charge(turn, peer, Work::Serve(count.get()));
        self.send_ops(turn, peer, room, sealed);
        Ok(())
    }
}

fn digest(versions: &Versions) -> Vec<u8> {
    let lines = versions.iter().map(|(author, name, version)| (author.to_bytes(), name.as_str(), *version));
    madang_crypto::registers_digest(lines).to_vec()
}
