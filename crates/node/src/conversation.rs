//! What the core keeps in memory of one conversation. Everything here can be loaded again from the
//! store; nothing here is the only copy.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use madang_crypto::{Route, SealKey};
use madang_model::{
    AccountId, ConvId, DeviceId, Hlc, KeyId, OpId, Receive,
    control::ControlLog,
    hlc,
    keys::{self as rules, KeyFacts},
    limits,
};
use madang_store::{Conn, DeviceRow, RoomRow, acks, devices, gaps, heads, keys, lines, ops, rooms};

use crate::{
    covered::{Arrived, Covered},
    error::Error,
    line::{Acknowledged, Line},
    register_in::StoredHeaders,
    retention,
    ring::RoomSeals,
};

/// A key of the conversation, ready for use.
#[derive(Debug, Clone)]
pub(crate) struct HeldKey {
    pub(crate) conv: ConvId,
    pub(crate) facts: KeyFacts,
    pub(crate) seal: Arc<SealKey>,
    /// The secret of its route, to be taken over by the next key.
    pub(crate) route: [u8; 32],
    /// Encoded `Key`, exactly as it was made: what is shared.
    pub(crate) encoded: Vec<u8>,
}

/// Ops beyond a gap that are remembered per author.
const BEYOND_MAX: usize = 100_000;

/// The key in use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chosen {
    pub(crate) key: KeyId,
    pub(crate) until: u64,
}

/// The own line of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Own {
    pub(crate) seq: u64,
    pub(crate) prev: Option<OpId>,
}

/// One conversation.
#[derive(Debug)]
pub(crate) struct Conversation {
    pub(crate) row: RoomRow,
    pub(crate) conv: ConvId,
    pub(crate) peer: Option<AccountId>,
    pub(crate) control: ControlLog,
    /// The key in use, with the monotonic time until which it need not be chosen again.
    pub(crate) chosen: Option<Chosen>,
    /// Heads of the account logs whose mirrors all are posted here, by account.
    pub(crate) mirrored: BTreeMap<AccountId, Vec<OpId>>,
    /// When the author of an op with other control heads was asked for what is missing, on the monotonic clock; none
    /// as long as everybody names the same.
    pub(crate) views_differ: Option<u64>,
    /// Members of the current view.
    pub(crate) members: BTreeSet<AccountId>,
    /// Devices of the current view with their accounts.
    pub(crate) devices: BTreeMap<DeviceId, AccountId>,
    pub(crate) keys: BTreeMap<KeyId, HeldKey>,
    /// Keys whose basis is not here, so that their recipients could not be checked yet.
    pub(crate) unchecked: BTreeSet<KeyId>,
    /// Routes of keys that were deleted, still followed until this time (ms).
    pub(crate) old_routes: BTreeMap<[u8; 32], u64>,
    pub(crate) lines: BTreeMap<DeviceId, Line>,
    pub(crate) heads: BTreeSet<OpId>,
    /// What is here with its whole past.
    pub(crate) covered: Covered,
    /// Ops that had waited for their past became covered in this turn.
    pub(crate) released: bool,
    pub(crate) own: Own,
    pub(crate) acks: BTreeMap<DeviceId, Acknowledged>,
    /// Greatest timestamp in the room.
    pub(crate) newest: Hlc,
}

impl Conversation {
    /// Loads a conversation.
    pub(crate) fn load(
        db: &Conn,
        room: &rooms::Room,
        me: &DeviceId,
        control: ControlLog,
    ) -> Result<Self, Error> {
        let mut loaded = Self {
            row: room.row,
            conv: room.conv,
            peer: room.peer,
            control,
            chosen: None,
            mirrored: BTreeMap::new(),
            views_differ: None,
            members: BTreeSet::new(),
            devices: BTreeMap::new(),
            keys: BTreeMap::new(),
            unchecked: BTreeSet::new(),
            old_routes: retention::old_routes(db, room.row)?,
            lines: BTreeMap::new(),
            heads: heads::list(db, room.row)?.into_iter().collect(),
            covered: Covered::default(),
            released: false,
            own: Own::default(),
            acks: BTreeMap::new(),
            newest: Hlc::from_u64(0),
        };
        for key in keys::list(db, room.row)? {
            match hold(&key.body) {
                Ok(held) => drop(loaded.keys.insert(held.facts.id, held)),
                Err(error) => tracing::warn!(%error, "a stored key does not read"),
            }
        }
        let mut closed = gaps::list(db, room.row)?;
        closed.retain(|gap| gap.closed_at.is_some());
        for line in lines::list(db, room.row)? {
            // A line begins at 1: what is missing in front is a gap like any other.
            let upto = if line.first > 1 { 0 } else { line.upto };
            let mut kept = Line::begun(upto);
            let given_up = closed.iter().filter(|gap| gap.author == line.author_row);
            given_up.for_each(|gap| kept.close(gap.from_seq, gap.to_seq));
            if line.last > kept.upto {
                let from = kept.upto.saturating_add(1);
                for op in lines::range(db, room.row, line.author_row, from, line.last, BEYOND_MAX)? {
                    kept.add(op.seq, op.id);
                }
            }
            loaded.lines.insert(line.author, kept);
        }
        if let Some(row) = devices::by_id(db, me)?
            && let Some(tip) = lines::tip(db, room.row, row.row)?
        {
            loaded.own = Own { seq: tip.seq, prev: Some(tip.id) };
        }
        let vectors = acks::vectors(db, room.row)?;
        let mut ids: BTreeMap<DeviceRow, DeviceId> = BTreeMap::new();
        for row in vectors.iter().flat_map(|(device, vector)| vector.keys().chain([device])) {
            if !ids.contains_key(row)
                && let Some(device) = devices::get(db, *row)?
            {
                ids.insert(*row, device.id);
            }
        }
        for (device, vector) in vectors {
            let Some(device) = ids.get(&device) else { continue };
            let ack = loaded.acks.entry(*device).or_default();
            ack.upto.extend(vector.iter().filter_map(|(author, upto)| Some((*ids.get(author)?, *upto))));
        }
        for (device, author, also) in acks::beyond(db, room.row)? {
            let (Some(device), Some(author)) = (ids.get(&device), ids.get(&author)) else { continue };
            let ack = loaded.acks.entry(*device).or_default();
            ack.also.set(*author, also.into_iter().collect());
        }
        loaded.covered = Covered::load(db, room.row, &loaded.heads, &StoredHeaders(db))?;
        loaded.newest = Hlc::from_u64(ops::newest_hlc(db, room.row)?);
        loaded.control_changed();
        Ok(loaded)
    }

    /// Reads members and devices of the current view again.
    pub(crate) fn control_changed(&mut self) {
        let view = self.control.view();
        self.members = view.members().keys().copied().collect();
        self.devices = view.devices().clone();
        self.chosen = None;
    }

    /// Whether an account takes part now.
    pub(crate) fn has_member(&self, account: &AccountId) -> bool {
        self.members.contains(account)
    }

    /// Devices that an own op is for: all but this one.
    pub(crate) fn recipient_devices(&self, me: &DeviceId) -> Vec<DeviceId> {
        self.devices.keys().filter(|device| *device != me).copied().collect()
    }

    /// Every route that is followed, each once.
    pub(crate) fn routes(&self) -> Vec<Arc<Route>> {
        let held = self.keys.values().map(|key| key.route);
        let routes: BTreeSet<[u8; 32]> = held.chain(self.old_routes.keys().copied()).collect();
        routes.iter().map(|route| Arc::new(Route::new(route))).collect()
    }

    /// Facts of the keys that may come into question for sending at a time of the own clock: one dated more than a day
    /// ahead would not age (protocol sections 2.4 and 3.2).
    pub(crate) fn facts_until(&self, now: u64) -> Vec<KeyFacts> {
        let in_time = |facts: &&KeyFacts| hlc::receive(facts.created, now) == Receive::Accept;
        self.keys.values().map(|held| &held.facts).filter(in_time).cloned().collect()
    }

    /// The route of the next key: that of the highest key, unless there is a removal of which its basis has not heard
    /// (protocol section 3.1). Of a basis that is not here nobody knows that: such a key, which anybody may have made
    /// up, is passed over.
    pub(crate) fn route_to_take_over(&mut self) -> Option<[u8; 32]> {
        let view = self.control.view();
        let mut keys: Vec<&HeldKey> = self.keys.values().collect();
        keys.sort_by_key(|held| std::cmp::Reverse(held.facts.rank()));
        let known =
            keys.into_iter().find_map(|held| Some((held.route, self.control.view_at(&held.facts.basis)?)));
        known.filter(|(_, basis)| !rules::needs_new_route(Some(basis), &view)).map(|(route, _)| route)
    }

    /// Deps of the next own op: control heads first, then other heads, without the own last op.
    pub(crate) fn deps(&self) -> Vec<OpId> {
        let prev = self.own.prev;
        let control: BTreeSet<OpId> =
            self.control.heads().into_iter().filter(|id| self.heads.contains(id)).collect();
        let others = self.heads.difference(&control).copied();
        control.iter().copied().chain(others).filter(|id| Some(*id) != prev).take(limits::DEPS_MAX).collect()
    }

    /// Topic of the route of a key.
    pub(crate) fn topic_of(&self, key: &KeyId) -> Option<String> {
        Some(self.keys.get(key)?.seal.route().topic().to_owned())
    }

    /// What the ring needs of this room.
    pub(crate) fn seals(&self) -> RoomSeals {
        RoomSeals {
            conv: self.conv.to_bytes(),
            keys: self.keys.iter().map(|(id, key)| (*id, Arc::clone(&key.seal))).collect(),
            routes: self.routes(),
        }
    }

    /// Takes note of an op that is now in the store and counts: line, heads, newest timestamp.
    pub(crate) fn note(&mut self, id: OpId, author: DeviceId, seq: u64, hlc: Hlc, parents: &[OpId]) {
        self.note_line(id, author, seq);
        self.note_past(Arrived { id, author, seq, parents }, hlc);
    }

    /// Takes note of an op that is now in the store, whether it counts already or is of the future.
    pub(crate) fn note_line(&mut self, id: OpId, author: DeviceId, seq: u64) {
        self.lines.entry(author).or_default().add(seq, id);
    }

    /// Takes note of an op that counts from now on: own ops name it as their past.
    pub(crate) fn note_past(&mut self, op: Arrived<'_>, hlc: Hlc) {
        let id = op.id;
        for parent in op.parents {
            self.heads.remove(parent);
        }
        // Something that came earlier may name this op as its past: then it is no head.
        if !self.covered.is_named(&id) {
            self.heads.insert(id);
        }
        self.released |= self.covered.add(op);
        self.newest = self.newest.max(hlc);
    }
}

/// Makes a key usable.
pub(crate) fn hold(encoded: &[u8]) -> Result<HeldKey, Error> {
    let internal = |what: &str| Error::Internal(format!("key: {what}"));
    let key: madang_wire::Key = madang_wire::decode(encoded).map_err(|e| internal(&e.to_string()))?;
    let seal = SealKey::new(encoded).map_err(|e| internal(&e.to_string()))?;
    let ids =
        |list: &[Vec<u8>]| list.iter().map(|id| OpId::try_from(id.as_slice())).collect::<Result<Vec<_>, _>>();
    let facts = KeyFacts {
        id: KeyId::from_bytes(seal.id()),
        epoch: key.epoch,
        basis: ids(&key.basis).map_err(|_| internal("basis"))?,
        creator: DeviceId::try_from(key.creator.as_slice()).map_err(|_| internal("creator"))?,
        created: Hlc::from_u64(key.created_hlc),
    };
    let route = <[u8; 32]>::try_from(key.route.as_slice()).map_err(|_| internal("route"))?;
    let conv = ConvId::try_from(key.conv.as_slice()).map_err(|_| internal("conversation"))?;
    Ok(HeldKey { conv, facts, seal: Arc::new(seal), route, encoded: encoded.to_vec() })
}
