//! Messages: sending, listing, and where they are.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Delivery state of an own message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum MessageState {
    /// Durable on this machine.
    Sending,
    /// Stored on a relay.
    Relayed,
    /// Every recipient has it on one machine.
    Delivered,
    /// Everybody has read it.
    Read,
    /// Retrying cannot cure it.
    Failed,
}

/// A reaction and the people who gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// Accounts that gave it.
    pub accounts: Vec<String>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Message {
    /// Id of the message.
    pub message: String,
    /// Its room.
    pub room: String,
    /// Who wrote it.
    pub sender: String,
    /// Name of the sender to show.
    pub sender_name: String,
    /// Text; none when deleted.
    pub text: Option<String>,
    /// Time to show, ms.
    pub at: u64,
    /// `text`.
    pub kind: String,
    /// State of an own message; none for others'.
    pub state: Option<MessageState>,
    /// With `sending` and `failed`: why, as a code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[ts(optional)]
    pub reason: Option<String>,
    /// How many people have not read it.
    pub unread: Option<u32>,
    /// Arrived after newer messages had been shown.
    pub late: bool,
    /// Edited by its author.
    pub edited: bool,
    /// Deleted for everyone.
    pub deleted: bool,
    /// The message it answers.
    pub reply: Option<String>,
    /// Reactions.
    pub reactions: Vec<Reaction>,
}

/// Parameters of `message_send`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Send {
    /// Id of the room.
    pub room: String,
    /// Text, at most 10,000 characters.
    pub text: String,
    /// Send so many messages, each with ` #i` behind the text.
    #[serde(default)]
    pub count: Option<u32>,
    /// The message it answers.
    #[serde(default)]
    pub reply: Option<String>,
}

/// Answer of `message_send`, given once the message is durable here.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Sent {
    /// Id of the (last) message.
    pub message: String,
    /// Its room.
    pub room: String,
    /// Its time, ms.
    pub at: u64,
}

/// Parameters of `message_list`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct List {
    /// Id of the room.
    pub room: String,
    /// At most so many, 50 when absent, 1,000 at most.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Only older than this one.
    #[serde(default)]
    pub before: Option<String>,
    /// Only newer than this one.
    #[serde(default)]
    pub after: Option<String>,
}

/// Parameters that name a message.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct MessageRef {
    /// Id of the message.
    pub message: String,
}

/// State of a message at one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum DeviceState {
    /// Waits here.
    Queued,
    /// Lies on a relay.
    Relayed,
    /// Committed there.
    Delivered,
    /// Displayed there.
    Read,
}

/// Where one device stands with a message.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct DeviceDelivery {
    /// Account of the device.
    pub account: String,
    /// The device.
    pub device: String,
    /// Its state.
    pub state: DeviceState,
    /// When it was reached, ms; 0 when unknown.
    pub at: u64,
    /// Why it goes no further, as a code.
    pub reason: Option<String>,
}

/// Answer of `message_why`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Why {
    /// The message.
    pub message: String,
    /// Every recipient device.
    pub devices: Vec<DeviceDelivery>,
}

/// Parameters of `search`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Search {
    /// What to look for.
    pub text: String,
    /// Only in this room.
    #[serde(default)]
    pub room: Option<String>,
    /// Only of this account.
    #[serde(default)]
    pub from: Option<String>,
    /// At most so many, 50 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
}
