//! Errors as the shells see them: a closed code, a message for logs, and whether trying again can help.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Every code that a call can fail with. Shells translate the code, never the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The home has an account already.
    Exists,
    /// The home has no account yet.
    NoAccount,
    /// The home is locked with a passphrase that was not given.
    Locked,
    /// Another node holds the home.
    InUse,
    /// Wrong passphrase, phrase or key.
    WrongSecret,
    /// The link is damaged or not one of ours.
    BadLink,
    /// The one-time invite was used by somebody else.
    InviteUsed,
    /// The invite has expired.
    InviteExpired,
    /// The invite was withdrawn.
    InviteRevoked,
    /// No such room, message, friend or request.
    NotFound,
    /// Not a member of the room (any more).
    NotMember,
    /// The text, file or name is too large.
    TooLarge,
    /// The own clock is more than a day ahead of relays and friends.
    Clock,
    /// No space left on the disk.
    DiskFull,
    /// The home was written by a newer version.
    NewerHome,
    /// The store is damaged.
    Damaged,
    /// The other side or the relay cannot be reached.
    Offline,
    /// Not allowed.
    Denied,
    /// The call itself is malformed.
    Usage,
    /// No node runs on this home.
    NotRunning,
    /// A defect on our side.
    Internal,
}

/// What a failed call answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The code to translate.
    pub code: Code,
    /// English sentence for logs and scripts; says what to do.
    pub message: String,
    /// Which of several causes a code has, as a code: `not_friend` and `blocked` of `not_member` in a
    /// 1:1; the shells have words for each that they know.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[ts(optional)]
    pub reason: Option<String>,
    /// Whether the same call can succeed later without anything being changed by the caller.
    pub retry: bool,
}

impl Error {
    /// An error with `code` and `message` that trying again does not cure.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let retry = matches!(code, Code::Offline | Code::DiskFull | Code::InUse);
        Self { code, message: message.into(), reason: None, retry }
    }

    /// The same error with which of several causes its code has.
    #[must_use]
    pub fn because(self, reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..self }
    }
}
