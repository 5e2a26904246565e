//! What should happen outside the store. Effects of a turn are performed after its commit, in this
//! order: sends first, then answers to commands, then announcements. So nothing is promised or
//! announced before it is on disk.

use bytes::Bytes;
use madang_p2p::{GossipId, Multiaddr, PeerId};

use crate::{error::Error, event::Event};

/// Correlates an outgoing contact call with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallId(pub u64);

/// Correlates an incoming contact frame with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AskId(pub u64);

/// Something for the network.
#[derive(Debug, Clone)]
pub(crate) enum Send {
    /// A frame on the sync stream of a peer.
    Frame {
        /// The peer.
        peer: PeerId,
        /// Encoded `StreamFrame`.
        frame: Bytes,
    },
    /// A sealed frame on a gossip topic.
    Publish {
        /// The topic.
        topic: String,
        /// Encoded `Sealed`.
        data: Bytes,
    },
    /// Whether a gossip message is to be forwarded.
    Verdict {
        /// The message.
        id: GossipId,
        /// Whether it was good.
        good: bool,
    },
    /// Follow a topic.
    Subscribe(String),
    /// Leave a topic: its route is not followed any more.
    Unsubscribe(String),
    /// Make a peer known, or change its addresses.
    SetPeer {
        /// The peer.
        peer: PeerId,
        /// Where it listens.
        addrs: Vec<Multiaddr>,
    },
    /// Make a peer a stranger again.
    ForgetPeer(PeerId),
    /// One frame to anybody on the contact protocol; the answer comes back as an input.
    Contact {
        /// Correlates the answer.
        call: CallId,
        /// The peer.
        peer: PeerId,
        /// Where it may listen.
        addrs: Vec<Multiaddr>,
        /// Encoded `ContactFrame`.
        frame: Bytes,
    },
    /// Answer to a contact frame.
    ContactAnswer {
        /// Which one.
        ask: AskId,
        /// Encoded `ContactFrame`.
        frame: Bytes,
    },
    /// Keep a connection to a relay.
    SetRelay(Multiaddr),
    /// Give up a relay.
    ForgetRelay(PeerId),
    /// A frame to a relay.
    Relay {
        /// The relay.
        relay: PeerId,
        /// Encoded `RelayFrame`.
        frame: Bytes,
    },
    /// Dial every known peer now.
    Redial,
}

/// An answer to a command. It is given the error of the commit, if that failed.
pub(crate) type Answer = Box<dyn FnOnce(Option<Error>) + std::marker::Send>;

/// Effects of one turn, by their order.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) sends: Vec<Send>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) events: Vec<Event>,
}

impl Effects {
    /// Moves the effects of `other` behind these.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.sends.append(&mut other.sends);
        self.answers.append(&mut other.answers);
        self.events.append(&mut other.events);
    }
}
