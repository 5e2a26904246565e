//! Which relays are followed: own ones, those of each conversation, those with something to be put, and
//! those of links being looked at (protocol section 9.4).

use std::collections::{BTreeMap, BTreeSet};

use madang_p2p::{Multiaddr, PeerId, address::split_peer};
use madang_store::{Conn, RelayRow, RoomRow, relays};

use super::{
    refusals::refusing,
    state::{Link, Phase},
};
use crate::{core::Core, effect::Send, error::Error, event::Event, timer::Due, turn::Turn};

/// Relays of each side of a 1:1 conversation (protocol section 9.4).
const OF_EACH_SIDE: usize = 2;
/// Relays of a 1:1 conversation (protocol section 9.4).
const OF_DIRECT: usize = 3;

/// The relay that an address names.
pub(super) fn relay_of(addr: &str) -> Option<(PeerId, Multiaddr)> {
    let addr: Multiaddr = addr.parse().ok()?;
    let (_, peer) = split_peer(addr.clone());
    Some((peer?, addr))
}

/// The row of a relay. One relay with two addresses is one row.
pub(super) fn relay_row(db: &Conn, addr: &str, peer: PeerId, now: u64) -> Result<RelayRow, Error> {
    let name = peer.to_bytes();
    if let Some(known) = relays::list(db)?.into_iter().find(|relay| relay.peer == name) {
        return Ok(known.row);
    }
    Ok(relays::intern(db, addr, &name, now)?)
}

impl Core {
    /// Reads the own relays again, and begins every stream anew: frames of a turn that was rolled back
    /// were never sent, and what came in it was not kept.
    pub(crate) fn load_relays(&mut self, db: &Conn) -> Result<(), Error> {
        self.relays.own =
            relays::list(db)?.into_iter().filter(|relay| relay.own).map(|relay| relay.addr).collect();
        self.relays.refusing = refusing(db)?;
        self.relays.given.clear();
        self.relays.packets.clear();
        self.relays.knocked.clear();
        self.relays.copied.clear();
        self.relays.acks.clear();
        self.relays.of_rooms.clear();
        for (relay, link) in &mut self.relays.links {
            // Whatever the stream was: of what has come by it something was not kept.
            link.reset(Phase::Down);
            self.relays.to_close.insert(*relay);
        }
        for get in self.relays.gets.values_mut() {
            get.asked = false;
        }
        self.relays_changed = true;
        Ok(())
    }

    /// Addresses of the relays that this account chose, the preferred one first.
    pub(crate) fn own_relay_addresses(&self) -> Vec<String> {
        self.relays.own.clone()
    }

    /// Relays of a conversation: up to two of each side, three in all, those of the smaller account id
    /// first, alternating.
    pub(crate) fn relays_of_room(&self, room: RoomRow) -> Vec<String> {
        let Some(conversation) = self.rooms.get(&room) else { return Vec::new() };
        let own = self.relays.own.clone();
        let Some(friend) = conversation.peer else {
            return own.into_iter().take(OF_EACH_SIDE).collect();
        };
        let theirs = self.directory.relays_of(&friend);
        let (first, second) = if self.me.account < friend { (own, theirs) } else { (theirs, own) };
        let mut seen = BTreeSet::new();
        let mut relays = Vec::new();
        for turn in 0..OF_EACH_SIDE {
            for side in [&first, &second] {
                if let Some(addr) = side.get(turn)
                    && let Some((relay, _)) = relay_of(addr)
                    && seen.insert(relay)
                {
                    relays.push(addr.clone());
                }
            }
        }
        relays.truncate(OF_DIRECT);
        relays
    }

    /// Relays of a conversation in the order in which something for `devices` is put: those that its
    /// people list first.
    pub(super) fn relays_towards(&self, room: RoomRow, devices: &super::state::Devices) -> Vec<PeerId> {
        let theirs: BTreeSet<PeerId> = devices
            .iter()
            .filter_map(|device| self.directory.get(device))
            .flat_map(|device| &device.relays)
            .filter_map(|addr| Some(relay_of(addr)?.0))
            .collect();
        let mut relays: Vec<PeerId> =
            self.relays_of_room(room).iter().filter_map(|addr| Some(relay_of(addr)?.0)).collect();
        // Stable: the order of the conversation stays within both groups.
        relays.sort_by_key(|relay| !theirs.contains(relay));
        relays
    }

    /// Addresses of every relay that is wanted now.
    fn wanted_relays(&mut self, turn: &Turn<'_>) -> Result<BTreeMap<PeerId, Vec<String>>, Error> {
        let fetching = &self.fetching;
        self.relays.gets.retain(|(fetch, _), _| fetching.contains_key(fetch));
        let mut addrs = self.relays.own.clone();
        for room in self.rooms.keys() {
            if self.has_logs(*room) {
                addrs.extend(self.relays_of_room(*room));
            }
        }
        for row in relays::with_puts(turn.db)? {
            addrs.extend(relays::get(turn.db, row)?.map(|relay| relay.addr));
        }
        addrs.extend(self.relays_left(turn)?.into_iter().map(|relay| relay.addr));
        addrs.extend(self.relays_with_left_inbox(turn)?.into_iter().map(|relay| relay.addr));
        addrs.extend(self.relays.gets.values().map(|get| get.addr.clone()));
        let mut wanted: BTreeMap<PeerId, Vec<String>> = BTreeMap::new();
        for addr in addrs {
            if let Some((relay, _)) = relay_of(&addr) {
                let known = wanted.entry(relay).or_default();
                if !known.contains(&addr) {
                    known.push(addr);
                }
            }
        }
        Ok(wanted)
    }

    /// Follows the relays that are wanted and forgets the others.
    pub(crate) fn follow_relays(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        self.drop_unfollowed_puts(turn)?;
        let wanted = self.wanted_relays(turn)?;
        let gone: Vec<PeerId> =
            self.relays.links.keys().filter(|relay| !wanted.contains_key(relay)).copied().collect();
        for relay in gone {
            self.relays.links.remove(&relay);
            turn.send(Send::ForgetRelay(relay));
            turn.status_changed = true;
        }
        for (relay, addrs) in wanted {
            let Some(first) = addrs.first() else { continue };
            let row = relay_row(turn.db, first, relay, turn.now.wall)?;
            let kept = relays::get(turn.db, row)?;
            let (own, code) = kept.map(|kept| (kept.own, kept.code)).unwrap_or_default();
            let link = self.relays.links.entry(relay).or_insert_with(|| Link::new(row, own, code.clone()));
            if link.own != own {
                turn.status_changed = true;
            }
            (link.own, link.code) = (own, code);
            let closed = link.closed_until.is_some() || self.relays.to_close.contains(&relay);
            for addr in addrs.into_iter().filter(|_| !closed) {
                if !link.addrs.contains(&addr)
                    && let Some((_, dial)) = relay_of(&addr)
                {
                    turn.send(Send::SetRelay(dial));
                    link.addrs.push(addr);
                }
            }
            self.follow_boxes(turn, relay)?;
        }
        self.rooms_moved(turn);
        self.timers.set(Due::Relays, turn.now.mono);
        Ok(())
    }

    /// Rooms with other relays than before: copies elsewhere count no more, so what is on its way is put where the
    /// room reads now, and so are the own registers.
    fn rooms_moved(&mut self, turn: &mut Turn<'_>) {
        let rooms: Vec<RoomRow> = self.rooms.keys().copied().collect();
        for room in rooms {
            let relays: Vec<PeerId> =
                self.relays_of_room(room).iter().filter_map(|addr| Some(relay_of(addr)?.0)).collect();
            let before = self.relays.of_rooms.insert(room, relays.clone());
            if before.is_none_or(|before| before == relays) {
                continue;
            }
            self.relays.given.remove(&room);
            self.timers.set(Due::RelayOps(room), turn.now.mono);
            self.put_registers_again(turn, room);
            if let Some(conversation) = self.rooms.get(&room) {
                turn.emit(Event::Receipt { room: conversation.conv, messages: Vec::new() });
            }
        }
    }

    /// A key with a new route came: its log is followed from now on.
    pub(crate) fn route_is_new(&mut self, _turn: &mut Turn<'_>, _room: RoomRow) {
        self.relays_changed = true;
    }
}
