//! Friends whose inboxes take nothing more from this account: they have ended the friendship, and retrying cures
//! nothing (protocol sections 6.2 and 10.5).
//!
//! It must not know what was refused. Invariants: only a token that should still open counts; whatever comes from such
//! a person, a token of his, or anything that one of his inboxes takes ends it. Who blocks is never among them: his
//! relay says nothing.

use std::collections::BTreeSet;

use madang_model::AccountId;
use madang_store::{Conn, meta, relays::NewPut};

use super::tokens::expiry;
use crate::{core::Core, error::Error, ring::BoxId, turn::Turn};

const PREFIX: &str = "refuses.";

/// Whether somebody takes nothing more from this account.
pub(crate) fn refuses(db: &Conn, account: &AccountId) -> Result<bool, Error> {
    Ok(meta::get(db, &name(account))?.is_some())
}

/// Everybody of whom that is known.
pub(super) fn refusing(db: &Conn) -> Result<BTreeSet<AccountId>, Error> {
    let rows = meta::list(db, PREFIX)?.into_iter();
    Ok(rows.filter_map(|(_, account)| AccountId::try_from(account.as_slice()).ok()).collect())
}

impl Core {
    /// A relay did not take the token of an inbox.
    pub(super) fn token_refused(&mut self, turn: &mut Turn<'_>, put: &NewPut) -> Result<(), Error> {
        let now = self.author_time(turn);
        // The tokens of an invite, with which contact requests go out, open for one person alone.
        if put.lane.is_none() && put.op.is_none() {
            return Ok(());
        }
        let lasts = put.token.as_deref().and_then(expiry).is_some_and(|expires| expires > now);
        let Some(account) = self.owner_of(&put.relay_box).filter(|_| lasts) else { return Ok(()) };
        if self.is_friend(&account) && self.relays.refusing.insert(account) {
            meta::set(turn.db, &name(&account), account.as_bytes())?;
            self.refusal_changed(turn, &account);
        }
        Ok(())
    }

    /// An inbox took something.
    pub(super) fn inbox_took(&mut self, turn: &mut Turn<'_>, put: &NewPut) -> Result<(), Error> {
        if self.relays.refusing.is_empty() {
            return Ok(());
        }
        self.owner_of(&put.relay_box).map_or(Ok(()), |account| self.takes_again(turn, &account))
    }

    /// Somebody is heard of, gives a token or takes something: he is a friend still, or again.
    pub(crate) fn takes_again(&mut self, turn: &mut Turn<'_>, account: &AccountId) -> Result<(), Error> {
        if self.relays.refusing.remove(account) {
            meta::remove(turn.db, &name(account))?;
            self.refusal_changed(turn, account);
        }
        Ok(())
    }

    fn refusal_changed(&self, turn: &mut Turn<'_>, account: &AccountId) {
        if let Some(room) = self.direct_row(account) {
            self.numbers_changed(turn, room);
        }
    }

    fn owner_of(&self, inbox: &BoxId) -> Option<AccountId> {
        self.directory.owner_of_inbox(inbox)
    }
}

fn name(account: &AccountId) -> String {
    format!("{PREFIX}{account}")
}
