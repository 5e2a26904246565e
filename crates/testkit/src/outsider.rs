//! Somebody with everything that a relay has and a link that was used: what can he read?
//!
//! It must not know what belongs to members alone, unless a test lets it in on a secret to show that it would read
//! then. Invariant: every string of the frames, of the link and of the invite record is tried, as it is and as the
//! source of every key that the protocol derives by a label.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context as _, Result};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305,
    aead::{Aead as _, Payload},
};
use madang_crypto::{
    SUITE, XWingSecret, direct_conv, hkdf, open_account_slot, open_envelope, open_escrow, open_invite,
    self_conv, sha256, verify_op,
};
use madang_node::home;
use madang_wire::{
    InboxBody, InboxItem, Inner, InnerBody, Message as _, Sealed, decode, invite_link, pad::unpad,
};

use crate::{PASSPHRASE, Trace};

/// Every label by which the protocol derives something.
const LABELS: [&str; 17] = [
    "account-seal",
    "backup",
    "content",
    "direct",
    "invite-id",
    "invite-seal",
    "key-slot",
    "relay-log",
    "rmac",
    "root",
    "route",
    "self",
    "slot",
    "slot/account",
    "slot/escrow/",
    "tag",
    "topic",
];
/// Lengths of what may be a secret or the name of one, bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 16..=64;
/// How deep messages lie in each other.
const DEPTH: usize = 12;
/// Bytes that the cipher adds.
const TAG_BYTES: usize = 16;

/// What an outsider has.
#[derive(Debug)]
pub struct Outsider {
    strings: BTreeSet<Vec<u8>>,
    convs: Vec<[u8; 32]>,
}

/// What he has read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// Objects in sealed frames: ops, registers, signals.
    pub sealed: usize,
    /// Ops among them.
    pub ops: usize,
    /// Envelopes in inboxes.
    pub envelopes: usize,
    /// Account states and parts of an escrow.
    pub slots: usize,
}

impl Outsider {
    /// Gives him the frames and the link. He knows who the two people are.
    ///
    /// # Errors
    /// When the record of the invite, which the link is made to open, is not among the frames or does not open.
    pub fn new(trace: &Trace, link: &str, accounts: &[[u8; 32]; 2]) -> Result<Self> {
        let link = invite_link::parse(link)?;
        let secret: [u8; 16] = link.secret.as_slice().try_into()?;
        let record = trace.bodies().find_map(|body| open_invite(&secret, body).ok());
        let record = record.context("the invite is not at the relay")?;
        let mut strings = BTreeSet::new();
        collect(&link.encode_to_vec(), DEPTH, &mut strings);
        collect(record.body.bytes(), DEPTH, &mut strings);
        trace.frames().for_each(|(_, frame)| collect(frame, DEPTH, &mut strings));
        let [one, other] = accounts;
        strings.extend(accounts.map(|account| account.to_vec()));
        let convs = vec![direct_conv(one, other), self_conv(one), self_conv(other)];
        strings.extend(convs.iter().map(|conv| conv.to_vec()));
        Ok(Self { strings, convs })
    }

    /// Lets him in on what he cannot know: the keys in the home of a person, on which no node runs.
    ///
    /// # Errors
    /// When the home cannot be opened.
    pub fn learn(&mut self, home: &Path) -> Result<()> {
        let held = home::hold(home)?;
        let store = home::open(&held, Some(PASSPHRASE))?.store;
        let keys = "SELECT body FROM epoch_key UNION ALL SELECT secret FROM envelope_key";
        let mut keys = store.writer.conn().prepare(keys)?;
        for key in keys.query_map((), |row| row.get::<_, Vec<u8>>(0))? {
            collect(&key?, DEPTH, &mut self.strings);
        }
        drop(keys);
        store.writer.close()?;
        Ok(())
    }

    /// Tries everything.
    pub fn read(&self, trace: &Trace) -> Read {
        let keys = self.keys();
        let mut read = Read::default();
        let mut sealed = Vec::new();
        let (mut envelopes, mut others) = (Vec::new(), Vec::new());
        for body in trace.bodies() {
            match decode::<InboxItem>(body).ok().and_then(|item| item.body) {
                Some(InboxBody::Env(envelope)) if !envelope.ct.is_empty() => envelopes.push(envelope),
                Some(InboxBody::Sealed(inside)) if !inside.ct.is_empty() => sealed.push(inside),
                _ => match decode::<Sealed>(body) {
                    Ok(frame) if frame.nonce.len() == 24 => sealed.push(frame),
                    _ => others.push(body),
                },
            }
        }
        for frame in &sealed {
            if let Some(inner) = self.open(frame, &keys) {
                read.sealed += 1;
                read.ops +=
                    usize::from(matches!(&inner.body, Some(InnerBody::Op(op)) if verify_op(op).is_ok()));
            }
        }
        for secret in keys.iter().map(XWingSecret::from_seed) {
            read.envelopes +=
                envelopes.iter().filter(|envelope| open_envelope(&secret, envelope).is_ok()).count();
            read.slots += others.iter().filter(|body| open_escrow(body, &secret).is_ok()).count();
        }
        for key in &keys {
            read.slots += others.iter().filter(|body| open_account_slot(key, body).is_ok()).count();
        }
        read
    }

    /// Everything that could be a key.
    fn keys(&self) -> BTreeSet<[u8; 32]> {
        let mut keys = BTreeSet::new();
        for string in &self.strings {
            keys.insert(sha256(string));
            keys.extend(string.windows(32).filter_map(|part| <[u8; 32]>::try_from(part).ok()));
            keys.extend(LABELS.iter().map(|label| *hkdf(string, label.as_bytes())));
        }
        keys
    }

    fn open(&self, frame: &Sealed, keys: &BTreeSet<[u8; 32]>) -> Option<Inner> {
        let nonce: [u8; 24] = frame.nonce.as_slice().try_into().ok()?;
        let plain =
            |bytes: &[u8]| decode::<Inner>(unpad(bytes).ok()?).ok().filter(|inner| inner.body.is_some());
        // Without a key: what no cipher has touched.
        let length = frame.ct.len().checked_sub(TAG_BYTES)?;
        if let Some(inner) = frame.ct.get(..length).and_then(plain) {
            return Some(inner);
        }
        for conv in &self.convs {
            let suite = u16::try_from(SUITE).ok()?.to_be_bytes();
            let aad = [&suite[..], conv, &frame.key_id].concat();
            for key in keys {
                for key in [*key, *hkdf(key, b"content")] {
                    let payload = Payload { msg: &frame.ct, aad: &aad };
                    let opened = XChaCha20Poly1305::new(&key.into()).decrypt(&nonce.into(), payload);
                    if let Some(inner) = opened.ok().and_then(|padded| plain(&padded)) {
                        return Some(inner);
                    }
                }
            }
        }
        None
    }
}

/// Collects every string in a message and in what lies in it.
fn collect(bytes: &[u8], depth: usize, strings: &mut BTreeSet<Vec<u8>>) {
    if LENGTHS.contains(&bytes.len()) {
        strings.insert(bytes.to_vec());
    }
    if let Some(depth) = depth.checked_sub(1) {
        fields(bytes).unwrap_or_default().into_iter().for_each(|field| collect(field, depth, strings));
    }
}

/// The strings of a message; none when it is no message.
fn fields(mut rest: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        match number(&mut rest)? & 7 {
            0 => drop(number(&mut rest)?),
            1 => rest = rest.get(8..)?,
            2 => {
                let length = usize::try_from(number(&mut rest)?).ok()?;
                let (field, after) = rest.split_at_checked(length)?;
                found.push(field);
                rest = after;
            }
            5 => rest = rest.get(4..)?,
            _ => return None,
        }
    }
    Some(found)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_found_however_deep_they_lie() {
        let sealed = Sealed { key_id: vec![1; 16], nonce: vec![2; 24], ct: vec![3; 99], rmac: vec![4; 16] };
        let item = InboxItem { body: Some(InboxBody::Sealed(sealed)) }.encode_to_vec();
        let mut strings = BTreeSet::new();
        collect(&item, DEPTH, &mut strings);
        for wanted in [vec![1; 16], vec![2; 24], vec![4; 16]] {
            assert!(strings.contains(&wanted), "{strings:?}");
        }
        assert!(!strings.contains(&vec![3; 99]));
    }
}
