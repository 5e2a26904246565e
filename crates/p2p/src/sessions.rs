//! Which sync stream of a peer is the primary one.
//!
//! Owns: the election between two streams, and when to open one.
//! Must not know: how a stream is pumped.
//! Invariant: at most one stream per peer is primary; when there are two, that of the lower PeerId wins
//! (protocol section 9.1, docs/adr/0040).

use crate::{backoff, pump::Stop, streams::Ticket};
use libp2p::{PeerId, swarm::ConnectionId};
use std::{collections::BTreeMap, time::Duration};
use tokio::{sync::oneshot, task::JoinHandle, time::Instant};

/// A stream that stood this long works: the next one is opened fast. Shorter ones are opened ever more rarely, so that
/// an owner who fills the queue again and again does not keep both sides busy with beginnings.
const PROVED: Duration = Duration::from_secs(10);

/// Who opened a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opener {
    Us,
    Peer,
}

#[derive(Debug)]
struct Primary {
    serial: u64,
    opener: Opener,
    connection: ConnectionId,
    /// Since when it is ready in both directions.
    up: Option<Instant>,
    stop: oneshot::Sender<Stop>,
}

#[derive(Debug, Default)]
struct Slot {
    primary: Option<Primary>,
    /// Our own attempt under way.
    opening: Option<(Ticket, ConnectionId)>,
    /// When to open a stream, if there is none by then.
    at: Option<Instant>,
    /// Attempts that failed since the last success.
    failed: u32,
    /// The task of the last session, for the next one to wait for.
    last: Option<JoinHandle<()>>,
}

/// The sync streams of all known peers.
#[derive(Debug)]
pub(crate) struct Sessions {
    local: PeerId,
    /// How long the higher PeerId waits for the lower one.
    grace: Duration,
    /// How long a stream of the lower PeerId must have stood before one of the higher shows that it was lost there.
    settled: Duration,
    slots: BTreeMap<PeerId, Slot>,
    next_serial: u64,
}

/// Place of a stream that was elected.
pub(crate) struct Elected {
    pub(crate) serial: u64,
    pub(crate) stop: oneshot::Receiver<Stop>,
    pub(crate) previous: Option<JoinHandle<()>>,
}

impl Sessions {
    pub(crate) fn new(local: PeerId, grace: Duration, settled: Duration) -> Self {
        Self { local, grace, settled, slots: BTreeMap::new(), next_serial: 0 }
    }

    fn lower(&self, peer: &PeerId) -> Opener {
        if self.local < *peer { Opener::Us } else { Opener::Peer }
    }

    fn wait(&self, peer: &PeerId) -> Duration {
        if self.lower(peer) == Opener::Us { Duration::ZERO } else { self.grace }
    }

    /// A known peer has a new connection: open a stream soon, if there is none.
    pub(crate) fn connected(&mut self, peer: PeerId, now: Instant) {
        let wait = self.wait(&peer);
        let slot = self.slots.entry(peer).or_default();
        slot.failed = 0;
        if slot.primary.is_none() && slot.opening.is_none() {
            slot.at = now.checked_add(wait);
        }
    }

    /// A connection was closed: a stream on it is not primary any more.
    pub(crate) fn disconnected(&mut self, peer: &PeerId, connection: ConnectionId, last: bool) {
        if let Some(slot) = self.slots.get_mut(peer) {
            if let Some(primary) = slot.primary.take_if(|primary| primary.connection == connection)
                && primary.stop.send(Stop::Broken).is_err()
            {
                tracing::trace!(%peer, "session had ended");
            }
            if last {
                slot.at = None;
            }
        }
    }

    /// Ends the stream of a peer that is not known any more.
    pub(crate) fn forget(&mut self, peer: &PeerId) {
        if let Some(slot) = self.slots.get_mut(peer) {
            slot.primary = None;
            slot.at = None;
            // The slot keeps its last task, so that events of a later session come after those of this one.
        }
    }

    /// When [`Sessions::take_due`] will next have something.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.slots.values().filter_map(|slot| slot.at).min()
    }

    /// Peers to open a stream to now.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<PeerId> {
        let mut due = Vec::new();
        for (peer, slot) in &mut self.slots {
            if slot.at.is_some_and(|at| at <= now) {
                slot.at = None;
                if slot.primary.is_none() && slot.opening.is_none() {
                    due.push(*peer);
                }
            }
        }
        due
    }

    /// Our own attempt has started.
    pub(crate) fn opening(&mut self, peer: PeerId, ticket: Ticket, connection: ConnectionId) {
        self.slots.entry(peer).or_default().opening = Some((ticket, connection));
    }

    /// Whose attempt the ticket is, and on which connection; the attempt is over with this call.
    pub(crate) fn take_opening(&mut self, ticket: Ticket) -> Option<(PeerId, ConnectionId)> {
        for (peer, slot) in &mut self.slots {
            if let Some((own, connection)) = slot.opening
                && own == ticket
            {
                slot.opening = None;
                return Some((*peer, connection));
            }
        }
        None
    }

    /// Our own attempt failed: try again later.
    pub(crate) fn open_failed(&mut self, peer: PeerId, now: Instant) {
        let (local, grace) = (self.local, self.wait(&peer));
        let slot = self.slots.entry(peer).or_default();
        slot.failed = slot.failed.saturating_add(1);
        if slot.primary.is_none() {
            let wait = backoff::delay(&local, &peer, slot.failed).saturating_add(grace);
            slot.at = now.checked_add(wait);
        }
    }

    /// Decides about a fresh stream. `None` means that another one is primary, and this one is to be dropped.
    /// Otherwise the one before, if any, is told to stop, and [`Sessions::started`] must follow.
    pub(crate) fn elect(
        &mut self,
        peer: PeerId,
        opener: Opener,
        connection: ConnectionId,
        now: Instant,
    ) -> Option<Elected> {
        let (lower, settled) = (self.lower(&peer), self.settled);
        let slot = self.slots.entry(peer).or_default();
        let rival = slot.primary.as_ref().map(|primary| {
            let stood = primary.up.map(|since| now.saturating_duration_since(since));
            (primary.opener, stood.is_some_and(|time| time >= settled))
        });
        let ours_pending = opener == Opener::Peer && slot.opening.is_some() && lower == Opener::Us;
        if ours_pending || !wins(opener, rival, lower) {
            return None;
        }
        let serial = self.next_serial;
        self.next_serial = self.next_serial.wrapping_add(1);
        let (sender, stop) = oneshot::channel();
        slot.primary = Some(Primary { serial, opener, connection, up: None, stop: sender });
        slot.at = None;
        Some(Elected { serial, stop, previous: slot.last.take() })
    }

    /// The task of an elected stream runs.
    pub(crate) fn started(&mut self, peer: PeerId, task: JoinHandle<()>) {
        self.slots.entry(peer).or_default().last = Some(task);
    }

    /// The primary stream is ready in both directions. Returns whether it still is the primary one.
    pub(crate) fn up(&mut self, peer: &PeerId, serial: u64, now: Instant) -> bool {
        let Some(slot) = self.slots.get_mut(peer) else { return false };
        match &mut slot.primary {
            Some(primary) if primary.serial == serial => {
                primary.up = Some(now);
                true
            }
            _ => false,
        }
    }

    /// A session is over; if it was the primary one and the peer is still there, a new one is opened later.
    pub(crate) fn ended(&mut self, peer: PeerId, serial: u64, connected: bool, now: Instant) {
        let (local, grace) = (self.local, self.wait(&peer));
        let Some(slot) = self.slots.get_mut(&peer) else { return };
        if let Some(over) = slot.primary.take_if(|primary| primary.serial == serial)
            && over.up.is_some_and(|since| now.saturating_duration_since(since) >= PROVED)
        {
            slot.failed = 0;
        }
        if slot.primary.is_none() && slot.opening.is_none() && slot.at.is_none() && connected {
            let wait = backoff::delay(&local, &peer, slot.failed).saturating_add(grace);
            slot.failed = slot.failed.saturating_add(1);
            slot.at = now.checked_add(wait);
        } else if slot.primary.is_none() && slot.opening.is_none() && !connected {
            // Nothing runs and nothing is planned: the place is given back.
            self.slots.remove(&peer);
        }
    }

    /// Tells every session to send what is queued and end; returns their tasks.
    pub(crate) fn stop_all(&mut self) -> Vec<JoinHandle<()>> {
        let mut tasks = Vec::new();
        for (peer, slot) in std::mem::take(&mut self.slots) {
            if let Some(primary) = slot.primary
                && primary.stop.send(Stop::Drain).is_err()
            {
                tracing::trace!(%peer, "session had ended");
            }
            tasks.extend(slot.last);
        }
        tasks
    }
}

/// Whether a fresh stream takes the place of the primary one, given as its opener and whether it has stood for a while.
///
/// The lower PeerId's stream wins when there are two. A stream opened by the same side as before replaces it: that side
/// opens only when it has none. And so does one of the higher PeerId against one that has stood for a while: the other
/// side has lost that one, for example by a restart that our end of the old connection has not noticed, so there are
/// not two. A stream that both sides opened at the same moment cannot come so late.
fn wins(fresh: Opener, rival: Option<(Opener, bool)>, lower: Opener) -> bool {
    rival.is_none_or(|(opener, stood)| fresh == lower || fresh == opener || stood)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ConnectionId {
        ConnectionId::new_unchecked(number)
    }

    /// Two PeerIds, the lower one first.
    fn ordered() -> (PeerId, PeerId) {
        let (one, two) = (PeerId::random(), PeerId::random());
        if one < two { (one, two) } else { (two, one) }
    }

    #[test]
    fn the_lower_peer_id_wins_on_both_sides() {
        // Alice is lower. She opened one, bob opened one, on the same connection; each side sees them in any order.
        for (lower, higher) in [(Opener::Us, Opener::Peer), (Opener::Peer, Opener::Us)] {
            for stood in [false, true] {
                assert!(wins(lower, Some((higher, stood)), lower));
            }
            assert!(!wins(higher, Some((lower, false)), lower));
        }
    }

    #[test]
    fn a_newer_stream_of_the_same_side_replaces_the_old_one() {
        for opener in [Opener::Us, Opener::Peer] {
            assert!(wins(opener, Some((opener, false)), Opener::Us));
        }
    }

    #[tokio::test]
    async fn a_younger_connection_does_not_beat_the_lower_peer_id_but_a_lost_stream_does_not_count() {
        let (low, high) = ordered();
        let (settled, start) = (Duration::from_secs(5), Instant::now());
        let mut at_low = Sessions::new(low, Duration::ZERO, settled);
        let ours = at_low.elect(high, Opener::Us, id(1), start).unwrap();
        assert!(at_low.elect(high, Opener::Peer, id(2), start).is_none(), "ours is on its way");
        assert!(at_low.up(&high, ours.serial, start));
        // His stream was opened at the same moment, on a connection that came later.
        let soon = start + Duration::from_secs(1);
        assert!(at_low.elect(high, Opener::Peer, id(2), soon).is_none());
        // An hour later he opens one only because he has lost ours.
        assert!(at_low.elect(high, Opener::Peer, id(2), start + Duration::from_secs(3_600)).is_some());
    }

    #[tokio::test]
    async fn the_higher_one_waits_and_both_try_again_after_a_failure() {
        let (low, high) = ordered();
        let (now, grace) = (Instant::now(), Duration::from_secs(1));
        let mut at_low = Sessions::new(low, grace, grace);
        let mut at_high = Sessions::new(high, grace, grace);
        at_low.connected(high, now);
        at_high.connected(low, now);
        assert_eq!(at_low.take_due(now), [high]);
        assert!(at_high.take_due(now).is_empty());
        assert_eq!(at_high.take_due(now + grace), [low]);
        at_low.open_failed(high, now);
        assert!(at_low.next_due().unwrap() > now);
        assert_eq!(at_low.take_due(now + Duration::from_secs(2)), [high]);
    }

    #[tokio::test]
    async fn streams_that_end_early_are_opened_ever_more_rarely_until_one_stands() {
        let (local, peer) = (PeerId::random(), PeerId::random());
        let mut sessions = Sessions::new(local, Duration::ZERO, Duration::ZERO);
        let mut now = Instant::now();
        let mut live = |stood: Duration| {
            let elected = sessions.elect(peer, Opener::Us, id(1), now).unwrap();
            assert!(sessions.up(&peer, elected.serial, now));
            now += stood;
            sessions.ended(peer, elected.serial, true, now);
            let due = sessions.next_due().unwrap();
            assert_eq!(sessions.take_due(due), [peer]);
            let wait = due - now;
            now = due;
            wait
        };
        let waits: Vec<Duration> = (0..6).map(|_| live(Duration::from_secs(1))).collect();
        assert!(waits[0] <= Duration::from_millis(250) && waits[5] >= Duration::from_secs(8), "{waits:?}");
        assert!(live(PROVED) <= Duration::from_millis(250));
    }

    #[tokio::test]
    async fn an_ended_session_is_opened_again_only_while_connected() {
        let (local, peer) = (PeerId::random(), PeerId::random());
        let mut sessions = Sessions::new(local, Duration::ZERO, Duration::ZERO);
        let now = Instant::now();
        let first = sessions.elect(peer, Opener::Us, id(1), now).unwrap();
        assert!(sessions.up(&peer, first.serial, now));
        sessions.ended(peer, first.serial, true, now);
        assert!(sessions.next_due().is_some());
        let second = sessions.elect(peer, Opener::Us, id(1), now).unwrap();
        assert!(!sessions.up(&peer, first.serial, now), "a late notice of the first session");
        sessions.ended(peer, second.serial, false, now);
        assert!(sessions.slots.is_empty(), "nothing is kept for a peer that is away");
    }
}
