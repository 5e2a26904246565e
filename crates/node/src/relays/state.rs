//! What the core keeps in memory of relays. None of it is the only copy: cursors, puts and copies are in
//! the store, and after a new start or a rollback everything here is made again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use madang_crypto::SignKey;
use madang_model::{AccountId, ConvId, DeviceId, InviteId, OpId, limits::HOUR_MS};
use madang_p2p::PeerId;
use madang_store::{OpRow, PutRow, RelayRow, RoomRow, relays::BoxKind};
use madang_wire::RelayBody;

use super::escrow::Writing;
use crate::{ring::BoxId, view::RelayState};

/// Requests that may wait for their answer on one stream: below the 64 frames that the queue to a relay
/// holds, with room for credit.
pub(super) const ASKED_MAX: usize = 48;
/// Puts that may wait for their answer on one stream (protocol section 10.2, PutMany).
pub(super) const PUTS_MAX: usize = 64;

/// A stream that stood so long makes up for those before it that were closed.
const GOOD_MS: u64 = HOUR_MS;

/// State of all relays.
#[derive(Debug, Default)]
pub(crate) struct Relays {
    /// Addresses of the relays that this account chose, oldest first.
    pub(super) own: Vec<String>,
    /// The relays that are followed.
    pub(super) links: BTreeMap<PeerId, Link>,
    /// Id of the last frame.
    pub(super) last_id: u64,
    /// Per room, how far own ops have been looked through for a place.
    pub(super) given: BTreeMap<RoomRow, Given>,
    /// Friends whose inboxes take nothing more from this account.
    pub(super) refusing: BTreeSet<AccountId>,
    /// The relays of each room when they were last looked at.
    pub(super) of_rooms: BTreeMap<RoomRow, Vec<PeerId>>,
    /// When a relay last said that a box is no more, monotonic ms.
    pub(super) gone: BTreeMap<(RelayRow, BoxId), u64>,
    /// What relays have dropped of logs.
    pub(super) truncated: BTreeMap<(RelayRow, BoxId), Truncated>,
    /// Relays whose stream has to be begun anew, because frames of it were taken by a turn that was rolled back.
    pub(super) to_close: BTreeSet<PeerId>,
    /// Number of the last write of an escrow.
    pub(super) escrows: u64,
    /// The escrow is switched off; unknown before it was read.
    pub(super) escrow_off: Option<bool>,
    /// Slots of links to be read, by the fetch they are for; true once the relay was asked.
    pub(super) gets: BTreeMap<(u64, PeerId), SlotGet>,
    /// When a contact request was last put into an inbox, monotonic ms.
    pub(super) knocked: BTreeMap<(RelayRow, BoxId), u64>,
    /// When a lane packet was last put into an inbox, by relay and the hash of both, monotonic ms.
    pub(super) packets: BTreeMap<(RelayRow, [u8; 16]), u64>,
    /// Packets of long ago are not forgotten before this, monotonic ms.
    pub(super) packets_swept: u64,
    /// When the hourly work is due, monotonic ms.
    pub(super) hourly_at: u64,
    /// Messages whose copies changed in this turn.
    pub(super) copied: BTreeMap<ConvId, Vec<OpId>>,
    /// Items to be acknowledged after this turn.
    pub(super) acks: BTreeMap<(PeerId, BoxId), Vec<u64>>,
}

/// How far the own ops of a room have been looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Given {
    /// Every op up to this row is at a relay, on its way to one, or waits for something that begins anew.
    pub(super) upto: OpRow,
    /// When a relay that would be a better place takes again, monotonic ms.
    pub(super) again_at: Option<u64>,
}

impl Default for Given {
    fn default() -> Self {
        Self { upto: OpRow(0), again_at: None }
    }
}

/// What a relay says that it has dropped of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Truncated {
    /// Everything below this number was dealt with.
    pub(super) upto: u64,
    /// When that was, monotonic ms.
    pub(super) at: Option<u64>,
    /// What was said since then, and whether some of it was never read here.
    pub(super) later: Option<(u64, bool)>,
}

/// A slot of an invite link at a relay.
#[derive(Debug)]
pub(super) struct SlotGet {
    pub(super) addr: String,
    pub(super) slot: Vec<u8>,
    pub(super) asked: bool,
    /// A busy relay is not asked again before this, monotonic ms.
    pub(super) again_at: u64,
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
    /// Items that the relay may still push on this stream.
    pub(super) allowance: u64,
    /// How it stood at the end of the last turn that changed something, and since when, ms since 1970.
    pub(super) stands: Option<(RelayState, u64)>,
    /// Since when it does not serve, monotonic ms; unknown until it was tried.
    pub(super) down_at: Option<u64>,
    /// Since when the stream stands, monotonic ms.
    pub(super) up_at: u64,
    /// The stream was closed from this side, and is not opened again before this, monotonic ms.
    pub(super) closed_until: Option<u64>,
    /// How often that happened without a good while in between.
    pub(super) closures: u32,
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
    /// The escrow is to be looked at.
    pub(super) escrow_due: bool,
    /// But not before this, monotonic ms.
    pub(super) escrow_at: u64,
    /// Writes of it that failed since one went through.
    pub(super) escrow_failed: u32,
    /// The write of it that waits for answers.
    pub(super) escrow: Option<Writing>,
}

/// How far a relay stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// No stream.
    Down,
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
    /// The slot of an invite is written, or deleted.
    InviteSlot {
        /// Of which one.
        invite: InviteId,
        /// It is deleted.
        delete: bool,
    },
    /// The slot of a link is read.
    SlotGet(u64),
    /// A slot of the escrow is written, or deleted.
    Escrow {
        /// By which write.
        number: u64,
        /// It is deleted.
        delete: bool,
    },
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
    /// Refusals since it last served.
    pub(super) refused: u32,
    /// Nothing is put here before this, monotonic ms.
    pub(super) held_until: u64,
    /// That is because it has no room.
    pub(super) full: bool,
    /// How often it became another box on this stream.
    pub(super) changes: u32,
    /// An inbox was read to its end on this stream.
    pub(super) read: bool,
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
            allowance: 0,
            stands: None,
            down_at: None,
            up_at: 0,
            closed_until: None,
            closures: 0,
            log_ttl_h: super::boxes::LOG_TTL_H,
            slots: BTreeSet::new(),
            slots_at: 0,
            slots_due: true,
            queue_due: true,
            outgoing: VecDeque::new(),
            escrow_due: true,
            escrow_at: 0,
            escrow_failed: 0,
            escrow: None,
        }
    }

    /// Forgets everything that belongs to one stream; answers the rooms with ops that need another way, and the first
    /// of these.
    pub(super) fn reset(&mut self, phase: Phase) -> BTreeMap<RoomRow, OpRow> {
        let waiting = std::mem::take(&mut self.waiting);
        let mut rooms: BTreeMap<RoomRow, OpRow> =
            waiting.into_iter().map(|room| (room, OpRow(i64::MAX))).collect();
        for asked in std::mem::take(&mut self.asked).into_values() {
            let Ask::Puts(puts) = asked.what else { continue };
            for put in puts.into_iter().flatten() {
                if let Deposit::Op { room, op, .. } = put {
                    let first = rooms.entry(room).or_insert(op);
                    *first = op.min(*first);
                }
            }
        }
        self.boxes.clear();
        self.slots.clear();
        self.outgoing.clear();
        self.escrow = None;
        (self.slots_due, self.queue_due, self.escrow_due) = (true, true, true);
        (self.consumed, self.allowance) = (0, 0);
        self.phase = phase;
        rooms
    }

    /// A stream ends: if it stood for long, it makes up for what was before.
    pub(super) fn forgive(&mut self, now: u64) {
        if self.is_ready() && now.saturating_sub(self.up_at) >= GOOD_MS {
            self.closures = 0;
        }
    }

    /// Whether requests can be sent.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready { .. })
    }

    /// Whether the own inbox is there.
    pub(super) fn inbox_is_made(&self) -> bool {
        self.boxes.values().any(|b| b.kind == BoxKind::Inbox && b.step >= Step::Made)
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
