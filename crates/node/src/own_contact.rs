//! What this account tells about itself to a contact (protocol section 7.3), cut to what the way of it carries.
//!
//! Must not know who asks. Invariant: what is cut still proves this device: its bundle comes first, and its place in
//! the account log is never left out. Of other machines only what the log that goes with it proves is told.

use std::collections::BTreeSet;

use madang_model::{AccountId, DeviceId, OpId};
use madang_wire::{Card, Contact, Message as _, Signed, SignedOp, limits};

use crate::{accounts::typed_op, core::Core, error::Error, turn::Turn};

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All that a lane packet or a slot carries.
    Whole,
    /// A request: with its signature and greeting it fits the 16 KiB bucket.
    Request,
    /// The answer to one: with the first key and the own bundle it fits the 16 KiB bucket, which is all that a
    /// stranger may send (protocol section 0).
    Accept,
}

impl Extent {
    /// Encoded `Contact`, bytes.
    fn bytes(self) -> usize {
        match self {
            Self::Whole => 44 * 1024,
            Self::Request => 13 * 1024,
            Self::Accept => 10 * 1024,
        }
    }

    fn bundles(self) -> usize {
        if self == Self::Whole { limits::BUNDLES } else { limits::REQUEST_BUNDLES }
    }

    fn thumb_bytes(self) -> usize {
        if self == Self::Whole { limits::THUMB_BYTES } else { limits::REQUEST_THUMB_BYTES }
    }
}

impl Core {
    /// What this account tells about itself, with tokens for a friend.
    pub(crate) fn own_contact(
        &mut self,
        turn: &mut Turn<'_>,
        extent: Extent,
        friend: Option<AccountId>,
    ) -> Result<Contact, Error> {
        let signed = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(|b| Signed::decode(b).ok());
        let mut devices = self.directory.of_account(&self.me.account);
        devices.sort_by_key(|device| *device != self.me.device);
        let state = self.account_state(turn.db, &self.me.account.clone())?;
        // Of each the op that admits the device, as the receiver will hold it against the log.
        let admitted = |device: &DeviceId| {
            let known = self.directory.get(device)?;
            let add_op = state.as_deref()?.devices.get(device)?.add_op;
            let named = known.bundle.as_ref().is_some_and(|bundle| bundle.add_op == add_op.as_bytes());
            Some((add_op, signed(&known.signed_bundle)?)).filter(|_| named)
        };
        let (admitted_by, bundles): (Vec<OpId>, Vec<Signed>) =
            devices.iter().filter_map(admitted).take(extent.bundles()).unzip();
        let addr = self.directory.get(&self.me.device).and_then(|d| signed(&d.signed_addr));
        let tokens = match friend {
            Some(account) => self.friend_tokens(turn, &account)?,
            None => Vec::new(),
        };
        let account_log = self.account_log(turn.db, &self.me.account)?;
        let contact = Contact { account_log, bundles, addr, card: Some(self.me.card.clone()), tokens };
        Ok(cut(contact, extent, self.me.add_op, &admitted_by))
    }
}

/// Leaves out what does not fit, the least needed first, and bundles of devices whose admission is left out; it follows
/// in a ContactUpdate.
fn cut(mut contact: Contact, extent: Extent, add_op: OpId, admitted_by: &[OpId]) -> Contact {
    if let Some(card) = contact.card.as_mut().filter(|card| card.thumb.len() > extent.thumb_bytes()) {
        card.thumb.clear();
    }
    let room = extent.bytes();
    let others = contact.encoded_len().saturating_sub(log_bytes(&contact.account_log));
    if others.saturating_add(log_bytes(&contact.account_log)) > room {
        contact.account_log = cut_log(&contact.account_log, room.saturating_sub(others), add_op);
        let sent: BTreeSet<OpId> =
            contact.account_log.iter().map(|op| OpId::from_bytes(madang_crypto::op_id(&op.header))).collect();
        let mut admitted_by = admitted_by.iter();
        contact.bundles.retain(|_| admitted_by.next().is_some_and(|op| sent.contains(op)));
    }
    if contact.encoded_len() > room
        && let Some(card) = &mut contact.card
    {
        card.thumb.clear();
    }
    if contact.encoded_len() > room {
        contact.bundles.truncate(1);
    }
    if contact.encoded_len() > room {
        let name = contact.card.map(|card| card.name).unwrap_or_default();
        contact.card = Some(Card { name, ..Card::default() });
    }
    contact
}

fn log_bytes(log: &[SignedOp]) -> usize {
    // Each with its tag and length in front.
    log.iter().map(|op| op.encoded_len().saturating_add(4)).sum()
}

/// A closed part of an account log: what admitted this device, with its whole past, and as many of the other ops, the
/// oldest first, as there is room for.
fn cut_log(log: &[SignedOp], room: usize, add_op: OpId) -> Vec<SignedOp> {
    let typed: Vec<_> = log.iter().filter_map(|signed| Some((typed_op(signed)?, signed))).collect();
    let mut kept: BTreeSet<OpId> = BTreeSet::new();
    let mut next = vec![add_op];
    while let Some(id) = next.pop() {
        if let Some((op, _)) = typed.iter().find(|(op, _)| op.id == id)
            && kept.insert(id)
        {
            next.extend(op.parents.iter().copied());
        }
    }
    let size = |signed: &SignedOp| signed.encoded_len().saturating_add(4);
    let mut bytes: usize = typed.iter().filter(|(op, _)| kept.contains(&op.id)).map(|(_, s)| size(s)).sum();
    for (op, signed) in &typed {
        let closed = op.parents.iter().all(|parent| kept.contains(parent));
        if closed && !kept.contains(&op.id) && bytes.saturating_add(size(signed)) <= room {
            bytes = bytes.saturating_add(size(signed));
            kept.insert(op.id);
        }
    }
    typed.into_iter().filter(|(op, _)| kept.contains(&op.id)).map(|(_, signed)| signed.clone()).collect()
}
