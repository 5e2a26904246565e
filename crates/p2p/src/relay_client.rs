//! Keeps a stream to one relay.
//!
//! Owns: the loop resolve, open, pump, wait.
//! Must not know: what the frames mean.
//! Invariant: it never gives up; between attempts it waits with jitter, up to 60 s. After the loss of a stream that had
//! come up it waits for a time of its own within 30 s, so that the clients of a relay do not all come back at once.

use crate::{
    address::{ip, resolve_all},
    backoff,
    error::OpenError,
    event::Event,
    handle::Shared,
    open::{Opened, Wanted},
    protocol, pump,
    queue::queue,
};
use libp2p::{Multiaddr, PeerId, bytes::Bytes};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::Instant,
};

/// A stream that lived this long proves that the relay works: attempts after its loss begin at 1 s again.
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
        let (mut failed, mut losses) = (0_u32, 0_u32);
        while self.plan.has_changed().is_ok() {
            let addrs = self.plan.borrow_and_update().addrs.clone();
            let attempt = tokio::select! {
                attempt = tokio::time::timeout(ATTEMPT, self.open(&addrs)) => attempt,
                () = forgotten(self.plan.clone()) => return,
            };
            let mut first = Duration::ZERO;
            let reason = match attempt {
                Ok(Ok(opened)) => {
                    let (start, addr) = (Instant::now(), opened.addr.clone());
                    let end = self.serve(opened).await;
                    if start.elapsed() >= PROVED {
                        failed = 0;
                    }
                    if !matches!(end, End::Restart) {
                        losses = losses.wrapping_add(1);
                        first = self.after_loss(&addr, losses);
                    }
                    end.reason()
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => "timed out".to_owned(),
            };
            let down = Event::RelayDown { relay: self.relay, reason };
            if self.events.send(down).await.is_err() {
                return;
            }
            let backoff = backoff::delay(&self.shared.local, &self.relay, failed);
            if self.wait(backoff.max(first)).await {
                failed = 0;
            } else {
                failed = failed.saturating_add(1);
            }
        }
    }

    /// How long to wait at least after a stream was lost. Only this machine uses a relay on loopback: there is no herd.
    fn after_loss(&self, addr: &Multiaddr, losses: u32) -> Duration {
        if ip(addr).is_some_and(|ip| ip.is_loopback()) {
            return Duration::ZERO;
        }
        backoff::spread(&self.shared.local, &self.relay, losses)
    }

    async fn open(&self, addrs: &[Multiaddr]) -> Result<Opened, OpenError> {
        let addrs = resolve_all(addrs).await;
        let (reply, answer) = oneshot::channel();
        let wanted = Wanted { peer: self.relay, addrs, protocol: protocol::RELAY, reply };
        self.requests.send(wanted).await.map_err(|_| OpenError::Stopped)?;
        answer.await.map_err(|_| OpenError::Stopped)?
    }

    /// Pumps until the stream ends; returns why it did.
    async fn serve(&self, opened: Opened) -> End {
        let relay = self.relay;
        let (sender, queued, restart) = queue();
        let mut restarted = false;
        self.shared.relays().insert(relay, sender);
        let end = match self.events.send(Event::RelayUp { relay, addr: opened.addr }).await {
            Ok(()) => {
                let wrap = |frame: Bytes| Ok(Event::RelayFrame { relay, frame });
                let plan = self.plan.clone();
                let stop = async {
                    let order = tokio::select! {
                        () = forgotten(plan) => pump::Stop::Drain,
                        () = restart.notified() => pump::Stop::Now,
                    };
                    restarted = order == pump::Stop::Now;
                    self.shared.relays().remove(&relay);
                    order
                };
                pump::run(opened.stream, protocol::RELAY_FRAME, queued, &self.events, wrap, stop).await
            }
            Err(_) => Err(pump::PumpError::OwnerGone),
        };
        self.shared.relays().remove(&relay);
        match end {
            _ if restarted => End::Restart,
            Ok(()) => End::Closed,
            Err(error) => End::Failed(error),
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

/// How a stream to a relay ended.
enum End {
    /// The owner asked for a new one.
    Restart,
    Closed,
    Failed(pump::PumpError),
}

impl End {
    fn reason(&self) -> String {
        match self {
            Self::Restart => "started anew".to_owned(),
            Self::Closed => "stream closed".to_owned(),
            Self::Failed(error) => error.to_string(),
        }
    }
}

/// Resolves when the sender of the plan is dropped.
async fn forgotten(mut plan: watch::Receiver<Plan>) {
    while plan.changed().await.is_ok() {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Hello, HelloSource};
    use std::collections::BTreeSet;

    fn keeper(relay: PeerId) -> Keeper {
        let hello = HelloSource::new(|| Hello { nonce: [0; 16], now: 0, features: Vec::new() });
        Keeper {
            relay,
            plan: watch::channel(Plan::default()).1,
            shared: Arc::new(Shared::new(PeerId::random(), hello)),
            events: mpsc::channel(1).0,
            requests: mpsc::channel(1).0,
        }
    }

    #[test]
    fn after_a_loss_a_herd_comes_back_within_thirty_seconds_and_not_at_once() {
        let relay = PeerId::random();
        let far: Multiaddr = "/ip4/192.0.2.1/tcp/4001".parse().unwrap();
        let mut seconds = BTreeSet::new();
        for _ in 0..300 {
            let wait = keeper(relay).after_loss(&far, 1);
            assert!(wait <= Duration::from_secs(30), "{wait:?}");
            seconds.insert(wait.as_secs());
        }
        assert!(seconds.len() >= 28, "300 clients came back in only {} different seconds", seconds.len());
        let one = keeper(relay);
        assert_ne!(one.after_loss(&far, 1), one.after_loss(&far, 2), "the same ones are first each time");
    }

    #[tokio::test]
    async fn an_order_cuts_the_spread_short_also_when_it_came_before_the_loss() {
        let (plan, receiver) = watch::channel(Plan::default());
        let mut keeper = Keeper { plan: receiver, ..keeper(PeerId::random()) };
        keeper.plan.borrow_and_update();
        plan.send_modify(|plan| plan.orders += 1);
        let wait = tokio::time::timeout(Duration::from_secs(5), keeper.wait(Duration::from_secs(30)));
        assert!(wait.await.unwrap(), "a machine that woke up waits for nothing");
    }

    #[test]
    fn a_relay_on_this_machine_has_no_herd() {
        for near in ["/ip4/127.0.0.1/tcp/4001", "/ip6/::1/udp/4001/quic-v1"] {
            assert_eq!(keeper(PeerId::random()).after_loss(&near.parse().unwrap(), 1), Duration::ZERO);
        }
    }
}
