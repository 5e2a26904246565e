//! Where the relay keeps boxes and slots: one trait, one schema, one thread.
//!
//! Owns every SQL statement of the relay and the rules that must hold inside one transaction: sequences, dedupe,
//! register slots, quotas per writer, expiry. It must not know frames, connections, signatures or rates.
//! Invariant: a sequence number is given out once per box and never moves backwards, so a cursor never skips.

mod discarded;
mod expiry;
mod inbox;
mod log;
mod mailbox;
mod quota;
mod schema;
mod slot;
mod sqlite;
mod thread;
mod types;

#[cfg(test)]
mod conformance_tests;
#[cfg(test)]
mod thread_tests;

pub use sqlite::SqliteStorage;
pub use thread::{Access, StorageHandle, StorageThread, spawn};
pub(crate) use types::short_hash;
pub use types::{
    BoxId, Counts, Created, InboxCreated, InboxPut, Item, LogCreated, LogLimits, LogPut, Mailbox,
    MailboxKind, NewInbox, NewLog, Page, PutOutcome, Revocation, SlotOutcome, SlotRow, SlotWrite,
    StorageError, Succession, Swept, Writer,
};

/// Everything the relay asks of its database.
///
/// A call is atomic: it applies whole or, when it returns an error or a refusal, not at all. Calls between `begin`
/// and `commit` become durable together; nothing may be acknowledged before `commit` has returned.
pub trait Storage: Send {
    /// Starts a batch of writes.
    fn begin(&mut self) -> Result<(), StorageError>;
    /// Makes the batch durable (fsync) before it returns.
    fn commit(&mut self) -> Result<(), StorageError>;
    /// Gives the batch up; harmless when none is open.
    fn rollback(&mut self);

    /// Makes an inbox, or finds it again by its key and takes over a changed token key. A log of that key is left alone.
    fn create_inbox(&mut self, new: &NewInbox, now: u64) -> Result<InboxCreated, StorageError>;
    /// Makes a log, or finds it again by its key. An inbox of that key is left alone.
    fn create_log(&mut self, new: &NewLog, now: u64) -> Result<LogCreated, StorageError>;
    /// Whether a log may have one more successor today; changes nothing.
    fn succession(&mut self, prev: BoxId, now: u64) -> Result<Succession, StorageError>;
    /// The box with this id.
    fn mailbox(&mut self, id: BoxId) -> Result<Option<Mailbox>, StorageError>;
    /// Notes that the box was used today, so that it is not taken for abandoned.
    fn touch(&mut self, id: BoxId, now: u64) -> Result<(), StorageError>;

    /// Revokes a token slot of an inbox. `false`: the inbox has too many revoked slots.
    fn revoke_token(&mut self, inbox: BoxId, slot: u32, silent: bool) -> Result<bool, StorageError>;
    /// How a token slot was revoked, if it was.
    fn revocation(&mut self, inbox: BoxId, slot: u32) -> Result<Option<Revocation>, StorageError>;

    /// Puts an item into an inbox.
    fn put_inbox(&mut self, put: &InboxPut, now: u64) -> Result<PutOutcome, StorageError>;
    /// Answers as `put_inbox` would and keeps no more than the hash of the body, so that the same body is a duplicate
    /// (silently revoked tokens). What was kept this way is forgotten when the owner acknowledges a later item.
    fn discard(&mut self, put: &InboxPut, now: u64) -> Result<PutOutcome, StorageError>;
    /// Puts an item into a log, within the quotas of its writers.
    fn put_log(&mut self, put: &LogPut, limits: &LogLimits, now: u64) -> Result<PutOutcome, StorageError>;
    /// Items after a sequence number that have not expired, oldest first.
    fn page(
        &mut self,
        id: BoxId,
        after: u64,
        max_items: u32,
        max_bytes: u64,
        now: u64,
    ) -> Result<Option<Page>, StorageError>;
    /// Deletes items of an inbox; returns how many there were.
    fn ack(&mut self, inbox: BoxId, seqs: &[u64]) -> Result<u64, StorageError>;
    /// Deletes an item of a log if its delete hash is this one. `false`: the item is there with another hash.
    fn drop_item(&mut self, log: BoxId, seq: u64, del_hash: &[u8; 16]) -> Result<bool, StorageError>;

    /// The slot with this id, deleted ones included (their `body` is `None`).
    fn slot(&mut self, id: BoxId) -> Result<Option<SlotRow>, StorageError>;
    /// Notes that the slot was read today.
    fn touch_slot(&mut self, id: BoxId, now: u64) -> Result<(), StorageError>;
    /// Writes or deletes a slot if its version rises.
    fn write_slot(&mut self, write: &SlotWrite, now: u64) -> Result<SlotOutcome, StorageError>;

    /// Deletes what has expired, at most `max_rows` rows.
    fn sweep(&mut self, now: u64, max_rows: u32) -> Result<Swept, StorageError>;
    /// Folds the write-ahead log into the database, so that deleted bytes leave the disk.
    fn checkpoint(&mut self) -> Result<(), StorageError>;
    /// How much is stored.
    fn counts(&mut self) -> Result<Counts, StorageError>;
}
