//! The end of the relay, as its parts hear of it.
//!
//! Owns one wait. Invariant: a relay whose sender is gone counts as draining.

use tokio::sync::watch;

/// Waits until the relay drains.
pub(crate) async fn requested(draining: &mut watch::Receiver<bool>) {
    // An error means that the relay is gone already.
    drop(draining.wait_for(|draining| *draining).await);
}
