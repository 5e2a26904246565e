//! What the recovery phrase alone gives back: the account slot and the escrow slots at the own relays
//! (protocol sections 1.2 and 1.3).
//!
//! Invariants: nothing leaves but sealed to the phrase; what did not change is not written again, and what
//! did at most once an hour.

use madang_crypto::{PARTS, seal_account_slot, seal_escrow, sha256, sign_slot_delete, sign_slot_put};
use madang_model::AccountId;
use madang_p2p::PeerId;
use madang_store::{
    RelayRow,
    friends::{self, FriendState},
    meta, settings, tokens,
};
use madang_wire::{
    AccountOps, EscrowData, EscrowFriend, EscrowPart, EscrowRoom, EscrowSetting, Message as _, RelayBody,
    Signed, SlotPut, Token,
};

use super::state::{Ask, Phase};
use crate::{core::Core, error::Error, home::Secrets, lane::internal, turn::Turn};

const HOUR_MS: u64 = 60 * 60 * 1000;
/// Written again even unchanged, so that a relay that was wiped has it soon and no slot expires.
const REFRESH_MS: u64 = 7 * 24 * HOUR_MS;
/// Data in one part: with signature and seal it stays within 60 KiB.
const PART_DATA: usize = 56 * 1024;
/// The setting that turns the escrow off.
const SWITCH: &str = "escrow";
const OFF: &str = "off";

/// What was last written at a relay.
struct Written {
    at: u64,
    parts: u32,
    digest: [u8; 32],
}

impl Written {
    fn load(turn: &Turn<'_>, relay: RelayRow) -> Result<Option<Self>, Error> {
        Ok(meta::get(turn.db, &name(relay))?.and_then(|bytes| {
            let (at, rest) = bytes.split_first_chunk::<8>()?;
            let (parts, digest) = rest.split_first_chunk::<4>()?;
            let digest = digest.try_into().ok()?;
            Some(Self { at: u64::from_be_bytes(*at), parts: u32::from_be_bytes(*parts), digest })
        }))
    }

    fn save(&self, turn: &Turn<'_>, relay: RelayRow) -> Result<(), Error> {
        let bytes = [self.at.to_be_bytes().as_slice(), &self.parts.to_be_bytes(), &self.digest].concat();
        Ok(meta::set(turn.db, &name(relay), &bytes)?)
    }
}

impl Core {
    /// Writes account slot and escrow at an own relay, if they changed and an hour has passed.
    pub(super) fn write_escrow(&mut self, turn: &mut Turn<'_>, relay: PeerId) -> Result<(), Error> {
        let Some(link) = self.relays.links.get(&relay).filter(|link| link.own) else { return Ok(()) };
        let Phase::Ready { relay_key, .. } = link.phase else { return Ok(()) };
        let (row, code) = (link.row, link.code.clone());
        let before = Written::load(turn, row)?;
        let now = turn.now.wall;
        if before.as_ref().is_some_and(|w| now.saturating_sub(w.at) < HOUR_MS && w.at <= now) {
            return Ok(());
        }
        let me = Secrets::load(turn.db)?;
        let off = settings::get(turn.db, SWITCH)?.is_some_and(|setting| setting.value == OFF);
        let parts = if off { Vec::new() } else { self.escrow_parts(turn)? };
        let log = self.account_log(turn.db, &self.me.account)?;
        let log = AccountOps { account: self.me.account.as_bytes().to_vec(), ops: log }.encode_to_vec();
        let digest = sha256(&[parts.concat(), log.clone()].concat());
        let same =
            before.as_ref().is_some_and(|w| w.digest == digest && now.saturating_sub(w.at) < REFRESH_MS);
        if same {
            return Ok(());
        }
        let mut out = Vec::new();
        let sealed = seal_account_slot(&me.account_seal, &log, &mut self.rng).map_err(internal)?;
        out.push(slot_put(&me.account_slot, sealed, now, &code, &relay_key)?);
        let of = u32::try_from(parts.len()).unwrap_or(PARTS);
        for ((part, data), key) in (0_u32..).zip(&parts).zip(&me.escrow_slots) {
            let part =
                EscrowPart { account: me.account.as_bytes().to_vec(), part, of, at: now, data: data.clone() };
            let sealed =
                seal_escrow(&part, &self.me.key, &me.backup_public, &mut self.rng).map_err(internal)?;
            out.push(slot_put(key, sealed, now, &code, &relay_key)?);
        }
        // Slots that are not needed any more.
        let had = usize::try_from(before.map_or(0, |w| w.parts)).unwrap_or(0);
        for key in me.escrow_slots.iter().take(had).skip(parts.len()) {
            out.push(RelayBody::SlotDelete(sign_slot_delete(key, &relay_key, now)));
        }
        Written { at: now, parts: of, digest }.save(turn, row)?;
        if let Some(link) = self.relays.links.get_mut(&relay) {
            link.outgoing.extend(out.into_iter().map(|body| (body, Ask::Escrow)));
        }
        self.send_outgoing(turn, relay);
        Ok(())
    }

    /// Part of the escrow was refused: all of it is written again in an hour.
    pub(super) fn escrow_refused(&mut self, turn: &mut Turn<'_>, relay: PeerId) -> Result<(), Error> {
        let Some(row) = self.relays.links.get(&relay).map(|link| link.row) else { return Ok(()) };
        if let Some(written) = Written::load(turn, row)? {
            Written { digest: [0; 32], ..written }.save(turn, row)?;
        }
        Ok(())
    }

    /// Rooms first, friends after their last activity, in parts of which each can be read alone.
    fn escrow_parts(&mut self, turn: &Turn<'_>) -> Result<Vec<Vec<u8>>, Error> {
        let log = self.account_log(turn.db, &self.me.account)?;
        let mut pieces = vec![EscrowData { account_log: log, ..EscrowData::default() }];
        for (room, conversation) in &self.rooms {
            let Some(key) = conversation.keys.values().max_by_key(|held| held.facts.rank()) else { continue };
            let room = EscrowRoom {
                conv: conversation.conv.as_bytes().to_vec(),
                key: key.encoded.clone(),
                relays: self.relays_of_room(*room),
            };
            pieces.push(EscrowData { rooms: vec![room], ..EscrowData::default() });
        }
        for account in self.friends_by_activity(turn)? {
            let friend = self.escrow_friend(turn, &account)?;
            pieces.push(EscrowData { friends: vec![friend], ..EscrowData::default() });
        }
        for setting in settings::list(turn.db)? {
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

fn slot_put(
    key: &madang_crypto::SignKey,
    body: Vec<u8>,
    version: u64,
    code: &str,
    relay_key: &[u8; 32],
) -> Result<RelayBody, Error> {
    let put = SlotPut { version, body, admission: code.to_owned(), ..SlotPut::default() };
    Ok(RelayBody::SlotPut(sign_slot_put(put, key, relay_key).map_err(internal)?))
}

fn name(relay: RelayRow) -> String {
    format!("escrow.{}", relay.0)
}
