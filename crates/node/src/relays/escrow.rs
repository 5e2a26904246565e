//! What the recovery phrase alone gives back: the account slot and the escrow slots at the own relays
//! (protocol sections 1.2 and 1.3).
//!
//! Invariants: nothing leaves but sealed to the phrase; what did not change is not written again, and what
//! did at most once an hour; nothing counts as written, or as deleted, before the relay has answered for all of it.

use madang_crypto::{
    PARTS, SignKey, seal_account_slot, seal_escrow, sha256, sign_slot_delete, sign_slot_put,
};
use madang_model::{
    AccountId,
    limits::{DAY_MS, HOUR_MS, MINUTE_MS},
};
use madang_p2p::PeerId;
use madang_store::{
    RelayRow,
    friends::{self, FriendState},
    meta, relays, settings, tokens,
};
use madang_wire::{
    AccountOps, EscrowData, EscrowFriend, EscrowPart, EscrowRoom, EscrowSetting, Message as _, RErr,
    RelayBody, Signed, SlotPut, Token,
};

use super::state::{Ask, Link, Phase};
use crate::{core::Core, error::Error, home::Secrets, lane::internal, timer::Due, turn::Turn};

/// Written again even unchanged, so that a relay that was wiped has it soon and no slot expires.
const REFRESH_MS: u64 = 7 * DAY_MS;
/// A relay that was given up and does not come back keeps what it has: slots expire by themselves.
const LEAVE_MS: u64 = 30 * DAY_MS;
/// A version that a relay refuses was passed by another machine or by a store of before: the next one is so much
/// higher.
const VERSION_STEP: u64 = DAY_MS;
/// Data in one part: with signature and seal it stays within 60 KiB.
const PART_DATA: usize = 56 * 1024;
/// The setting that turns the escrow off.
const SWITCH: &str = "escrow";
const OFF: &str = "off";
/// Settings that stay in this home begin so: what was typed and not sent is no part of what the phrase gives back.
const UNSENT: &str = "draft.";
/// What is confirmed of a relay that may hold anything: nothing.
const NOTHING: [u8; 32] = [0; 32];

/// What a relay holds, or may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// When all of it was confirmed, or the relay was given up, ms since 1970.
    at: u64,
    /// Slots that may hold a part.
    parts: u32,
    /// Highest version signed for a slot there.
    version: u64,
    /// Hash of what was confirmed.
    digest: [u8; 32],
}

/// A write that waits for answers.
#[derive(Debug)]
pub(super) struct Writing {
    /// Which one: answers to an earlier one do not count.
    number: u64,
    /// Answers that are still to come.
    left: usize,
    /// Some of it was refused; the longest pause that was asked for, ms.
    refused: Option<u32>,
    /// What is true when nothing was refused; none when the relay holds nothing then.
    then: Option<Written>,
}

impl Written {
    fn load(turn: &Turn<'_>, relay: RelayRow) -> Result<Option<Self>, Error> {
        Ok(meta::get(turn.db, &name(relay))?.and_then(|bytes| Self::decode(&bytes)))
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (at, rest) = bytes.split_first_chunk::<8>()?;
        let (parts, rest) = rest.split_first_chunk::<4>()?;
        let (version, digest) = rest.split_first_chunk::<8>()?;
        Some(Self {
            at: u64::from_be_bytes(*at),
            parts: u32::from_be_bytes(*parts),
            version: u64::from_be_bytes(*version),
            digest: digest.try_into().ok()?,
        })
    }

    fn save(&self, turn: &Turn<'_>, relay: RelayRow) -> Result<(), Error> {
        let bytes = [
            self.at.to_be_bytes().as_slice(),
            &self.parts.to_be_bytes(),
            &self.version.to_be_bytes(),
            &self.digest,
        ]
        .concat();
        Ok(meta::set(turn.db, &name(relay), &bytes)?)
    }
}

/// A piece of a write: what is to become of one slot.
enum Piece<'a> {
    Put(&'a SignKey, Vec<u8>),
    Delete(&'a SignKey),
}

impl Core {
    /// Writes account slot and escrow at an own relay, if they changed and an hour has passed; deletes what is not to
    /// be there.
    pub(super) fn write_escrow(&mut self, turn: &mut Turn<'_>, relay: PeerId) -> Result<(), Error> {
        let now = turn.now.mono;
        let due = |link: &&Link| {
            link.is_ready() && link.escrow_due && link.escrow.is_none() && link.escrow_at <= now
        };
        let Some(link) = self.relays.links.get(&relay).filter(due) else { return Ok(()) };
        let (row, own) = (link.row, link.own);
        let before = Written::load(turn, row)?;
        if own && !link.inbox_is_made() {
            // Its quota is that of the owner of the inbox.
            return Ok(());
        }
        if let Some(link) = self.relays.links.get_mut(&relay) {
            link.escrow_due = false;
        }
        let me = Secrets::load(turn.db)?;
        if !own {
            return match before {
                Some(before) => self.delete_escrow(turn, relay, &me, &before),
                None => Ok(()),
            };
        }
        self.write_own_escrow(turn, relay, &me, before)
    }

    fn write_own_escrow(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        me: &Secrets,
        before: Option<Written>,
    ) -> Result<(), Error> {
        let now = turn.now.wall;
        let off = is_off(turn)?;
        let confirmed = before.as_ref().filter(|w| w.digest != NOTHING && w.at <= now);
        let age = confirmed.map(|w| now.saturating_sub(w.at));
        let to_delete = off && before.as_ref().is_some_and(|w| w.parts > 0);
        if age.is_some_and(|age| age < HOUR_MS) && !to_delete {
            return Ok(());
        }
        let parts = if off { Vec::new() } else { self.escrow_parts(turn)? };
        let log = self.account_log(turn.db, &self.me.account)?;
        let log = AccountOps { account: self.me.account.as_bytes().to_vec(), ops: log }.encode_to_vec();
        let digest = sha256(&[parts.concat(), log.clone()].concat());
        let same = confirmed.is_some_and(|w| w.digest == digest && age.is_some_and(|age| age < REFRESH_MS));
        if same && !to_delete {
            return Ok(());
        }
        let sealed = seal_account_slot(&me.account_seal, &log, &mut self.rng).map_err(internal)?;
        let mut pieces = vec![Piece::Put(&me.account_slot, sealed)];
        let of = u32::try_from(parts.len()).unwrap_or(PARTS);
        for ((part, data), key) in (0_u32..).zip(&parts).zip(&me.escrow_slots) {
            let part =
                EscrowPart { account: me.account.as_bytes().to_vec(), part, of, at: now, data: data.clone() };
            let sealed =
                seal_escrow(&part, &self.me.key, &me.backup_public, &mut self.rng).map_err(internal)?;
            pieces.push(Piece::Put(key, sealed));
        }
        let had = before.as_ref().map_or(0, |w| w.parts);
        let surplus = usize::try_from(had).unwrap_or(0);
        // Slots that are not needed any more.
        pieces.extend(me.escrow_slots.iter().take(surplus).skip(parts.len()).map(Piece::Delete));
        let version = next_version(before.as_ref(), now);
        let then = Written { at: now, parts: of, version, digest };
        // Until it is confirmed the relay may hold the slots of before and those of now.
        let meanwhile = Written { digest: NOTHING, parts: had.max(of), ..then.clone() };
        self.send_escrow(turn, relay, pieces, &meanwhile, Some(then))
    }

    /// Deletes everything at a relay that was given up.
    fn delete_escrow(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        me: &Secrets,
        before: &Written,
    ) -> Result<(), Error> {
        let had = usize::try_from(before.parts).unwrap_or(0);
        let slots = std::iter::once(&me.account_slot).chain(me.escrow_slots.iter().take(had));
        let pieces: Vec<_> = slots.map(Piece::Delete).collect();
        let version = next_version(Some(before), turn.now.wall);
        let meanwhile = Written { version, digest: NOTHING, ..before.clone() };
        self.send_escrow(turn, relay, pieces, &meanwhile, None)
    }

    fn send_escrow(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        pieces: Vec<Piece<'_>>,
        meanwhile: &Written,
        then: Option<Written>,
    ) -> Result<(), Error> {
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        let Phase::Ready { relay_key, .. } = link.phase else { return Ok(()) };
        meanwhile.save(turn, link.row)?;
        self.relays.escrows = self.relays.escrows.wrapping_add(1);
        let number = self.relays.escrows;
        link.escrow = Some(Writing { number, left: pieces.len(), refused: None, then });
        for piece in pieces {
            let (body, delete) = match piece {
                Piece::Put(key, body) => {
                    let put = SlotPut {
                        version: meanwhile.version,
                        body,
                        admission: link.code.clone(),
                        ..SlotPut::default()
                    };
                    (RelayBody::SlotPut(sign_slot_put(put, key, &relay_key).map_err(internal)?), false)
                }
                Piece::Delete(key) => {
                    (RelayBody::SlotDelete(sign_slot_delete(key, &relay_key, meanwhile.version)), true)
                }
            };
            link.outgoing.push_back((body, Ask::Escrow { number, delete }));
        }
        self.send_outgoing(turn, relay);
        Ok(())
    }

    /// A slot was written or deleted, or the relay refuses it.
    pub(super) fn escrow_answered(
        &mut self,
        turn: &mut Turn<'_>,
        relay: PeerId,
        number: u64,
        refused: Option<&RErr>,
    ) -> Result<(), Error> {
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        let Some(writing) = link.escrow.as_mut().filter(|writing| writing.number == number) else {
            return Ok(());
        };
        writing.left = writing.left.saturating_sub(1);
        let row = link.row;
        if let Some(error) = refused {
            tracing::info!(%relay, code = error.code, "a slot of the escrow was refused");
            writing.refused = Some(writing.refused.unwrap_or(0).max(error.retry_ms));
        }
        let done = writing.left == 0;
        if refused.is_some_and(|error| error.code == "version")
            && let Some(kept) = Written::load(turn, row)?
        {
            Written { version: kept.version.saturating_add(VERSION_STEP), ..kept }.save(turn, row)?;
        }
        if done { self.escrow_done(turn, relay) } else { Ok(()) }
    }

    fn escrow_done(&mut self, turn: &mut Turn<'_>, relay: PeerId) -> Result<(), Error> {
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        let Some(writing) = link.escrow.take() else { return Ok(()) };
        if let Some(told) = writing.refused {
            let doubled = 1_u64.checked_shl(link.escrow_failed.min(16)).unwrap_or(u64::MAX);
            let wait = MINUTE_MS.saturating_mul(doubled).max(u64::from(told));
            link.escrow_failed = link.escrow_failed.saturating_add(1);
            link.escrow_at = turn.now.mono.saturating_add(wait.min(HOUR_MS));
            link.escrow_due = true;
            self.timers.set(Due::Relays, link.escrow_at);
            return Ok(());
        }
        link.escrow_failed = 0;
        match writing.then {
            Some(written) => written.save(turn, link.row),
            None => {
                meta::remove(turn.db, &name(link.row))?;
                // It was followed for this alone.
                self.relays_changed = true;
                Ok(())
            }
        }
    }

    /// A relay was wiped: what was confirmed there is gone.
    pub(super) fn escrow_lost(&mut self, turn: &Turn<'_>, relay: PeerId) -> Result<(), Error> {
        let Some(link) = self.relays.links.get_mut(&relay) else { return Ok(()) };
        link.escrow_due = true;
        self.timers.set(Due::Relays, turn.now.mono);
        match Written::load(turn, link.row)? {
            Some(written) => Written { digest: NOTHING, ..written }.save(turn, link.row),
            None => Ok(()),
        }
    }

    /// A relay is given up: what it holds is to be deleted, from now on until it has said so.
    pub(super) fn leave_escrow(&mut self, turn: &Turn<'_>, relay: RelayRow) -> Result<(), Error> {
        let Some(written) = Written::load(turn, relay)? else { return Ok(()) };
        Written { at: turn.now.wall, digest: NOTHING, ..written }.save(turn, relay)?;
        let link = self.relays.link_of(relay).and_then(|peer| self.relays.links.get_mut(&peer));
        if let Some(link) = link {
            (link.escrow, link.escrow_due, link.escrow_at) = (None, true, 0);
        }
        self.timers.set(Due::Relays, turn.now.mono);
        Ok(())
    }

    /// Relays that were given up and still hold something.
    pub(super) fn relays_left(&self, turn: &Turn<'_>) -> Result<Vec<relays::Relay>, Error> {
        let mut left = Vec::new();
        for (key, bytes) in meta::list(turn.db, PREFIX)? {
            let row = key.strip_prefix(PREFIX).and_then(|row| row.parse().ok()).map(RelayRow);
            let relay = row.map(|row| relays::get(turn.db, row)).transpose()?.flatten();
            let over = |since: u64| turn.now.wall.saturating_sub(since) > LEAVE_MS;
            match (relay, Written::decode(&bytes)) {
                (Some(relay), Some(written)) if relay.own || !over(written.at) => {
                    left.extend(Some(relay).filter(|relay| !relay.own));
                }
                _ => drop(meta::remove(turn.db, &key)?),
            }
        }
        Ok(left)
    }

    /// A setting was changed: the switch of the escrow counts at once.
    pub(crate) fn escrow_setting(&mut self, turn: &Turn<'_>, key: &str) {
        if key == SWITCH {
            self.timers.set(Due::Relays, turn.now.mono);
        }
    }

    /// Notices that the escrow was switched off or on.
    pub(super) fn look_at_escrow_switch(&mut self, turn: &Turn<'_>) -> Result<(), Error> {
        let off = is_off(turn)?;
        if self.relays.escrow_off.replace(off).is_some_and(|before| before != off) {
            for link in self.relays.links.values_mut() {
                (link.escrow_due, link.escrow_at) = (true, 0);
            }
        }
        Ok(())
    }

    /// Rooms first, friends after their last activity, in parts of which each can be read alone.
    fn escrow_parts(&mut self, turn: &Turn<'_>) -> Result<Vec<Vec<u8>>, Error> {
        let log = self.account_log(turn.db, &self.me.account)?;
        let mut pieces = vec![EscrowData { account_log: log, ..EscrowData::default() }];
        for room in self.rooms.keys().copied().collect::<Vec<_>>() {
            // Not the one that ranks highest: anybody can make up an epoch.
            let current = self.current_key(turn, room);
            let Some(conversation) = self.rooms.get(&room) else { continue };
            let Some(key) = current.and_then(|key| conversation.keys.get(&key)) else { continue };
            let room = EscrowRoom {
                conv: conversation.conv.as_bytes().to_vec(),
                key: key.encoded.clone(),
                relays: self.relays_of_room(room),
            };
            pieces.push(EscrowData { rooms: vec![room], ..EscrowData::default() });
        }
        for account in self.friends_by_activity(turn)? {
            let friend = self.escrow_friend(turn, &account)?;
            pieces.push(EscrowData { friends: vec![friend], ..EscrowData::default() });
        }
        for setting in settings::list(turn.db)?.into_iter().filter(|setting| !setting.key.starts_with(UNSENT))
        {
            let setting = EscrowSetting { key: setting.key, value: setting.value, version: setting.version };
            pieces.push(EscrowData { settings: vec![setting], ..EscrowData::default() });
        }
        Ok(pack(&pieces))
    }

    fn friends_by_activity(&self, turn: &Turn<'_>) -> Result<Vec<AccountId>, Error> {
        let newest = |account: &AccountId| {
            self.direct_row(account).and_then(|row| self.rooms.get(&row)).map(|room| room.newest)
        };
        let mut accounts: Vec<AccountId> =
            friends::list(turn.db, FriendState::Friend)?.into_iter().map(|friend| friend.account).collect();
        accounts.sort_by_key(|account| std::cmp::Reverse(newest(account)));
        Ok(accounts)
    }

    fn escrow_friend(&self, turn: &Turn<'_>, account: &AccountId) -> Result<EscrowFriend, Error> {
        let signed = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(|bytes| Signed::decode(bytes).ok());
        let mut friend = EscrowFriend { account: account.as_bytes().to_vec(), ..EscrowFriend::default() };
        for device in self.directory.of_account(account) {
            let Some(known) = self.directory.get(&device) else { continue };
            friend.bundles.extend(signed(&known.signed_bundle));
            friend.addrs.extend(signed(&known.signed_addr));
            for token in tokens::of_device(turn.db, known.row)? {
                friend.tokens.push(Token { inbox_id: token.inbox.to_vec(), token: token.token });
            }
        }
        Ok(friend)
    }
}

/// Packs pieces into parts, in their order. What does not fit any more is left out: it is the least active.
fn pack(pieces: &[EscrowData]) -> Vec<Vec<u8>> {
    let most = usize::try_from(PARTS).unwrap_or(usize::MAX);
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for piece in pieces {
        // Encoded messages one behind the other decode as one message with the items of all.
        let bytes = piece.encode_to_vec();
        if bytes.len() > PART_DATA {
            tracing::warn!(bytes = bytes.len(), "a piece of the escrow is too large and left out");
            continue;
        }
        let full = parts.len() >= most;
        match parts.last_mut() {
            Some(part) if part.len().saturating_add(bytes.len()) <= PART_DATA => part.extend(bytes),
            _ if full => break,
            _ => parts.push(bytes),
        }
    }
    parts
}

fn is_off(turn: &Turn<'_>) -> Result<bool, Error> {
    Ok(settings::get(turn.db, SWITCH)?.is_some_and(|setting| setting.value == OFF))
}

/// Above every earlier version, also when the clock was set back.
fn next_version(before: Option<&Written>, now: u64) -> u64 {
    before.map_or(now, |written| now.max(written.version.saturating_add(1)))
}

const PREFIX: &str = "escrow.";

fn name(relay: RelayRow) -> String {
    format!("{PREFIX}{}", relay.0)
}
