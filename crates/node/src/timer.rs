//! Timers of the core: plain data ordered by their due time, fired by the engine.

use std::collections::{BTreeMap, BTreeSet};

use madang_model::{AccountId, DeviceId};
use madang_p2p::PeerId;
use madang_store::RoomRow;

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// Own ops without acknowledgement of a connected device go over the stream.
    StreamOps(RoomRow),
    /// Own ops without acknowledgement go to a relay.
    RelayOps(RoomRow),
    /// Registers of a room are published.
    Registers(RoomRow),
    /// Reconcile a room with a peer.
    Reconcile(PeerId, RoomRow),
    /// Serve a peer that waits for ops.
    Serve(PeerId),
    /// Unacknowledged lane messages go out again.
    Lane(DeviceId),
    /// Missing packets of a lane did not come.
    LaneGap(DeviceId),
    /// Keys that are missing are asked for.
    AskKeys(RoomRow),
    /// Queued puts and subscriptions of relays.
    Relays,
    /// Hourly and daily chores: rotation of envelope keys, gaps, expiry.
    Chores,
    /// Messages go into the index of the search.
    Index,
    /// Ops from the future that become due.
    FutureOps,
    /// Contact requests that were not delivered are tried again.
    Requests,
    /// A new friend's machines become known to the network.
    Know(AccountId),
    /// Records of invites that are awaited.
    Fetches,
    /// An inviter who accepts by himself had his time.
    Added(AccountId),
}

/// Timers by due time on the monotonic clock; one of each kind at most.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(u64, Due)>,
    due: BTreeMap<Due, u64>,
}

impl Timers {
    /// Fires `what` at `at`, or earlier if it is set to an earlier time already.
    pub(crate) fn set(&mut self, what: Due, at: u64) {
        match self.due.get(&what) {
            Some(&set) if set <= at => {}
            set => {
                if let Some(&set) = set {
                    self.by_time.remove(&(set, what.clone()));
                }
                self.by_time.insert((at, what.clone()));
                self.due.insert(what, at);
            }
        }
    }

    /// The next due time.
    pub(crate) fn next(&self) -> Option<u64> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Takes one that is due at `now`.
    pub(crate) fn take(&mut self, now: u64) -> Option<Due> {
        if self.next()? > now {
            return None;
        }
        let (_, what) = self.by_time.pop_first()?;
        self.due.remove(&what);
        Some(what)
    }

    /// Forgets all that `matches`.
    pub(crate) fn cancel(&mut self, matches: impl Fn(&Due) -> bool) {
        self.by_time.retain(|(_, what)| !matches(what));
        self.due.retain(|what, _| !matches(what));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_time_wins_and_each_fires_once() {
        let mut timers = Timers::default();
        timers.set(Due::Relays, 50);
        timers.set(Due::Relays, 70);
        timers.set(Due::Chores, 60);
        timers.set(Due::Chores, 40);
        assert_eq!(timers.next(), Some(40));
        assert_eq!(timers.take(39), None);
        assert_eq!(timers.take(55), Some(Due::Chores));
        assert_eq!(timers.take(55), Some(Due::Relays));
        assert_eq!(timers.take(1_000), None);
    }

    #[test]
    fn cancelled_timers_do_not_fire() {
        let mut timers = Timers::default();
        timers.set(Due::Chores, 1);
        timers.set(Due::Relays, 2);
        timers.cancel(|due| *due == Due::Chores);
        assert_eq!(timers.take(10), Some(Due::Relays));
        assert_eq!(timers.take(10), None);
    }
}
