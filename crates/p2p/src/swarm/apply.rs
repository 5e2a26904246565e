//! Orders of the owner, carried out on the swarm.

use super::{KeptRelay, Resolved, Task};
use crate::{
    address::{ip, resolve_all, split_peer},
    event::{Event, GossipId},
    handle::Command,
    intent::WantedPeer,
    open::{Wanted, answer},
    protocol,
    relay_client::{Keeper, Plan},
};
use libp2p::{
    Multiaddr, PeerId,
    gossipsub::{IdentTopic, MessageAcceptance, MessageId},
    swarm::{
        DialError,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use std::sync::Arc;
use tokio::{sync::watch, time::Instant};

use crate::error::OpenError;

impl Task {
    /// Brings the swarm to what the owner wants.
    pub(super) fn apply_intent(&mut self) {
        let changes = self.shared.intent().take_changes();
        let now = Instant::now();
        for (peer, wanted) in changes.peers {
            match wanted {
                Some(wanted) => self.set_peer(peer, wanted, now),
                None => self.forget_peer(peer),
            }
        }
        for (topic, join) in changes.topics {
            self.set_topic(&topic, join);
        }
        for (relay, addrs) in changes.relays {
            self.set_relay(relay, addrs);
        }
        if let Some(linking) = changes.linking {
            self.linking = linking;
        }
        if changes.reconnect {
            for connection in self.peers.all_connections() {
                self.swarm.close_connection(connection);
            }
        }
        if changes.redial || changes.reconnect {
            self.try_everything(now);
        }
    }

    /// Listens where it should and does not, and tries every peer and relay that is away, without waiting.
    pub(super) fn try_everything(&mut self, now: Instant) {
        self.listening.retry_now(now);
        self.peers.dial_all_now(now);
        for relay in self.relays.values() {
            relay.plan.send_modify(|plan| plan.orders = plan.orders.wrapping_add(1));
        }
    }

    fn set_peer(&mut self, peer: PeerId, wanted: WantedPeer, now: Instant) {
        if peer == self.shared.local {
            tracing::debug!("not a peer of itself");
            return;
        }
        self.trust(peer, true, wanted.gossip);
        if self.peers.set(peer, wanted, now) {
            // What a connection may carry is fixed when it is made.
            self.close_all(&peer);
        }
    }

    fn forget_peer(&mut self, peer: PeerId) {
        if self.peers.forget(&peer) {
            self.trust(peer, false, false);
            self.sessions.forget(&peer);
            self.close_all(&peer);
        }
    }

    fn trust(&mut self, peer: PeerId, known: bool, gossip: bool) {
        let exempt = known || self.relays.contains_key(&peer);
        let behaviour = self.swarm.behaviour_mut();
        behaviour.streams.set_known(peer, known);
        if let Some(wrapped) = behaviour.gossip.as_mut() {
            wrapped.set_allowed(peer, gossip);
        }
        if exempt {
            behaviour.limits.bypass_peer_id(&peer);
        } else {
            behaviour.limits.remove_peer_id(&peer);
        }
    }

    fn close_all(&mut self, peer: &PeerId) {
        let ids: Vec<_> = self.peers.connections(peer).map(|(id, _)| id).collect();
        for id in ids {
            self.swarm.close_connection(id);
        }
    }

    fn set_topic(&mut self, topic: &str, join: bool) {
        let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() else { return };
        let ident = IdentTopic::new(topic);
        if join {
            if let Err(error) = gossip.inner_mut().subscribe(&ident) {
                tracing::warn!(%error, "topic was refused");
            }
        } else {
            gossip.inner_mut().unsubscribe(&ident);
        }
    }

    fn set_relay(&mut self, relay: PeerId, addrs: Option<Vec<Multiaddr>>) {
        let Some(addrs) = addrs else {
            self.relays.remove(&relay);
            if !self.peers.is_known(&relay) {
                self.swarm.behaviour_mut().limits.remove_peer_id(&relay);
            }
            return;
        };
        if let Some(kept) = self.relays.get(&relay) {
            kept.plan.send_modify(|plan| plan.addrs = addrs);
            return;
        }
        self.swarm.behaviour_mut().limits.bypass_peer_id(&relay);
        let (plan, receiver) = watch::channel(Plan { addrs, orders: 0 });
        let keeper = Keeper {
            relay,
            plan: receiver,
            shared: Arc::clone(&self.shared),
            events: self.events.clone(),
            requests: self.request.clone(),
        };
        self.relays.insert(relay, KeptRelay { plan, task: tokio::spawn(keeper.run()) });
    }

    pub(super) fn on_command(&mut self, command: Command) {
        // A topic or peer that was set before the command counts for it.
        self.apply_intent();
        match command {
            Command::Publish { topic, data } => self.publish(&topic, data.into()),
            Command::Verdict { id, ok } => {
                let verdict = if ok { MessageAcceptance::Accept } else { MessageAcceptance::Reject };
                self.judge(id, verdict);
            }
            Command::Open(wanted) => self.open(wanted),
            // Handled by the loop itself.
            Command::Shutdown(_) => {}
        }
    }

    fn publish(&mut self, topic: &str, data: Vec<u8>) {
        let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() else { return };
        if let Err(error) = gossip.inner_mut().publish(IdentTopic::new(topic), data) {
            // Ordinary while nobody else is there: the stream and the relay carry alone.
            tracing::debug!(%error, "not published");
        }
    }

    pub(super) fn judge(&mut self, id: GossipId, verdict: MessageAcceptance) {
        let Some(gossip) = self.swarm.behaviour_mut().gossip.as_mut() else { return };
        let message = MessageId::new(&id.hash);
        if !gossip.inner_mut().report_message_validation_result(&message, &id.from, verdict) {
            tracing::debug!("verdict came after the message had left the cache");
        }
    }

    /// Opens a stream for somebody: on the newest connection with the peer, or on one that is dialled now.
    pub(super) fn open(&mut self, wanted: Wanted) {
        if !self.opens.room() {
            return answer(wanted.reply, Err(OpenError::Busy));
        }
        if let Some((id, connection)) = self.peers.connections(&wanted.peer).last() {
            let addr = connection.addr.clone();
            let ticket = self.swarm.behaviour_mut().streams.open(wanted.peer, id, wanted.protocol.clone());
            return self.opens.wait_for_stream(ticket, addr, wanted);
        }
        let mut addrs = wanted.addrs.clone();
        addrs.extend(self.peers.addresses(&wanted.peer));
        let options = self.dial_options(wanted.peer, addrs, PeerCondition::Disconnected);
        let dial = options.connection_id();
        match self.swarm.dial(options) {
            Ok(()) => self.opens.wait_for_dial(dial, wanted),
            Err(error) => {
                answer(wanted.reply, Err(OpenError::Unreachable(crate::transport::dial_failure(&error))))
            }
        }
    }

    fn dial_options(&self, peer: PeerId, addrs: Vec<Multiaddr>, condition: PeerCondition) -> DialOpts {
        let mut usable = Vec::new();
        for addr in addrs {
            let (addr, named) = split_peer(addr);
            let right = named.is_none_or(|named| named == peer);
            if right && self.transports.carry(&addr) && !usable.contains(&addr) {
                usable.push(addr);
            }
        }
        DialOpts::peer_id(peer).addresses(usable).condition(condition).build()
    }

    /// Starts an attempt to reach a known peer; names are resolved by a task of their own.
    pub(super) fn start_dial(&mut self, peer: PeerId) {
        let addrs = self.peers.addresses(&peer);
        if addrs.iter().all(|addr| ip(addr).is_some()) {
            return self.dial(peer, addrs);
        }
        let Ok(permit) = Arc::clone(&self.lookups).try_acquire_owned() else {
            return self.peers.dial_failed(&peer, Instant::now());
        };
        let resolve = self.resolve.clone();
        self.errands.spawn(async move {
            let addrs = resolve_all(&addrs).await;
            if resolve.send(Resolved { peer, addrs }).await.is_err() {
                tracing::trace!(%peer, "look-up outlived its swarm");
            }
            drop(permit);
        });
    }

    pub(super) fn dial(&mut self, peer: PeerId, addrs: Vec<Multiaddr>) {
        let options = self.dial_options(peer, addrs, PeerCondition::Disconnected);
        let dial = options.connection_id();
        match self.swarm.dial(options) {
            Ok(()) => {
                self.dials.insert(dial, peer);
            }
            Err(error) => {
                if !matches!(error, DialError::DialPeerConditionFalse(_)) {
                    tracing::debug!(%peer, %error, "cannot dial");
                }
                self.peers.dial_failed(&peer, Instant::now());
            }
        }
    }

    /// Opens our own sync stream to a known peer, on its newest connection.
    pub(super) fn open_session(&mut self, peer: PeerId) {
        if !self.peers.is_known(&peer) {
            return;
        }
        let Some((id, _)) = self.peers.connections(&peer).last() else { return };
        let ticket = self.swarm.behaviour_mut().streams.open(peer, id, protocol::SYNC);
        self.sessions.opening(peer, ticket, id);
    }

    /// Reports a gossip message; one that the owner has no room for is not forwarded either.
    pub(super) fn offer_gossip(&mut self, topic: String, data: Vec<u8>, id: GossipId) {
        let event = Event::Gossip { topic, from: id.from, data: data.into(), id };
        if self.events.try_send(event).is_err() {
            self.shared.counters.gossip_dropped();
            self.judge(id, MessageAcceptance::Ignore);
        }
    }
}
