//! Friends, contact requests and invites.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// One entry of the friend list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Friend {
    /// Account of the friend.
    pub account: String,
    /// Name on the card that this friend shows to me.
    pub name: String,
    /// My own name for the friend.
    pub alias: Option<String>,
    /// Shown among the favourites.
    pub favourite: bool,
    /// Left out of the list.
    pub hidden: bool,
    /// 1:1 closed.
    pub blocked: bool,
    /// The 1:1 room.
    pub room: String,
}

/// Whether somebody is a friend already or was only asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum FriendState {
    /// The request waits for the other side.
    Requested,
    /// Both sides agreed.
    Friend,
}

/// Parameters of `friend_add`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Add {
    /// The invite link.
    pub link: String,
    /// A greeting to show to the inviter.
    #[serde(default)]
    pub greeting: Option<String>,
}

/// Answer of `friend_add`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Added {
    /// Account of the inviter.
    pub friend: String,
    /// What was reached.
    pub state: FriendState,
}

/// A contact request that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Request {
    /// Id of the request.
    pub request: String,
    /// Who asks.
    pub account: String,
    /// Name on the card in the request.
    pub name: String,
    /// Greeting, possibly empty.
    pub greeting: String,
    /// When it was written, ms.
    pub at: u64,
}

/// Parameters that name a request.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct RequestId {
    /// Id of the request.
    pub request: String,
}

/// Parameters that name an account.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct AccountRef {
    /// Id of the account.
    pub account: String,
}

/// Answer of `friend_accept` and `friend_decline`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Answered {
    /// Account that asked.
    pub friend: String,
    /// The 1:1 room; none when declined.
    pub room: Option<String>,
}

/// Parameters of `friend_set`; what is absent stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Set {
    /// Account of the friend.
    pub account: String,
    /// Favourite or not.
    #[serde(default)]
    pub favourite: Option<bool>,
    /// Hidden or not.
    #[serde(default)]
    pub hidden: Option<bool>,
    /// Blocked or not.
    #[serde(default)]
    pub blocked: Option<bool>,
    /// Own name; an empty one removes it.
    #[serde(default)]
    pub alias: Option<String>,
}

/// Parameters of `invite_create`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS)]
pub struct CreateInvite {
    /// Accept the first requester by itself and nobody after.
    #[serde(default)]
    pub once: bool,
    /// Life in hours; a week when absent.
    #[serde(default)]
    pub expires_hours: Option<u32>,
}

/// Answer of `invite_create`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct CreatedInvite {
    /// The link to hand over.
    pub link: String,
    /// Id of the invite.
    pub invite: String,
    /// The same link as a QR code, an SVG document.
    pub qr: String,
}

/// An invite of this account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Invite {
    /// Id of the invite.
    pub invite: String,
    /// Accepts one person.
    pub once: bool,
    /// When it expires, ms.
    pub expires: u64,
    /// How many people have used it.
    pub used: u32,
    /// Withdrawn.
    pub revoked: bool,
}

/// Parameters that name an invite.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct InviteId {
    /// Id of the invite.
    pub invite: String,
}

/// Parameters of `invite_show`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Link {
    /// The invite link.
    pub link: String,
}

/// What a link says about the inviter.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct InviteInfo {
    /// Account of the inviter.
    pub account: String,
    /// Name on the inviter's card.
    pub name: String,
    /// The record was checked against the account id in the link.
    pub verified: bool,
}
