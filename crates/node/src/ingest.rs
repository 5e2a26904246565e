//! Opening sealed frames: route MAC first, then decryption, then the signature inside. Pure and
//! stateless, so that it runs on the pool, where frames arrive and in simulation alike.
//!
//! Invariant: what leaves here was signed by the author it names, for the conversation it came in.

use bytes::Bytes;
use madang_crypto::{SealError, Verified, VerifiedOp, open_signed, verify_op};
use madang_model::KeyId;
use madang_p2p::{GossipId, PeerId};
use madang_store::{RoomRow, ops::Origin};
use madang_wire::{InnerBody, Items, Register, Sealed, Signal, Signed};

use crate::ring::{BoxId, Ring, RoomSeals};

/// Where sealed frames came from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// A gossip topic.
    Gossip { topic: String, id: GossipId },
    /// The stream with a peer.
    Stream { peer: PeerId, tag: Vec<u8> },
    /// The log of a relay.
    Relay { relay: PeerId, log: BoxId, page: Page },
}

/// What a page of a relay log says besides its items (protocol section 10.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// Epoch of the log.
    pub(crate) epoch: Vec<u8>,
    /// Number of the last item, if there is one.
    pub(crate) upto: Option<u64>,
    /// Highest number given out in the log.
    pub(crate) head: u64,
    /// Items with a smaller number may have been lost.
    pub(crate) truncated_before: u64,
    /// Items in the page.
    pub(crate) count: u32,
}

impl Page {
    /// The page of some items.
    pub(crate) fn of(items: &Items) -> Self {
        Self {
            epoch: items.epoch.clone(),
            upto: items.items.last().map(|item| item.seq),
            head: items.head,
            truncated_before: items.truncated_before,
            count: u32::try_from(items.items.len()).unwrap_or(u32::MAX),
        }
    }
}

impl Source {
    /// How ops from here are marked in the store, unless they were asked for.
    pub(crate) fn origin(&self) -> Origin {
        match self {
            Self::Gossip { .. } => Origin::Gossip,
            Self::Stream { .. } => Origin::Stream,
            Self::Relay { .. } => Origin::Relay,
        }
    }
}

/// One opened object.
#[derive(Debug)]
pub(crate) enum Item {
    /// An op with a good signature.
    Op(Box<VerifiedOp>),
    /// A register with a good signature, and its exact bytes.
    Register(Box<Verified<Register>>, Box<Signed>),
    /// A signal with a good signature.
    Signal(Box<Verified<Signal>>),
    /// Under a key that is not here: to be parked. The MAC of the route was good.
    Unknown {
        /// The key.
        key: KeyId,
        /// Encoded `Sealed`.
        frame: Bytes,
    },
}

/// Opened objects of one room.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) source: Source,
    pub(crate) room: RoomRow,
    pub(crate) items: Vec<Item>,
    /// Frames that were dropped: no MAC of a route, or junk inside.
    pub(crate) junk: usize,
}

/// Opens a batch. None when it names no room that is followed.
pub(crate) fn open(ring: &Ring, source: Source, frames: Vec<Bytes>) -> Option<Arrival> {
    let (room, seals) = match &source {
        Source::Gossip { topic, .. } => ring.by_topic(topic)?,
        Source::Stream { peer, tag } => ring.by_tag(*peer, tag)?,
        Source::Relay { log, .. } => ring.by_log(log)?,
    };
    let mut arrival = Arrival { source, room, items: Vec::with_capacity(frames.len()), junk: 0 };
    for frame in frames {
        match open_one(&seals, &frame) {
            Some(item) => arrival.items.push(item),
            None => arrival.junk = arrival.junk.saturating_add(1),
        }
    }
    Some(arrival)
}

/// Opens one frame; none when it is junk.
pub(crate) fn open_one(seals: &RoomSeals, frame: &Bytes) -> Option<Item> {
    let sealed: Sealed = madang_wire::decode(frame).ok()?;
    let key = KeyId::try_from(sealed.key_id.as_slice()).ok()?;
    let Some(held) = seals.keys.get(&key) else {
        return seals.admits(&sealed).then(|| Item::Unknown { key, frame: frame.clone() });
    };
    let inner = match held.open(&sealed) {
        Ok(inner) => inner,
        Err(SealError::Rmac) => return None,
        Err(error) => {
            tracing::debug!(%error, "a frame with a good route MAC does not open");
            return None;
        }
    };
    match inner.body? {
        InnerBody::Op(op) => {
            let verified = verify_op(&op).ok()?;
            (verified.header.value().conv == seals.conv).then(|| Item::Op(Box::new(verified)))
        }
        InnerBody::Register(signed) => {
            let verified = open_signed::<Register>(&signed).ok()?;
            (verified.body.value().conv == seals.conv)
                .then(|| Item::Register(Box::new(verified), Box::new(signed)))
        }
        InnerBody::Signal(signed) => {
            let verified = open_signed::<Signal>(&signed).ok()?;
            (verified.body.value().conv == seals.conv).then(|| Item::Signal(Box::new(verified)))
        }
    }
}
