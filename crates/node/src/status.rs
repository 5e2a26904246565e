//! What the node says about itself: connections, relays, outbox, paths.

use madang_store::{
    frames, meta,
    relays::{self, BoxKind},
};

use crate::{core::Core, error::Error, turn::Turn, view};

/// Row of the count of ops that came by reconciliation.
const REPAIRED: &str = "repaired";

impl Core {
    pub(crate) fn status(&mut self, turn: &Turn<'_>) -> Result<view::Status, Error> {
        let correction = self.reference.correction_ms();
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

    pub(crate) fn net_why(&self) -> Vec<view::DevicePath> {
        let mut devices: Vec<_> = self
            .rooms
            .values()
            .flat_map(|room| room.devices.iter())
            .filter(|(device, _)| **device != self.me.device)
            .map(|(device, account)| (*device, *account))
            .collect();
        devices.sort_unstable();
        devices.dedup();
        devices
            .into_iter()
            .map(|(device, account)| {
                let (path, reason) =
                    self.paths.get(&device).copied().unwrap_or((view::Path::None, "nothing_sent"));
                view::DevicePath { account, device, path, reason }
            })
            .collect()
    }

    /// One more op came by reconciliation.
    pub(crate) fn count_repaired(&self, turn: &Turn<'_>) -> Result<(), Error> {
        let count = repaired(turn)?.saturating_add(1);
        Ok(meta::set(turn.db, REPAIRED, &count.to_be_bytes())?)
    }
}

fn repaired(turn: &Turn<'_>) -> Result<u64, Error> {
    let bytes = meta::get(turn.db, REPAIRED)?.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
    Ok(bytes.map_or(0, u64::from_be_bytes))
}
