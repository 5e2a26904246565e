//! Which keys are asked for, of whom and when (protocol section 3.3, Ask). Times are those of the
//! monotonic clock, so that a clock that is set back stops nothing.
//!
//! It must not know how a request travels nor what an answer does. Invariants: of one key at most one
//! request is out; no more than 10 new keys an hour are asked for in a room; a holder is asked for the
//! same key once an hour, which is how often it answers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use madang_model::{
    DeviceId, KeyId,
    limits::{HOUR_MS, KEY_ASK_AGAIN_MS, KEY_ASK_DELAY_MS, KEY_ASKS_PER_HOUR},
};
use madang_store::RoomRow;

/// A key that is asked for.
#[derive(Debug)]
struct Ask {
    /// Nobody is asked before this.
    next: u64,
    /// Nobody is asked in the lane before this.
    lane_from: u64,
    /// Who was asked last, and when.
    asked: BTreeMap<DeviceId, u64>,
}

/// What is asked for in one room.
#[derive(Debug, Default)]
struct Room {
    asks: BTreeMap<KeyId, Ask>,
    /// When keys were asked for that had not been asked for before.
    fresh: VecDeque<u64>,
    /// Whether the next new key is the one that came last.
    newest_next: bool,
}

/// A request that is to go out now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Request {
    /// On the open stream of a device.
    Stream(DeviceId),
    /// In the lane.
    Lane(DeviceId),
}

/// Everything that is asked for.
#[derive(Debug, Default)]
pub(crate) struct Asking(BTreeMap<RoomRow, Room>);

/// Who can be asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holders<'a> {
    /// Members with an open stream.
    pub(crate) connected: &'a [DeviceId],
    /// Devices of members, the likeliest holder first.
    pub(crate) lane: &'a [DeviceId],
}

impl Asking {
    /// What is to be asked now, and when to look again. `unknown` are the keys of parked frames, the one
    /// that has waited longest first; `jitter` is drawn anew for each call.
    pub(crate) fn step(
        &mut self,
        room: RoomRow,
        unknown: &[KeyId],
        holders: Holders<'_>,
        (now, jitter): (u64, u64),
    ) -> (BTreeMap<Request, Vec<KeyId>>, Option<u64>) {
        let kept = self.0.entry(room).or_default();
        let wanted: BTreeSet<KeyId> = unknown.iter().copied().collect();
        kept.asks.retain(|key, _| wanted.contains(key));
        kept.fresh.retain(|at| now.saturating_sub(*at) < HOUR_MS);
        kept.admit(unknown, now, jitter);
        let mut requests: BTreeMap<Request, Vec<KeyId>> = BTreeMap::new();
        for (key, ask) in &mut kept.asks {
            if ask.next <= now
                && let Some(request) = ask.turn_to(holders, now, jitter)
            {
                requests.entry(request).or_default().push(*key);
            }
        }
        let next = kept.asks.values().map(|ask| ask.next).min();
        let waits = kept.asks.len() < wanted.len();
        let budget = kept.fresh.front().filter(|_| waits).map(|at| at.saturating_add(HOUR_MS));
        (requests, next.into_iter().chain(budget).min())
    }

    /// Whether a device was asked for a key.
    pub(crate) fn was_asked(&self, room: RoomRow, key: &KeyId, device: &DeviceId) -> bool {
        let ask = self.0.get(&room).and_then(|kept| kept.asks.get(key));
        ask.is_some_and(|ask| ask.asked.contains_key(device))
    }

    /// Whether anything is asked for in a room.
    pub(crate) fn is_waiting(&self, room: RoomRow) -> bool {
        self.0.get(&room).is_some_and(|kept| !kept.asks.is_empty())
    }

    /// Whether this key is asked for.
    pub(crate) fn awaits(&self, room: RoomRow, key: &KeyId) -> bool {
        self.0.get(&room).is_some_and(|kept| kept.asks.contains_key(key))
    }
}

impl Room {
    /// Lets new keys in, as many as the hour allows: in turn the one that has waited longest and the one
    /// that came last, so that invented ones on either side cannot keep the real one out for ever.
    fn admit(&mut self, unknown: &[KeyId], now: u64, jitter: u64) {
        let mut left: VecDeque<KeyId> =
            unknown.iter().filter(|key| !self.asks.contains_key(*key)).copied().collect();
        while self.fresh.len() < KEY_ASKS_PER_HOUR {
            let next = if self.newest_next { left.pop_back() } else { left.pop_front() };
            let Some(key) = next else { break };
            self.newest_next = !self.newest_next;
            self.fresh.push_back(now);
            let lane_from = now.saturating_add(KEY_ASK_DELAY_MS).saturating_add(jitter);
            self.asks.insert(key, Ask { next: now, lane_from, asked: BTreeMap::new() });
        }
    }
}

impl Ask {
    /// Whom to ask now.
    fn turn_to(&mut self, holders: Holders<'_>, now: u64, jitter: u64) -> Option<Request> {
        let free =
            |device: &&DeviceId| self.asked.get(*device).is_none_or(|at| now.saturating_sub(*at) >= HOUR_MS);
        let first = self.asked.is_empty();
        let stream = holders.connected.iter().find(free).filter(|_| first || now < self.lane_from);
        let (request, pause) = match (stream, holders.lane.iter().find(free)) {
            (Some(device), _) => (Request::Stream(*device), KEY_ASK_DELAY_MS.saturating_add(jitter)),
            (None, Some(device)) if now >= self.lane_from => (Request::Lane(*device), KEY_ASK_AGAIN_MS),
            (None, Some(_)) => {
                self.next = self.lane_from;
                return None;
            }
            (None, None) => {
                // Everybody was asked within the hour.
                let oldest = self.asked.values().min().copied().unwrap_or(now);
                self.next = oldest.saturating_add(HOUR_MS).max(now.saturating_add(KEY_ASK_DELAY_MS));
                return None;
            }
        };
        let (Request::Stream(device) | Request::Lane(device)) = request;
        self.asked.insert(device, now);
        self.next = now.saturating_add(pause);
        self.lane_from =
            self.lane_from.max(if matches!(request, Request::Stream(_)) { self.next } else { 0 });
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomRow = RoomRow(1);
    const SECOND: u64 = 1_000;
    const MINUTE: u64 = 60 * SECOND;

    fn key(n: u16) -> KeyId {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        KeyId::from_bytes(id)
    }

    fn device(n: u8) -> DeviceId {
        DeviceId::from_bytes([n; 32])
    }

    fn step(
        asking: &mut Asking,
        unknown: &[KeyId],
        (connected, lane): (&[DeviceId], &[DeviceId]),
        now: u64,
    ) -> Vec<(Request, usize)> {
        let (requests, next) = asking.step(ROOM, unknown, Holders { connected, lane }, (now, 0));
        assert!(unknown.is_empty() || next.is_some_and(|next| next > now), "{next:?} after {now}");
        requests.into_iter().map(|(request, keys)| (request, keys.len())).collect()
    }

    #[test]
    fn streams_come_first_then_one_holder_after_the_other() {
        let (mut asking, keys) = (Asking::default(), [key(1)]);
        let (a, b) = (device(1), device(2));
        let all = [a, b];
        assert_eq!(step(&mut asking, &keys, (&[b], &all), 0), [(Request::Stream(b), 1)]);
        assert_eq!(step(&mut asking, &keys, (&[b], &all), 29 * SECOND), []);
        assert_eq!(step(&mut asking, &keys, (&[b], &all), 30 * SECOND), [(Request::Lane(a), 1)]);
        assert_eq!(step(&mut asking, &keys, (&[b], &all), 9 * MINUTE), []);
        // Both were asked within the hour.
        assert_eq!(step(&mut asking, &keys, (&[b], &all), 11 * MINUTE), []);
        assert_eq!(step(&mut asking, &keys, (&[], &all), 60 * MINUTE), [(Request::Lane(b), 1)]);
        assert!(asking.was_asked(ROOM, &key(1), &a) && !asking.was_asked(ROOM, &key(1), &device(3)));
        assert_eq!(step(&mut asking, &[], (&[], &all), 61 * MINUTE), []);
        assert!(!asking.is_waiting(ROOM), "its frames are gone");
    }

    #[test]
    fn without_a_stream_the_lane_waits() {
        let (mut asking, keys) = (Asking::default(), [key(1)]);
        assert_eq!(step(&mut asking, &keys, (&[], &[device(1)]), 0), []);
        assert_eq!(step(&mut asking, &keys, (&[], &[device(1)]), 29 * SECOND), []);
        assert_eq!(
            step(&mut asking, &keys, (&[], &[device(1)]), 30 * SECOND),
            [(Request::Lane(device(1)), 1)]
        );
    }

    #[test]
    fn ten_new_keys_an_hour_and_asking_again_costs_nothing() {
        let (mut asking, all) = (Asking::default(), [device(1), device(2), device(3)]);
        let keys: Vec<KeyId> = (0..40).map(key).collect();
        let mut asked = BTreeSet::new();
        for minute in 0..=59 {
            let holders = Holders { connected: &[], lane: &all };
            let (requests, _) = asking.step(ROOM, &keys, holders, (minute * MINUTE, 0));
            asked.extend(requests.into_values().flatten());
        }
        assert_eq!(asked.len(), KEY_ASKS_PER_HOUR);
        let (requests, _) =
            asking.step(ROOM, &keys, Holders { connected: &all, lane: &all }, (60 * MINUTE, 0));
        asked.extend(requests.into_values().flatten());
        assert_eq!(asked.len(), 2 * KEY_ASKS_PER_HOUR);
    }

    #[test]
    fn invented_keys_do_not_keep_the_real_one_out() {
        for real_at in [0, 500, 999] {
            let mut asking = Asking::default();
            let mut keys: Vec<KeyId> = (0..999).map(key).collect();
            keys.insert(real_at, key(5_000));
            let mut hours = 0;
            while !asking.awaits(ROOM, &key(5_000)) {
                step(&mut asking, &keys, (&[device(1)], &[device(1)]), hours * 60 * MINUTE);
                hours += 1;
                assert!(hours <= 100, "asked for in the end");
            }
        }
    }
}
