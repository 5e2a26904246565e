//! Keys of one machine (protocol section 1.1).
//!
//! Owns their making. Invariant: none of them follows from the phrase or from another, and none is
//! copied, backed up or restored.

use crate::lane::LaneAccount;
use crate::random::{CryptoRng, random};
use crate::sign::SignKey;
use crate::xwing::XWingSecret;
use std::fmt;
use zeroize::Zeroizing;

/// The keys a device makes for itself.
pub struct DeviceKeys {
    /// Signs ops; its public part is the device id.
    pub sign: SignKey,
    /// Olm identity and fallback keys.
    pub lane: LaneAccount,
    /// Opens envelopes; replaced weekly.
    pub envelope: XWingSecret,
    /// Seed of the libp2p key, unrelated to the device key.
    pub network: Zeroizing<[u8; 32]>,
}

impl DeviceKeys {
    /// New keys. (The Olm account draws from the operating system.)
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        Self {
            sign: SignKey::generate(rng),
            lane: LaneAccount::generate(),
            envelope: XWingSecret::generate(rng),
            network: Zeroizing::new(random(rng)),
        }
    }
}

impl fmt::Debug for DeviceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceKeys").field("device", &self.sign.public()).finish_non_exhaustive()
    }
}
