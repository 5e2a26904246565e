use std::sync::Arc;

use super::subscription::*;
use crate::hub::News;
use crate::storage::{BoxId, Item, Page};

const LOG: BoxId = BoxId([1; 16]);
const OTHER: BoxId = BoxId([2; 16]);

fn item(seq: u64) -> Item {
    Item { seq, dedupe: [0; 16], slot: None, body: Arc::from(&b"body"[..]) }
}

fn page(seqs: std::ops::RangeInclusive<u64>, head: u64, more: bool) -> Page {
    Page { epoch: [9; 8], head, truncated_before: 0, items: seqs.map(item).collect(), more }
}

fn empty(head: u64) -> Page {
    Page { epoch: [9; 8], head, truncated_before: 0, items: Vec::new(), more: false }
}

fn news(box_id: BoxId, seq: u64) -> News {
    News { box_id, item: Arc::new(item(seq)), evicted: false }
}

fn seqs(push: &Push) -> Vec<u64> {
    push.items.iter().map(|item| item.seq).collect()
}

/// A stream that has subscribed to the empty log with this window.
fn caught_up(window: u32) -> Subscriptions {
    let mut subs = Subscriptions::default();
    subs.open_window(window);
    subs.add(7, LOG, 0).unwrap();
    let push = subs.on_page(LOG, 0, empty(0)).unwrap();
    assert!(push.items.is_empty(), "the first answer tells epoch and head even when there is nothing");
    subs
}

#[test]
fn new_items_are_pushed_while_credit_lasts_and_again_with_new_credit() {
    let mut subs = caught_up(2);
    assert_eq!(seqs(&subs.on_news(&news(LOG, 1)).unwrap()), [1]);
    assert_eq!(seqs(&subs.on_news(&news(LOG, 2)).unwrap()), [2]);
    assert_eq!(subs.on_news(&news(LOG, 3)), None);
    assert_eq!(subs.next_read(), None);
    subs.add_credit(5);
    assert_eq!(subs.next_read(), Some(Read { box_id: LOG, after: 2, max: 5 }));
    assert_eq!(seqs(&subs.on_page(LOG, 2, page(3..=3, 3, false)).unwrap()), [3]);
    assert_eq!(subs.next_read(), None);
    for seq in 4..8 {
        assert!(subs.on_news(&news(LOG, seq)).is_some(), "unused credit of the page came back");
    }
    assert!(subs.on_news(&news(LOG, 8)).is_none());
}

#[test]
fn news_during_a_page_are_neither_lost_nor_pushed_twice() {
    let mut subs = Subscriptions::default();
    subs.open_window(10);
    assert_eq!(subs.add(7, LOG, 3), Some(Read { box_id: LOG, after: 3, max: 10 }));
    assert_eq!(subs.on_news(&news(LOG, 5)), None);
    assert_eq!(subs.on_news(&news(LOG, 6)), None);
    // The page was read after 5 and before 6 was committed.
    assert_eq!(seqs(&subs.on_page(LOG, 3, page(4..=5, 5, false)).unwrap()), [4, 5]);
    assert_eq!(subs.next_read(), Some(Read { box_id: LOG, after: 5, max: 8 }));
    assert_eq!(seqs(&subs.on_page(LOG, 5, page(6..=6, 6, false)).unwrap()), [6]);
    assert_eq!(subs.on_news(&news(LOG, 6)), None);
    assert_eq!(seqs(&subs.on_news(&news(LOG, 7)).unwrap()), [7]);
}

#[test]
fn a_gap_or_lost_news_lead_to_a_page() {
    let mut subs = caught_up(10);
    assert_eq!(subs.on_news(&news(LOG, 2)), None);
    assert_eq!(subs.next_read(), Some(Read { box_id: LOG, after: 0, max: 10 }));
    subs.on_page(LOG, 1, page(2..=2, 2, false)).unwrap();
    subs.on_lost_news();
    assert_eq!(subs.next_read(), Some(Read { box_id: LOG, after: 2, max: 9 }));
    assert_eq!(subs.on_page(LOG, 2, empty(2)), None, "nothing new is not pushed");
    assert_eq!(subs.next_read(), None);
}

#[test]
fn an_eviction_is_told_by_a_page() {
    let mut subs = caught_up(10);
    let evicting = News { evicted: true, ..news(LOG, 1) };
    assert_eq!(subs.on_news(&evicting), None);
    assert!(subs.next_read().is_some());
    let told = Page { truncated_before: 1, ..page(1..=1, 1, false) };
    assert_eq!(subs.on_page(LOG, 0, told).unwrap().truncated_before, 1);
}

#[test]
fn what_was_told_as_lost_stays_told() {
    let mut subs = caught_up(10);
    subs.on_news(&news(LOG, 5));
    let read = subs.next_read().unwrap();
    let told = Page { truncated_before: 4, ..page(4..=5, 5, false) };
    assert_eq!(subs.on_page(LOG, read.after, told).unwrap().truncated_before, 4);
    // A later page counts only what has expired behind its start.
    subs.on_lost_news();
    let read = subs.next_read().unwrap();
    assert_eq!(subs.on_page(LOG, read.after, empty(5)), None);
    assert_eq!(subs.on_news(&news(LOG, 6)).unwrap().truncated_before, 4);
}

#[test]
fn a_busy_box_does_not_starve_another() {
    let mut subs = Subscriptions::default();
    subs.open_window(0);
    for id in [LOG, OTHER] {
        subs.add(1, id, 0).unwrap();
        subs.on_page(id, 0, empty(0));
    }
    for _ in 0..WINDOW {
        subs.add_credit(0);
    }
    // Both are behind without credit being left.
    let mut used = 0;
    while let Some(push) = subs.on_news(&news(LOG, used + 1)) {
        used += push.items.len() as u64;
    }
    assert_eq!(used, u64::from(WINDOW));
    subs.on_news(&news(OTHER, 1));
    let mut served = Vec::new();
    for _ in 0..4 {
        subs.add_credit(1);
        let read = subs.next_read().unwrap();
        served.push(read.box_id);
        subs.on_page(read.box_id, read.after, page(read.after + 1..=read.after + 1, 1_000, true));
    }
    assert_eq!(served.iter().filter(|id| **id == OTHER).count(), 2, "{served:?}");
}

#[test]
fn credit_and_boxes_are_bounded() {
    let mut subs = caught_up(u32::MAX);
    subs.add_credit(u32::MAX);
    let pushed = (1..=CREDIT_MAX as u64 + 10).filter(|seq| subs.on_news(&news(LOG, *seq)).is_some()).count();
    assert_eq!(pushed, CREDIT_MAX as usize);
    let mut subs = Subscriptions::default();
    let added = (0..5_000u128).filter(|n| subs.add(1, BoxId(n.to_be_bytes()), 0).is_some()).count();
    assert_eq!(added, 4_096);
    subs.remove(BoxId([0; 16]));
    assert!(subs.add(1, OTHER, 0).is_some());
}
