//! Search: the full-text index over the messages of all rooms, and the newest ones that it does not hold yet.
//!
//! Must not know how a text lies in a payload: it is handed in, or decoded by the caller's function. Invariant: the
//! index holds terms and no text, and hits come newest first by the clock, whatever the order of arrival.

use crate::db::Conn;
use crate::error::{Error, Result};
use crate::row::{OpRow, RoomRow, int, limit as bound, uint};
use crate::search_tail::{self as tail, Phrase};
use crate::statement::{all, one, run, value};
use crate::terms::{self, Run};
use madang_model::AccountId;
use rusqlite::params;

pub use crate::search_tail::{add, fold};
pub use crate::terms::{normalize, strokes, tokens};

/// Messages looked at, newest first, when the index cannot answer: one character, a lone letter, an emoji.
pub const SCAN_CAP: usize = 20_000;
/// Hits of the index whose text is compared, newest first, when the index alone cannot decide: a half-typed syllable or
/// a single character beside whole words. Keeps a common word from decoding a whole archive at each key.
const COMPARE_CAP: usize = 5_000;
/// Places tried for a message whose clock value is taken by others of the same millisecond.
const PLACE_TRIES: u64 = 1 << 16;
/// Characters in front of the terms that narrow a search to a room or an account. They are private, so no text that
/// people write collides with them by accident.
const ROOM_MARK: char = '\u{e000}';
const ACCOUNT_MARK: char = '\u{e001}';
/// Pages of the index that one call of [`scrub`] rewrites.
const SCRUB_PAGES: i64 = 256;

/// What to look for and where.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// What the person typed.
    pub text: &'a str,
    /// Only this room.
    pub room: Option<RoomRow>,
    /// Only messages of this account.
    pub account: Option<&'a AccountId>,
    /// At most so many hits.
    pub limit: usize,
}

/// Puts the text of a message into the index, in place of what was there for it (an edit). Callers that write messages
/// take [`add`], which leaves the newest ones for [`fold`].
///
/// # Errors
/// Those of the store; [`Error::Constraint`] when the op does not exist.
pub(crate) fn index(c: &Conn, op: OpRow, text: &str) -> Result<()> {
    let found = one(c, "SELECT hlc, room, account FROM op WHERE row = ?1", params![op], |row| {
        Ok((uint(row, 0)?, row.get::<_, RoomRow>(1)?, crate::row::account_known(row, 2)?))
    })?;
    let (hlc, room, account) =
        found.ok_or_else(|| Error::Constraint("the indexed op does not exist".to_owned()))?;
    remove_at(c, op, hlc)?;
    let mut terms = tokens(text);
    if terms.is_empty() {
        return Ok(());
    }
    terms.push(room_term(room));
    terms.extend(account.as_ref().map(account_term));
    let place = free_place(c, hlc)?;
    run(c, "INSERT INTO search_place (place, op) VALUES (?1, ?2)", params![int(place), op])?;
    run(c, "INSERT INTO search (rowid, terms) VALUES (?1, ?2)", params![int(place), terms.join(" ")])?;
    Ok(())
}

/// Takes a message out of the index; answers whether it was there. Its terms stop being found at once and leave the
/// file with [`scrub`].
///
/// # Errors
/// Those of the store.
pub fn remove(c: &Conn, op: OpRow) -> Result<bool> {
    match one(c, "SELECT hlc FROM op WHERE row = ?1", params![op], |row| uint(row, 0))? {
        Some(hlc) => remove_at(c, op, hlc),
        None => Ok(false),
    }
}

fn remove_at(c: &Conn, op: OpRow, hlc: u64) -> Result<bool> {
    let first = first_place(hlc);
    let place = one(
        c,
        "SELECT place FROM search_place WHERE place BETWEEN ?1 AND ?2 AND op = ?3",
        params![int(first), int(first.saturating_add(PLACE_TRIES)), op],
        |row| row.get::<_, i64>(0),
    )?;
    let Some(place) = place else { return Ok(false) };
    run(c, "DELETE FROM search WHERE rowid = ?1", params![place])?;
    run(c, "DELETE FROM search_place WHERE place = ?1", params![place])?;
    Ok(true)
}

/// Rewrites a bounded part of the index without the terms of removed messages; answers true when nothing is left to
/// do. Called after deletions until it does, each time in a transaction of its own.
///
/// # Errors
/// Those of the store.
pub fn scrub(c: &Conn) -> Result<bool> {
    let before = total_changes(c)?;
    run(c, "INSERT INTO search (search, rank) VALUES ('merge', ?1)", params![-SCRUB_PAGES])?;
    let after = total_changes(c)?;
    // The command itself counts as one change.
    Ok(after.saturating_sub(before) < 2)
}

fn total_changes(c: &Conn) -> Result<i64> {
    value(c, "SELECT total_changes()", [], |row| row.get(0))
}

/// How many messages are in the index.
///
/// # Errors
/// Those of the store.
pub fn count(c: &Conn) -> Result<u64> {
    value(c, "SELECT COUNT(*) FROM search_place", [], |row| uint(row, 0))
}

/// Finds messages, newest first. `decode` answers the text of a message from its payload, or `None` for one that is
/// not to be shown; it is asked only where the index alone cannot decide.
///
/// Words are found as written. A last Korean syllable that is still being typed is found too, when nothing contains it
/// as it stands; a single character is looked for in the newest [`SCAN_CAP`] messages.
///
/// # Errors
/// Those of the store.
pub fn query(
    c: &Conn,
    query: &Query<'_>,
    decode: impl Fn(OpRow, &[u8]) -> Option<String>,
) -> Result<Vec<OpRow>> {
    let runs = terms::runs(query.text);
    let exact = Plan::exact(&runs, query);
    let hits = exact.execute(c, query, &decode)?;
    if !hits.is_empty() {
        return Ok(hits);
    }
    match Plan::half_typed(&runs, query) {
        Some(plan) => plan.execute(c, query, &decode),
        None => Ok(hits),
    }
}

/// What the index is asked, and what is checked in the text of each candidate.
#[derive(Debug, Default)]
struct Plan {
    phrases: Vec<Phrase>,
    contained: Vec<String>,
    typed: Option<String>,
}

impl Plan {
    fn exact(runs: &[Run], query: &Query<'_>) -> Plan {
        let mut plan = Plan::default();
        let last = runs.len().saturating_sub(1);
        let open = query.text.chars().next_back().is_some_and(char::is_alphanumeric);
        for (at, run) in runs.iter().enumerate() {
            plan.add(run, at == last && open);
        }
        if plan.phrases.is_empty() && plan.contained.is_empty() {
            // Nothing but signs, for example an emoji: the text itself is looked for.
            let whole = normalize(query.text.trim());
            plan.contained.extend((!whole.is_empty()).then_some(whole));
        }
        plan
    }

    /// A last word is found by its beginning; a single character only by looking.
    fn add(&mut self, run: &Run, open: bool) {
        match run {
            Run::Pairs(chars) if chars.len() >= 2 => {
                self.phrases.push(Phrase { terms: terms::pairs(chars), open: false })
            }
            Run::Pairs(chars) => self.contained.push(chars.iter().collect()),
            Run::Word(word) if word.chars().count() >= 2 => {
                self.phrases.push(Phrase { terms: vec![word.clone()], open });
            }
            Run::Word(word) => self.contained.push(word.clone()),
        }
    }

    /// Drops the last syllable of the query and compares hits by the keys typed so far.
    fn half_typed(runs: &[Run], query: &Query<'_>) -> Option<Plan> {
        let (Run::Pairs(last), before) = runs.split_last()? else { return None };
        let (syllable, head) = last.split_last()?;
        if !terms::is_hangul(*syllable) || !query.text.ends_with(|c: char| c.is_alphanumeric()) {
            return None;
        }
        let mut plan = Plan::default();
        for run in before {
            plan.add(run, false);
        }
        if let Some(anchor) = head.last() {
            let mut pairs = if head.len() >= 2 { terms::pairs(head) } else { Vec::new() };
            pairs.push(anchor.to_string());
            plan.phrases.push(Phrase { terms: pairs, open: true });
        }
        plan.typed = Some(strokes(&last.iter().collect::<String>()));
        Some(plan)
    }

    fn execute(
        &self,
        c: &Conn,
        query: &Query<'_>,
        decode: &impl Fn(OpRow, &[u8]) -> Option<String>,
    ) -> Result<Vec<OpRow>> {
        if self.phrases.is_empty() && self.contained.is_empty() && self.typed.is_none() {
            return Ok(Vec::new());
        }
        if self.phrases.is_empty() { self.scan(c, query, decode) } else { self.ask_index(c, query, decode) }
    }

    fn ask_index(
        &self,
        c: &Conn,
        query: &Query<'_>,
        decode: &impl Fn(OpRow, &[u8]) -> Option<String>,
    ) -> Result<Vec<OpRow>> {
        let mut wanted: Vec<String> = self.phrases.iter().map(matching).collect();
        wanted.extend(query.room.map(|room| quoted(&[room_term(room)])));
        wanted.extend(query.account.map(|account| quoted(&[account_term(account)])));
        let mut statement = c.prepare_cached(
            "SELECT op.row, op.payload, op.hlc FROM search
             CROSS JOIN search_place ON search_place.place = search.rowid
             CROSS JOIN op ON op.row = search_place.op
             WHERE search MATCH ?1 AND op.room = coalesce(?2, op.room) AND op.account = coalesce(?3, op.account)
               AND op.payload IS NOT NULL
             ORDER BY search.rowid DESC LIMIT ?4",
        )?;
        let candidates = if self.decided() { query.limit } else { COMPARE_CAP };
        let account = query.account.map(AccountId::as_bytes);
        let mut rows =
            statement.query(params![wanted.join(" AND "), query.room, account, bound(candidates)])?;
        let mut hits = tail::hits(c, query, &self.phrases, decode, |text| self.decided() || self.fits(text))?;
        let enough = hits.len().saturating_add(query.limit);
        while hits.len() < enough
            && let Some(row) = rows.next()?
        {
            let op = row.get(0)?;
            let payload = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            if self.decided() || decode(op, payload).is_some_and(|text| self.fits(&text)) {
                hits.push((uint(row, 2)?, op));
            }
        }
        Ok(newest(hits, query.limit))
    }

    fn scan(
        &self,
        c: &Conn,
        query: &Query<'_>,
        decode: &impl Fn(OpRow, &[u8]) -> Option<String>,
    ) -> Result<Vec<OpRow>> {
        let statement = match query.room {
            Some(_) => {
                "SELECT row, payload, account, hlc FROM op WHERE room = ?1 AND kind = 32
                 ORDER BY hlc DESC, author_order DESC, seq DESC LIMIT ?2"
            }
            None => {
                "SELECT row, payload, account, hlc FROM op WHERE ?1 IS NULL AND kind = 32 ORDER BY row DESC LIMIT ?2"
            }
        };
        let mut statement = c.prepare_cached(statement)?;
        let mut rows = statement.query(params![query.room, bound(SCAN_CAP)])?;
        let mut hits: Vec<(u64, OpRow)> = Vec::new();
        while let Some(row) = rows.next()? {
            let Some(payload) = row.get_ref(1)?.as_blob_or_null().map_err(rusqlite::Error::from)? else {
                continue;
            };
            if query.account.is_some_and(|account| {
                row.get_ref(2).ok().and_then(|v| v.as_blob().ok()) != Some(account.as_bytes())
            }) {
                continue;
            }
            let op = row.get(0)?;
            if decode(op, payload).is_some_and(|text| self.fits(&text)) {
                hits.push((uint(row, 3)?, op));
            }
            // Within a room the walk is in the order of time, so the first hits are the answer.
            if query.room.is_some() && hits.len() >= query.limit {
                break;
            }
        }
        Ok(newest(hits, query.limit))
    }

    /// Whether the index alone decides.
    fn decided(&self) -> bool {
        self.contained.is_empty() && self.typed.is_none()
    }

    fn fits(&self, text: &str) -> bool {
        let text = normalize(text);
        self.contained.iter().all(|part| text.contains(part))
            && self.typed.as_ref().is_none_or(|typed| strokes(&text).contains(typed))
    }
}

/// The first hits in the order of time, newest first.
fn newest(mut hits: Vec<(u64, OpRow)>, limit: usize) -> Vec<OpRow> {
    hits.sort_by_key(|(hlc, op)| std::cmp::Reverse((*hlc, *op)));
    hits.truncate(limit);
    hits.into_iter().map(|(_, op)| op).collect()
}

/// A phrase as the index is asked for it.
fn matching(phrase: &Phrase) -> String {
    let star = if phrase.open { " *" } else { "" };
    format!("{}{star}", quoted(&phrase.terms))
}

fn quoted(terms: &[String]) -> String {
    format!("\"{}\"", terms.join(" "))
}

fn room_term(room: RoomRow) -> String {
    format!("{ROOM_MARK}{}", room.0)
}

fn account_term(account: &AccountId) -> String {
    let mut term = String::from(ACCOUNT_MARK);
    for byte in account.as_bytes().iter().take(6) {
        term.push_str(&format!("{byte:02x}"));
    }
    term
}

/// The place of a clock value: its millisecond and up to 255 of its counter, so that places stay small numbers.
fn first_place(hlc: u64) -> u64 {
    let (millisecond, counter) = (hlc >> 16, hlc & 0xffff);
    (millisecond << 8) | counter.min(255)
}

fn free_place(c: &Conn, hlc: u64) -> Result<u64> {
    let first = first_place(hlc);
    let mut next = first;
    let taken = all(
        c,
        "SELECT place FROM search_place WHERE place BETWEEN ?1 AND ?2 ORDER BY place LIMIT 512",
        params![int(first), int(first.saturating_add(PLACE_TRIES))],
        |row| uint(row, 0),
    )?;
    for place in taken {
        if place != next {
            break;
        }
        next = next.saturating_add(1);
    }
    if next.saturating_sub(first) < 512 {
        return Ok(next);
    }
    // A crowd in one millisecond: behind the last one of the stretch is room for certain.
    value(
        c,
        "SELECT coalesce(max(place), ?1) + 1 FROM search_place WHERE place BETWEEN ?1 AND ?2",
        params![int(first), int(first.saturating_add(PLACE_TRIES))],
        |row| uint(row, 0),
    )
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
