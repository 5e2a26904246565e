//! What the node says about itself: connections, relays, outbox, paths.

use std::collections::BTreeMap;

use madang_model::{AccountId, DeviceId, Kind};
use madang_store::{
    RoomRow, devices, frames, meta,
    relays::{self, BoxKind},
};

use crate::{core::Core, error::Error, turn::Turn, view};

/// Row of the count of ops that came by reconciliation.
const REPAIRED: &str = "repaired";

impl Core {
    pub(crate) fn status(&mut self, turn: &Turn<'_>) -> Result<view::Status, Error> {
        let correction = self.reference.correction_ms(turn.now.wall);
        Ok(view::Status {
            account: self.me.account,
            device: self.me.device,
            addrs: self.listening.iter().map(ToString::to_string).collect(),
            peers: self
                .peers
                .values()
                .map(|link| view::Peer {
                    account: link.account,
                    device: link.device,
                    relayed: link.relayed,
                    rtt_ms: link.rtt_ms,
                })
                .collect(),
            relays: self.relay_list(turn)?,
            // Own messages that some device lacks, and envelopes that no relay has taken yet: whoever closes
            // the lid while it is not empty leaves something behind.
            outbox: frames::count(turn.db)?.saturating_add(relays::waiting(turn.db, BoxKind::Inbox)?),
            repaired: repaired(turn)?,
            clock_offset_ms: (correction != 0).then_some(correction),
        })
    }

    /// The devices of friends, how the last message reached each, and how each stands now. A 1:1 that is closed
    /// leads nowhere, so its devices are left out.
    pub(crate) fn net_why(&self, turn: &Turn<'_>) -> Result<Vec<view::DevicePath>, Error> {
        let rooms = self.rooms.values().filter(|room| !self.is_closed(room.row));
        let mut devices: BTreeMap<DeviceId, (AccountId, Vec<RoomRow>)> = BTreeMap::new();
        for room in rooms {
            for (device, account) in room.devices.iter().filter(|(device, _)| **device != self.me.device) {
                devices.entry(*device).or_insert((*account, Vec::new())).1.push(room.row);
            }
        }
        devices
            .into_iter()
            .map(|(device, (account, rooms))| self.device_path(turn, device, account, &rooms))
            .collect()
    }

    fn device_path(
        &self,
        turn: &Turn<'_>,
        device: DeviceId,
        account: AccountId,
        rooms: &[RoomRow],
    ) -> Result<view::DevicePath, Error> {
        let (path, reason) = self.paths.get(&device).copied().unwrap_or((view::Path::None, "nothing_sent"));
        let link = self.peers.values().find(|link| link.device == device);
        let (connection, since) = match link {
            Some(link) if link.relayed => (view::Connection::Relayed, Some(link.since)),
            Some(link) => (view::Connection::Direct, Some(link.since)),
            None => (view::Connection::None, last_seen(turn, &device)?),
        };
        let (mut waiting, mut at_relay) = (0_u64, 0_u64);
        for room in rooms {
            let upto = self.own_upto(*room, &device);
            let (all, relayed) = frames::waiting(turn.db, *room, upto, Kind::Text.number())?;
            (waiting, at_relay) = (waiting.saturating_add(all), at_relay.saturating_add(relayed));
        }
        Ok(view::DevicePath { account, device, path, reason, connection, since, waiting, at_relay })
    }

    /// One more op came by reconciliation.
    pub(crate) fn count_repaired(&self, turn: &Turn<'_>) -> Result<(), Error> {
        let count = repaired(turn)?.saturating_add(1);
        Ok(meta::set(turn.db, REPAIRED, &count.to_be_bytes())?)
    }
}

fn last_seen(turn: &Turn<'_>, device: &DeviceId) -> Result<Option<u64>, Error> {
    let seen = devices::by_id(turn.db, device)?.map(|known| known.last_seen);
    Ok(seen.filter(|at| *at > 0))
}

fn repaired(turn: &Turn<'_>) -> Result<u64, Error> {
    let bytes = meta::get(turn.db, REPAIRED)?.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    Ok(bytes.map_or(0, u64::from_be_bytes))
}
