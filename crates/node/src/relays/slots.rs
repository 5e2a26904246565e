//! Slots of invites: written at the own relays, read at those of a link (protocol sections 7.1, 7.2 and
//! 10.3).
//!
//! Invariant: the write key of a slot is random and stays here; its version only rises.

use madang_crypto::{SignKey, box_id, sign_slot_delete, sign_slot_put};
use madang_model::InviteId;
use madang_p2p::{Multiaddr, PeerId, address::split_peer};
use madang_store::invites;
use madang_wire::{InviteLink, RErr, RelayBody, Slot, SlotGet as Get, SlotPut, invite_link, limits};

use super::{
    boxes::pause,
    follow::relay_of,
    state::{Ask, Phase, SlotGet},
};
use crate::{contacts::invite_refused, core::Core, error::Error, timer::Due, turn::Turn};

/// A relay that is busy is left alone at least so long before a slot is read again.
const BUSY_MS: u64 = 500;

/// Where the record of an invite lies.
#[derive(Debug, Default)]
pub(crate) struct InviteSlot {
    /// Addresses of the relays.
    pub(crate) relays: Vec<String>,
    /// Secret of the write key.
    pub(crate) secret: Option<Vec<u8>>,
    /// Id of the slot.
    pub(crate) id: Vec<u8>,
}

impl Core {
    /// A place for the record of a new invite. All empty without a relay.
    pub(crate) fn invite_slot(&mut self) -> InviteSlot {
        let relays: Vec<String> = self.relays.own.iter().take(limits::LINK_RELAYS).cloned().collect();
        if relays.is_empty() {
            return InviteSlot::default();
        }
        let key = SignKey::generate(&mut self.rng);
        InviteSlot { relays, secret: Some(key.seed().to_vec()), id: box_id(&key.public()).to_vec() }
    }

    /// Writes the slot of an invite at the relays that are connected; the others get it when they come.
    pub(crate) fn put_invite_slot(&mut self, turn: &mut Turn<'_>, id: &InviteId) -> Result<(), Error> {
        self.slot_changed(turn, id)
    }

    /// Deletes the slot of an invite that nobody can use any more.
    pub(crate) fn drop_invite_slot(
        &mut self,
        turn: &mut Turn<'_>,
        invite: &invites::Invite,
    ) -> Result<(), Error> {
        self.slot_changed(turn, &invite.id)
    }

    fn slot_changed(&mut self, turn: &mut Turn<'_>, id: &InviteId) -> Result<(), Error> {
        for link in self.relays.links.values_mut() {
            link.slots.remove(id);
            link.slots_due = true;
        }
        self.timers.set(Due::Relays, turn.now.mono);
        Ok(())
    }

    /// Own bundle, address or card changed: what slots hold is old.
    pub(crate) fn slots_changed(&mut self, turn: &Turn<'_>) {
        for link in self.relays.links.values_mut() {
            link.slots.clear();
            link.slots_due = true;
        }
        self.timers.set(Due::Relays, turn.now.mono);
    }

    /// Writes or deletes at an own relay the slots of invites that this stream has not told about.
    pub(super) fn write_invite_slots(&mut self, turn: &mut Turn<'_>, relay: PeerId) -> Result<(), Error> {
        let Some(link) = self.relays.links.get(&relay) else { return Ok(()) };
        if !link.slots_due || !link.own || link.slots_at > turn.now.mono || !self.inbox_is_settled(relay) {
            return Ok(());
        }
        let Phase::Ready { relay_key, .. } = link.phase else { return Ok(()) };
        // The time by which invites are made and judged everywhere else.
        let now = self.author_time(turn);
        for invite in invites::list(turn.db)? {
            let Some(link) = self.relays.links.get(&relay) else { return Ok(()) };
            if link.free() == 0 {
                return Ok(());
            }
            let over = now > invite.expires;
            if over || link.slots.contains(&invite.id) || !names(&invite.link, relay) {
                continue;
            }
            let seed = invite.slot_secret.as_deref().and_then(|secret| <[u8; 32]>::try_from(secret).ok());
            let Some(seed) = seed else { continue };
            self.write_slot(turn, relay, &relay_key, &invite, &SignKey::from_seed(&seed))?;
        }
        if let Some(link) = self.relays.links.get_mut(&relay) {
            link.slots_due = false;
        }
        Ok(())
    }

    /// Whether a record written now names the inbox at this relay, or there will be none for a while.
    fn inbox_is_settled(&self, relay: PeerId) -> bool {
        self.relays.links.get(&relay).is_some_and(|link| {
            link.boxes
                .values()
                .filter(|b| b.kind == madang_store::relays::BoxKind::Inbox)
                .all(|inbox| inbox.step >= super::state::Step::Made || inbox.refused > 0)
        })
    }

    fn write_slot(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        relay_key: &[u8; 32],
        invite: &invites::Invite,
        key: &SignKey,
    ) -> Result<(), Error> {
        // Above every earlier one, also after a restore of the store.
        let now = self.author_time(turn);
        let version = invite.slot_version.saturating_add(1).max(now);
        let usable = invite_refused(invite, now).is_none();
        if !usable && invite.slot_version == 0 {
            return Ok(());
        }
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        link.slots.insert(invite.id);
        let code = link.code.clone();
        let ask = |delete| Ask::InviteSlot { invite: invite.id, delete };
        invites::set_slot_version(turn.db, &invite.id, version)?;
        if !usable {
            let delete = sign_slot_delete(key, relay_key, version);
            self.ask_relay(turn, relay, RelayBody::SlotDelete(delete), ask(true));
            return Ok(());
        }
        let body = self.seal_record(turn, invite)?;
        let put = SlotPut { version, body, admission: code, ..SlotPut::default() };
        let put = sign_slot_put(put, key, relay_key).map_err(crate::lane::internal)?;
        self.ask_relay(turn, relay, RelayBody::SlotPut(put), ask(false));
        Ok(())
    }

    pub(super) fn invite_slot_refused(
        &mut self,
        turn: &Turn<'_>,
        relay: PeerId,
        invite: InviteId,
        error: &RErr,
    ) {
        tracing::info!(%relay, code = error.code, "the slot of an invite was refused");
        if let Some(link) = self.relays.links.get_mut(&relay) {
            link.slots.remove(&invite);
            link.slots_due = true;
            link.slots_at = turn.now.mono.saturating_add(pause(3, error.retry_ms));
            self.timers.set(Due::Relays, link.slots_at);
        }
    }

    /// Begins to read the slot of a link at its relays; answers how many answers may come.
    pub(crate) fn fetch_slot(&mut self, turn: &mut Turn<'_>, fetch: u64, link: &InviteLink) -> u32 {
        if link.slot_id.is_empty() {
            return 0;
        }
        let mut relays = 0_u32;
        for bytes in link.relays.iter().take(limits::LINK_RELAYS) {
            let Ok(addr) = Multiaddr::try_from(bytes.clone()) else { continue };
            let (_, Some(relay)) = split_peer(addr.clone()) else { continue };
            let get =
                SlotGet { addr: addr.to_string(), slot: link.slot_id.clone(), asked: false, again_at: 0 };
            if self.relays.gets.insert((fetch, relay), get).is_none() {
                relays = relays.saturating_add(1);
            }
        }
        self.relays_changed = true;
        self.timers.set(Due::Relays, turn.now.mono);
        relays
    }

    /// Asks a relay for the slots that are to be read there.
    pub(super) fn read_slots(&mut self, turn: &mut Turn<'_>, relay: PeerId) {
        let free = self.relays.links.get(&relay).map_or(0, super::state::Link::free);
        let mut asks = Vec::new();
        for ((fetch, at), get) in &mut self.relays.gets {
            if *at == relay && !get.asked && get.again_at <= turn.now.mono && asks.len() < free {
                get.asked = true;
                asks.push((*fetch, get.slot.clone()));
            }
        }
        for (fetch, slot_id) in asks {
            self.ask_relay(turn, relay, RelayBody::SlotGet(Get { slot_id }), Ask::SlotGet(fetch));
        }
    }

    pub(super) fn slot_came(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        fetch: u64,
        slot: &Slot,
    ) -> Result<(), Error> {
        self.relays_changed = true;
        match self.relays.gets.remove(&(fetch, relay)) {
            Some(_) => self.record_came(turn, fetch, &slot.body),
            None => Ok(()),
        }
    }

    /// The relay refused to read a slot. One that is busy is asked again, for as long as somebody looks at the link.
    pub(super) fn slot_get_refused(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        fetch: u64,
        error: &RErr,
    ) -> Result<(), Error> {
        let looked_at = self.fetching.contains_key(&fetch);
        match self.relays.gets.get_mut(&(fetch, relay)) {
            Some(get) if error.code == "busy" && looked_at => {
                get.asked = false;
                get.again_at = turn.now.mono.saturating_add(u64::from(error.retry_ms).max(BUSY_MS));
                self.timers.set(Due::Relays, get.again_at);
                Ok(())
            }
            _ => self.slot_refused(turn, relay, fetch, &error.code),
        }
    }

    /// When a busy relay may be asked again for a slot, monotonic ms.
    pub(super) fn slots_again(&self, relay: PeerId) -> impl Iterator<Item = u64> {
        let of_relay = self.relays.gets.iter().filter(move |((_, at), get)| *at == relay && !get.asked);
        of_relay.map(|(_, get)| get.again_at)
    }

    /// The relay has no such slot, or does not give it.
    pub(super) fn slot_refused(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        fetch: u64,
        code: &str,
    ) -> Result<(), Error> {
        self.relays_changed = true;
        match self.relays.gets.remove(&(fetch, relay)) {
            Some(_) if code == "not_found" => self.slot_missing(turn, fetch),
            Some(_) => self.fetch_failed(turn, fetch, None),
            None => Ok(()),
        }
    }

    /// A relay of links cannot be reached.
    pub(super) fn slots_unreachable(&mut self, turn: &mut Turn<'_>, relay: PeerId) -> Result<(), Error> {
        let fetches: Vec<u64> =
            self.relays.gets.keys().filter(|(_, at)| *at == relay).map(|(fetch, _)| *fetch).collect();
        for fetch in fetches {
            self.slot_refused(turn, relay, fetch, "")?;
        }
        Ok(())
    }
}

/// Whether a link names a relay.
fn names(link: &str, relay: PeerId) -> bool {
    invite_link::parse(link).is_ok_and(|link| {
        link.relays.iter().any(|bytes| {
            Multiaddr::try_from(bytes.clone())
                .is_ok_and(|addr| relay_of(&addr.to_string()).is_some_and(|(named, _)| named == relay))
        })
    })
}
