//! Subscriptions of one stream: credit and cursors (protocol section 10.2).
//!
//! Owns the decision what is pushed and what is read next, without doing either. It must not know streams or the
//! database. Invariant: never more items are on their way than the client has given credit for.

use std::collections::BTreeMap;
use std::sync::Arc;

use madang_wire::limits::CAPABILITIES;

use crate::hub::News;
use crate::storage::{BoxId, Item, Page};

/// Credit when a subscription names none (protocol section 10.2).
pub(super) const WINDOW: u32 = 64;

/// Most credit a client can give; what is pushed waits in the buffers of the stream.
pub(super) const CREDIT_MAX: u32 = 1_024;

/// Items read from the database at once.
pub(super) const PAGE_ITEMS: u32 = 128;

/// Where a subscription stands.
#[derive(Debug)]
struct Cursor {
    /// Id of the Subscribe frame; pushes carry it.
    id: u64,
    /// Everything up to here was pushed or does not exist.
    upto: u64,
    /// Highest sequence known of.
    head: u64,
    /// News were lost, so there may be more than `head`.
    unsure: bool,
    /// Credit set aside for the page that is being read; `None` when none is.
    reading: Option<u32>,
    epoch: [u8; 8],
    truncated_before: u64,
}

/// A page to be read for a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) box_id: BoxId,
    pub(super) after: u64,
    pub(super) max: u32,
}

/// Items to be pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Push {
    pub(super) id: u64,
    pub(super) box_id: BoxId,
    pub(super) epoch: [u8; 8],
    pub(super) head: u64,
    pub(super) truncated_before: u64,
    pub(super) items: Vec<Arc<Item>>,
}

/// All subscriptions of a stream.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    credit: u32,
    boxes: BTreeMap<BoxId, Cursor>,
    /// Where the next round over the boxes starts, so that a busy box does not starve the others.
    next: Option<BoxId>,
}

impl Subscriptions {
    /// Opens or widens the window of the stream to `window` items (0: the default).
    pub(super) fn open_window(&mut self, window: u32) {
        let window = if window == 0 { WINDOW } else { window.min(CREDIT_MAX) };
        self.credit = self.credit.max(window);
    }

    /// Adds a box; the first page is read even without credit, since it tells epoch and head. `None`: too many boxes,
    /// or a page of this box is being read.
    pub(super) fn add(&mut self, id: u64, box_id: BoxId, after: u64) -> Option<Read> {
        let known = self.boxes.get(&box_id);
        if known.is_some_and(|cursor| cursor.reading.is_some()) {
            return None;
        }
        if known.is_none() && self.boxes.len() >= CAPABILITIES {
            return None;
        }
        let max = self.credit.min(PAGE_ITEMS);
        self.credit = self.credit.saturating_sub(max);
        let cursor = Cursor {
            id,
            upto: after,
            head: 0,
            unsure: false,
            reading: Some(max),
            epoch: [0; 8],
            truncated_before: 0,
        };
        self.boxes.insert(box_id, cursor);
        Some(Read { box_id, after, max })
    }

    /// The box could not be subscribed or read: forget it and free its credit.
    pub(super) fn remove(&mut self, box_id: BoxId) {
        if let Some(cursor) = self.boxes.remove(&box_id) {
            self.refund(cursor.reading.unwrap_or(0));
        }
    }

    /// The client has room for more.
    pub(super) fn add_credit(&mut self, n: u32) {
        self.refund(n);
    }

    fn refund(&mut self, n: u32) {
        self.credit = self.credit.saturating_add(n).min(CREDIT_MAX);
    }

    /// A page that was asked for has come; it holds what is after `from`.
    pub(super) fn on_page(&mut self, box_id: BoxId, from: u64, page: Page) -> Option<Push> {
        let cursor = self.boxes.get_mut(&box_id)?;
        let reserved = cursor.reading.take().unwrap_or(0);
        let first = cursor.epoch == [0; 8];
        cursor.epoch = page.epoch;
        cursor.head = cursor.head.max(page.head);
        // A page counts what has expired behind its start only, so the number of an earlier one may be higher.
        let told = cursor.truncated_before;
        cursor.truncated_before = told.max(page.truncated_before);
        let last = page.items.last().map(|item| item.seq);
        cursor.upto = if page.more { last.unwrap_or(from) } else { page.head };
        let push = Push {
            id: cursor.id,
            box_id,
            epoch: page.epoch,
            head: page.head,
            truncated_before: cursor.truncated_before,
            items: page.items.into_iter().map(Arc::new).collect(),
        };
        let used = u32::try_from(push.items.len()).unwrap_or(u32::MAX);
        self.refund(reserved.saturating_sub(used));
        (first || !push.items.is_empty() || told != push.truncated_before).then_some(push)
    }

    /// A new item was committed. It is pushed at once when the client has everything before it and credit left.
    pub(super) fn on_news(&mut self, news: &News) -> Option<Push> {
        let cursor = self.boxes.get_mut(&news.box_id)?;
        let seq = news.item.seq;
        if seq <= cursor.upto {
            return None;
        }
        let next = cursor.upto.checked_add(1) == Some(seq) && cursor.head <= seq;
        cursor.head = cursor.head.max(seq);
        if !next || news.evicted || cursor.reading.is_some() || self.credit == 0 {
            return None;
        }
        self.credit = self.credit.saturating_sub(1);
        cursor.upto = seq;
        Some(Push {
            id: cursor.id,
            box_id: news.box_id,
            epoch: cursor.epoch,
            head: seq,
            truncated_before: cursor.truncated_before,
            items: vec![Arc::clone(&news.item)],
        })
    }

    /// News were lost: every box may have more than is known.
    pub(super) fn on_lost_news(&mut self) {
        for cursor in self.boxes.values_mut() {
            cursor.unsure = true;
        }
    }

    /// The next page to be read, while there is credit and a box with unread items.
    pub(super) fn next_read(&mut self) -> Option<Read> {
        if self.credit == 0 {
            return None;
        }
        let behind = |(_, cursor): &(&BoxId, &Cursor)| {
            cursor.reading.is_none() && (cursor.unsure || cursor.upto < cursor.head)
        };
        let start = self.next.unwrap_or(BoxId([0; 16]));
        let found = self.boxes.range(start..).find(behind).or_else(|| self.boxes.range(..start).find(behind));
        let box_id = *found?.0;
        self.next = successor(box_id);
        let max = self.credit.min(PAGE_ITEMS);
        self.credit = self.credit.saturating_sub(max);
        let cursor = self.boxes.get_mut(&box_id)?;
        cursor.reading = Some(max);
        cursor.unsure = false;
        Some(Read { box_id, after: cursor.upto, max })
    }

    /// Every subscribed box.
    pub(super) fn boxes(&self) -> impl Iterator<Item = BoxId> + '_ {
        self.boxes.keys().copied()
    }
}

/// The id after this one, so that a round goes on behind the box it served last.
fn successor(id: BoxId) -> Option<BoxId> {
    u128::from_be_bytes(id.0).checked_add(1).map(|next| BoxId(next.to_be_bytes()))
}
