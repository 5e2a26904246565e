//! Where an own op is to lie: at a relay of its room that the people who lack it list, or at another one of the
//! room until such a one takes it (protocol sections 6.2, 9.3 and 9.4).
//!
//! It does no I/O: what relays take now and what they hold comes in, what is to be put comes out. Invariant: each op
//! is judged for itself, so that one that no relay takes does not keep back those behind it.

use std::collections::{BTreeMap, BTreeSet};

use madang_model::{AccountId, DeviceId, KeyId};
use madang_p2p::PeerId;
use madang_store::{OpRow, RelayRow, RoomRow, frames::Placed, relays};

use super::{
    follow::relay_of,
    state::{Deposit, PUTS_MAX, Step},
};
use crate::{core::Core, error::Error, line::Acknowledged, ring::BoxId, turn::Turn};

/// A relay that has not served for so long counts as away: until then it may be a stream that is begun anew.
const AWAY_MS: u64 = 10_000;

/// A relay of a room, and what it takes now.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) relay: PeerId,
    row: Option<RelayRow>,
    takes: BTreeSet<BoxId>,
    /// Until when logs take nothing, monotonic ms.
    held: BTreeMap<BoxId, u64>,
    /// Logs that take nothing because they are full.
    full: BTreeSet<BoxId>,
    /// Logs that it does not make.
    unmade: BTreeSet<BoxId>,
    /// It does not serve, and counts as away from then on, monotonic ms.
    away_at: Option<u64>,
    /// Puts that may still be sent.
    free: usize,
    /// What is to be put.
    pub(super) puts: Vec<Deposit>,
}

/// A device that lacks own ops, and what it has.
#[derive(Debug)]
struct Lacking {
    /// Account of somebody else.
    other: Option<AccountId>,
    ack: Acknowledged,
}

/// One look at the own ops of a room.
#[derive(Debug)]
pub(super) struct Round {
    me: DeviceId,
    room: RoomRow,
    /// When it is, monotonic ms.
    now: u64,
    logs: BTreeMap<KeyId, BoxId>,
    pub(super) targets: Vec<Target>,
    lacking: BTreeMap<DeviceId, Lacking>,
    /// Relays of this room that somebody lists.
    lists: BTreeMap<AccountId, BTreeSet<PeerId>>,
    /// Where ops are on their way to.
    flying: BTreeSet<(OpRow, PeerId)>,
    /// When a better place takes again, monotonic ms.
    pub(super) again_at: Option<u64>,
    /// Relays that have no room for more puts now.
    pub(super) busy: BTreeSet<PeerId>,
}

/// What became of an op.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing is left to be done for it now.
    Done,
    /// No relay has it, and none takes it: some are full, and the others are away.
    Homeless,
    /// It has to wait for room, and what follows with it.
    Wait,
}

impl Round {
    /// Decides about one op.
    pub(super) fn place(&mut self, op: &Placed) -> Outcome {
        let Some(accounts) = self.accounts_without(op) else { return Outcome::Done };
        // Sealed under a key that is gone: no log can be named for it.
        let Some(log) = self.logs.get(&op.key).copied() else { return Outcome::Done };
        let mut held: BTreeSet<PeerId> = self
            .targets
            .iter()
            .filter(|t| {
                t.row.is_some_and(|row| op.relays.contains(&row)) || self.flying.contains(&(op.op, t.relay))
            })
            .map(|t| t.relay)
            .collect();
        for target in &mut self.targets {
            if !helps(&self.lists, target.relay, &held, &accounts) {
                continue;
            }
            if !target.takes.contains(&log) {
                let at = target.held.get(&log).copied();
                self.again_at = self.again_at.into_iter().chain(at).min();
                continue;
            }
            let Some(free) = target.free.checked_sub(1) else {
                self.busy.insert(target.relay);
                return Outcome::Wait;
            };
            target.free = free;
            target.puts.push(Deposit::Op { op: op.op, id: op.id, room: self.room, log });
            held.insert(target.relay);
        }
        if held.is_empty() && self.is_homeless(&log) { Outcome::Homeless } else { Outcome::Done }
    }

    /// Whether no relay takes a log, at least one because it is full. One that went down a moment ago is waited for.
    fn is_homeless(&mut self, log: &BoxId) -> bool {
        if !self.targets.iter().any(|target| target.full.contains(log)) {
            return false;
        }
        let mut others = self.targets.iter().filter(|t| !t.full.contains(log) && !t.unmade.contains(log));
        // From when on the last of them counts as away.
        let Some(since) = others.try_fold(0, |since: u64, t| Some(since.max(t.away_at?))) else {
            return false;
        };
        if since > self.now {
            self.again_at = self.again_at.into_iter().chain([since]).min();
        }
        since <= self.now
    }

    /// Devices that lack an op.
    pub(super) fn devices_without(&self, op: &Placed) -> Vec<DeviceId> {
        self.lacking.iter().filter(|(_, lacks)| self.lacks(lacks, op)).map(|(device, _)| *device).collect()
    }

    /// Other accounts with a device that lacks an op; none when no device at all does.
    fn accounts_without(&self, op: &Placed) -> Option<BTreeSet<AccountId>> {
        let mut without = self.lacking.values().filter(|lacks| self.lacks(lacks, op)).peekable();
        without.peek()?;
        Some(without.filter_map(|lacks| lacks.other).collect())
    }

    fn lacks(&self, device: &Lacking, op: &Placed) -> bool {
        !device.ack.also.contains(&op.id) && device.ack.upto.get(&self.me).is_none_or(|upto| *upto < op.seq)
    }
}

/// Whether a copy at this relay brings somebody nearer to an op: nobody reads it anywhere yet, or he reads it nowhere
/// that he lists.
fn helps(
    lists: &BTreeMap<AccountId, BTreeSet<PeerId>>,
    relay: PeerId,
    held: &BTreeSet<PeerId>,
    accounts: &BTreeSet<AccountId>,
) -> bool {
    if held.contains(&relay) {
        return false;
    }
    let mut wanted = accounts.iter().filter_map(|account| lists.get(account));
    held.is_empty() || wanted.any(|list| list.contains(&relay) && list.is_disjoint(held))
}

impl Core {
    /// Begins a look at the own ops of a room; none when nobody lacks any.
    pub(super) fn round(&self, turn: &Turn<'_>, room: RoomRow) -> Result<Option<Round>, Error> {
        let Some(conversation) = self.rooms.get(&room) else { return Ok(None) };
        let own = conversation.own.seq;
        let mut lacking = BTreeMap::new();
        for device in conversation.recipient_devices(&self.me.device) {
            if self.own_upto(room, &device) < own {
                let account = conversation.devices.get(&device).copied();
                let other = account.filter(|account| *account != self.me.account);
                let ack = conversation.acks.get(&device).cloned().unwrap_or_default();
                lacking.insert(device, Lacking { other, ack });
            }
        }
        if lacking.is_empty() {
            return Ok(None);
        }
        let logs = conversation.keys.iter().map(|(id, key)| (*id, key.seal.route().log_id())).collect();
        let relays = self.relays_towards(room, &lacking.keys().copied().collect());
        let rows: BTreeMap<Vec<u8>, RelayRow> =
            relays::list(turn.db)?.into_iter().map(|relay| (relay.peer, relay.row)).collect();
        let mut lists: BTreeMap<AccountId, BTreeSet<PeerId>> = BTreeMap::new();
        for account in lacking.values().filter_map(|lacks| lacks.other) {
            let listed = self.directory.relays_of(&account);
            let listed: BTreeSet<PeerId> = listed
                .iter()
                .filter_map(|addr| Some(relay_of(addr)?.0))
                .filter(|r| relays.contains(r))
                .collect();
            lists.insert(account, listed);
        }
        let targets: Vec<Target> = relays
            .iter()
            .map(|relay| self.target(turn, room, *relay, rows.get(&relay.to_bytes()).copied()))
            .collect();
        let links = relays.iter().filter_map(|relay| Some((relay, self.relays.links.get(relay)?)));
        let flying = links
            .flat_map(|(relay, link)| link.flying().map(|put| (*relay, put)))
            .filter_map(|(relay, put)| match put {
                Deposit::Op { op, .. } => Some((*op, relay)),
                Deposit::Row(_) => None,
            })
            .collect();
        let (me, now) = (self.me.device, turn.now.mono);
        let (again_at, busy) = (None, BTreeSet::new());
        Ok(Some(Round { me, room, now, logs, targets, lacking, lists, flying, again_at, busy }))
    }

    fn target(&self, turn: &Turn<'_>, room: RoomRow, relay: PeerId, row: Option<RelayRow>) -> Target {
        let mut target = Target {
            relay,
            row,
            takes: BTreeSet::new(),
            held: BTreeMap::new(),
            full: BTreeSet::new(),
            unmade: BTreeSet::new(),
            away_at: Some(0),
            free: 0,
            puts: Vec::new(),
        };
        let Some(link) = self.relays.links.get(&relay) else { return target };
        target.away_at = link.down_at.map(|at| at.saturating_add(AWAY_MS));
        for (log, followed) in link.boxes.iter().filter(|(_, followed)| followed.room == Some(room)) {
            if link.takes(log, turn.now.mono) {
                target.takes.insert(*log);
            } else if followed.held_until > turn.now.mono {
                target.held.insert(*log, followed.held_until);
                if followed.full {
                    target.full.insert(*log);
                }
            } else if followed.step == Step::Wanted && followed.refused > 0 {
                target.unmade.insert(*log);
            }
        }
        if link.free() > 0 {
            target.free = PUTS_MAX.saturating_sub(link.flying().count());
        }
        target
    }
}
