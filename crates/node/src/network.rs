//! The edge between the engine and libp2p: performs effects, and turns events of the swarm into
//! inputs. Sealed frames are opened and verified on the way in, away from the engine.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use madang_p2p as p2p;
use madang_wire::{RelayBody, RelayFrame, StreamBody, StreamFrame, byte_fields};
use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, Semaphore, broadcast, mpsc, oneshot};

use crate::{
    effect::{AskId, Effects, Send},
    event::Event,
    ingest::{self, Page, Source},
    input::Input,
    ring::{BoxId, Ring},
};

/// Opens at once so many batches of sealed frames: one per core of the reference machine.
const OPENERS: usize = 2;
/// Frames of at most so many bytes together are opened where they arrive: their way to another thread and back would
/// take as long as the opening itself.
const OPEN_HERE_BYTES: usize = 2 * 1024;
/// Contact frames that may wait for their answer at once.
const ASKS_CAP: usize = 256;

/// Which live paths carry content; all of them except in tests of a single path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paths {
    /// gossipsub.
    pub gossip: bool,
    /// Content on the sync stream.
    pub stream: bool,
}

impl Default for Paths {
    fn default() -> Self {
        Self { gossip: true, stream: true }
    }
}

type Asks = Arc<Mutex<BTreeMap<AskId, oneshot::Sender<Bytes>>>>;

/// Performs effects. Lives on the engine thread; every call returns at once.
pub(crate) struct Network {
    handle: p2p::Handle,
    runtime: tokio::runtime::Handle,
    inputs: mpsc::WeakSender<Input>,
    events: broadcast::Sender<Event>,
    asks: Asks,
}

impl Network {
    /// Performs the effects of a turn that was committed: sends, then answers, then announcements.
    pub(crate) fn perform(&self, fx: Effects) {
        for send in fx.sends {
            self.send(send);
        }
        for answer in fx.answers {
            answer(None);
        }
        for event in fx.events {
            // No listener is no error.
            drop(self.events.send(event));
        }
    }

    /// Closes every connection; they come back by themselves, with new streams.
    pub(crate) fn begin_anew(&self) {
        self.handle.reconnect();
    }

    fn send(&self, send: Send) {
        match send {
            Send::Frame { peer, frame } => {
                if let Err(error) = self.handle.send(peer, frame) {
                    tracing::debug!(%peer, %error, "frame was not queued");
                    if error == p2p::SendError::Full {
                        // Most frames are never said again on a stream. On a new one they are.
                        self.handle.restart(peer);
                    }
                }
            }
            Send::Publish { topic, data } => {
                // What gossip does not carry goes over the stream and the relay.
                if let Err(error) = self.handle.publish(topic, data) {
                    tracing::debug!(%error, "not published");
                }
            }
            Send::Verdict { id, good } => self.handle.gossip_verdict(id, good),
            Send::Subscribe(topic) => self.handle.subscribe(topic),
            Send::Unsubscribe(topic) => self.handle.unsubscribe(topic),
            Send::SetPeer { peer, addrs } => self.handle.set_peer(peer, addrs, true),
            Send::ForgetPeer(peer) => self.handle.forget_peer(peer),
            Send::Contact { call, peer, addrs, frame } => {
                let (handle, inputs) = (self.handle.clone(), self.inputs.clone());
                self.runtime.spawn(async move {
                    let result = handle.contact(peer, addrs, frame).await.map_err(|error| error.to_string());
                    if let Some(inputs) = inputs.upgrade() {
                        drop(inputs.send(Input::ContactAnswer { call, result }).await);
                    }
                });
            }
            Send::ContactAnswer { ask, frame } => {
                if let Some(waiting) = self.asks.lock().remove(&ask) {
                    drop(waiting.send(frame));
                }
            }
            Send::SetRelay(addr) => {
                if let Err(error) = self.handle.set_relay(addr) {
                    tracing::warn!(%error, "a relay address is of no use");
                }
            }
            Send::ForgetRelay(relay) => self.handle.forget_relay(relay),
            Send::Relay { relay, frame } => {
                if let Err(error) = self.handle.relay_send(relay, frame) {
                    tracing::debug!(%relay, %error, "relay frame was not queued");
                    if error == p2p::SendError::Full {
                        // Requests would wait for an answer to something that was never asked.
                        self.handle.restart_relay(relay);
                    }
                }
            }
            Send::Redial => self.handle.reconnect(),
        }
    }
}

/// Turns events of the swarm into inputs of the engine until one of the two is gone.
pub(crate) struct Listener {
    events: p2p::Events,
    inputs: mpsc::Sender<Input>,
    asks: Asks,
    ring: Arc<Ring>,
    openers: Arc<Semaphore>,
    paths: Paths,
    next_ask: u64,
    /// Held while a page of a relay is opened.
    logs: BTreeMap<p2p::PeerId, Arc<tokio::sync::Mutex<()>>>,
}

impl Listener {
    /// Runs until the swarm or the engine is gone.
    pub(crate) async fn run(mut self) {
        while let Some(event) = self.events.recv().await {
            let Some(input) = self.input(event).await else { continue };
            if self.inputs.send(input).await.is_err() {
                break;
            }
        }
    }

    async fn input(&mut self, event: p2p::Event) -> Option<Input> {
        Some(match event {
            p2p::Event::Listening { addrs } => Input::Listening(addrs),
            p2p::Event::PeerUp { peer, relayed, opener, nonce, .. } => {
                Input::PeerUp { peer, relayed, opener, nonce }
            }
            p2p::Event::PeerDown { peer } => Input::PeerDown(peer),
            p2p::Event::Rtt { peer, ms } => Input::Rtt { peer, ms },
            p2p::Event::Frame { peer, frame } => return self.frame(peer, &frame).await,
            p2p::Event::Gossip { topic, data, id, .. } => {
                if self.paths.gossip {
                    self.open(Source::Gossip { topic, id }, vec![data], None).await;
                }
                return None;
            }
            p2p::Event::Contact { peer, frame, reply } => self.ask(peer, frame, reply)?,
            p2p::Event::RelayUp { relay, .. } => Input::RelayUp { relay },
            p2p::Event::RelayFrame { relay, frame } => return self.relay_frame(relay, frame).await,
            p2p::Event::RelayDown { relay, reason } => {
                self.logs.remove(&relay);
                Input::RelayDown { relay, reason }
            }
            _ => return None,
        })
    }

    async fn frame(&self, peer: p2p::PeerId, frame: &Bytes) -> Option<Input> {
        let decoded: StreamFrame = match madang_wire::decode(frame) {
            Ok(decoded) => decoded,
            Err(error) => {
                tracing::warn!(%peer, %error, "bad stream frame dropped");
                return None;
            }
        };
        match decoded.body? {
            StreamBody::Ops(ops) => {
                if self.paths.stream {
                    self.open(Source::Stream { peer, tag: ops.tag }, sealed_in(frame), None).await;
                }
                None
            }
            frame => Some(Input::Frame { peer, frame }),
        }
    }

    /// Items of a followed log are opened on the pool, everything else is for the engine. Pages of one
    /// relay are opened one after the other: the cursor must not pass a page that is not kept yet.
    async fn relay_frame(&mut self, relay: p2p::PeerId, frame: Bytes) -> Option<Input> {
        let decoded = madang_wire::decode::<RelayFrame>(&frame).ok().and_then(|decoded| decoded.body);
        let Some(RelayBody::Items(items)) = decoded else { return Some(Input::RelayFrame { relay, frame }) };
        let log = BoxId::try_from(items.box_id.as_slice()).ok();
        let followed = log.filter(|log| !items.items.is_empty() && self.ring.by_log(log).is_some());
        let Some(log) = followed else { return Some(Input::RelayFrame { relay, frame }) };
        let order = Arc::clone(self.logs.entry(relay).or_default()).lock_owned().await;
        let page = Page::of(&items);
        let sealed = items.items.into_iter().map(|item| Bytes::from(item.body)).collect();
        self.open(Source::Relay { relay, log, page }, sealed, Some(order)).await;
        None
    }

    /// Opens sealed frames, a small one here and more on the pool; waits only for a free place in it, which slows the
    /// sender. The place and `order` are held until the engine has what was opened: while the engine is busy nothing
    /// more is taken in.
    async fn open(&self, source: Source, sealed: Vec<Bytes>, order: Option<OwnedMutexGuard<()>>) {
        let Ok(permit) = Arc::clone(&self.openers).acquire_owned().await else { return };
        let (ring, inputs) = (Arc::clone(&self.ring), self.inputs.clone());
        if sealed.iter().map(Bytes::len).sum::<usize>() <= OPEN_HERE_BYTES
            && self.openers.available_permits().saturating_add(1) == OPENERS
        {
            // Nothing else is being opened that this could overtake.
            if let Some(arrival) = ingest::open(&ring, source, sealed) {
                drop(inputs.send(Input::Arrival(arrival)).await);
            }
            return;
        }
        tokio::task::spawn_blocking(move || {
            let arrival = ingest::open(&ring, source, sealed);
            if let Some(arrival) = arrival {
                drop(inputs.blocking_send(Input::Arrival(arrival)));
            }
            drop((permit, order));
        });
    }

    fn ask(&mut self, peer: p2p::PeerId, frame: Bytes, reply: oneshot::Sender<Bytes>) -> Option<Input> {
        let mut asks = self.asks.lock();
        asks.retain(|_, waiting| !waiting.is_closed());
        if asks.len() >= ASKS_CAP {
            return None;
        }
        self.next_ask = self.next_ask.wrapping_add(1);
        let ask = AskId(self.next_ask);
        asks.insert(ask, reply);
        Some(Input::Contact { peer, ask, frame })
    }
}

/// Field of `StreamFrame` that holds ops, and field of `Ops` that holds a sealed object (protocol section 9.1).
const OPS_FIELDS: (u32, u32) = (5, 2);

/// The sealed objects in a frame of ops exactly as they were received, without copying: they are hashed and kept so
/// (protocol section 0).
fn sealed_in(frame: &Bytes) -> Vec<Bytes> {
    let ops = byte_fields(frame, OPS_FIELDS.0).unwrap_or_default();
    let parts = ops.into_iter().flat_map(|ops| byte_fields(ops, OPS_FIELDS.1).unwrap_or_default());
    parts.map(|part| frame.slice_ref(part)).collect()
}

/// Connects both sides.
pub(crate) fn connect(
    (handle, events): (p2p::Handle, p2p::Events),
    inputs: &mpsc::Sender<Input>,
    announce: broadcast::Sender<Event>,
    ring: Arc<Ring>,
    paths: Paths,
) -> (Network, Listener) {
    let asks = Asks::default();
    let network = Network {
        handle,
        runtime: tokio::runtime::Handle::current(),
        inputs: inputs.downgrade(),
        events: announce,
        asks: Arc::clone(&asks),
    };
    let listener = Listener {
        events,
        inputs: inputs.clone(),
        asks,
        ring,
        openers: Arc::new(Semaphore::new(OPENERS)),
        paths,
        next_ask: 0,
        logs: BTreeMap::new(),
    };
    (network, listener)
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
