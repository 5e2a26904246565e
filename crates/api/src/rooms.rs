//! Rooms and their members.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::messages::Message;

/// Kind of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum RoomKind {
    /// The conversation among one's own machines.
    #[serde(rename = "self")]
    SelfRoom,
    /// Two people.
    Direct,
    /// A closed group.
    Group,
    /// An open room.
    Open,
}

/// One entry of the room list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Room {
    /// Id of the room.
    pub room: String,
    /// Kind of the room.
    pub kind: RoomKind,
    /// Title; of a 1:1 the name of the friend.
    pub title: String,
    /// The other account of a 1:1.
    pub peer: Option<String>,
    /// Messages of others that were not read.
    pub unread: u32,
    /// Newest message.
    pub last: Option<Message>,
    /// Number of people in the room.
    pub members: u32,
    /// Messages known to be missing.
    pub missing: u32,
    /// Keys that were not given to every machine of the room; whoever lacks one asks for it.
    pub incomplete_keys: u32,
}

/// Parameters that name a room.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct RoomRef {
    /// Id of the room.
    pub room: String,
}

/// What newcomers see, and from when this account sees.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct History {
    /// `none`, `now`, `days:N` or `all`.
    pub history: String,
    /// Start of what this account sees, ms; none without a limit.
    pub since: Option<u64>,
}

/// A person in a room.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Member {
    /// Account of the member.
    pub account: String,
    /// Name to show.
    pub name: String,
    /// `owner`, `admin`, `moderator`, `member` or `reader`.
    pub role: String,
}

/// Parameters of `room_read`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Read {
    /// Id of the room.
    pub room: String,
    /// Read up to this message; the newest when absent.
    #[serde(default)]
    pub message: Option<String>,
}

/// A hole in what an author wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Gap {
    /// The room.
    pub room: String,
    /// Whose messages are missing.
    pub account: String,
    /// Which machine wrote them.
    pub device: String,
    /// Name of that machine.
    pub device_name: String,
    /// How many.
    pub count: u32,
    /// When it was noticed, ms.
    pub since: u64,
    /// Given up: they were never delivered.
    pub closed: bool,
    /// Why they are not shown though they are here: `clock` when that machine's clock is ahead and their time has not
    /// come. None when they are not here.
    pub reason: Option<String>,
}
