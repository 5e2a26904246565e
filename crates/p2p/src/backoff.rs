//! Waiting times between attempts.
//!
//! Owns: the schedule 1 s, 2 s, 4 s … 60 s with its jitter, and the spread after the loss of a relay.
//! Must not know: what is attempted.
//! Invariant: the jitter comes from both PeerIds and the attempt, so it differs between nodes that lost the same
//! peer at the same moment, and a test sees the same times every run.

use libp2p::PeerId;
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Longest wait between two attempts.
const LONGEST: Duration = Duration::from_secs(60);
/// The very first attempt after a loss waits at most this long.
const FIRST: Duration = Duration::from_millis(250);

/// Longest wait after the loss of a relay, before the first attempt.
const SPREAD: Duration = Duration::from_secs(30);

/// How long `local` waits before it tries `remote` again after `failed` attempts without success: up to 250 ms for
/// 0, otherwise half to one and a half times 1 s, 2 s, 4 s …, never above 60 s.
pub(crate) fn delay(local: &PeerId, remote: &PeerId, failed: u32) -> Duration {
    let jitter = fraction(local, remote, failed);
    match failed.checked_sub(1) {
        None => FIRST.mul_f64(jitter),
        Some(doublings) => {
            let base = Duration::from_secs(1_u64.checked_shl(doublings.min(6)).unwrap_or(64)).min(LONGEST);
            base.mul_f64(0.5 + jitter).min(LONGEST)
        }
    }
}

/// How long `local` waits after it lost an established connection to the relay `remote`, for the n-th time: 0 to 30 s,
/// so that a relay which was started again is not run over by all its clients at once.
pub(crate) fn spread(local: &PeerId, remote: &PeerId, losses: u32) -> Duration {
    SPREAD.mul_f64(fraction(local, remote, losses))
}

/// A number from 0 to 1 that differs between nodes and attempts.
fn fraction(local: &PeerId, remote: &PeerId, attempt: u32) -> f64 {
    let mut hash = Sha256::new();
    hash.update(local.to_bytes());
    hash.update(remote.to_bytes());
    hash.update(attempt.to_be_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    f64::from(u16::from_be_bytes([digest[0], digest[1]])) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_minute_and_differ_between_peers() {
        let (alice, bob) = (PeerId::random(), PeerId::random());
        assert!(delay(&alice, &bob, 0) <= FIRST);
        for failed in 1..40 {
            let base = 2_f64.powi(i32::try_from(failed).unwrap() - 1).min(60.0);
            let wait = delay(&alice, &bob, failed).as_secs_f64();
            assert!(wait >= base * 0.499 && wait <= (base * 1.501).min(60.0), "{failed}: {wait}");
        }
        let waits: std::collections::BTreeSet<Duration> =
            (0..100).map(|_| delay(&PeerId::random(), &bob, 5)).collect();
        assert!(waits.len() > 90, "a herd would come back in step: {}", waits.len());
        assert_eq!(delay(&alice, &bob, 5), delay(&alice, &bob, 5));
    }
}
