//! A relay inside the test, whose clock the test moves.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use madang_relay::clock::Clock;
use madang_relay::config::{Flags, load};
use madang_relay::server::{self, Options};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::client::now;
use crate::relay::PATIENCE;

/// A relay like `run --dev`, with another clock.
pub(crate) struct Clocked {
    pub(crate) addr: String,
    ahead: Arc<AtomicU64>,
    shutdown: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

impl Clocked {
    pub(crate) async fn start(data: &Path, env: &[(&str, &str)]) -> Self {
        let env: BTreeMap<String, String> =
            env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let flags = Flags { dev: true, data: Some(data.to_owned()), ..Flags::default() };
        let config = load(None, &env, &flags).unwrap();
        let ahead = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&ahead);
        let clock = Clock::new(move || now() + told.load(Ordering::SeqCst));
        let (announce, ready) = oneshot::channel();
        let (shutdown, ended) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let ready = |ready: &server::Ready| {
                announce.send(ready.addr.clone()).unwrap();
                Ok(())
            };
            let options = Options { dev: true, trace_frames: None };
            let (_, reloads) = tokio::sync::mpsc::channel(1);
            server::run(config, options, clock, ready, reloads, async { ended.await.unwrap() })
                .await
                .unwrap();
        });
        let addr = timeout(PATIENCE, ready).await.unwrap().unwrap();
        Self { addr, ahead, shutdown, task }
    }

    /// Moves the clock of the relay on, ms.
    pub(crate) fn pass(&self, ms: u64) {
        self.ahead.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) async fn stop(self) {
        self.shutdown.send(()).unwrap();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}
