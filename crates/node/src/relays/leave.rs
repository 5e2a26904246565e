//! The own inbox at a relay that was given up (protocol sections 4.3 and 10.3).
//!
//! Until they have heard of it, others put into it what they have for this machine, and an item stays until its owner
//! acknowledges it. Invariants: it is read until it is drained and every friend has acknowledged the new inboxes, or had
//! his time to; nobody is told of it any more.

use madang_model::limits::DAY_MS;
use madang_p2p::PeerId;
use madang_store::{
    RelayRow, lanes, meta,
    relays::{self, BoxKind, Relay, RelayBox},
};

use crate::{core::Core, error::Error, turn::Turn};

/// Friends who have not acknowledged the new inboxes by then are not waited for.
const FRIENDS_MS: u64 = 15 * DAY_MS;
/// An inbox that could not be read for so long is given up: what was put in time has expired by then.
const LEAVE_MS: u64 = FRIENDS_MS + 30 * DAY_MS;

const PREFIX: &str = "left_inbox.";

impl Core {
    /// A relay is given up: the inbox there is read on.
    pub(super) fn leave_inbox(&self, turn: &Turn<'_>, relay: RelayRow) -> Result<(), Error> {
        if made_inbox(turn, relay)?.is_none() {
            return Ok(());
        }
        Ok(meta::set(turn.db, &name(relay), &turn.now.wall.to_be_bytes())?)
    }

    /// A relay was chosen again.
    pub(super) fn keep_inbox(&self, turn: &Turn<'_>, relay: RelayRow) -> Result<(), Error> {
        meta::remove(turn.db, &name(relay))?;
        Ok(())
    }

    /// The inbox at a relay that was given up, as long as it is read.
    pub(super) fn left_inbox(&self, turn: &Turn<'_>, relay: RelayRow) -> Result<Option<RelayBox>, Error> {
        match meta::get(turn.db, &name(relay))? {
            Some(_) => made_inbox(turn, relay),
            None => Ok(None),
        }
    }

    /// Relays that were given up and whose inbox is read on.
    pub(super) fn relays_with_left_inbox(&self, turn: &Turn<'_>) -> Result<Vec<Relay>, Error> {
        let mut found = Vec::new();
        for (relay, _) in left(turn)? {
            found.extend(relays::get(turn.db, relay)?.filter(|relay| !relay.own));
        }
        Ok(found)
    }

    /// Forgets the inboxes that nobody writes to any more and in which nothing is left.
    pub(super) fn forget_left_inboxes(&mut self, turn: &Turn<'_>) -> Result<(), Error> {
        for (relay, since) in left(turn)? {
            let age = turn.now.wall.saturating_sub(since);
            let known = age > FRIENDS_MS || !self.friends_lack_update(turn)?;
            if (known && self.is_drained(turn, relay)?) || age > LEAVE_MS {
                meta::remove(turn.db, &name(relay))?;
                if let Some(inbox) = made_inbox(turn, relay)? {
                    relays::remove_box(turn.db, relay, &inbox.id)?;
                }
                self.relays_changed = true;
            }
        }
        Ok(())
    }

    /// Whether an inbox that was given up holds nothing more: it was read to its end, or is no more.
    fn is_drained(&self, turn: &Turn<'_>, relay: RelayRow) -> Result<bool, Error> {
        let Some(inbox) = made_inbox(turn, relay)? else { return Ok(true) };
        let peer: Option<PeerId> = self.relays.link_of(relay);
        let link = peer.and_then(|peer| self.relays.links.get(&peer));
        Ok(link.and_then(|link| link.boxes.get(&inbox.id)).is_some_and(|followed| followed.read))
    }

    /// Whether what is told to friends about this account waits for one of them.
    fn friends_lack_update(&self, turn: &Turn<'_>) -> Result<bool, Error> {
        for row in lanes::devices_about(turn.db, "update")? {
            let device = madang_store::devices::get(turn.db, row)?.map(|device| device.id);
            let account = device.and_then(|device| self.directory.get(&device)?.account);
            if account.is_some_and(|account| self.is_friend(&account)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The inbox at a relay, if it was made there.
fn made_inbox(turn: &Turn<'_>, relay: RelayRow) -> Result<Option<RelayBox>, Error> {
    let made = |kept: &RelayBox| kept.kind == BoxKind::Inbox && !kept.epoch.is_empty();
    Ok(relays::boxes(turn.db, relay)?.into_iter().find(made))
}

/// Relays whose inbox was given up, and when, ms since 1970.
fn left(turn: &Turn<'_>) -> Result<Vec<(RelayRow, u64)>, Error> {
    let read = |(key, bytes): (String, Vec<u8>)| {
        let row = key.strip_prefix(PREFIX)?.parse().ok().map(RelayRow)?;
        Some((row, u64::from_be_bytes(bytes.try_into().ok()?)))
    };
    Ok(meta::list(turn.db, PREFIX)?.into_iter().filter_map(read).collect())
}

fn name(relay: RelayRow) -> String {
    format!("{PREFIX}{}", relay.0)
}
