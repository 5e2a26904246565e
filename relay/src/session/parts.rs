//! How many answers a frame asks for.
//!
//! Owns this number, for frames that could not be decoded too. It must not know what a part means. Invariant: every
//! put of a PutMany and every box of a Subscribe gets an answer with its index (protocol section 10.2), so that no
//! client waits for one.

use madang_wire::RelayBody;
use madang_wire::limits::SUBSCRIBED_BOXES;

/// Keys of the fields as they lie on the wire: number and type.
const ID: u64 = 1 << 3;
const PUT_MANY: u64 = 9 << 3 | 2;
const SUBSCRIBE: u64 = 12 << 3 | 2;
const PART: u64 = 1 << 3 | 2;
const WINDOW: u64 = 2 << 3;

/// The id of a frame and how many answers it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) id: u64,
    pub(super) parts: u32,
}

/// What a decoded frame asks for.
pub(super) fn of(id: u64, body: &RelayBody) -> Asked {
    let parts = match body {
        RelayBody::PutMany(many) => many.puts.len(),
        RelayBody::Subscribe(subscribe) => subscribe.boxes.len(),
        _ => 1,
    };
    Asked { id, parts: u32::try_from(parts).unwrap_or(u32::MAX).max(1) }
}

/// What a frame asks for that could not be decoded, as far as it can be read: id and parts stand where every encoder
/// writes them. At most as many parts as a valid frame may have, so that a broken one cannot ask for a flood of answers.
pub(super) fn of_broken(bytes: &[u8]) -> Asked {
    let Some((id, rest)) = varint(bytes).filter(|(key, _)| *key == ID).and_then(|(_, rest)| varint(rest))
    else {
        return Asked { id: 0, parts: 1 };
    };
    let many = varint(rest).filter(|(key, _)| [PUT_MANY, SUBSCRIBE].contains(key));
    let parts = many.and_then(|(_, rest)| varint(rest)).map_or(1, |(len, rest)| {
        count(rest.get(..usize::try_from(len).unwrap_or(usize::MAX)).unwrap_or(rest))
    });
    Asked { id, parts: parts.max(1) }
}

/// The parts in the content of a frame; one that is cut off counts.
fn count(content: &[u8]) -> u32 {
    let most = u32::try_from(SUBSCRIBED_BOXES).unwrap_or(u32::MAX);
    let (mut rest, mut parts) = (content, 0u32);
    while parts < most {
        rest = match varint(rest) {
            Some((PART, behind)) => {
                parts = parts.saturating_add(1);
                let Some((len, behind)) = varint(behind) else { break };
                let Some(next) = usize::try_from(len).ok().and_then(|len| behind.get(len..)) else { break };
                next
            }
            Some((WINDOW, behind)) => match varint(behind) {
                Some((_, next)) => next,
                None => break,
            },
            _ => break,
        };
    }
    parts
}

/// A number of variable length and what is behind it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (mut value, mut rest) = (0u64, bytes);
    for shift in (0..64u32).step_by(7) {
        let (byte, behind) = rest.split_first()?;
        rest = behind;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some((value, rest));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use madang_wire::{Fetch, Message, Put, PutMany, RelayFrame, Subscribe};

    use super::*;

    fn puts(n: usize, body: usize) -> RelayBody {
        RelayBody::PutMany(PutMany { puts: vec![Put { body: vec![7; body], ..Put::default() }; n] })
    }

    fn boxes(n: usize) -> RelayBody {
        let boxes = vec![Fetch { box_id: vec![1; 16], ..Fetch::default() }; n];
        RelayBody::Subscribe(Subscribe { boxes, window: 300 })
    }

    fn bytes(id: u64, body: RelayBody) -> Vec<u8> {
        RelayFrame { id, body: Some(body) }.encode_to_vec()
    }

    #[test]
    fn the_id_of_a_broken_frame_is_found_when_it_leads() {
        for id in [1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let bytes = RelayFrame { id, body: None }.encode_to_vec();
            assert_eq!(of_broken(&bytes), Asked { id, parts: 1 });
        }
        for bytes in [&[][..], &[0x12, 3], &[8, 0xff], &[0xff; 30]] {
            assert_eq!(of_broken(bytes), Asked { id: 0, parts: 1 });
        }
    }

    #[test]
    fn parts_are_counted_the_same_decoded_or_not() {
        for body in [puts(1, 3), puts(64, 500), puts(65, 0), boxes(1), boxes(1_024)] {
            let asked = of(9, &body);
            assert_eq!(of_broken(&bytes(9, body)), asked);
        }
        assert_eq!(of(9, &puts(0, 0)).parts, 1);
        assert_eq!(of_broken(&bytes(9, puts(0, 0))).parts, 1);
    }

    #[test]
    fn a_cut_frame_answers_what_can_be_seen_and_a_long_one_not_without_end() {
        let whole = bytes(9, puts(10, 100));
        assert_eq!(of_broken(&whole[..whole.len() - 1]).parts, 10);
        assert_eq!(of_broken(&whole[..whole.len() - 110]).parts, 9);
        assert_eq!(of_broken(&bytes(9, puts(100_000, 0))).parts, 1_024);
    }
}
