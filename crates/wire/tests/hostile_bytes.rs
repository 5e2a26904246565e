//! Every decoder that a stranger can reach is fed with mutated and random bytes for a while: it never
//! panics, never runs long, and what it accepts is encoded within its limit.
//!
//! `MADANG_FUZZ_SECONDS` is the time per decoder (1 by default); a failure prints the seed, and
//! `MADANG_FUZZ_SEED` begins there.

#![allow(clippy::unwrap_used)] // A test that panics has failed, which is what it is for.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use madang_wire::{
    Bounded, Contact, ContactFrame, ContactRequest, Envelope, EnvelopeInner, FrameBuf, InboxItem, Inner,
    InviteLink, InviteRecord, LanePlain, LinkFrame, RelayFrame, Sealed, Signed, SignedOp, StreamFrame,
    decode,
};

/// A small generator: the same seed gives the same bytes on every machine.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

fn samples() -> Vec<Vec<u8>> {
    let text = include_str!("../../../docs/protocol/vectors/messages.json");
    let hex: BTreeMap<String, String> = serde_json::from_str(text).unwrap();
    hex.values().map(|hex| data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap()).collect()
}

/// Bytes as somebody hostile would send them: a good message that was cut, grown, repeated or changed.
fn hostile(rng: &mut Rng, samples: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = samples[rng.below(samples.len())].clone();
    for _ in 0..=rng.below(6) {
        let at = rng.below(bytes.len() + 1);
        match rng.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at.min(bytes.len()), rng.byte()),
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = rng.byte();
                }
            }
            3 => {
                // A length that claims far more than there is.
                let claim = [0xff, 0xff, 0xff, 0xff, 0x0f];
                bytes.splice(at.min(bytes.len())..at.min(bytes.len()), claim);
            }
            4 => {
                let part = bytes[..at.min(bytes.len())].to_vec();
                for _ in 0..rng.below(40) {
                    bytes.extend_from_slice(&part);
                }
                bytes.truncate(300 * 1024);
            }
            _ => {
                let other = &samples[rng.below(samples.len())];
                bytes.splice(at.min(bytes.len())..at.min(bytes.len()), other.iter().copied());
            }
        }
    }
    bytes
}

fn patience() -> Duration {
    let seconds = std::env::var("MADANG_FUZZ_SECONDS").map_or(1, |s| s.parse().unwrap());
    Duration::from_secs(seconds)
}

fn feed(name: &str, take: impl Fn(&[u8])) {
    let samples = samples();
    let mut seed: u64 = std::env::var("MADANG_FUZZ_SEED").map_or(1, |s| s.parse().unwrap());
    let end = Instant::now() + patience();
    let mut fed = 0_u64;
    while Instant::now() < end {
        let bytes = hostile(&mut Rng(seed), &samples);
        let start = Instant::now();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| take(&bytes)));
        assert!(outcome.is_ok(), "{name}: seed {seed} panics");
        assert!(start.elapsed() < Duration::from_secs(2), "{name}: seed {seed} takes too long");
        (seed, fed) = (seed + 1, fed + 1);
    }
    assert!(fed > 100, "{name}: only {fed} inputs were fed");
}

fn feed_decoder<T: Bounded>(name: &str) {
    feed(name, |bytes| {
        if let Ok(message) = decode::<T>(bytes) {
            assert!(message.encoded_len() <= T::MAX_BYTES, "{name}: accepted more than its limit");
        }
    });
}

macro_rules! decoders {
    ($($test:ident: $message:ty;)*) => {
        $(
            #[test]
            fn $test() {
                feed_decoder::<$message>(stringify!($message));
            }
        )*
    };
}

decoders! {
    contact_frames: ContactFrame;
    contact_requests: ContactRequest;
    contacts: Contact;
    envelopes: Envelope;
    envelope_contents: EnvelopeInner;
    inbox_items: InboxItem;
    inner_objects: Inner;
    invite_links: InviteLink;
    invite_records: InviteRecord;
    lane_plaintexts: LanePlain;
    link_frames: LinkFrame;
    relay_frames: RelayFrame;
    sealed_frames: Sealed;
    signed_objects: Signed;
    signed_ops: SignedOp;
    stream_frames: StreamFrame;
}

#[test]
fn link_texts() {
    feed("links", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        drop(madang_wire::invite_link::parse(&text));
        let body = data_encoding::BASE64URL_NOPAD.encode(bytes);
        drop(madang_wire::invite_link::parse(&format!("madang://invite/1/{body}")));
        drop(madang_wire::device_link::parse(&format!("madang://link/1/{body}")));
    });
}

#[test]
fn length_prefixes() {
    feed("frames", |bytes| {
        let mut frames = FrameBuf::new(64 * 1024);
        let mut rest = bytes;
        while let Ok(Some(frame)) = frames.read(&mut rest) {
            assert!(frame.len() <= 64 * 1024);
        }
    });
}
