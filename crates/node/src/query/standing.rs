//! How far messages of a room have come: at which devices, relays and readers (protocol section 6.2). The
//! rules are `madang_model::delivery`; this file finds the evidence.
//!
//! Invariant: a state is computed from what is on disk, never remembered, so that it is right after any
//! restart.

use std::collections::{BTreeMap, BTreeSet};

use madang_model::{
    AccountId, DeviceId, OpId,
    delivery::{Delivery, Evidence, Failure},
};
use madang_p2p::{Multiaddr, PeerId, address::split_peer};
use madang_store::{
    Conn, DeviceRow, acks, devices, frames,
    friends::{self, FriendState},
    ops, registers, relays, rooms,
};
use madang_wire::{AddressRecord, Message as _, Prefs, Signed};

use crate::{
    error::Error, home::secrets, register_in::payload_of, registers::receipts_on, relays::refuses, times,
    view,
};

/// A device of somebody else.
struct Device {
    row: DeviceRow,
    id: DeviceId,
    /// It is a machine of its account no more. What it committed was delivered all the same.
    removed: bool,
}

/// Where the devices of a room stand, loaded once per answer.
pub(crate) struct Standing {
    me: AccountId,
    own_name: String,
    room: rooms::Room,
    /// Whether messages to somebody of the room do not leave any more, and why.
    failure: Option<Failure>,
    /// Whether this person sends and sees receipts.
    receipts: bool,
    /// Members who have turned receipts off.
    silent: BTreeSet<AccountId>,
    /// Devices of others, by account.
    others: BTreeMap<AccountId, Vec<Device>>,
    /// Relays that accounts of others list.
    listed: BTreeMap<AccountId, BTreeSet<PeerId>>,
    /// What each device has committed, by author.
    acks: acks::Vectors,
    /// What each device has committed beyond gaps.
    beyond: BTreeMap<DeviceRow, BTreeSet<OpId>>,
    /// What each account has read, by author.
    marks: acks::Marks,
}

impl Standing {
    /// Loads the standing of a room.
    pub(crate) fn load(db: &Conn, me: &AccountId, room: &rooms::Room) -> Result<Self, Error> {
        let mut loaded = Self {
            me: *me,
            own_name: secrets::own_name(db)?,
            room: room.clone(),
            failure: failure(db, room)?,
            receipts: receipts_on(db)?,
            silent: silent(db, room)?,
            others: BTreeMap::new(),
            listed: BTreeMap::new(),
            acks: acks::vectors(db, room.row)?,
            beyond: BTreeMap::new(),
            marks: acks::read_marks(db, room.row)?,
        };
        for (device, _, ids) in acks::beyond(db, room.row)? {
            loaded.beyond.entry(device).or_default().extend(ids);
        }
        if let Some(peer) = room.peer {
            let list = devices::of_account(db, &peer)?;
            loaded.listed.insert(peer, list.iter().filter(|d| !d.removed).flat_map(listed).collect());
            let devices = list.iter().map(|d| Device { row: d.row, id: d.id, removed: d.removed });
            loaded.others.insert(peer, devices.collect());
        }
        Ok(loaded)
    }

    pub(crate) fn own_name(&self) -> &str {
        &self.own_name
    }

    pub(crate) fn is_own(&self, op: &ops::Op) -> bool {
        op.account == self.me
    }

    fn has(&self, device: &Device, op: &ops::Op) -> bool {
        let upto = self.acks.get(&device.row).and_then(|vector| vector.get(&op.author_row)).copied();
        upto.is_some_and(|upto| upto >= op.seq)
            || self.beyond.get(&device.row).is_some_and(|ids| ids.contains(&op.id))
    }

    /// Whether any device of an account has it.
    fn reached(&self, devices: &[Device], op: &ops::Op) -> bool {
        devices.iter().any(|device| self.has(device, op))
    }

    fn has_read(&self, account: &AccountId, op: &ops::Op) -> bool {
        self.marks
            .get(account)
            .and_then(|marks| marks.get(&op.author_row))
            .is_some_and(|upto| *upto >= op.seq)
    }

    /// People who count for a message: all but its author and those without receipts.
    fn readers<'a>(&'a self, op: &'a ops::Op) -> impl Iterator<Item = &'a AccountId> {
        self.others
            .keys()
            .chain([&self.me])
            .filter(|account| **account != op.account && !self.silent.contains(*account))
    }

    /// How many people have not read a message; none when receipts are off.
    pub(crate) fn unread(&self, op: &ops::Op) -> Option<u32> {
        let count = self.readers(op).filter(|account| !self.has_read(account, op)).count();
        self.receipts.then(|| u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Relays that hold an op, by their ids.
    fn relays_with(&self, db: &Conn, op: &ops::Op) -> Result<BTreeMap<PeerId, u64>, Error> {
        let mut found = BTreeMap::new();
        for copy in frames::copies(db, op.row)? {
            let relay = relays::get(db, copy.relay)?.and_then(|relay| PeerId::from_bytes(&relay.peer).ok());
            found.extend(relay.map(|relay| (relay, copy.at)));
        }
        Ok(found)
    }

    fn lists(&self, account: &AccountId, relay: &PeerId) -> bool {
        self.listed.get(account).is_some_and(|relays| relays.contains(relay))
    }

    /// State of an own message, and why it is still sending or has failed.
    pub(crate) fn state(
        &self,
        db: &Conn,
        op: &ops::Op,
    ) -> Result<(view::MessageState, Option<&'static str>), Error> {
        let lacking: Vec<&AccountId> = self
            .others
            .iter()
            .filter(|(_, devices)| !self.reached(devices, op))
            .map(|(account, _)| account)
            .collect();
        let relays = self.relays_with(db, op)?;
        let on_relay = relays.keys().any(|relay| lacking.iter().all(|account| self.lists(account, relay)));
        // What somebody has told stays evidence when he turns receipts off: a state never goes backwards. Whoever does
        // not count and has told nothing says nothing: it takes somebody else to have read.
        let told = |account: &AccountId| *account != op.account && self.has_read(account, op);
        let somebody_counts = self.readers(op).next().is_some() || self.others.keys().any(told);
        let evidence = Evidence {
            recipients: self.others.len(),
            committed: self.others.len().saturating_sub(lacking.len()),
            on_relay,
            unread: self.unread(op).filter(|_| somebody_counts).and_then(|count| usize::try_from(count).ok()),
            failure: self.failure,
        };
        let before = match relays.is_empty() && frames::was_relayed(db, op.row)? {
            true => Delivery::Relayed,
            false => Delivery::first(self.others.len()),
        };
        Ok(shown(before.next(&evidence)))
    }

    /// Where a message is, device by device.
    pub(crate) fn devices(&self, db: &Conn, op: &ops::Op) -> Result<Vec<view::DeviceDelivery>, Error> {
        let relays = self.relays_with(db, op)?;
        let queued = match self.failure {
            Some(failure) => word(failure),
            None if relays.is_empty() && frames::was_relayed(db, op.row)? => "relay_expired",
            None if !relays.is_empty() => "at_other_relay",
            None => "not_reached",
        };
        let mut out = Vec::new();
        for (account, devices) in self.others.iter().filter(|(account, _)| **account != op.account) {
            let read = self.receipts && self.has_read(account, op);
            let relayed = relays.iter().find(|(relay, _)| self.lists(account, relay)).map(|(_, at)| *at);
            for device in devices.iter().filter(|device| !device.removed) {
                let time = |row: String| match self.is_own(op) {
                    true => times::when(db, &row, op.seq),
                    false => Ok(0),
                };
                let (state, at, reason) = match (self.has(device, op), relayed) {
                    (_, _) if read => {
                        (view::DeviceState::Read, time(times::read_by(self.room.row, account))?, None)
                    }
                    (true, _) => {
                        let at = time(times::committed_by(self.room.row, &device.id))?;
                        (view::DeviceState::Delivered, at, None)
                    }
                    (false, Some(at)) if self.failure.is_none() => {
                        (view::DeviceState::Relayed, at, Some("waits_at_relay"))
                    }
                    (false, _) => (view::DeviceState::Queued, op.arrived_at, Some(queued)),
                };
                out.push(view::DeviceDelivery { account: *account, device: device.id, state, at, reason });
            }
        }
        Ok(out)
    }
}

/// Why nothing that is written in a room arrives any more: one has left it, or closed the 1:1, or the other side takes
/// nothing more.
fn failure(db: &Conn, room: &rooms::Room) -> Result<Option<Failure>, Error> {
    if room.state != rooms::RoomState::Active {
        return Ok(Some(Failure::NotMember));
    }
    let Some(peer) = room.peer else { return Ok(None) };
    let friend = friends::get(db, &peer)?;
    let closed = friend.is_some_and(|friend| friend.state != FriendState::Friend || friend.blocked);
    if closed {
        return Ok(Some(Failure::NotMember));
    }
    Ok(refuses(db, &peer)?.then_some(Failure::Refused))
}

/// Accounts whose newest `prefs` register says that they send no receipts.
fn silent(db: &Conn, room: &rooms::Room) -> Result<BTreeSet<AccountId>, Error> {
    let mut newest: BTreeMap<AccountId, (u64, bool)> = BTreeMap::new();
    for kept in registers::named(db, room.row, "prefs")? {
        let Some(account) = devices::by_id(db, &kept.author)?.and_then(|device| device.account) else {
            continue;
        };
        let payload = payload_of(&kept).unwrap_or_default();
        let Ok(prefs) = madang_wire::decode::<Prefs>(&payload) else { continue };
        let known = newest.entry(account).or_default();
        if kept.version > known.0 {
            *known = (kept.version, prefs.receipts);
        }
    }
    Ok(newest.into_iter().filter(|(_, (_, receipts))| !receipts).map(|(account, _)| account).collect())
}

/// Relays that a device lists.
fn listed(device: &devices::Device) -> Vec<PeerId> {
    // It was verified before it was kept.
    let signed = device.addr.as_deref().and_then(|bytes| Signed::decode(bytes).ok());
    let record = signed.and_then(|signed| madang_wire::decode::<AddressRecord>(&signed.body).ok());
    let relay = |addr: &String| split_peer(addr.parse::<Multiaddr>().ok()?).1;
    record.iter().flat_map(|record| &record.relays).filter_map(relay).collect()
}

fn shown(delivery: Delivery) -> (view::MessageState, Option<&'static str>) {
    match delivery {
        Delivery::Sending { relay_expired } => {
            (view::MessageState::Sending, relay_expired.then_some("relay_expired"))
        }
        Delivery::Relayed => (view::MessageState::Relayed, None),
        Delivery::Delivered => (view::MessageState::Delivered, None),
        Delivery::Read => (view::MessageState::Read, None),
        Delivery::Failed(failure) => (view::MessageState::Failed, Some(word(failure))),
    }
}

fn word(failure: Failure) -> &'static str {
    match failure {
        Failure::NotMember => "not_member",
        Failure::TooLarge => "too_large",
        Failure::Clock => "clock",
        Failure::Refused => "refused",
    }
}
