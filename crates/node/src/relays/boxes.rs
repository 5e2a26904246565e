//! Inbox and logs at a relay: made or found again, proved, subscribed (protocol sections 10.1 to 10.3).
//!
//! Invariant: a box is subscribed only after the relay has said that it is there; the own inbox is proved
//! first, so that puts count on the quota of its owner.

use std::collections::BTreeMap;

use madang_crypto::{Route, SignKey, box_id, inbox_token_key, sign_auth};
use madang_model::limits::HOUR_MS;
use madang_p2p::PeerId;
use madang_store::{
    RoomRow,
    relays::{self, BoxKind, RelayBox},
};
use madang_wire::{Fetch, InboxCreate, LogCreate, RErr, RelayBody, Subscribe, limits};

use super::state::{Ask, Follow, Phase, Step};
use crate::{conversation::Conversation, core::Core, error::Error, ring::BoxId, timer::Due, turn::Turn};

/// Life of a log item: 14 days (protocol section 10.1).
pub(super) const LOG_TTL_H: u32 = 14 * 24;
/// Items that a relay may push before it is given more credit.
pub(super) const WINDOW: u32 = 256;
/// A refused box is asked for again after this, then after twice as long, and so on.
const RETRY_MS: u64 = 5_000;
/// Longest pause before a refused box is asked for again.
const RETRY_MAX_MS: u64 = 10 * 60 * 1000;
/// Longest pause that a relay may ask for: what it says is not to outlive its reason.
const TOLD_MAX_MS: u64 = HOUR_MS;

/// Pause after so many refusals.
pub(super) fn pause(refused: u32, told_ms: u32) -> u64 {
    let doubled = RETRY_MS.saturating_mul(1_u64.checked_shl(refused.min(16)).unwrap_or(u64::MAX));
    doubled.min(RETRY_MAX_MS).max(u64::from(told_ms).min(TOLD_MAX_MS))
}

impl Core {
    /// Takes note of the boxes that are wanted at a relay: the own inbox, also one that was given up and is read on, and
    /// the log of every route of the rooms that use it.
    pub(super) fn follow_boxes(&mut self, turn: &mut Turn<'_>, relay: PeerId) -> Result<(), Error> {
        let Some(link) = self.relays.links.get(&relay).filter(|link| link.is_ready()) else {
            return Ok(());
        };
        let (row, own) = (link.row, link.own);
        let mut wanted: BTreeMap<BoxId, (SignKey, BoxKind, Option<RoomRow>)> = BTreeMap::new();
        if own || self.left_inbox(turn, row)?.is_some() {
            let key = self.inbox_key(turn, row)?;
            wanted.insert(box_id(&key.public()), (key, BoxKind::Inbox, None));
        }
        for (room, conversation) in &self.rooms {
            if !self.has_logs(*room) || !self.uses(*room, relay) {
                continue;
            }
            for route in conversation.routes() {
                wanted.insert(route.log_id(), (route.log_key().clone(), BoxKind::Log, Some(*room)));
            }
        }
        for (id, (_, kind, room)) in &wanted {
            if *kind == BoxKind::Log && relays::get_box(turn.db, row, id)?.is_none() {
                relays::put_box(turn.db, &new_box(row, *id, *kind, *room, Vec::new()))?;
            }
        }
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        link.boxes.retain(|id, _| wanted.contains_key(id));
        for (id, (key, kind, room)) in wanted {
            link.boxes.entry(id).or_insert_with(|| Follow {
                key,
                kind,
                room,
                step: Step::Wanted,
                retry_at: 0,
                refused: 0,
                held_until: 0,
                read: false,
                full: false,
                changes: 0,
            });
        }
        self.timers.set(Due::Relays, turn.now.mono);
        Ok(())
    }

    /// Whether logs of a room are followed: somebody else is in it, and it is open.
    pub(super) fn has_logs(&self, room: RoomRow) -> bool {
        let conversation = self.rooms.get(&room);
        let others = conversation.is_some_and(|c| !c.recipient_devices(&self.me.device).is_empty());
        others && !self.is_closed(room)
    }

    /// Whether a room uses a relay.
    pub(super) fn uses(&self, room: RoomRow, relay: PeerId) -> bool {
        self.relays_of_room(room)
            .iter()
            .any(|addr| super::follow::relay_of(addr).is_some_and(|(named, _)| named == relay))
    }

    /// The owner key of the inbox at a relay: random, unrelated to the device key, made once.
    fn inbox_key(&mut self, turn: &Turn<'_>, row: madang_store::RelayRow) -> Result<SignKey, Error> {
        let kept = relays::boxes(turn.db, row)?.into_iter().find(|b| b.kind == BoxKind::Inbox);
        if let Some(seed) = kept.and_then(|kept| <[u8; 32]>::try_from(kept.secret.as_slice()).ok()) {
            return Ok(SignKey::from_seed(&seed));
        }
        let key = SignKey::generate(&mut self.rng);
        let secret = key.seed().to_vec();
        relays::put_box(turn.db, &new_box(row, box_id(&key.public()), BoxKind::Inbox, None, secret))?;
        Ok(key)
    }

    /// Proves keys and asks for the boxes behind them, as many as there is room for.
    pub(super) fn make_boxes(&mut self, turn: &mut Turn<'_>, relay: PeerId) -> Result<(), Error> {
        let Some(link) = self.relays.links.get(&relay).filter(|link| link.is_ready()) else { return Ok(()) };
        // The proofs of the box and of the log before it, and the question.
        let room = link.free().checked_div(3).unwrap_or(0);
        let mut due: Vec<BoxId> = link
            .boxes
            .iter()
            .filter(|(_, b)| b.step == Step::Wanted && b.retry_at <= turn.now.mono)
            .map(|(id, _)| *id)
            .collect();
        // The inbox first; then logs in the order in which they were begun, so that each is there for the next.
        let age =
            |id: &BoxId| link.boxes.get(id).map(|b| (b.kind != BoxKind::Inbox, self.age_of(b.room, id)));
        due.sort_by_cached_key(age);
        for id in due.into_iter().take(room) {
            self.make_box(turn, relay, id)?;
        }
        Ok(())
    }

    fn make_box(&mut self, turn: &mut Turn<'_>, relay: PeerId, id: BoxId) -> Result<(), Error> {
        let before = self.log_before(turn, relay, &id)?;
        if let Some(before) = before
            && self
                .relays
                .links
                .get(&relay)
                .and_then(|link| link.boxes.get(&before))
                .is_some_and(|b| b.step == Step::Wanted)
        {
            self.prove_box(turn, relay, before, Ask::Plain("proof"));
        }
        self.prove_box(turn, relay, id, Ask::Auth(id));
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        let admission = if link.own { link.code.clone() } else { String::new() };
        let Some(followed) = link.boxes.get_mut(&id) else { return Ok(()) };
        followed.step = Step::Making;
        let public = followed.key.public().to_vec();
        let create = match followed.kind {
            BoxKind::Inbox => RelayBody::InboxCreate(InboxCreate {
                owner_pub: public,
                k_token: inbox_token_key(&self.me.token_key, &id).to_vec(),
                admission,
            }),
            _ => RelayBody::LogCreate(LogCreate {
                log_pub: public,
                ttl_h: LOG_TTL_H,
                admission,
                prev: before.map(|before| before.to_vec()).unwrap_or_default(),
            }),
        };
        self.ask_relay(turn, relay, create, Ask::Create(id));
        Ok(())
    }

    fn prove_box(&mut self, turn: &mut Turn<'_>, relay: PeerId, id: BoxId, what: Ask) {
        let Some(link) = self.relays.links.get(&relay) else { return };
        let Phase::Ready { relay_key, challenge } = link.phase else { return };
        let Some(followed) = link.boxes.get(&id) else { return };
        let auth = sign_auth(&followed.key, &relay_key, &challenge);
        self.ask_relay(turn, relay, RelayBody::Auth(auth), what);
    }

    /// Place of a log among those of its room, the oldest first.
    fn age_of(&self, room: Option<RoomRow>, id: &BoxId) -> usize {
        let logs = room.and_then(|room| self.rooms.get(&room)).map(logs_by_age).unwrap_or_default();
        logs.iter().position(|log| log == id).unwrap_or(0)
    }

    /// The log of the route before that of a new log, if it is or may be at this relay: with its key proved a member
    /// needs no code for the new one (protocol section 10.3).
    fn log_before(&self, turn: &Turn<'_>, relay: PeerId, id: &BoxId) -> Result<Option<BoxId>, Error> {
        let Some(link) = self.relays.links.get(&relay) else { return Ok(None) };
        let room = link.boxes.get(id).and_then(|followed| followed.room);
        let Some(conversation) = room.and_then(|room| self.rooms.get(&room)) else { return Ok(None) };
        let older: Vec<BoxId> = logs_by_age(conversation)
            .into_iter()
            .take_while(|log| log != id)
            .filter(|log| link.boxes.contains_key(log))
            .collect();
        let made = |log: &&BoxId| link.boxes.get(*log).is_some_and(|b| b.step >= Step::Made);
        if let Some(log) = older.iter().rev().find(made) {
            return Ok(Some(*log));
        }
        for log in older.iter().rev() {
            if relays::get_box(turn.db, link.row, log)?.is_some_and(|kept| !kept.epoch.is_empty()) {
                return Ok(Some(*log));
            }
        }
        Ok(older.last().copied())
    }

    /// A box is there.
    pub(super) fn box_made(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        id: BoxId,
        epoch: &[u8],
    ) -> Result<(), Error> {
        if !self.epoch_told(turn, relay, id, epoch, None)? {
            return Ok(());
        }
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        let Some(followed) = link.boxes.get_mut(&id) else { return Ok(()) };
        followed.step = followed.step.max(Step::Made);
        (followed.held_until, followed.full) = (0, false);
        let (kind, room) = (followed.kind, followed.room);
        link.queue_due = true;
        if kind == BoxKind::Inbox {
            turn.status_changed = true;
            self.revoke_at(turn, relay, id)?;
        }
        if let Some(room) = room {
            self.registers_to(turn, relay, &id)?;
            // A better place for some, perhaps the only one for others.
            self.relays.given.remove(&room);
            self.timers.set(Due::RelayOps(room), turn.now.mono);
        }
        Ok(())
    }

    /// A box is not made, or not found again.
    pub(super) fn create_refused(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        id: BoxId,
        error: &RErr,
    ) -> Result<(), Error> {
        // Neither a code nor a log before is needed for one that is there.
        if matches!(error.code.as_str(), "admission" | "not_found") {
            self.box_gone(turn, relay, id)?;
        }
        self.box_refused(turn, relay, id, error)
    }

    /// A box was refused, or is no more: asked for again later.
    pub(super) fn box_refused(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        id: BoxId,
        error: &RErr,
    ) -> Result<(), Error> {
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        let Some(followed) = link.boxes.get_mut(&id) else { return Ok(()) };
        followed.step = Step::Wanted;
        followed.retry_at = turn.now.mono.saturating_add(pause(followed.refused, error.retry_ms));
        followed.refused = followed.refused.saturating_add(1);
        if followed.kind == BoxKind::Inbox {
            link.reason = Some(error.code.clone());
            turn.status_changed = true;
        }
        let at = followed.retry_at;
        self.timers.set(Due::Relays, at);
        Ok(())
    }

    /// Asks for the items of boxes that are there.
    pub(super) fn subscribe_boxes(&mut self, turn: &mut Turn<'_>, relay: PeerId) -> Result<(), Error> {
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        if link.free() == 0 {
            return Ok(());
        }
        let row = link.row;
        let mut fetches = Vec::new();
        for (id, followed) in &mut link.boxes {
            if followed.step != Step::Made || fetches.len() >= limits::SUBSCRIBED_BOXES {
                continue;
            }
            let kept = relays::get_box(turn.db, row, id)?;
            let (epoch, cursor) = kept.map(|kept| (kept.epoch, kept.cursor)).unwrap_or_default();
            // What lies in the inbox was not acknowledged, so it is read from the beginning.
            let after_seq = if followed.kind == BoxKind::Inbox { 0 } else { cursor };
            followed.step = Step::Subscribing;
            fetches.push((followed.kind, Fetch { box_id: id.to_vec(), epoch, after_seq, max: 0 }));
        }
        if fetches.is_empty() {
            return Ok(());
        }
        // Keys lie in the inbox, so it is read before the logs.
        fetches.sort_by_key(|(kind, _)| *kind != BoxKind::Inbox);
        let boxes: Vec<Fetch> = fetches.into_iter().map(|(_, fetch)| fetch).collect();
        let ids = boxes.iter().map(|fetch| BoxId::try_from(fetch.box_id.as_slice()).ok()).collect();
        let subscribe = Subscribe { boxes, window: WINDOW };
        // The relay fills its credit up to the window; items that are on their way come on top.
        link.allowance = link.allowance.saturating_add(u64::from(WINDOW));
        self.ask_relay(turn, relay, RelayBody::Subscribe(subscribe), Ask::Subscribe(ids));
        Ok(())
    }

    /// The first page of a box has come.
    pub(super) fn box_answered(&mut self, turn: &mut Turn<'_>, relay: PeerId, id: BoxId) {
        let Some(link) = self.relays.links.get_mut(&relay) else { return };
        let Some(followed) = link.boxes.get_mut(&id) else { return };
        if followed.step == Step::Open {
            return;
        }
        followed.step = Step::Open;
        if followed.kind == BoxKind::Inbox {
            followed.refused = 0;
            link.reason = None;
            turn.status_changed = true;
            if !link.own {
                // One that was given up: perhaps it is drained by this.
                self.timers.set(Due::Relays, turn.now.mono.saturating_add(1));
            }
        }
        link.asked.retain(|_, asked| match &mut asked.what {
            Ask::Subscribe(boxes) => {
                boxes.iter_mut().filter(|b| **b == Some(id)).for_each(|b| *b = None);
                boxes.iter().any(Option::is_some)
            }
            _ => true,
        });
    }
}

/// The logs of a room, those of the oldest routes first.
fn logs_by_age(conversation: &Conversation) -> Vec<BoxId> {
    let mut keys: Vec<_> =
        conversation.keys.values().map(|key| (key.facts.rank(), key.seal.route().log_id())).collect();
    keys.sort_unstable();
    let mut old: Vec<(u64, BoxId)> =
        conversation.old_routes.iter().map(|(route, until)| (*until, Route::new(route).log_id())).collect();
    old.sort_unstable();
    let mut logs = Vec::new();
    for log in old.into_iter().map(|(_, log)| log).chain(keys.into_iter().map(|(_, log)| log)) {
        if !logs.contains(&log) {
            logs.push(log);
        }
    }
    logs
}

fn new_box(
    relay: madang_store::RelayRow,
    id: BoxId,
    kind: BoxKind,
    room: Option<RoomRow>,
    secret: Vec<u8>,
) -> RelayBox {
    RelayBox { relay, id, kind, room, secret, epoch: Vec::new(), cursor: 0, until: None, version: 0 }
}
