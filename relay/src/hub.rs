//! Who waits for new items of which box.
//!
//! Owns the table from boxes to subscribed sessions. It must not know credit or frames. Invariant: it is told of an
//! item after its commit and never waits for a session; a session that cannot follow is told to look for itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc};

use crate::storage::{BoxId, Item};

/// News that wait for one session; beyond it the session reads the boxes again.
const NEWS_CAP: usize = 256;

/// A new item of a box.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) box_id: BoxId,
    pub(crate) item: Arc<Item>,
    /// Older items went for it, so a reader must be told by a page.
    pub(crate) evicted: bool,
}

/// The receiving end of a session.
pub(crate) struct NewsFeed {
    pub(crate) news: mpsc::Receiver<News>,
    pub(crate) lag: Arc<Lag>,
    sender: NewsSender,
}

/// Tells a session that news were lost because it was too slow.
#[derive(Default)]
pub(crate) struct Lag {
    lost: AtomicBool,
    notify: Notify,
}

impl Lag {
    /// Waits until news were lost.
    pub(crate) async fn lost(&self) {
        while !self.lost.swap(false, Ordering::SeqCst) {
            self.notify.notified().await;
        }
    }

    fn tell(&self) {
        self.lost.store(true, Ordering::SeqCst);
        self.notify.notify_one();
    }
}

#[derive(Clone)]
struct NewsSender {
    session: u64,
    news: mpsc::Sender<News>,
    lag: Arc<Lag>,
}

/// The table.
#[derive(Default)]
pub(crate) struct Hub {
    boxes: Mutex<BTreeMap<BoxId, Vec<NewsSender>>>,
    sessions: AtomicU64,
}

impl Hub {
    /// A feed for a new session.
    pub(crate) fn feed(&self) -> NewsFeed {
        let (sender, news) = mpsc::channel(NEWS_CAP);
        let lag = Arc::new(Lag::default());
        let session = self.sessions.fetch_add(1, Ordering::SeqCst);
        NewsFeed { news, lag: Arc::clone(&lag), sender: NewsSender { session, news: sender, lag } }
    }

    /// From now on the session hears of new items of the box.
    pub(crate) fn subscribe(&self, id: BoxId, feed: &NewsFeed) {
        let mut boxes = self.boxes.lock().unwrap_or_else(PoisonError::into_inner);
        let senders = boxes.entry(id).or_default();
        if senders.iter().all(|sender| sender.session != feed.sender.session) {
            senders.push(feed.sender.clone());
        }
    }

    /// The session is gone.
    pub(crate) fn unsubscribe(&self, ids: impl Iterator<Item = BoxId>, feed: &NewsFeed) {
        let mut boxes = self.boxes.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids {
            if let Some(senders) = boxes.get_mut(&id) {
                senders.retain(|sender| sender.session != feed.sender.session);
                if senders.is_empty() {
                    boxes.remove(&id);
                }
            }
        }
    }

    /// Boxes that somebody waits for.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.boxes.lock().unwrap().len()
    }

    /// Tells every subscribed session of a committed item.
    pub(crate) fn publish(&self, news: &News) {
        let boxes = self.boxes.lock().unwrap_or_else(PoisonError::into_inner);
        for sender in boxes.get(&news.box_id).into_iter().flatten() {
            if let Err(mpsc::error::TrySendError::Full(_)) = sender.news.try_send(news.clone()) {
                sender.lag.tell();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(id: BoxId, seq: u64) -> News {
        let item = Item { seq, dedupe: [0; 16], slot: None, body: Arc::from(&b"x"[..]) };
        News { box_id: id, item: Arc::new(item), evicted: false }
    }

    #[tokio::test]
    async fn only_subscribers_of_the_box_hear_and_once() {
        let hub = Hub::default();
        let (mut alice, mut bob) = (hub.feed(), hub.feed());
        let id = BoxId([1; 16]);
        hub.subscribe(id, &alice);
        hub.subscribe(id, &alice);
        hub.subscribe(BoxId([2; 16]), &bob);
        hub.publish(&news(id, 5));
        assert_eq!(alice.news.try_recv().unwrap().item.seq, 5);
        assert!(alice.news.try_recv().is_err() && bob.news.try_recv().is_err());
        hub.unsubscribe([id].into_iter(), &alice);
        hub.publish(&news(id, 6));
        assert!(alice.news.try_recv().is_err());
        assert_eq!(hub.len(), 1);
    }

    #[tokio::test]
    async fn a_slow_session_is_told_that_it_lost_news() {
        let hub = Hub::default();
        let slow = hub.feed();
        let id = BoxId([1; 16]);
        hub.subscribe(id, &slow);
        for seq in 0..=NEWS_CAP as u64 {
            hub.publish(&news(id, seq));
        }
        tokio::time::timeout(std::time::Duration::from_secs(5), slow.lag.lost()).await.unwrap();
    }
}
