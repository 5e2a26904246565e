//! What the core keeps in memory of relays. None of it is the only copy: cursors, puts and copies are in
//! the store, and after a new start or a rollback everything here is made again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use madang_crypto::SignKey;
use madang_model::{ConvId, DeviceId, InviteId, OpId};
use madang_p2p::PeerId;
use madang_store::{OpRow, PutRow, RelayRow, RoomRow, relays::BoxKind};
use madang_wire::RelayBody;

use crate::ring::BoxId;

/// Requests that may wait for their answer on one stream: below the 64 frames that the queue to a relay
/// holds, with room for credit.
pub(super) const ASKED_MAX: usize = 48;
/// Puts that may wait for their answer on one stream (protocol section 10.2, PutMany).
pub(super) const PUTS_MAX: usize = 64;

/// State of all relays.
#[derive(Debug, Default)]
pub(crate) struct Relays {
    /// Addresses of the relays that this account chose, oldest first.
    pub(super) own: Vec<String>,
    /// The relays that are followed.
    pub(super) links: BTreeMap<PeerId, Link>,
    /// Id of the last frame.
    pub(super) last_id: u64,
    /// Per room, the highest own sequence number that was given to a relay since the last loss.
    pub(super) given: BTreeMap<RoomRow, u64>,
    /// Slots of links to be read, by the fetch they are for; true once the relay was asked.
    pub(super) gets: BTreeMap<(u64, PeerId), SlotGet>,
    /// When a contact request was last put into an inbox, monotonic ms.
    pub(super) knocked: BTreeMap<(RelayRow, BoxId), u64>,
    /// When a lane packet was last put into an inbox, by relay and the hash of both, monotonic ms.
    pub(super) packets: BTreeMap<(RelayRow, [u8; 16]), u64>,
    /// When the hourly work is due, monotonic ms.
    pub(super) hourly_at: u64,
    /// Messages whose copies changed in this turn.
    pub(super) copied: BTreeMap<ConvId, Vec<OpId>>,
    /// Items to be acknowledged after this turn.
    pub(super) acks: BTreeMap<(PeerId, BoxId), Vec<u64>>,
}

/// A slot of an invite link at a relay.
#[derive(Debug)]
pub(super) struct SlotGet {
    pub(super) addr: String,
    pub(super) slot: Vec<u8>,
    pub(super) asked: bool,
}

/// One relay that is followed.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) row: RelayRow,
    /// Every address known of it, the first one as it is listed.
    pub(super) addrs: Vec<String>,
    pub(super) own: bool,
    /// Admission code of the operator; empty = none.
    pub(super) code: String,
    pub(super) phase: Phase,
    /// Why the last attempt failed, or why the relay does not serve us.
    pub(super) reason: Option<String>,
    pub(super) asked: BTreeMap<u64, Asked>,
    pub(super) boxes: BTreeMap<BoxId, Follow>,
    /// Rooms with ops that found no place among the puts in flight.
    pub(super) waiting: BTreeSet<RoomRow>,
    /// Items consumed since credit was last given.
    pub(super) consumed: u32,
    /// Life of log items as this relay grants it, hours.
    pub(super) log_ttl_h: u32,
    /// Invites whose slots were written or deleted on this stream.
    pub(super) slots: BTreeSet<InviteId>,
    /// No slot is written before this, monotonic ms.
    pub(super) slots_at: u64,
    /// Slots of invites are to be looked through.
    pub(super) slots_due: bool,
    /// The queue of puts is to be looked through.
    pub(super) queue_due: bool,
    /// Requests that wait for room; at most the slots of an escrow and the revoked numbers.
    pub(super) outgoing: VecDeque<(RelayBody, Ask)>,
}

/// How far a relay stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// No stream.
    Down,
    /// A stream on which the hello has to be said (again).
    Up,
    /// The hello was said.
    Greeting,
    /// The relay has answered.
    Ready {
        /// Its key, named in everything signed for it.
        relay_key: [u8; 32],
        /// What keys are proved against on this stream.
        challenge: [u8; 32],
    },
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct Asked {
    /// When it was sent, monotonic ms.
    pub(super) at: u64,
    pub(super) what: Ask,
}

/// What a request was.
#[derive(Debug)]
pub(super) enum Ask {
    Hello,
    /// Proof of the key of a box.
    Auth(BoxId),
    /// Making, or finding again, a box.
    Create(BoxId),
    /// Boxes to be read; those answered are gone from the list.
    Subscribe(Vec<Option<BoxId>>),
    /// Puts by their index; those answered are gone.
    Puts(Vec<Option<Deposit>>),
    /// Anything answered by a plain yes, of which only a refusal matters, for logs.
    Plain(&'static str),
    /// The slot of an invite was written.
    InviteSlot(InviteId),
    /// The slot of a link is read.
    SlotGet(u64),
    /// A part of the escrow was written.
    Escrow,
}

/// Something put at a relay that was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deposit {
    /// An own op in the log of its room.
    Op {
        /// Its row.
        op: OpRow,
        /// Its id.
        id: OpId,
        /// The room.
        room: RoomRow,
        /// The log.
        log: BoxId,
    },
    /// A row of the queue of puts.
    Row(PutRow),
}

/// A box at a relay.
#[derive(Debug)]
pub(super) struct Follow {
    pub(super) key: SignKey,
    pub(super) kind: BoxKind,
    pub(super) room: Option<RoomRow>,
    pub(super) step: Step,
    /// Not tried again before this, monotonic ms.
    pub(super) retry_at: u64,
    /// Refusals since it was last made.
    pub(super) refused: u32,
    /// Nothing is put here before this, monotonic ms.
    pub(super) held_until: u64,
}

/// How far a box is on the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// To be made or found.
    Wanted,
    /// The relay was asked for it.
    Making,
    /// It is there and its key is proved.
    Made,
    /// Its items were asked for.
    Subscribing,
    /// Its items are pushed.
    Open,
}

impl Link {
    pub(super) fn new(row: RelayRow, own: bool, code: String) -> Self {
        Self {
            row,
            addrs: Vec::new(),
            own,
            code,
            phase: Phase::Down,
            reason: None,
            asked: BTreeMap::new(),
            boxes: BTreeMap::new(),
            waiting: BTreeSet::new(),
            consumed: 0,
            log_ttl_h: super::boxes::LOG_TTL_H,
            slots: BTreeSet::new(),
            slots_at: 0,
            slots_due: true,
            queue_due: true,
            outgoing: VecDeque::new(),
        }
    }

    /// Forgets everything that belongs to one stream; answers the rooms whose puts were not answered.
    pub(super) fn reset(&mut self, phase: Phase) -> BTreeSet<RoomRow> {
        let mut rooms = std::mem::take(&mut self.waiting);
        for asked in std::mem::take(&mut self.asked).into_values() {
            if let Ask::Puts(puts) = asked.what {
                rooms.extend(puts.into_iter().flatten().filter_map(|put| match put {
                    Deposit::Op { room, .. } => Some(room),
                    Deposit::Row(_) => None,
                }));
            }
        }
        self.boxes.clear();
        self.slots.clear();
        self.outgoing.clear();
        (self.slots_due, self.queue_due) = (true, true);
        self.consumed = 0;
        self.phase = phase;
        rooms
    }

    /// Whether requests can be sent.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready { .. })
    }

    /// Room for requests.
    pub(super) fn free(&self) -> usize {
        ASKED_MAX.saturating_sub(self.asked.len())
    }

    /// Whether a box takes puts.
    pub(super) fn takes(&self, id: &BoxId, now: u64) -> bool {
        self.is_ready() && self.boxes.get(id).is_some_and(|b| b.step >= Step::Made && b.held_until <= now)
    }

    /// Puts that were not answered.
    pub(super) fn flying(&self) -> impl Iterator<Item = &Deposit> {
        self.asked
            .values()
            .filter_map(|asked| match &asked.what {
                Ask::Puts(puts) => Some(puts.iter().flatten()),
                _ => None,
            })
            .flatten()
    }
}

impl Relays {
    /// The relay of a row.
    pub(super) fn link_of(&self, row: RelayRow) -> Option<PeerId> {
        self.links.iter().find(|(_, link)| link.row == row).map(|(peer, _)| *peer)
    }
}

/// The name under which a packet for an inbox is remembered.
pub(super) fn packet_name(inbox: &BoxId, body: &[u8]) -> [u8; 16] {
    madang_crypto::frame_id(&[inbox.as_slice(), body].concat())
}

/// Devices that something is for.
pub(super) type Devices = BTreeSet<DeviceId>;
