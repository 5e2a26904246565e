//! How often and how much (protocol section 10.4).
//!
//! Owns the rate limiters. It must not know frames. Invariant: a key enters a limiter only after its right was checked
//! or because it is a network with a live connection, so nobody fills the tables with invented keys.

use std::hash::Hash;
use std::num::NonZeroU32;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::config::RatesConfig;
use crate::peers::Network;
use crate::storage::BoxId;

/// A burst is this many seconds' worth of a rate.
const BURST_SECONDS: u32 = 10;

/// Pause told to a client whose single request is larger than a whole burst, ms.
const TOO_LARGE_FOR_BURST_MS: u32 = 60_000;

/// A rate was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    /// When it makes sense to try again, ms.
    pub(crate) retry_ms: u32,
}

/// All limiters of the relay.
pub(crate) struct Rates {
    ip_requests: Rate<Network>,
    ip_kib: Rate<Network>,
    ip_creations: Rate<Network>,
    box_requests: Rate<BoxId>,
    slot_reads: Rate<BoxId>,
    token_requests: Rate<(BoxId, u32)>,
    writer_requests: Rate<[u8; 8]>,
    writer_kib: Rate<[u8; 8]>,
}

impl Rates {
    pub(crate) fn new(config: &RatesConfig) -> Self {
        Self {
            ip_requests: Rate::new(config.ip_requests),
            ip_kib: Rate::new(config.ip_kib),
            ip_creations: Rate::new(config.ip_creations),
            box_requests: Rate::new(config.box_requests),
            slot_reads: Rate::new(config.box_requests),
            token_requests: Rate::new(config.token_requests),
            writer_requests: Rate::new(config.writer_requests),
            writer_kib: Rate::new(config.writer_kib),
        }
    }

    /// One request from a network: a frame, or a part of one that has several.
    pub(crate) fn request(&self, network: Network) -> Result<(), Exceeded> {
        self.ip_requests.take(network, 1)
    }

    /// So many bytes from a network.
    pub(crate) fn bytes(&self, network: Network, bytes: usize) -> Result<(), Exceeded> {
        self.ip_kib.take(network, kib(bytes))
    }

    /// So many bytes that a network asked to be sent. An answer counts as half a burst at most: where the burst is
    /// small it can perhaps be asked for in no smaller part, and must pass when the network has been quiet.
    pub(crate) fn answer(&self, network: Network, bytes: usize) -> Result<(), Exceeded> {
        self.ip_kib.take(network, kib(bytes).min(self.ip_kib.burst.div_ceil(2)))
    }

    /// One box or first slot made from a network.
    pub(crate) fn creation(&self, network: Network) -> Result<(), Exceeded> {
        self.ip_creations.take(network, 1)
    }

    /// One use of a capability whose holder has shown it.
    pub(crate) fn capability(&self, id: BoxId) -> Result<(), Exceeded> {
        self.box_requests.take(id, 1)
    }

    /// One reading of a slot that exists. It has a table of its own: whoever knows the id may read, and must not keep the
    /// owner from writing.
    pub(crate) fn slot_read(&self, id: BoxId) -> Result<(), Exceeded> {
        self.slot_reads.take(id, 1)
    }

    /// One put with a valid token.
    pub(crate) fn token(&self, id: BoxId, slot: u32) -> Result<(), Exceeded> {
        self.token_requests.take((id, slot), 1)
    }

    /// One request on a log by a writer.
    pub(crate) fn writer_request(&self, tag: [u8; 8]) -> Result<(), Exceeded> {
        self.writer_requests.take(tag, 1)
    }

    /// So many bytes into logs by a writer.
    pub(crate) fn writer_bytes(&self, tag: [u8; 8], bytes: usize) -> Result<(), Exceeded> {
        self.writer_kib.take(tag, kib(bytes))
    }

    /// Keys in all tables.
    #[cfg(test)]
    pub(crate) fn keys(&self) -> usize {
        let networks = self.ip_requests.keys() + self.ip_kib.keys() + self.ip_creations.keys();
        let boxes = self.box_requests.keys() + self.slot_reads.keys() + self.token_requests.keys();
        networks + boxes + self.writer_requests.keys() + self.writer_kib.keys()
    }

    /// Forgets keys that were not used for a while.
    pub(crate) fn forget_idle(&self) {
        self.ip_requests.forget_idle();
        self.ip_kib.forget_idle();
        self.ip_creations.forget_idle();
        self.box_requests.forget_idle();
        self.slot_reads.forget_idle();
        self.token_requests.forget_idle();
        self.writer_requests.forget_idle();
        self.writer_kib.forget_idle();
    }
}

/// A limiter by key, or none when the rate is 0.
struct Rate<K: Hash + Eq + Clone> {
    limiter: Option<DefaultKeyedRateLimiter<K>>,
    burst: u32,
}

impl<K: Hash + Eq + Clone> Rate<K> {
    fn new(per_second: u32) -> Self {
        let burst = per_second.saturating_mul(BURST_SECONDS);
        let limiter = NonZeroU32::new(per_second)
            .zip(NonZeroU32::new(burst))
            .map(|(rate, burst)| RateLimiter::keyed(Quota::per_second(rate).allow_burst(burst)));
        Self { limiter, burst }
    }

    fn take(&self, key: K, n: u32) -> Result<(), Exceeded> {
        let (Some(limiter), Some(n)) = (&self.limiter, NonZeroU32::new(n)) else { return Ok(()) };
        match limiter.check_key_n(&key, n) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                Err(Exceeded { retry_ms: u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1) })
            }
            Err(_) => Err(Exceeded { retry_ms: TOO_LARGE_FOR_BURST_MS }),
        }
    }

    #[cfg(test)]
    fn keys(&self) -> usize {
        self.limiter.as_ref().map_or(0, |limiter| limiter.len())
    }

    fn forget_idle(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

fn kib(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_is_told_to_wait_without_touching_others() {
        let rates = Rates::new(&RatesConfig { box_requests: 2, ..RatesConfig::default() });
        let (noisy, quiet) = (BoxId([1; 16]), BoxId([2; 16]));
        let passed = (0..100).filter(|_| rates.capability(noisy).is_ok()).count();
        assert!((20..=22).contains(&passed), "{passed}");
        let exceeded = rates.capability(noisy).unwrap_err();
        assert!((1..=500).contains(&exceeded.retry_ms), "{exceeded:?}");
        assert_eq!(rates.capability(quiet), Ok(()));
    }

    #[test]
    fn bytes_count_by_kibibyte_and_zero_switches_a_rate_off() {
        let network = Network::V4([1, 2, 3, 4]);
        let rates = Rates::new(&RatesConfig { ip_kib: 1, ip_requests: 0, ..RatesConfig::default() });
        assert_eq!(rates.bytes(network, 10 * 1024), Ok(()));
        assert!(rates.bytes(network, 1).is_err());
        assert!((0..10_000).all(|_| rates.request(network).is_ok()));
        assert_eq!(rates.bytes(Network::V4([9; 4]), 10_241).unwrap_err().retry_ms, TOO_LARGE_FOR_BURST_MS);
        let off = Rates::new(&RatesConfig { ip_kib: 0, ..RatesConfig::default() });
        assert!((0..10_000).all(|_| off.bytes(network, 262_144).is_ok()));
    }
}
