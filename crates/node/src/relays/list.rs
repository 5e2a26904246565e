//! The relays that this account chose: adding, removing, showing them, and what others learn of them
//! (protocol sections 4.3 and 7.4).

use madang_model::limits::{HOUR_MS, RELAYS_MAX};
use madang_store::relays::{self, BoxKind};
use madang_wire::{InboxRef, limits};

use super::{
    follow::{relay_of, relay_row},
    state::{Link, Phase, Step},
};
use crate::{core::Core, error::Error, turn::Turn, view};

impl Core {
    /// The own inboxes, the preferred relay's first: those that were made at their relay.
    pub(crate) fn own_inboxes(&mut self, turn: &Turn<'_>) -> Result<Vec<InboxRef>, Error> {
        let mut inboxes = Vec::new();
        for relay in relays::list(turn.db)?.into_iter().filter(|relay| relay.own) {
            let made = relays::boxes(turn.db, relay.row)?
                .into_iter()
                .find(|kept| kept.kind == BoxKind::Inbox && !kept.epoch.is_empty());
            inboxes.extend(made.map(|kept| InboxRef { relay: relay.addr, inbox_id: kept.id.to_vec() }));
        }
        inboxes.truncate(limits::INBOXES);
        Ok(inboxes)
    }

    /// The own relays and how it stands with them.
    pub(crate) fn relay_list(&mut self, _turn: &Turn<'_>) -> Result<Vec<view::Relay>, Error> {
        Ok(self
            .relays
            .own
            .iter()
            .map(|addr| {
                let link = relay_of(addr).and_then(|(relay, _)| self.relays.links.get(&relay));
                let (state, reason) = link.map_or((view::RelayState::Connecting, None), standing);
                let since = link.and_then(|link| link.stands).filter(|(stood, _)| *stood == state);
                view::Relay { addr: addr.clone(), state, reason, since: since.map(|(_, since)| since) }
            })
            .collect())
    }

    /// Remembers since when it stands as it does with each relay.
    pub(crate) fn note_relays(&mut self, turn: &Turn<'_>) {
        for link in self.relays.links.values_mut() {
            let (state, _) = standing(link);
            if link.stands.is_none_or(|(stood, _)| stood != state) {
                link.stands = Some((state, turn.now.wall));
            }
        }
    }

    /// Chooses a relay. One that was chosen already gets the new admission code.
    pub(crate) fn add_relay(
        &mut self,
        turn: &mut Turn<'_>,
        addr: &str,
        code: Option<String>,
    ) -> Result<Vec<view::Relay>, Error> {
        let addr = addr.trim();
        let Some((relay, _)) = relay_of(addr) else {
            return Err(Error::Usage(format!(
                "{addr} is no address of a relay: it ends in /p2p/ and its id"
            )));
        };
        let known = self.relays.own.iter().any(|own| relay_of(own).is_some_and(|(named, _)| named == relay));
        if !known && self.relays.own.len() >= RELAYS_MAX {
            return Err(Error::Usage(format!("An account has at most {RELAYS_MAX} relays")));
        }
        let row = relay_row(turn.db, addr, relay, turn.now.wall)?;
        // A friend's record may have named it first, by an address that is of no use here.
        relays::set_addr(turn.db, row, addr)?;
        let kept = relays::get(turn.db, row)?.map(|kept| kept.code).unwrap_or_default();
        relays::set_own(turn.db, row, true, &code.unwrap_or(kept))?;
        self.keep_inbox(turn, row)?;
        if let Some(link) = self.relays.links.get_mut(&relay) {
            // With the new code, at once.
            link.boxes.values_mut().for_each(|followed| followed.retry_at = 0);
            (link.slots_at, link.escrow_at) = (0, 0);
            link.escrow_due = true;
            // The person knows better than the pause.
            (link.closed_until, link.closures) = (None, 0);
        }
        self.own_relays_changed(turn)
    }

    /// Gives a relay up, named by its address or by the id at the end of that. The account's slots there are deleted, the inbox is
    /// read until nobody writes to it any more; everything else stays until it expires.
    pub(crate) fn remove_relay(
        &mut self,
        turn: &mut Turn<'_>,
        addr: &str,
    ) -> Result<Vec<view::Relay>, Error> {
        let addr = addr.trim();
        let named = relay_of(addr).map(|(relay, _)| relay).or_else(|| addr.parse().ok());
        let named = named.ok_or(Error::NotFound("relay"))?;
        let kept = relays::list(turn.db)?
            .into_iter()
            .find(|relay| relay.own && relay.peer == named.to_bytes())
            .ok_or(Error::NotFound("relay"))?;
        relays::set_own(turn.db, kept.row, false, "")?;
        if let Some(link) = self.relays.links.get_mut(&named) {
            link.own = false;
        }
        self.leave_escrow(turn, kept.row)?;
        self.leave_inbox(turn, kept.row)?;
        self.own_relays_changed(turn)
    }

    fn own_relays_changed(&mut self, turn: &mut Turn<'_>) -> Result<Vec<view::Relay>, Error> {
        self.relays.own =
            relays::list(turn.db)?.into_iter().filter(|relay| relay.own).map(|relay| relay.addr).collect();
        self.relays_changed = true;
        turn.status_changed = true;
        self.renew_address(turn)?;
        self.renew_bundle(turn)?;
        self.update_contacts(turn)?;
        self.relay_list(turn)
    }

    /// What is done every hour.
    pub(super) fn relays_hourly(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        self.relays.hourly_at = turn.now.mono.saturating_add(HOUR_MS);
        self.expire_copies(turn)?;
        self.give_up_old_puts(turn)?;
        self.drop_unfollowed_puts(turn)?;
        self.renew_tokens(turn)?;
        self.renew_registers(turn)?;
        let relays: Vec<_> = self.relays.links.keys().copied().collect();
        for relay in relays {
            if let Some(link) = self.relays.links.get_mut(&relay) {
                link.escrow_due = true;
            }
            self.write_escrow(turn, relay)?;
        }
        Ok(())
    }
}

/// How it stands with a relay: connected when the own inbox is read.
fn standing(link: &Link) -> (view::RelayState, Option<String>) {
    let inbox = link.boxes.values().find(|followed| followed.kind == BoxKind::Inbox);
    match (link.phase, inbox) {
        (Phase::Ready { .. }, Some(inbox)) if inbox.step == Step::Open => (view::RelayState::Connected, None),
        (Phase::Ready { .. }, Some(inbox)) if inbox.refused > 0 => {
            (view::RelayState::Failed, link.reason.clone())
        }
        (Phase::Down | Phase::Greeting, _) if link.reason.is_some() => {
            (view::RelayState::Failed, link.reason.clone())
        }
        _ => (view::RelayState::Connecting, None),
    }
}
