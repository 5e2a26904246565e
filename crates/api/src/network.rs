//! Status, relays, and the path to each device.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// A connected device.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Peer {
    /// Its account.
    pub account: String,
    /// The device.
    pub device: String,
    /// `direct` or `relayed`.
    pub path: String,
    /// Round trip in ms, once measured.
    pub rtt_ms: Option<u32>,
}

/// State of a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum RelayState {
    /// Authenticated and subscribed.
    Connected,
    /// On the way.
    Connecting,
    /// The last attempt failed; it is tried again.
    Failed,
}

/// A relay of this account.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Relay {
    /// Its address.
    pub addr: String,
    /// State of the connection.
    pub state: RelayState,
    /// Why it failed.
    pub reason: Option<String>,
    /// Since when it is in this state, ms; none just after it changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[ts(optional)]
    pub since: Option<u64>,
}

/// State of the node.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Status {
    /// Own account.
    pub account: String,
    /// This machine.
    pub device: String,
    /// Addresses it listens on.
    pub addrs: Vec<String>,
    /// Connected devices.
    pub peers: Vec<Peer>,
    /// Relays.
    pub relays: Vec<Relay>,
    /// Own messages that some recipient does not have yet.
    pub outbox: u64,
    /// Ops that came by reconciliation.
    pub repaired: u64,
    /// Offset of the own clock in ms, when it is corrected.
    pub clock_offset_ms: Option<i64>,
}

/// The path to a device, for `net_why`: how the last message reached it, and how it stands now.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct DevicePath {
    /// Account of the device.
    pub account: String,
    /// The device.
    pub device: String,
    /// `gossip`, `stream`, `relay` or `none`.
    pub path: String,
    /// Why this path, as a code.
    pub reason: String,
    /// The connection of this moment: `direct`, `relayed` or `none`.
    pub connection: String,
    /// Connected: since when, ms. Not connected: when the device was last heard of, none if never.
    pub since: Option<u64>,
    /// Own messages that it has not acknowledged.
    pub waiting: u64,
    /// Those of them that lie at a relay, where the device can fetch them.
    pub at_relay: u64,
}

/// Parameters of `relay_add` and `relay_remove`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct RelayRef {
    /// Address with `/p2p/`.
    pub addr: String,
    /// Admission code of the operator.
    #[serde(default)]
    pub code: Option<String>,
}
