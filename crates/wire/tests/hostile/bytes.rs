//! Bytes as somebody hostile would send them, and the loop that feeds them to what reads them.
//!
//! It must not know what reads them: that is in `decoders`, and in the tests of the crypto crate, which use this file too.
//! Invariant: an input follows from its seed alone, and every failure tells the seed.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// No input may take so long.
pub(crate) const LONG: Duration = Duration::from_secs(2);
/// Longest input, above every limit of the protocol, bytes.
const LONGEST: usize = 300 * 1024;

/// Something that reads bytes of strangers: it may refuse them, and nothing else.
pub(crate) type Target = fn(&[u8]);

/// A small generator: the same seed gives the same bytes on every machine (splitmix64).
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n.max(1) as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// One of the samples that was cut, grown, repeated or changed.
pub(crate) fn hostile(rng: &mut Rng, samples: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = samples[rng.below(samples.len())].clone();
    for _ in 0..=rng.below(6) {
        let at = rng.below(bytes.len() + 1);
        match rng.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.byte()),
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = rng.byte();
                }
            }
            3 => {
                // A length that claims far more than there is.
                bytes.splice(at..at, [0xff, 0xff, 0xff, 0xff, 0x0f]);
            }
            4 => {
                let part = bytes[..at].to_vec();
                for _ in 0..rng.below(40) {
                    bytes.extend_from_slice(&part);
                }
            }
            _ => {
                let other = &samples[rng.below(samples.len())];
                bytes.splice(at..at, other.iter().copied());
            }
        }
        bytes.truncate(LONGEST);
    }
    bytes
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Where the seeds begin: another place in every run, or `MADANG_FUZZ_SEED`.
fn first_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    number("MADANG_FUZZ_SEED")
        .unwrap_or_else(|| Rng(u64::try_from(now % u128::from(u64::MAX)).unwrap()).next() >> 16)
}

/// Feeds hostile forms of the samples for `MADANG_FUZZ_SECONDS` (1 when it is not set).
pub(crate) fn feed(name: &str, samples: &[Vec<u8>], take: Target) {
    let first = first_seed();
    println!("{name}: MADANG_FUZZ_SEED={first}");
    let end = Instant::now() + Duration::from_secs(number("MADANG_FUZZ_SECONDS").unwrap_or(1));
    let mut seed = first;
    while Instant::now() < end || seed < first + 100 {
        let bytes = hostile(&mut Rng(seed), samples);
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| take(&bytes)));
        assert!(outcome.is_ok(), "{name}: MADANG_FUZZ_SEED={seed} panics");
        assert!(start.elapsed() < LONG, "{name}: MADANG_FUZZ_SEED={seed} takes {:?}", start.elapsed());
        seed += 1;
    }
    println!("{name}: {} inputs", seed - first);
}
