//! This machine as others see it: its bundle and its address record (protocol sections 4.3 and 7.4).
//!
//! Invariant: versions rise, so that the newest record wins everywhere.

use madang_crypto::{XWingSecret, os_rng, sign_body};
use madang_model::{
    Hlc,
    limits::{DAY_MS, HOUR_MS},
};
use madang_p2p::Multiaddr;
use madang_store::{devices, envelopes, meta};
use madang_wire::{AddressRecord, DeviceBundle, Message as _, limits};

use crate::{core::Core, error::Error, lane::internal, timer::Due, turn::Turn};

/// Envelope key and fallback key rotate weekly (protocol section 4.3).
const ROTATE_MS: u64 = 7 * DAY_MS;
/// An old envelope secret is kept so long (protocol section 4.3).
const KEEP_MS: u64 = 21 * DAY_MS;
/// When the fallback key was made, ms since 1970.
const FALLBACK_MADE: &str = "lane.fallback_made";

impl Core {
    /// The addresses this node listens on have changed.
    pub(crate) fn listening(&mut self, turn: &mut Turn<'_>, addrs: Vec<Multiaddr>) -> Result<(), Error> {
        if addrs == self.listening {
            return Ok(());
        }
        self.listening = addrs;
        if let Some(port) = self.listening.iter().find_map(crate::address::port) {
            madang_store::meta::set(turn.db, "network.port", &port.to_be_bytes())?;
        }
        turn.status_changed = true;
        self.renew_address(turn)
    }

    /// Signs a first address record before anything is said to anybody. It may know no address yet: what counts is the
    /// PeerId, without which nobody takes a stream of this machine (protocol section 7.4).
    pub(crate) fn first_address(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        let signed = self.directory.get(&self.me.device).is_some_and(|own| own.signed_addr.is_some());
        if signed { Ok(()) } else { self.renew_address(turn) }
    }

    /// Signs a new address record if the old one is no longer true, and tells friends.
    pub(crate) fn renew_address(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        let own = self.directory.get(&self.me.device);
        let addrs: Vec<Vec<u8>> = self.listening.iter().take(limits::ADDRESSES).map(|a| a.to_vec()).collect();
        let relays = self.own_relay_addresses();
        let peer_id = self.me.peer.to_bytes();
        let same = own.is_some_and(|d| {
            d.signed_addr.is_some()
                && d.relays == relays
                && d.addrs.iter().map(|a| a.to_vec()).eq(addrs.iter().cloned())
        });
        if same {
            return Ok(());
        }
        let last = Hlc::from_u64(own.map(|own| own.addr_version).unwrap_or_default());
        let version = self.clock.tick_after(self.author_time(turn), last).as_u64();
        let record =
            AddressRecord { device: self.me.device.as_bytes().to_vec(), peer_id, addrs, relays, version };
        let signed = sign_body(&record, &self.me.key).encode_to_vec();
        let row = self.directory.row(turn.db, &self.me.device, Some(&self.me.account))?;
        devices::set_addr(turn.db, row, &signed, version, &record.peer_id)?;
        self.directory.refresh(turn.db, &self.me.device)?;
        self.slots_changed(turn);
        self.relays_changed = true;
        self.publish_everywhere(turn, "addr");
        // Over the lane as well: without an address there may be no stream for the register.
        self.update_contacts(turn)
    }

    /// Signs a new bundle if there is none, its keys are old, or the inboxes changed.
    pub(crate) fn renew_bundle(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        let inboxes = self.own_inboxes(turn)?;
        let current = self.directory.get(&self.me.device).and_then(|d| d.bundle.clone());
        let last = Hlc::from_u64(current.as_ref().map(|bundle| bundle.version).unwrap_or_default());
        let read = self.inboxes_read(turn.db)?;
        let mut account = self.lane_account(turn)?;
        let fallback_old = self.fallback_is_old(turn, current.as_ref())? && read;
        let fresh = match &current {
            Some(bundle) => self.envelope_is_fresh(turn, bundle)?,
            None => false,
        };
        if !fallback_old && fresh && current.as_ref().is_some_and(|b| b.inboxes == inboxes) {
            return Ok(());
        }
        // The end of an envelope key belongs to the key, or a bundle signed anew for other reasons would put its
        // rotation off for ever.
        let (envelope_pk, envelope_not_after) = match current.filter(|_| fresh) {
            Some(bundle) => (bundle.envelope_pk, bundle.envelope_not_after),
            None => (self.rotate_envelope_key(turn)?, self.author_time(turn).saturating_add(2 * ROTATE_MS)),
        };
        if fallback_old {
            // The one before the previous goes with it, so what was sealed for that must have been read.
            account.forget_fallback();
            account.rotate_fallback();
            crate::home::secrets::set_olm(turn.db, &account.pickle().map_err(internal)?)?;
            meta::set(turn.db, FALLBACK_MADE, &turn.now.wall.to_be_bytes())?;
        }
        // Whoever has the last one takes none below it.
        let version = self.clock.tick_after(self.author_time(turn), last).as_u64();
        let bundle = DeviceBundle {
            account: self.me.account.as_bytes().to_vec(),
            device: self.me.device.as_bytes().to_vec(),
            add_op: self.me.add_op.as_bytes().to_vec(),
            olm_identity: account.identity().to_vec(),
            fallback: account.fallback().map_err(internal)?.to_vec(),
            envelope_pk,
            envelope_not_after,
            inboxes,
            version,
        };
        let signed = sign_body(&bundle, &self.me.key).encode_to_vec();
        let row = self.directory.row(turn.db, &self.me.device, Some(&self.me.account))?;
        devices::set_bundle(turn.db, row, &signed, version)?;
        self.directory.refresh(turn.db, &self.me.device)?;
        self.publish_everywhere(turn, "bundle");
        self.slots_changed(turn);
        self.update_contacts(turn)
    }

    /// Whether the envelope key of an own bundle may stay. Others hold its end against their clocks, so it is by the
    /// corrected time (protocol section 2.4). As long as nobody has said what time it is, the age of the key by the own
    /// clock decides: or a machine whose clock is wrong would rotate with every start.
    fn envelope_is_fresh(&self, turn: &Turn<'_>, bundle: &DeviceBundle) -> Result<bool, Error> {
        // A time that is still to come was stamped by a clock that has been set back.
        if self.reference.median_offset_ms().is_none() {
            let own = envelopes::keys(turn.db)?.into_iter().find(|key| key.public == bundle.envelope_pk);
            let age = own.and_then(|key| turn.now.wall.checked_sub(key.made_at));
            return Ok(age.is_some_and(|age| age < ROTATE_MS));
        }
        let now = self.author_time(turn);
        let latest = now.saturating_add(2 * ROTATE_MS).saturating_add(DAY_MS);
        Ok(now.saturating_add(ROTATE_MS) < bundle.envelope_not_after && bundle.envelope_not_after <= latest)
    }

    /// Whether the fallback key is to be replaced. The first one is as old as the first bundle.
    fn fallback_is_old(&self, turn: &Turn<'_>, current: Option<&DeviceBundle>) -> Result<bool, Error> {
        let kept = meta::get(turn.db, FALLBACK_MADE)?.and_then(|made| <[u8; 8]>::try_from(made).ok());
        let made = match (kept, current) {
            (Some(made), _) => u64::from_be_bytes(made),
            (None, Some(bundle)) => bundle.envelope_not_after.saturating_sub(2 * ROTATE_MS),
            (None, None) => turn.now.wall,
        };
        if kept.is_none() {
            meta::set(turn.db, FALLBACK_MADE, &made.to_be_bytes())?;
        }
        // A time that is still to come was stamped by a clock that has been set back.
        Ok(made > turn.now.wall || turn.now.wall.saturating_sub(made) >= ROTATE_MS)
    }

    fn rotate_envelope_key(&mut self, turn: &Turn<'_>) -> Result<Vec<u8>, Error> {
        let secret = XWingSecret::generate(&mut os_rng());
        for old in envelopes::keys(turn.db)? {
            envelopes::retire_key(turn.db, &old.id, turn.now.wall)?;
        }
        envelopes::insert_key(
            turn.db,
            &envelopes::EnvelopeKey {
                id: madang_crypto::public_id(secret.public()),
                secret: secret.seed().to_vec(),
                public: secret.public().to_vec(),
                made_at: turn.now.wall,
                retired_at: None,
            },
        )?;
        Ok(secret.public().to_vec())
    }

    /// Deletes envelope secrets whose time is over, but never before what may be sealed for them was read from
    /// every own inbox (protocol section 4.3).
    fn drop_envelope_keys(&self, turn: &Turn<'_>) -> Result<(), Error> {
        if !self.inboxes_read(turn.db)? {
            return Ok(());
        }
        for old in envelopes::keys(turn.db)? {
            if old.retired_at.is_some_and(|at| turn.now.wall.saturating_sub(at) > KEEP_MS) {
                envelopes::remove_key(turn.db, &old.id)?;
            }
        }
        Ok(())
    }

    /// Publishes an own register in every room with somebody else.
    pub(crate) fn publish_everywhere(&mut self, turn: &Turn<'_>, name: &'static str) {
        let rooms: Vec<_> = self
            .rooms
            .values()
            .filter(|room| !room.recipient_devices(&self.me.device).is_empty())
            .map(|room| room.row)
            .collect();
        for room in rooms {
            self.register_later(turn, room, name);
        }
    }

    /// Chores of every hour.
    pub(crate) fn chores(&mut self, turn: &mut Turn<'_>) -> Result<(), Error> {
        self.renew_bundle(turn)?;
        self.drop_envelope_keys(turn)?;
        self.refresh_registers(turn)?;
        self.close_old_gaps(turn)?;
        self.retire_keys(turn)?;
        envelopes::forget_seen(turn.db, turn.now.wall)?;
        madang_store::tokens::forget_expired(turn.db, turn.now.wall)?;
        self.timers.set(Due::Chores, turn.now.mono.saturating_add(HOUR_MS));
        Ok(())
    }

    /// Newest timestamp that this machine has used, so that the clock resumes above it.
    pub(crate) fn resume_clock(newest: Hlc) -> madang_model::HlcClock {
        madang_model::HlcClock::resume(newest)
    }
}
