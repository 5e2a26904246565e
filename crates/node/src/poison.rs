//! What the network brought that could not be taken for another reason than the store.
//!
//! The turn in which it came was undone, and whoever sent it will send it again. Invariant: the same bytes undo one
//! turn at most; the number of names kept is bounded.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use madang_wire::{Message as _, StreamBody};

use crate::input::Input;

/// Names kept: more than one peer can make one after the other in the time in which it matters.
const NAMES_MAX: usize = 1_024;

/// Short hash of the bytes of something.
pub(crate) type Name = [u8; 16];

/// Names of what could not be taken.
#[derive(Debug, Default)]
pub(crate) struct Poison {
    names: BTreeSet<Name>,
    order: VecDeque<Name>,
    /// How often something was named.
    added: u64,
}

impl Poison {
    /// Whether an input is known to be impossible to take.
    pub(crate) fn names(&self, input: &Input) -> bool {
        // Nothing is hashed on a good day.
        !self.names.is_empty() && bytes_of(input).is_some_and(|bytes| self.has(&name(&bytes)))
    }

    /// Whether bytes are known to be impossible to take.
    pub(crate) fn has(&self, name: &Name) -> bool {
        self.names.contains(name)
    }

    /// Whether bytes that came among others are known to be impossible to take.
    pub(crate) fn names_bytes(&self, bytes: &[u8]) -> bool {
        !self.names.is_empty() && self.has(&name(bytes))
    }

    /// How often something was named since the start.
    pub(crate) fn added(&self) -> u64 {
        self.added
    }

    /// Remembers a name; the oldest gives way.
    pub(crate) fn add(&mut self, name: Name) {
        self.added = self.added.saturating_add(1);
        if !self.names.insert(name) {
            return;
        }
        self.order.push_back(name);
        if self.order.len() > NAMES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.names.remove(&oldest);
        }
    }
}

/// The bytes by which an input is known when it comes again. Objects under a seal are opened before they are inputs, and
/// small frames about what is here are made anew each time. The items of an inbox are known one by one: their frame is
/// another one on every stream.
pub(crate) fn bytes_of(input: &Input) -> Option<Bytes> {
    match input {
        Input::Frame { frame: StreamBody::Lane(envelope), .. } => Some(envelope.encode_to_vec().into()),
        Input::Frame { frame: StreamBody::Account(ops), .. } => Some(ops.encode_to_vec().into()),
        Input::Contact { frame, .. } => Some(frame.clone()),
        Input::RelayFrame { frame, .. } => Some(behind_id(frame)),
        _ => None,
    }
}

/// A relay frame without its id, which is the first field and differs from stream to stream.
fn behind_id(frame: &Bytes) -> Bytes {
    const ID: u8 = 1 << 3;
    let length = match frame.split_first() {
        Some((&ID, rest)) => {
            rest.iter().position(|byte| byte & 0x80 == 0).map_or(0, |at| at.saturating_add(2))
        }
        _ => 0,
    };
    frame.get(length..).map_or_else(Bytes::new, |_| frame.slice(length..))
}

/// Name of bytes.
pub(crate) fn name(bytes: &[u8]) -> Name {
    madang_crypto::frame_id(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(frame: &'static [u8]) -> Input {
        let peer = madang_p2p::PeerId::random();
        Input::Contact { peer, ask: crate::effect::AskId(1), frame: Bytes::from_static(frame) }
    }

    #[test]
    fn the_same_bytes_are_known_again_whoever_brings_them() {
        let mut poison = Poison::default();
        assert!(!poison.names(&contact(b"bad")));
        poison.add(name(b"bad"));
        assert!(poison.names(&contact(b"bad")));
        assert!(!poison.names(&contact(b"good")));
    }

    #[test]
    fn a_relay_frame_is_known_again_under_another_id() {
        let relay = madang_p2p::PeerId::random();
        let frame = |id, version| {
            let slot = madang_wire::Slot { version, ..madang_wire::Slot::default() };
            let frame = madang_wire::RelayFrame { id, body: Some(madang_wire::RelayBody::Slot(slot)) };
            Input::RelayFrame { relay, frame: frame.encode_to_vec().into() }
        };
        let mut poison = Poison::default();
        poison.add(name(&bytes_of(&frame(3, 7)).unwrap()));
        for id in [0, 1, 127, 128, 70_000, u64::MAX] {
            assert!(poison.names(&frame(id, 7)), "{id}");
            assert!(!poison.names(&frame(id, 8)), "{id}");
        }
        for broken in [&[][..], &[8], &[8, 0xff, 0xff]] {
            let frame = Bytes::copy_from_slice(broken);
            assert!(!poison.names(&Input::RelayFrame { relay, frame }));
        }
    }

    #[test]
    fn names_are_bounded_and_the_oldest_gives_way() {
        let mut poison = Poison::default();
        for number in 0..=NAMES_MAX {
            poison.add(name(&number.to_be_bytes()));
        }
        assert!(!poison.has(&name(&0_usize.to_be_bytes())));
        assert!(poison.has(&name(&NAMES_MAX.to_be_bytes())));
        assert_eq!(poison.names.len(), NAMES_MAX);
    }
}
