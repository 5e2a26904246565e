//! The way into a running swarm.
//!
//! Owns: one function per wish or command, and the queues of the open streams.
//! Must not know: how the swarm does it.
//! Invariant: nothing here waits, except the functions that are `async`.

use crate::{
    address::{AddressError, resolve_all, split_peer},
    contact,
    counters::{Counters, Counts},
    error::{ContactError, OpenError, PublishError, RelayError, SendError},
    event::GossipId,
    hello::HelloSource,
    intent::Intent,
    link::LinkStream,
    open::{Opened, Wanted},
    protocol,
    queue::Queue,
};
use libp2p::{Multiaddr, PeerId, StreamProtocol, bytes::Bytes};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Notify, mpsc, oneshot};

/// Commands that may wait for the swarm task; a burst of gossip above it is dropped and counted.
pub(crate) const COMMANDS: usize = 1_024;

/// What needs an answer or an order of its own.
#[derive(Debug)]
pub(crate) enum Command {
    /// Publish a gossip message.
    Publish { topic: String, data: Bytes },
    /// Forward or discard a gossip message that came.
    Verdict { id: GossipId, ok: bool },
    /// Open a stream for the caller.
    Open(Wanted),
    /// Stop and say when everything is closed.
    Shutdown(oneshot::Sender<()>),
}

/// State between handles, tasks and the swarm task.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) local: PeerId,
    pub(crate) hello: HelloSource,
    pub(crate) wake: Notify,
    pub(crate) counters: Counters,
    intent: Mutex<Intent>,
    peers: Mutex<BTreeMap<PeerId, Queue>>,
    relays: Mutex<BTreeMap<PeerId, Queue>>,
}

/// A poisoned lock only means that a holder panicked; every update under these locks is complete at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(local: PeerId, hello: HelloSource) -> Self {
        Self {
            local,
            hello,
            wake: Notify::new(),
            counters: Counters::default(),
            intent: Mutex::default(),
            peers: Mutex::default(),
            relays: Mutex::default(),
        }
    }

    pub(crate) fn intent(&self) -> MutexGuard<'_, Intent> {
        lock(&self.intent)
    }

    /// Queues of the primary sync streams that are up.
    pub(crate) fn peers(&self) -> MutexGuard<'_, BTreeMap<PeerId, Queue>> {
        lock(&self.peers)
    }

    /// Queues of the relay streams that are up.
    pub(crate) fn relays(&self) -> MutexGuard<'_, BTreeMap<PeerId, Queue>> {
        lock(&self.relays)
    }
}

/// Handle of a running swarm; cheap to clone. The swarm ends when all handles are dropped, when the events are
/// dropped, or by [`Handle::shutdown`].
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: mpsc::Sender<Command>,
}

impl Handle {
    /// The PeerId of this swarm.
    #[must_use]
    pub fn local_peer(&self) -> PeerId {
        self.shared.local
    }

    fn wish(&self, change: impl FnOnce(&mut Intent)) {
        change(&mut self.shared.intent());
        self.shared.wake.notify_one();
    }

    /// Makes a peer known and keeps it connected: it may open sync streams, and with `gossip` it hears our topics.
    /// At most 16 addresses are kept; DNS names are resolved here. A peer that was connected as a stranger is
    /// closed and dialled again (protocol sections 7.4 and 9.5).
    pub fn set_peer(&self, peer: PeerId, addrs: Vec<Multiaddr>, gossip: bool) {
        self.wish(|intent| intent.set_peer(peer, addrs, gossip));
    }

    /// Makes a known peer a stranger again and closes its connections.
    pub fn forget_peer(&self, peer: PeerId) {
        self.wish(|intent| intent.forget_peer(peer));
    }

    /// Tries every known peer and relay that is away, now. Connections that stand are left alone.
    pub fn redial(&self) {
        self.wish(Intent::redial);
    }

    /// Closes every connection and dials again: for a resume from sleep or a changed network, where connections
    /// look alive for up to 35 s although they are not.
    pub fn reconnect(&self) {
        self.wish(Intent::reconnect);
    }

    /// Queues a frame on the primary sync stream of a peer.
    ///
    /// # Errors
    /// [`SendError`]; after `Ok` the frame may still be lost with the stream, only the peer's answer counts.
    pub fn send(&self, peer: PeerId, frame: Bytes) -> Result<(), SendError> {
        push(&self.shared.peers(), peer, frame, protocol::SYNC_FRAME)
    }

    /// Bytes of frames that [`Handle::send`] would still take for a peer, if its primary sync stream is up.
    #[cfg(test)]
    pub(crate) fn free_bytes(&self, peer: PeerId) -> Option<usize> {
        self.shared.peers().get(&peer).map(Queue::free)
    }

    /// Ends the primary sync stream of a peer and drops what waits on it; a new one is opened soon. For an owner that
    /// could not queue a frame: with a hole in it the stream would be worth less than a new one, on which both sides
    /// tell each other again what they have.
    pub fn restart(&self, peer: PeerId) {
        if let Some(queue) = self.shared.peers().get(&peer) {
            queue.restart();
        }
    }

    /// Joins a gossip topic.
    pub fn subscribe(&self, topic: String) {
        self.wish(|intent| intent.subscribe(topic));
    }

    /// Leaves a gossip topic.
    pub fn unsubscribe(&self, topic: String) {
        self.wish(|intent| intent.unsubscribe(topic));
    }

    /// Publishes a gossip message. `Ok` means nothing about delivery (protocol section 9.3).
    ///
    /// # Errors
    /// [`PublishError::TooLarge`] above 32 KiB, [`PublishError::Full`] when the swarm is too busy.
    pub fn publish(&self, topic: String, data: Bytes) -> Result<(), PublishError> {
        if data.len() > protocol::GOSSIP_MESSAGE {
            return Err(PublishError::TooLarge);
        }
        self.commands.try_send(Command::Publish { topic, data }).map_err(|_| {
            self.shared.counters.publish_dropped();
            PublishError::Full
        })
    }

    /// Says whether a received gossip message is good: only then it is forwarded. To be called once per message.
    pub fn gossip_verdict(&self, id: GossipId, ok: bool) {
        if self.commands.try_send(Command::Verdict { id, ok }).is_err() {
            self.shared.counters.verdict_dropped();
        }
    }

    /// Sends one frame on the contact protocol and waits for the answer, at most 10 s. The peer need not be known;
    /// it is dialled if there is no connection, also at addresses learned by mDNS.
    ///
    /// # Errors
    /// [`ContactError`].
    pub async fn contact(
        &self,
        peer: PeerId,
        addrs: Vec<Multiaddr>,
        frame: Bytes,
    ) -> Result<Bytes, ContactError> {
        let exchange = async {
            let opened = self.open(peer, &addrs, protocol::CONTACT).await?;
            contact::ask(opened.stream, &frame).await
        };
        tokio::time::timeout(contact::TIMEOUT, exchange).await.map_err(|_| ContactError::TimedOut)?
    }

    /// Opens a link stream to a peer that need not be known (protocol section 8), at most 10 s.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn link(&self, peer: PeerId, addrs: Vec<Multiaddr>) -> Result<LinkStream, OpenError> {
        let opening = self.open(peer, &addrs, protocol::LINK);
        let opened = tokio::time::timeout(contact::TIMEOUT, opening)
            .await
            .map_err(|_| OpenError::Unreachable("timed out".to_owned()))??;
        Ok(LinkStream::new(opened.stream))
    }

    /// Whether link streams are accepted and reported as [`crate::Event::Link`]; at first they are not.
    pub fn set_linking(&self, open: bool) {
        self.wish(|intent| intent.set_linking(open));
    }

    async fn open(
        &self,
        peer: PeerId,
        addrs: &[Multiaddr],
        protocol: StreamProtocol,
    ) -> Result<Opened, OpenError> {
        let addrs = resolve_all(addrs).await;
        let (reply, answer) = oneshot::channel();
        let wanted = Wanted { peer, addrs, protocol, reply };
        self.commands.send(Command::Open(wanted)).await.map_err(|_| OpenError::Stopped)?;
        answer.await.map_err(|_| OpenError::Stopped)?
    }

    /// Keeps a stream to a relay open from now on. The address ends in `/p2p/…`; a second address of the same relay
    /// is tried besides the first.
    ///
    /// # Errors
    /// [`RelayError::Address`] when the address names no peer.
    pub fn set_relay(&self, addr: Multiaddr) -> Result<PeerId, RelayError> {
        let (addr, Some(relay)) = split_peer(addr) else {
            return Err(AddressError::NoPeer.into());
        };
        self.wish(|intent| intent.set_relay(relay, addr));
        Ok(relay)
    }

    /// Closes the stream to a relay and stops keeping it.
    pub fn forget_relay(&self, relay: PeerId) {
        self.wish(|intent| intent.forget_relay(relay));
    }

    /// Queues a frame on the stream of a relay.
    ///
    /// # Errors
    /// [`SendError`]; after `Ok` the frame may still be lost with the stream, only the relay's answer counts.
    pub fn relay_send(&self, relay: PeerId, frame: Bytes) -> Result<(), SendError> {
        push(&self.shared.relays(), relay, frame, protocol::RELAY_FRAME)
    }

    /// Bytes of frames that [`Handle::relay_send`] would still take for a relay, if its stream is up.
    #[cfg(test)]
    pub(crate) fn relay_free_bytes(&self, relay: PeerId) -> Option<usize> {
        self.shared.relays().get(&relay).map(Queue::free)
    }

    /// Ends the stream to a relay and drops what waits on it; a new one is opened at once.
    pub fn restart_relay(&self, relay: PeerId) {
        if let Some(queue) = self.shared.relays().get(&relay) {
            queue.restart();
        }
    }

    /// What was dropped so far because somebody was too slow.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counters.read()
    }

    /// Sends what is queued, closes every connection and ends the swarm; takes at most about two seconds.
    pub async fn shutdown(self) {
        let (done, closed) = oneshot::channel();
        if self.commands.send(Command::Shutdown(done)).await.is_ok() && closed.await.is_err() {
            tracing::debug!("swarm ended before it confirmed its shutdown");
        }
    }
}

fn push(queues: &BTreeMap<PeerId, Queue>, peer: PeerId, frame: Bytes, cap: usize) -> Result<(), SendError> {
    if frame.len() > cap {
        return Err(SendError::TooLarge);
    }
    queues.get(&peer).ok_or(SendError::NotConnected)?.push(frame)
}
