//! Writer tags (protocol section 10.4).
//!
//! Owns the keyed hash that stands for a writer on disk. Invariant: without the key of the relay a tag tells neither
//! the owner key nor the network it was made from.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::peers::Network;
use crate::storage::{BoxId, Writer};

/// The key of writer tags, derived from the key of the relay.
pub(crate) struct WriterKey([u8; 32]);

impl WriterKey {
    /// Derives the key, so that it survives as long as the relay's identity and lies in no further file.
    pub(crate) fn derive(relay_secret: &[u8; 32]) -> Self {
        Self(mac(relay_secret, &[b"madang/relay-writer/1"]))
    }

    /// The writer behind a put into a log: the admitted owner key, else the network. `root` is the first log of the
    /// chain, because a successor shares its quota.
    pub(crate) fn writer(&self, root: BoxId, owner: Option<&[u8; 32]>, network: Network) -> Writer {
        let name = owner.map_or(network.bytes(), |key| key.as_slice());
        let length = u32::try_from(name.len()).unwrap_or(u32::MAX).to_be_bytes();
        let [a, b, c, d, e, f, g, h, ..] = mac(&self.0, &[&root.0, &length, name]);
        Writer { tag: [a, b, c, d, e, f, g, h], admitted: owner.is_some() }
    }
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of every length; the impossible error would give a tag that is shared by all.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_depends_on_relay_chain_and_writer_only() {
        let key = WriterKey::derive(&[1; 32]);
        let network = Network::V4([1, 2, 3, 4]);
        let (log, other) = (BoxId([5; 16]), BoxId([6; 16]));
        let alice = key.writer(log, Some(&[7; 32]), network);
        assert!(alice.admitted);
        assert_eq!(alice, key.writer(log, Some(&[7; 32]), Network::V4([9; 4])));
        assert_ne!(alice.tag, key.writer(log, Some(&[8; 32]), network).tag);
        assert_ne!(alice.tag, key.writer(other, Some(&[7; 32]), network).tag);
        assert_ne!(alice.tag, WriterKey::derive(&[2; 32]).writer(log, Some(&[7; 32]), network).tag);
        let open = key.writer(log, None, network);
        assert!(!open.admitted && open.tag != alice.tag);
    }
}
