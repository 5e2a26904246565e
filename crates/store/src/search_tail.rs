//! Tail of the search: the newest messages, which the index does not hold yet.
//!
//! A message of its own dirties five pages of the index, many together only a few more; and whoever sends one waits
//! until the pages are written. So a message is found here from its commit on, and the index takes in many at once.
//!
//! Must not know how a text lies in a payload. Invariant: a message is in the tail or in the index, never in neither:
//! the end of the index moves in the transaction that fills it.

use crate::db::Conn;
use crate::error::{Error, Result};
use crate::row::{OpRow, limit as bound, uint};
use crate::search::{self, Query};
use crate::statement::{run, value};
use crate::terms;
use madang_model::AccountId;
use rusqlite::params;

/// Terms that follow each other in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phrase {
    pub(crate) terms: Vec<String>,
    /// The last term is found by its beginning.
    pub(crate) open: bool,
}

impl Phrase {
    /// Whether a text that was cut into these terms contains the phrase: what the index would answer.
    pub(crate) fn is_in(&self, text: &[String]) -> bool {
        let Some((last, before)) = self.terms.split_last() else { return true };
        text.windows(self.terms.len()).any(|window| {
            window.split_last().is_some_and(|(end, start)| {
                start == before && (end == last || (self.open && end.starts_with(last.as_str())))
            })
        })
    }
}

/// The last op that the index has taken in.
pub(crate) fn upto(c: &Conn) -> Result<OpRow> {
    value(c, "SELECT op FROM search_upto", [], |row| row.get(0))
}

/// Makes a message findable that is new or has another text than before; a text in the tail needs nothing for it.
///
/// # Errors
/// Those of the store; [`Error::Constraint`] when the op does not exist.
pub fn add(c: &Conn, op: OpRow, text: &str) -> Result<()> {
    if op > upto(c)? { Ok(()) } else { search::index(c, op, text) }
}

/// Takes the oldest of the tail into the index, at most `max` ops; answers whether something is left. `decode` answers
/// the text that a message shows, as in [`search::query`].
///
/// # Errors
/// Those of the store.
pub fn fold(c: &Conn, max: usize, decode: impl Fn(OpRow, &[u8]) -> Option<String>) -> Result<bool> {
    let mut last = upto(c)?;
    let mut seen = 0_usize;
    let mut texts = Vec::new();
    {
        let mut statement = c.prepare_cached(
            "SELECT row, CASE WHEN kind = 32 AND due_at = 0 THEN payload END FROM op WHERE row > ?1
             ORDER BY row LIMIT ?2",
        )?;
        let mut rows = statement.query(params![last, bound(max)])?;
        while let Some(row) = rows.next()? {
            last = row.get(0)?;
            seen = seen.saturating_add(1);
            let payload = row.get_ref(1)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
            texts.extend(payload.and_then(|payload| decode(last, payload)).map(|text| (last, text)));
        }
    }
    for (op, text) in texts {
        search::index(c, op, &text)?;
    }
    run(c, "UPDATE search_upto SET op = ?1", params![last])?;
    Ok(seen >= max)
}

/// The messages of the tail that match, with the value of their clock.
pub(crate) fn hits(
    c: &Conn,
    query: &Query<'_>,
    phrases: &[Phrase],
    decode: &impl Fn(OpRow, &[u8]) -> Option<String>,
    fits: impl Fn(&str) -> bool,
) -> Result<Vec<(u64, OpRow)>> {
    let mut statement = c.prepare_cached(
        "SELECT row, hlc, payload FROM op
         WHERE row > (SELECT op FROM search_upto) AND kind = 32 AND due_at = 0 AND payload IS NOT NULL
           AND room = coalesce(?1, room) AND account = coalesce(?2, account)",
    )?;
    let mut rows = statement.query(params![query.room, query.account.map(AccountId::as_bytes)])?;
    let mut hits = Vec::new();
    while let Some(row) = rows.next()? {
        let op = row.get(0)?;
        let payload = row.get_ref(2)?.as_blob().map_err(|error| Error::from(rusqlite::Error::from(error)))?;
        let Some(text) = decode(op, payload) else { continue };
        let terms = terms::tokens(&text);
        if phrases.iter().all(|phrase| phrase.is_in(&terms)) && fits(&text) {
            hits.push((uint(row, 1)?, op));
        }
    }
    Ok(hits)
}

#[cfg(test)]
#[path = "search_tail_tests.rs"]
mod tests;
