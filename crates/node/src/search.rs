//! Search: keeping the index of all messages up to date.
//!
//! A message is found from its commit on; the index takes in many at a time, because each alone would cost as much as
//! everything else that is written for it (see `search::fold` of the store).

use madang_store::{OpRow, search};

use crate::{core::Core, error::Error, stored, timer::Due, turn::Turn};

/// The index waits so long for more.
pub(crate) const WAIT_MS: u64 = 3_000;
/// It never stays behind further than this, so that a search looks at few texts itself.
const MANY: usize = 256;
/// Ops taken in within one turn.
const PER_TURN: usize = 512;

impl Core {
    /// A message has this text: it can be found with the commit of this turn.
    pub(crate) fn findable(&mut self, turn: &Turn<'_>, op: OpRow, text: &str) -> Result<(), Error> {
        search::add(turn.db, op, text)?;
        self.unindexed = self.unindexed.saturating_add(1);
        self.timers.set(Due::Index, turn.now.mono.saturating_add(WAIT_MS));
        Ok(())
    }

    /// In a burst the index keeps up within the turns that bring it.
    pub(crate) fn index_when_many(&mut self, turn: &Turn<'_>) -> Result<(), Error> {
        if self.unindexed >= MANY { self.index(turn) } else { Ok(()) }
    }

    /// Takes in what is there; what is too much for a turn goes on in the next one.
    pub(crate) fn index(&mut self, turn: &Turn<'_>) -> Result<(), Error> {
        self.unindexed = 0;
        let text = |_: OpRow, payload: &[u8]| stored::text(Some(payload)).map(|text| text.text);
        if search::fold(turn.db, PER_TURN, text)? {
            self.timers.set(Due::Index, turn.now.mono);
        }
        Ok(())
    }
}
