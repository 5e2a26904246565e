//! Values that cross the storage trait.
//!
//! Owns plain data without behaviour; must not know SQL types. Invariant: sizes are bytes, times are ms since 1970.

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};

/// Id of an inbox, log or slot: the first 16 bytes of the SHA-256 of its public key (protocol section 10.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoxId(pub [u8; 16]);

impl BoxId {
    /// The id that belongs to a capability key.
    pub fn of(public: &[u8; 32]) -> Self {
        Self(short_hash(public))
    }
}

impl fmt::Debug for BoxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}…")
    }
}

/// `SHA-256(bytes)[..16]`: ids of boxes, dedupe keys, delete hashes.
pub(crate) fn short_hash(bytes: &[u8]) -> [u8; 16] {
    let digest = Sha256::digest(bytes);
    let mut short = [0u8; 16];
    for (to, from) in short.iter_mut().zip(digest) {
        *to = from;
    }
    short
}

/// Why the database could not do its work. Refusals by rule are not errors, they are outcomes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The disk, or the configured size of the database, is full. Nothing of the batch was kept.
    #[error("the disk is full")]
    Full,
    /// The database was written by a newer relay.
    #[error("the database is of version {found}, this relay knows {known}")]
    Newer {
        /// Version found in the file.
        found: i64,
        /// Newest version this program knows.
        known: i64,
    },
    /// The schema could not be brought up to date.
    #[error("the database could not be migrated: {0}")]
    Migration(String),
    /// Anything else SQLite reports.
    #[error("the database failed: {0}")]
    Database(String),
    /// The random source of the system failed.
    #[error("the random source failed: {0}")]
    Random(String),
    /// The storage thread has ended.
    #[error("the storage has been closed")]
    Closed,
}

/// What a box is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxKind {
    /// Read by one device, written with tokens.
    Inbox,
    /// Read and written by whoever proves the log key.
    Log,
}

/// A box without its items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// Inbox or log.
    pub kind: MailboxKind,
    /// The owner key or log key.
    pub cap_pub: [u8; 32],
    /// Key of the delivery tokens; inboxes only.
    pub k_token: Option<[u8; 32]>,
    /// Eight random bytes made with the box.
    pub epoch: [u8; 8],
    /// Highest sequence given out, 0 when none was.
    pub head: u64,
    /// Life of items of a log, hours.
    pub ttl_h: u32,
    /// The first log of a chain of successors; the box itself otherwise.
    pub root: BoxId,
}

/// An inbox to be made.
#[derive(Clone, Debug)]
pub struct NewInbox {
    /// Owner key.
    pub owner_pub: [u8; 32],
    /// Key of the delivery tokens.
    pub k_token: [u8; 32],
}

/// A log to be made.
#[derive(Clone, Debug)]
pub struct NewLog {
    /// Log key.
    pub log_pub: [u8; 32],
    /// Life of its items, hours.
    pub ttl_h: u32,
    /// The log it succeeds; its quota is shared.
    pub prev: Option<BoxId>,
}

/// A box that exists now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Created {
    /// Its id.
    pub id: BoxId,
    /// Its epoch; another one than the client remembers means that it was made anew.
    pub epoch: [u8; 8],
    /// Whether this call made it.
    pub new: bool,
}

/// Answer to the creation of an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxCreated {
    /// The inbox exists now.
    Created(Created),
    /// The key is that of a log; nothing was changed.
    OtherKind,
}

/// Answer to the creation of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogCreated {
    /// The log exists now.
    Created(Created),
    /// The key is that of an inbox; nothing was changed.
    OtherKind,
    /// The log named as predecessor does not exist.
    NoPredecessor,
    /// The predecessor or its chain had its successors of the day.
    TooMany,
}

/// Whether a log may have one more successor today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// It may; the successor counts on the quota of this first log of the chain.
    Free(BoxId),
    /// There is no such log.
    NoPredecessor,
    /// The log or its chain had its successors of the day.
    TooMany,
}

/// How a token slot was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The writer is told `Stored` although the item is discarded.
    pub silent: bool,
}

/// An item of an inbox to be stored.
#[derive(Clone, Debug)]
pub struct InboxPut {
    /// The inbox.
    pub inbox: BoxId,
    /// Slot of the token; `None` is the knock lane.
    pub token_slot: Option<u32>,
    /// When it expires.
    pub expires: u64,
    /// The sealed bytes.
    pub body: Arc<[u8]>,
    /// Most items in the inbox.
    pub max_items: u32,
    /// Most bytes in the inbox.
    pub max_bytes: u64,
    /// Most items without a token that wait in the inbox.
    pub max_knocks: u32,
}

/// Who puts into a log, as far as quotas are concerned (protocol section 10.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writer {
    /// Keyed hash of the owner key or the IP prefix.
    pub tag: [u8; 8],
    /// Whether the connection has authenticated an inbox of this relay.
    pub admitted: bool,
}

/// An item of a log to be stored.
#[derive(Clone, Debug)]
pub struct LogPut {
    /// The log.
    pub log: BoxId,
    /// Register slot; a newer put replaces the older item of the same slot.
    pub slot: Option<[u8; 16]>,
    /// Hash of the secret that deletes the item.
    pub del_hash: Option<[u8; 16]>,
    /// Whose quota it counts on.
    pub writer: Writer,
    /// When it expires.
    pub expires: u64,
    /// The sealed bytes.
    pub body: Arc<[u8]>,
}

/// Sizes of a log and its successors together.
#[derive(Clone, Copy, Debug)]
pub struct LogLimits {
    /// All writers together, bytes.
    pub total: u64,
    /// One writer, and all writers without admission together, bytes.
    pub share: u64,
    /// An item younger than this is never evicted by another writer's put, ms.
    pub protected_ms: u64,
}

/// What became of a put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutOutcome {
    /// Stored under this sequence, durable with the next commit.
    Stored {
        /// Sequence in the box.
        seq: u64,
        /// Epoch of the box.
        epoch: [u8; 8],
        /// Items that had to go for it.
        evicted: u32,
    },
    /// The same body is in the box already.
    Duplicate {
        /// Its sequence.
        seq: u64,
        /// Epoch of the box.
        epoch: [u8; 8],
    },
    /// No room for it.
    Quota,
    /// No such box.
    NotFound,
}

/// A stored item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Sequence in the box.
    pub seq: u64,
    /// `SHA-256(body)[..16]`.
    pub dedupe: [u8; 16],
    /// Register slot of a log item.
    pub slot: Option<[u8; 16]>,
    /// The sealed bytes.
    pub body: Arc<[u8]>,
}

/// Some items of a box and what the reader needs to judge them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Epoch of the box.
    pub epoch: [u8; 8],
    /// Highest sequence given out.
    pub head: u64,
    /// Items with a smaller sequence may have been lost to expiry or eviction; 0 when none was.
    pub truncated_before: u64,
    /// Oldest first.
    pub items: Vec<Item>,
    /// Whether there are items behind the last one.
    pub more: bool,
}

/// A slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRow {
    /// The key that gave the slot its id.
    pub slot_pub: [u8; 32],
    /// The key that may write it now.
    pub write_pub: [u8; 32],
    /// Version of the newest write.
    pub version: u64,
    /// Content; `None` once deleted.
    pub body: Option<Vec<u8>>,
    /// Signature of the newest write.
    pub sig: Vec<u8>,
}

/// A write whose signature has been checked against the current write key.
#[derive(Clone, Debug)]
pub struct SlotWrite {
    /// The key that gives the slot its id.
    pub slot_pub: [u8; 32],
    /// The key that may write it from now on.
    pub write_pub: [u8; 32],
    /// Must be higher than the stored one.
    pub version: u64,
    /// `None` deletes.
    pub body: Option<Vec<u8>>,
    /// The signature, given to readers.
    pub sig: Vec<u8>,
}

/// What became of a write to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotOutcome {
    /// Written.
    Written,
    /// The stored version is this one, which is not lower.
    Stale(u64),
    /// The version is beyond what the database can hold (2^63 - 1); kept smaller, the slot would not fit its signature.
    TooHigh,
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Items of inboxes and logs.
    pub items: u64,
    /// Traces of items that were answered and never kept.
    pub discarded: u64,
    /// Slots.
    pub slots: u64,
    /// Boxes nobody used for 400 days.
    pub boxes: u64,
}

/// How much is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Inboxes.
    pub inboxes: u64,
    /// Logs.
    pub logs: u64,
    /// Slots with content.
    pub slots: u64,
    /// Items of inboxes.
    pub inbox_items: u64,
    /// Items of logs.
    pub log_items: u64,
    /// Bytes of all items.
    pub bytes: u64,
}
