//! Keeps a stream to one relay.
//!
//! Owns: the loop resolve, open, pump, wait.
//! Must not know: what the frames mean.
//! Invariant: it never gives up; between attempts it waits with jitter, up to 60 s.

use crate::{
    address::resolve_all,
    backoff,
    error::OpenError,
    event::Event,
    handle::{RELAY_QUEUE, Shared},
    open::{Opened, Wanted},
    protocol, pump,
};
use libp2p::{Multiaddr, PeerId, bytes::Bytes};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

/// A stream that lived this long proves that the relay works: the next loss is met by a fast attempt.
const PROVED: Duration = Duration::from_secs(10);
/// One attempt, with resolving and dialling, takes at most this long.
const ATTEMPT: Duration = Duration::from_secs(20);

/// What a keeper is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    /// Addresses of the relay, without its peer part.
    pub(crate) addrs: Vec<Multiaddr>,
    /// Counts how often the owner asked to try now; a new value wakes the keeper.
    pub(crate) orders: u64,
}

/// Task that keeps the stream to one relay. It ends when the sender of `plan` is dropped.
pub(crate) struct Keeper {
    pub(crate) relay: PeerId,
    pub(crate) plan: watch::Receiver<Plan>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) requests: mpsc::Sender<Wanted>,
}

impl Keeper {
    /// Runs until the relay is forgotten or the swarm ends.
    pub(crate) async fn run(mut self) {
        let mut failed = 0_u32;
        while self.plan.has_changed().is_ok() {
            let addrs = self.plan.borrow_and_update().addrs.clone();
            let attempt = tokio::select! {
                attempt = tokio::time::timeout(ATTEMPT, self.open(&addrs)) => attempt,
                () = forgotten(self.plan.clone()) => return,
            };
            let reason = match attempt {
                Ok(Ok(opened)) => {
                    let start = Instant::now();
                    let reason = self.serve(opened).await;
                    if start.elapsed() >= PROVED {
                        failed = 0;
                    }
                    reason
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "timed out".to_owned(),
            };
            let down = Event::RelayDown { relay: self.relay, reason };
            if self.events.send(down).await.is_err() {
                return;
            }
            if self.wait(backoff::delay(&self.shared.local, &self.relay, failed)).await {
                failed = 0;
            } else {
                failed = failed.saturating_add(1);
            }
        }
    }

    async fn open(&self, addrs: &[Multiaddr]) -> Result<Opened, OpenError> {
        let addrs = resolve_all(addrs).await;
        let (reply, answer) = oneshot::channel();
        let wanted = Wanted { peer: self.relay, addrs, protocol: protocol::RELAY, reply };
        self.requests.send(wanted).await.map_err(|_| OpenError::Stopped)?;
        answer.await.map_err(|_| OpenError::Stopped)?
    }

    /// Pumps until the stream ends; returns why it did.
    async fn serve(&self, opened: Opened) -> String {
        let relay = self.relay;
        let (sender, queue) = mpsc::channel(RELAY_QUEUE);
        self.shared.relays().insert(relay, sender);
        let end = match self.events.send(Event::RelayUp { relay, addr: opened.addr }).await {
            Ok(()) => {
                let wrap = |frame: Bytes| Event::RelayFrame { relay, frame };
                let plan = self.plan.clone();
                let stop = async {
                    forgotten(plan).await;
                    self.shared.relays().remove(&relay);
                    pump::Stop::Drain
                };
                pump::run(opened.stream, protocol::RELAY_FRAME, queue, &self.events, wrap, stop).await
            }
            Err(_) => Err(pump::PumpError::OwnerGone),
        };
        self.shared.relays().remove(&relay);
        match end {
            Ok(()) => "stream closed".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// Waits; returns whether the owner cut the wait short.
    async fn wait(&mut self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => false,
            // A new address is worth an attempt as much as an order is.
            changed = self.plan.changed() => changed.is_ok(),
        }
    }
}

/// Resolves when the sender of the plan is dropped.
async fn forgotten(mut plan: watch::Receiver<Plan>) {
    while plan.changed().await.is_ok() {}
}
