//! Why a command failed. Codes are closed; words for people are made by the shells.

use madang_model::text::TextError;

/// Failure of a command. Nothing was changed when one is returned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No such thing; names the noun.
    #[error("No such {0}")]
    NotFound(&'static str),
    /// The link is damaged or not one of ours.
    #[error("The link is damaged or incomplete: {0}. Ask for it again")]
    BadLink(String),
    /// The one-time invite was used by somebody else.
    #[error("This invite was used already. Ask for a new one")]
    InviteUsed,
    /// The invite has expired.
    #[error("This invite has expired. Ask for a new one")]
    InviteExpired,
    /// The invite was withdrawn, or a relay says that it is there no more, whatever ended it.
    #[error("This invite was withdrawn, used or has expired. Ask for a new one")]
    InviteRevoked,
    /// The 1:1 is closed: the other is no friend, or no longer.
    #[error(
        "You two are not friends, so this 1:1 is closed. Make friends again by an invite, and it opens again"
    )]
    NotFriend,
    /// The 1:1 is closed: the other is blocked.
    #[error("You have blocked this person, so this 1:1 is closed. Lift the block to write again")]
    Blocked,
    /// Not a member of the room.
    #[error("You are not a member of this room")]
    NotMember,
    /// The text is longer than the limit.
    #[error("Too large: at most 10,000 characters and 60 KiB")]
    TooLarge,
    /// The own name for a friend is not acceptable.
    #[error("The name is not acceptable: {0}")]
    Alias(TextError),
    /// The link is an invite of this account.
    #[error("This is an invite of your own. Send it to whoever you want as a friend")]
    OwnInvite,
    /// The own clock is more than a day ahead.
    #[error(
        "The clock of this machine is more than a day ahead of relays and friends. Set it right and send again"
    )]
    Clock,
    /// No space left on the disk.
    #[error("The disk is full. Free some space and try again")]
    DiskFull,
    /// Nobody could be reached.
    #[error("{0}")]
    Offline(String),
    /// Not allowed.
    #[error("{0}")]
    Denied(&'static str),
    /// The call is malformed.
    #[error("{0}")]
    Usage(String),
    /// The node is shutting down.
    #[error("The node is shutting down")]
    Closed,
    /// The store contradicts itself, or does not open where it is read.
    #[error("The home is damaged: {0}")]
    Damaged(String),
    /// The store failed otherwise than for want of space or by damage.
    #[error("{0}")]
    Store(String),
    /// A defect on our side.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// Whether the store is the cause, so that the same may go well later.
    pub(crate) fn is_of_store(&self) -> bool {
        matches!(self, Self::DiskFull | Self::Damaged(_) | Self::Store(_))
    }
}

impl From<madang_store::Error> for Error {
    fn from(error: madang_store::Error) -> Self {
        match error {
            madang_store::Error::DiskFull => Self::DiskFull,
            madang_store::Error::Corrupt(detail) => Self::Damaged(detail),
            other => Self::Store(other.to_string()),
        }
    }
}

impl From<TextError> for Error {
    fn from(error: TextError) -> Self {
        match error {
            TextError::Empty => Self::Usage("The text is empty".to_owned()),
            _ => Self::TooLarge,
        }
    }
}
