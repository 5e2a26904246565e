//! Slots (protocol sections 10.1 to 10.3).
//!
//! Owns these requests. Invariant: a write is signed by the key that may write the slot now; the key that gave the
//! slot its id is that key until it hands the right over.

use std::sync::Arc;

use madang_wire::relay_sign::{slot_delete_bytes, slot_put_bytes};
use madang_wire::{RelayBody, Slot, SlotDelete, SlotGet, SlotPut};

use super::capability::{key, verify};
use super::reply::{pending, read};
use super::stream::{Cause, Session};
use crate::answer::{Code, Refusal};
use crate::peers::Peer;
use crate::rates::Exceeded;
use crate::state::State;
use crate::storage::{Access, BoxId, SlotOutcome, SlotRow, SlotWrite, Storage, StorageError};

/// A signed write whose fields have the right lengths.
struct SignedWrite {
    slot_pub: [u8; 32],
    new_pub: Option<[u8; 32]>,
    version: u64,
    body: Option<Vec<u8>>,
    sig: Vec<u8>,
    signed: Vec<u8>,
    /// The signature is that of `slot_pub`; checked outside the storage thread, since it is the usual case.
    by_slot_key: bool,
}

impl SignedWrite {
    fn of_put(put: SlotPut, relay_key: &[u8; 32]) -> Result<Self, Refusal> {
        let slot_pub = key(&put.slot_pub)?;
        keepable(put.version)?;
        let new_pub = if put.new_pub.is_empty() { None } else { Some(key(&put.new_pub)?) };
        let signed = slot_put_bytes(relay_key, &put).ok_or(Code::BadFrame)?;
        Ok(Self::new(slot_pub, new_pub, put.version, Some(put.body), put.sig, signed))
    }

    fn of_delete(delete: SlotDelete, relay_key: &[u8; 32]) -> Result<Self, Refusal> {
        let slot_pub = key(&delete.slot_pub)?;
        keepable(delete.version)?;
        let signed = slot_delete_bytes(relay_key, &slot_pub, delete.version);
        Ok(Self::new(slot_pub, None, delete.version, None, delete.sig, signed))
    }

    fn new(
        slot_pub: [u8; 32],
        new_pub: Option<[u8; 32]>,
        version: u64,
        body: Option<Vec<u8>>,
        sig: Vec<u8>,
        signed: Vec<u8>,
    ) -> Self {
        let by_slot_key = verify(&slot_pub, &signed, &sig);
        Self { slot_pub, new_pub, version, body, sig, signed, by_slot_key }
    }
}

/// A version that the database can hold, which is half of what the wire can. Versions are times or counters.
fn keepable(version: u64) -> Result<(), Refusal> {
    i64::try_from(version).map(drop).map_err(|_| Code::BadFrame.into())
}

/// The key that writes a slot now, if this write is signed by it and may be made.
fn right(stored: Option<&SlotRow>, write: &SignedWrite, admitted: bool) -> Result<[u8; 32], Refusal> {
    let write_pub = match stored {
        Some(stored) => stored.write_pub,
        None if write.body.is_none() => return Err(Code::NotFound.into()),
        None if !admitted => return Err(Code::Admission.into()),
        None => write.slot_pub,
    };
    let signed = if write_pub == write.slot_pub {
        write.by_slot_key
    } else {
        verify(&write_pub, &write.signed, &write.sig)
    };
    if signed { Ok(write_pub) } else { Err(Code::Auth.into()) }
}

/// Counts a write whose right was checked: a stranger must be able neither to use up the rate of a slot nor to fill
/// the tables with ids that do not exist.
fn count(state: &State, peer: &Peer, id: BoxId, first: bool) -> Result<(), Exceeded> {
    if first {
        state.terms().rates.creation(peer.network)?;
    }
    state.terms().rates.capability(id)
}

/// Counts the reading of a slot that exists, and the bytes of its answer.
fn count_read(state: &State, peer: &Peer, id: BoxId, found: &SlotRow) -> Result<(), Exceeded> {
    state.terms().rates.slot_read(id)?;
    state.terms().rates.answer(peer.network, found.body.as_ref().map_or(0, Vec::len))
}

/// Carries a write out; runs on the storage thread.
fn write(
    storage: &mut dyn Storage,
    state: &State,
    peer: &Peer,
    write: &SignedWrite,
    admitted: bool,
) -> Result<Result<(), Refusal>, StorageError> {
    let id = BoxId::of(&write.slot_pub);
    let stored = storage.slot(id)?;
    let write_pub = match right(stored.as_ref(), write, admitted) {
        Ok(write_pub) => write_pub,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Err(exceeded) = count(state, peer, id, stored.is_none()) {
        return Ok(Err(exceeded.into()));
    }
    let write = SlotWrite {
        slot_pub: write.slot_pub,
        write_pub: write.new_pub.unwrap_or(write_pub),
        version: write.version,
        body: write.body.clone(),
        sig: write.sig.clone(),
    };
    Ok(match storage.write_slot(&write, state.clock.now())? {
        SlotOutcome::Written => Ok(()),
        SlotOutcome::Stale(_) => Err(Code::Version.into()),
        SlotOutcome::TooHigh => Err(Code::BadFrame.into()),
    })
}

impl Session {
    pub(super) async fn slot_put(&mut self, id: u64, put: SlotPut) -> Result<(), Cause> {
        let admitted = self.state.terms().admission.admits(&self.peer.id, &put.admission);
        match SignedWrite::of_put(put, &self.state.relay_key) {
            Ok(write) => self.write_slot(id, write, admitted).await,
            Err(refusal) => self.refuse(id, refusal).await,
        }
    }

    pub(super) async fn slot_delete(&mut self, id: u64, delete: SlotDelete) -> Result<(), Cause> {
        match SignedWrite::of_delete(delete, &self.state.relay_key) {
            Ok(write) => self.write_slot(id, write, false).await,
            Err(refusal) => self.refuse(id, refusal).await,
        }
    }

    async fn write_slot(&mut self, id: u64, signed: SignedWrite, admitted: bool) -> Result<(), Cause> {
        let (state, peer) = (Arc::clone(&self.state), Arc::clone(&self.peer));
        self.change(id, move |storage| write(storage, &state, &peer, &signed, admitted)).await
    }

    pub(super) async fn slot_get(&mut self, id: u64, get: &SlotGet) -> Result<(), Cause> {
        let Ok(slot_id) = <[u8; 16]>::try_from(get.slot_id.as_slice()).map(BoxId) else {
            return self.refuse(id, Code::BadFrame.into()).await;
        };
        let (state, peer) = (Arc::clone(&self.state), Arc::clone(&self.peer));
        let work = move |storage: &mut dyn Storage| {
            let Some(found) = storage.slot(slot_id)? else { return Ok(Err(Code::NotFound.into())) };
            if let Err(exceeded) = count_read(&state, &peer, slot_id, &found) {
                return Ok(Err(exceeded.into()));
            }
            storage.touch_slot(slot_id, state.clock.now())?;
            Ok(Ok(found))
        };
        let answer = self.state.storage.submit(Access::Write, work, |_| ()).await;
        let answer = answer.map_err(|error| Self::closed(&error))?;
        self.reads = self.reads.saturating_add(1);
        self.pending.push(pending(answer, move |outcome| {
            let slot = outcome.and_then(|found| found).and_then(|found: SlotRow| {
                let body = found.body.ok_or(Refusal::from(Code::NotFound))?;
                Ok(Slot { version: found.version, body, slot_pub: found.slot_pub.to_vec(), sig: found.sig })
            });
            read(id, slot.map(RelayBody::Slot))
        }));
        Ok(())
    }
}
