//! Gaps: ops that are known to exist, by sequence numbers, and are not here (protocol section 2.1).
//!
//! Invariant: a gap is shown as long as it is open, and closes only when it is filled or after 30 days
//! with a lost machine.

use madang_model::{DeviceId, gap as rules};
use madang_store::{RoomRow, gaps};

use crate::{core::Core, error::Error, event::Event, timer::Due, turn::Turn, view};

/// A gap is asked about after this: what fills it is usually on its way.
const ASK_AFTER_MS: u64 = 500;

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
        gaps::fill(turn.db, room, row, arrived)?;
        for (from, to) in holes {
            gaps::note(turn.db, room, row, *from, *to, turn.now.wall)?;
        }
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
        let Some(account) = self.author_account(room, &author) else { return Ok(()) };
        let count = holes.iter().map(|(from, to)| to.saturating_sub(*from).saturating_add(1)).sum::<u64>();
        let device_name = self.device_labels(turn.db, &account)?.remove(&author).unwrap_or_default();
        let Some(conversation) = self.rooms.get(&room) else { return Ok(()) };
        turn.emit(Event::Gap(view::Gap {
            room: conversation.conv,
            account,
            device: author,
            device_name,
            count: u32::try_from(count).unwrap_or(u32::MAX),
            since: turn.now.wall,
            closed,
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
                self.emit_gap(turn, gap.room, device.id, &[(gap.from_seq, gap.to_seq)], true)?;
            }
        }
        Ok(())
    }
}
