//! Gaps: ops that are known to exist, by sequence numbers, and are not here (protocol section 2.1).
//!
//! Invariant: a gap is shown as long as it is open, and closes only when it is filled or after 30 days
//! with a lost machine.

use madang_model::{DeviceId, gap as rules};
use madang_store::{RoomRow, gaps, lines, ops};

use crate::{core::Core, error::Error, event::Event, stored, timer::Due, turn::Turn, view};

/// A gap is asked about after this: what fills it is usually on its way.
const ASK_AFTER_MS: u64 = 500;

/// Why ops that are here are not shown: their author's clock is ahead.
pub(crate) const CLOCK: &str = "clock";

/// What a line of missing messages says.
struct Missing {
    count: u64,
    closed: bool,
    reason: Option<&'static str>,
}

impl Core {
    /// The holes in an author's line changed.
    pub(crate) fn gaps_changed(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        author: DeviceId,
        arrived: u64,
        holes: &[(u64, u64)],
    ) -> Result<(), Error> {
        let row = self.directory.row(turn.db, &author, None)?;
        // It may have come after it was given up.
        gaps::fill(turn.db, room, row, arrived, turn.now.wall)?;
        gaps::set_open(turn.db, room, row, holes, turn.now.wall)?;
        for peer in self.peers_in(room) {
            self.timers.set(Due::Reconcile(peer, room), turn.now.mono.saturating_add(ASK_AFTER_MS));
        }
        self.emit_gap(turn, room, author, holes, false)
    }

    fn emit_gap(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        author: DeviceId,
        holes: &[(u64, u64)],
        closed: bool,
    ) -> Result<(), Error> {
        let count = holes.iter().map(|(from, to)| to.saturating_sub(*from).saturating_add(1)).sum::<u64>();
        self.emit_line(turn, room, author, Missing { count, closed, reason: None })
    }

    /// Ops of an author came, or became due, whose time is too far ahead: they are here and not shown, and their line
    /// says why (protocol section 2.4).
    pub(crate) fn future_changed(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        author: DeviceId,
    ) -> Result<(), Error> {
        let row = self.directory.row(turn.db, &author, None)?;
        let waiting = ops::waiting(turn.db, room)?.into_iter().find(|waiting| waiting.author == row);
        let count = waiting.map_or(0, |waiting| waiting.count);
        self.emit_line(turn, room, author, Missing { count, closed: false, reason: Some(CLOCK) })
    }

    fn emit_line(
        &mut self,
        turn: &mut Turn<'_>,
        room: RoomRow,
        author: DeviceId,
        missing: Missing,
    ) -> Result<(), Error> {
        let Some(account) = self.author_account(room, &author) else { return Ok(()) };
        let device_name = self.device_labels(turn.db, &account)?.remove(&author).unwrap_or_default();
        let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
        turn.emit(Event::Gap(view::Gap {
            room: conversation.conv,
            account,
            device: author,
            device_name,
            count: u32::try_from(missing.count).unwrap_or(u32::MAX),
            since: turn.now.wall,
            closed: missing.closed,
            reason: missing.reason,
        }));
        turn.changed_rooms.insert(room);
        Ok(())
    }

    /// Closes gaps that nobody will ever fill.
    pub(crate) fn close_old_gaps(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        let before = turn.now.wall.saturating_sub(madang_model::limits::GAP_CLOSE_MS);
        for gap in gaps::open_before(turn.db, before)? {
            let Some(device) = madang_store::devices::get(turn.db, gap.author)? else { continue };
            let account = device.account;
            let revoked = match account {
                Some(account) => self
                    .account_state(turn.db, &account)?
                    .is_some_and(|state| state.removed.contains_key(&device.id)),
                None => false,
            };
            if rules::is_closed(gap.since, revoked, Some(device.last_seen), turn.now.wall) {
                gaps::close(turn.db, gap.room, gap.author, gap.from_seq, turn.now.wall, "never_delivered")?;
                self.count_as_here(turn, &gap, device.id)?;
                self.emit_gap(turn, gap.room, device.id, &[(gap.from_seq, gap.to_seq)], true)?;
            }
        }
        self.give_up_nameless(turn)
    }

    /// A closed gap counts as here: the line goes on behind it, and so does what stands on its last op.
    fn count_as_here(&mut self, turn: &mut Turn<'_>, gap: &gaps::Gap, author: DeviceId) -> Result<(), Error> {
        let next = gap.to_seq.saturating_add(1);
        let behind = lines::range(turn.db, gap.room, gap.author, next, next, 1)?.pop();
        let last = behind.as_ref().and_then(stored::to_model).and_then(|op| op.header.prev);
        let Some(conversation) = self.rooms.get_mut(&gap.room) else { return Ok(()) };
        conversation.lines.entry(author).or_default().close(gap.from_seq, gap.to_seq);
        if let Some(last) = last {
            conversation.released |= conversation.covered.give_up(last);
        }
        self.holes_ended(turn, gap.room, author);
        Ok(())
    }

    /// Ops that somebody names as his past, and that are in no gap, were perhaps never written: after 30
    /// days they keep back nothing any more.
    fn give_up_nameless(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        for room in self.rooms.keys().copied().collect::<Vec<_>>() {
            if gaps::any_open(turn.db, room)? {
                continue;
            }
            let Some(conversation) = self.rooms.get_mut(&room) else { continue };
            // Holes of a history that is still coming are not counted yet.
            if conversation.lines.values().any(|line| !line.beyond.is_empty()) {
                continue;
            }
            let long_missing = conversation.covered.long_missing(turn.now.wall);
            for id in &long_missing {
                conversation.released |= conversation.covered.give_up(*id);
            }
            if !long_missing.is_empty() {
                turn.to_save.insert(room);
                self.heads_register_later(turn, room);
            }
        }
        Ok(())
    }

    /// Others learn that this machine waits no longer.
    fn holes_ended(&mut self, turn: &mut Turn<'_>, room: RoomRow, author: DeviceId) {
        turn.to_save.insert(room);
        turn.to_acknowledge.entry(room).or_default().insert(author);
    }
}
