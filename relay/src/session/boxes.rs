//! Putting, fetching, subscribing, acknowledging, dropping (protocol sections 10.2 and 10.3).
//!
//! Owns these requests. It must not know tokens or quotas. Invariant: `Stored` is sent after the commit.

use std::sync::Arc;

use madang_wire::{Drop, Fetch, Item, Items, Put, PutMany, RAck, ROk, RelayBody, Stored, Subscribe};

use super::parts::Asked;
use super::reply::{self, Done, one, pending};
use super::stream::{Cause, ITEMS_BYTES, Session};
use super::subscription::{PAGE_ITEMS, Read};
use crate::answer::{Code, Refusal, frame};
use crate::deposit::{Answer, Deposit, deposit};
use crate::peers::Peer;
use crate::state::State;
use crate::storage::{self, Access, BoxId, MailboxKind, Page, Storage, StorageError, short_hash};
use crate::usage;

/// An item as the wire knows it.
pub(super) fn to_wire(item: &storage::Item) -> Item {
    Item {
        seq: item.seq,
        dedupe: item.dedupe.to_vec(),
        slot: item.slot.map(|slot| slot.to_vec()).unwrap_or_default(),
        body: item.body.to_vec(),
    }
}

/// What is to be read.
struct Reading {
    box_id: BoxId,
    epoch: Vec<u8>,
    after: u64,
    max: u32,
}

/// Whether a read counts as a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// The client asked for it.
    Request,
    /// It goes on with what the client has asked for, as far as there is credit.
    Free,
}

/// Counts a read and carries it out; runs on the storage thread.
fn serve(
    storage: &mut dyn Storage,
    state: &State,
    peer: &Peer,
    reading: &Reading,
    cost: Cost,
) -> Result<Result<(u64, Page), Refusal>, StorageError> {
    let Some(mailbox) = storage.mailbox(reading.box_id)? else { return Ok(Err(Code::NotFound.into())) };
    if cost == Cost::Request
        && let Err(exceeded) = usage::count(state, peer, reading.box_id, &mailbox)
    {
        return Ok(Err(exceeded.into()));
    }
    Ok(read(storage, reading, state.clock.now())?.ok_or(Code::NotFound.into()))
}

/// Counts the bytes of a page that a client asked for.
fn weigh(state: &State, peer: &Peer, page: &Page) -> Result<(), Refusal> {
    let bytes: usize = page.items.iter().map(|item| item.body.len()).sum();
    Ok(state.terms().rates.answer(peer.network, bytes)?)
}

/// Reads what is after a cursor. A cursor of another epoch, or beyond the head, belongs to a box that is no more:
/// then from the start (protocol section 9.4).
fn read(storage: &mut dyn Storage, reading: &Reading, now: u64) -> Result<Option<(u64, Page)>, StorageError> {
    let Reading { box_id, ref epoch, after, max } = *reading;
    let Some(page) = storage.page(box_id, after, max, ITEMS_BYTES, now)? else { return Ok(None) };
    let foreign = (!epoch.is_empty() && page.epoch != epoch[..]) || after > page.head;
    if foreign && after > 0 {
        return Ok(storage.page(box_id, 0, max, ITEMS_BYTES, now)?.map(|page| (0, page)));
    }
    Ok(Some((after, page)))
}

/// Tells subscribers and figures of a durable put.
fn settle(state: &State, answer: &Answer) {
    match answer {
        Answer::Stored { dup: true, .. } => state.metrics.duplicate(),
        Answer::Stored { news, evicted, .. } => {
            state.metrics.stored(*evicted);
            if let Some(news) = news {
                state.hub.publish(news);
            }
        }
        Answer::Refused(_) => {}
    }
}

fn stored(box_id: BoxId, answer: Answer, index: u32) -> RelayBody {
    match answer {
        Answer::Stored { seq, epoch, dup, .. } => {
            RelayBody::Stored(Stored { box_id: box_id.0.to_vec(), epoch: epoch.to_vec(), seq, dup, index })
        }
        Answer::Refused(refusal) => refusal.body(index),
    }
}

impl Session {
    fn parse_put(&self, put: Put) -> Result<Deposit, Refusal> {
        Deposit::parse(put, |id| self.proved.contains_key(id))
    }

    pub(super) async fn put(&mut self, id: u64, put: Put) -> Result<(), Cause> {
        match self.parse_put(put) {
            Ok(put) => self.deposit(id, vec![(0, put)]).await,
            Err(refusal) => self.refuse(id, refusal).await,
        }
    }

    pub(super) async fn put_many(&mut self, id: u64, many: PutMany) -> Result<(), Cause> {
        if many.puts.is_empty() {
            return self.strike(Asked { id, parts: 1 }, Code::BadFrame).await;
        }
        let mut puts = Vec::with_capacity(many.puts.len());
        for (index, put) in (0u32..).zip(many.puts) {
            let counted = self.state.terms().rates.request(self.peer.network).map_err(Refusal::from);
            match counted.and_then(|()| self.parse_put(put)) {
                Ok(put) => puts.push((index, put)),
                Err(refusal) => self.send(frame(id, refusal.body(index))).await?,
            }
        }
        if puts.is_empty() { Ok(()) } else { self.deposit(id, puts).await }
    }

    /// Carries out puts in one storage call; each gets its own answer.
    async fn deposit(&mut self, id: u64, puts: Vec<(u32, Deposit)>) -> Result<(), Cause> {
        let names: Vec<(u32, BoxId)> = puts.iter().map(|(index, put)| (*index, put.box_id)).collect();
        let (state, peer) = (Arc::clone(&self.state), Arc::clone(&self.peer));
        let after_state = Arc::clone(&self.state);
        let work = move |storage: &mut dyn Storage| {
            puts.iter().map(|(_, put)| deposit(storage, &state, &peer, put)).collect::<Result<Vec<_>, _>>()
        };
        let after =
            move |answers: &Vec<Answer>| answers.iter().for_each(|answer| settle(&after_state, answer));
        let answer = self.state.storage.submit(Access::Write, work, after).await;
        let answer = answer.map_err(|error| Self::closed(&error))?;
        self.pending.push(pending(answer, move |outcome| {
            let frames = match outcome {
                Ok(answers) => names
                    .into_iter()
                    .zip(answers)
                    .map(|((index, box_id), answer)| frame(id, stored(box_id, answer, index)))
                    .collect(),
                Err(refusal) => names.into_iter().map(|(index, _)| frame(id, refusal.body(index))).collect(),
            };
            Done::Frames(frames)
        }));
        Ok(())
    }

    pub(super) async fn fetch(&mut self, id: u64, fetch: Fetch) -> Result<(), Cause> {
        let box_id = match self.proved_box(&fetch.box_id) {
            Ok(box_id) => box_id,
            Err(refusal) => return self.refuse(id, refusal).await,
        };
        let max = if fetch.max == 0 { PAGE_ITEMS } else { fetch.max.min(PAGE_ITEMS) };
        let reading = Reading { box_id, epoch: fetch.epoch, after: fetch.after_seq, max };
        let (state, peer) = (Arc::clone(&self.state), Arc::clone(&self.peer));
        let work = move |storage: &mut dyn Storage| {
            let served = serve(storage, &state, &peer, &reading, Cost::Request)?;
            Ok(served.and_then(|(after, page)| weigh(&state, &peer, &page).map(|()| (after, page))))
        };
        let answer = self.state.storage.submit(Access::Read, work, |_| ()).await;
        let answer = answer.map_err(|error| Self::closed(&error))?;
        self.reads = self.reads.saturating_add(1);
        self.pending.push(pending(answer, move |outcome| {
            reply::read(
                id,
                outcome.and_then(|outcome| outcome).map(|(_, page)| {
                    RelayBody::Items(Items {
                        box_id: box_id.0.to_vec(),
                        epoch: page.epoch.to_vec(),
                        items: page.items.iter().map(to_wire).collect(),
                        head: page.head,
                        truncated_before: page.truncated_before,
                    })
                }),
            )
        }));
        Ok(())
    }

    pub(super) async fn subscribe(&mut self, id: u64, subscribe: Subscribe) -> Result<(), Cause> {
        if subscribe.boxes.is_empty() {
            return self.strike(Asked { id, parts: 1 }, Code::BadFrame).await;
        }
        self.subscriptions.open_window(subscribe.window);
        for (index, fetch) in (0u32..).zip(subscribe.boxes) {
            let counted = self.state.terms().rates.request(self.peer.network).map_err(Refusal::from);
            let checked = counted.and_then(|()| self.proved_box(&fetch.box_id)).and_then(|box_id| {
                self.subscriptions.add(id, box_id, fetch.after_seq).ok_or(Code::Busy.into())
            });
            match checked {
                Ok(page) => {
                    self.state.hub.subscribe(page.box_id, &self.feed);
                    self.read_page((id, index), page, fetch.epoch, Cost::Request).await?;
                }
                Err(refusal) => self.send(frame(id, refusal.body(index))).await?,
            }
        }
        Ok(())
    }

    /// Reads a page for a subscription; `id` and `index` name it in an error.
    pub(super) async fn read_page(
        &mut self,
        (id, index): (u64, u32),
        page: Read,
        epoch: Vec<u8>,
        cost: Cost,
    ) -> Result<(), Cause> {
        let reading = Reading { box_id: page.box_id, epoch, after: page.after, max: page.max };
        let (state, peer) = (Arc::clone(&self.state), Arc::clone(&self.peer));
        let work = move |storage: &mut dyn Storage| serve(storage, &state, &peer, &reading, cost);
        let answer = self.state.storage.submit(Access::Read, work, |_| ()).await;
        let answer = answer.map_err(|error| Self::closed(&error))?;
        let box_id = page.box_id;
        self.pending.push(pending(answer, move |outcome| {
            let outcome = outcome.and_then(|outcome| outcome);
            Done::Page { box_id, id, index, outcome }
        }));
        Ok(())
    }

    pub(super) async fn ack(&mut self, id: u64, ack: RAck) -> Result<(), Cause> {
        let inbox = match self.proved_box(&ack.inbox_id) {
            Ok(inbox) => inbox,
            Err(refusal) => return self.refuse(id, refusal).await,
        };
        let work = move |storage: &mut dyn Storage| {
            if storage.mailbox(inbox)?.map(|found| found.kind) != Some(MailboxKind::Inbox) {
                return Ok(Err(Refusal::from(Code::NotFound)));
            }
            storage.ack(inbox, &ack.seqs)?;
            Ok(Ok(()))
        };
        self.change(id, work).await
    }

    pub(super) async fn drop_item(&mut self, id: u64, request: &Drop) -> Result<(), Cause> {
        let log = match self.proved_box(&request.log_id) {
            Ok(log) => log,
            Err(refusal) => return self.refuse(id, refusal).await,
        };
        let (seq, hash) = (request.seq, short_hash(&request.del_secret));
        let work = move |storage: &mut dyn Storage| {
            if storage.mailbox(log)?.map(|found| found.kind) != Some(MailboxKind::Log) {
                return Ok(Err(Refusal::from(Code::NotFound)));
            }
            let dropped = storage.drop_item(log, seq, &hash)?;
            Ok(if dropped { Ok(()) } else { Err(Code::Auth.into()) })
        };
        self.change(id, work).await
    }

    /// Carries out a change that is answered by ROk.
    pub(super) async fn change<F>(&mut self, id: u64, work: F) -> Result<(), Cause>
    where
        F: FnMut(&mut dyn Storage) -> Result<Result<(), Refusal>, StorageError> + Send + 'static,
    {
        let answer = self.state.storage.submit(Access::Write, work, |_| ()).await;
        let answer = answer.map_err(|error| Self::closed(&error))?;
        self.pending.push(pending(answer, move |outcome| {
            one(id, outcome.and_then(|outcome| outcome).map(|()| RelayBody::Ok(ROk {})))
        }));
        Ok(())
    }
}
