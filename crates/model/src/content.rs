//! Content ops: what people say, and what they set for their own machines (protocol section 6.1).
//!
//! Owns the typed bodies and who may edit, delete, purge and pin. Must not know how a message looks or where it
//! is stored. Invariant: names never travel here, only account ids.

use crate::hlc::Hlc;
use crate::ids::{AccountId, ConvId, OpId};
use crate::limits::{EDIT_WINDOW_MS, EMOJI_MAX, FILES_MAX, MENTIONS_MAX, PREVIEW_MAX};
use crate::text::{TextError, check_message};

/// A person named inside a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Where the name stands, in UTF-8 bytes from the start.
    pub pos: u32,
    /// How long the name is, in UTF-8 bytes.
    pub len: u32,
    /// Who is meant.
    pub account: AccountId,
}

/// A link preview made by the sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The address.
    pub url: String,
    /// Title of the page.
    pub title: String,
    /// First lines of the page.
    pub text: String,
    /// Encoded picture, may be empty.
    pub thumb: Vec<u8>,
}

impl Preview {
    fn size(&self) -> usize {
        [self.url.len(), self.title.len(), self.text.len(), self.thumb.len()]
            .iter()
            .fold(0, |sum: usize, len| sum.saturating_add(*len))
    }
}

/// A file that travels beside a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRef {
    /// Content id.
    pub id: Vec<u8>,
    /// Name as the sender gave it.
    pub name: String,
    /// Size in bytes.
    pub size: u64,
    /// Media type.
    pub media_type: String,
    /// Blurred placeholder.
    pub thumbhash: Vec<u8>,
    /// Key that opens the file.
    pub key: Vec<u8>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Text {
    /// The text itself.
    pub text: String,
    /// People named in it.
    pub mentions: Vec<Mention>,
    /// The message it answers.
    pub reply: Option<OpId>,
    /// Opaque mark of a forwarded message.
    pub forwarded: Vec<u8>,
    /// Preview of a link in it.
    pub preview: Option<Preview>,
    /// Files that come with it.
    pub files: Vec<FileRef>,
}

/// A profile as others see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Card {
    /// Name, at most 20 characters.
    pub name: String,
    /// Status line, at most 60 characters.
    pub status: String,
    /// `MM-DD`, or empty.
    pub birthday: String,
    /// Photo.
    pub photo: Option<FileRef>,
    /// Background picture.
    pub background: Option<FileRef>,
    /// Encoded stickers.
    pub stickers: Vec<u8>,
    /// Small encoded photo, at most 16 KiB.
    pub thumb: Vec<u8>,
}

/// The body of a content op.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A message; the set of messages only grows.
    Text(Text),
    /// New text of an own message; the last writer by `(hlc, op id)` counts.
    Edit {
        /// The message.
        target: OpId,
        /// The new text.
        text: String,
        /// People named in the new text.
        mentions: Vec<Mention>,
    },
    /// Deletes an own message for everyone; beats edits and purges the payload.
    Delete {
        /// The message.
        target: OpId,
    },
    /// The one reaction of a person to a message; the last writer counts.
    React {
        /// The message.
        target: OpId,
        /// The reaction, empty to take it back.
        emoji: String,
    },
    /// A moderator purges the payload of a message of a lower role.
    Purge {
        /// The message.
        target: OpId,
    },
    /// Pins or unpins a message; the last writer counts.
    Pin {
        /// The message.
        target: OpId,
        /// Whether it is pinned from now on.
        on: bool,
    },
    /// Contact card of a friend; log, bundles and card stay encoded and are verified elsewhere.
    Introduce {
        /// The friend.
        account: AccountId,
        /// Encoded ops of the friend's account log.
        account_log: Vec<Vec<u8>>,
        /// Encoded bundles of the friend's devices.
        bundles: Vec<Vec<u8>>,
        /// The friend's card.
        card: Option<Box<Card>>,
    },
}

impl Content {
    /// The message this op is about, if it is about another one.
    pub fn target(&self) -> Option<OpId> {
        match self {
            Content::Edit { target, .. }
            | Content::Delete { target }
            | Content::React { target, .. }
            | Content::Purge { target }
            | Content::Pin { target, .. } => Some(*target),
            Content::Text(_) | Content::Introduce { .. } => None,
        }
    }

    /// Checks the limits of protocol section 6.1 that do not depend on the encoding.
    pub fn check(&self) -> Result<(), ContentError> {
        match self {
            Content::Text(text) => {
                check_message(&text.text, !text.files.is_empty())?;
                check_mentions(&text.text, &text.mentions)?;
                if text.files.len() > FILES_MAX {
                    return Err(ContentError::TooManyFiles);
                }
                match &text.preview {
                    Some(preview) if preview.size() > PREVIEW_MAX => Err(ContentError::PreviewTooLarge),
                    _ => Ok(()),
                }
            }
            Content::Edit { text, mentions, .. } => {
                check_message(text, true)?;
                check_mentions(text, mentions)
            }
            Content::React { emoji, .. } if emoji.len() > EMOJI_MAX => Err(ContentError::EmojiTooLong),
            _ => Ok(()),
        }
    }
}

/// Why a content op breaks a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// The text itself is not acceptable.
    #[error(transparent)]
    Text(#[from] TextError),
    /// More than 100 people are named.
    #[error("more than {MENTIONS_MAX} mentions")]
    TooManyMentions,
    /// A mention points outside the text or into the middle of a character.
    #[error("a mention does not fit the text")]
    MentionRange,
    /// More than 30 files.
    #[error("more than {FILES_MAX} files")]
    TooManyFiles,
    /// The preview is above 8 KiB.
    #[error("the preview has more than {PREVIEW_MAX} bytes")]
    PreviewTooLarge,
    /// The reaction is above 64 bytes.
    #[error("the reaction has more than {EMOJI_MAX} bytes")]
    EmojiTooLong,
}

fn check_mentions(text: &str, mentions: &[Mention]) -> Result<(), ContentError> {
    if mentions.len() > MENTIONS_MAX {
        return Err(ContentError::TooManyMentions);
    }
    let fits = mentions.iter().all(|mention| {
        let start = mention.pos as usize;
        text.get(start..start.saturating_add(mention.len as usize)).is_some_and(|name| !name.is_empty())
    });
    if fits { Ok(()) } else { Err(ContentError::MentionRange) }
}

/// Relation to another person, as kept in self.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FriendState {
    /// Met in a room.
    Known,
    /// A request of ours waits for an answer.
    Requested,
    /// A friend.
    Friend,
    /// Was a friend.
    Removed,
    /// A request was declined.
    Declined,
    /// A number of a later version.
    Other(u32),
}

impl FriendState {
    /// The number in the op.
    pub const fn number(self) -> u32 {
        match self {
            FriendState::Known => 0,
            FriendState::Requested => 1,
            FriendState::Friend => 2,
            FriendState::Removed => 3,
            FriendState::Declined => 4,
            FriendState::Other(number) => number,
        }
    }
}

impl From<u32> for FriendState {
    fn from(number: u32) -> Self {
        match number {
            0 => FriendState::Known,
            1 => FriendState::Requested,
            2 => FriendState::Friend,
            3 => FriendState::Removed,
            4 => FriendState::Declined,
            other => FriendState::Other(other),
        }
    }
}

/// The body of an op in self; of each the last writer per key counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelfContent {
    /// State of a friend; the key is the account.
    Friend {
        /// The friend.
        account: AccountId,
        /// Relation to the friend.
        state: FriendState,
        /// Own name for the friend, empty for none.
        alias: String,
        /// Listed first.
        favourite: bool,
        /// Not listed.
        hidden: bool,
        /// Blocked (protocol section 6.5).
        blocked: bool,
        /// Profile that the friend sees, empty for the default one.
        profile: Vec<u8>,
    },
    /// State of a room; the key is the conversation.
    Room {
        /// The conversation.
        conv: ConvId,
        /// Whether this account is in it.
        joined: bool,
        /// Relays of the conversation.
        relays: Vec<String>,
        /// Own title for the room, empty for none.
        title: String,
        /// Listed first.
        pinned: bool,
        /// Put away.
        archived: bool,
    },
    /// A persona; the key is its secret.
    Persona {
        /// Root secret of the persona's account.
        root_secret: Vec<u8>,
        /// Name of the persona.
        name: String,
    },
    /// A profile; the key is the profile id.
    Profile {
        /// Profile id.
        profile: Vec<u8>,
        /// What it shows.
        card: Option<Box<Card>>,
    },
    /// A message deleted for oneself.
    Hide {
        /// The conversation.
        conv: ConvId,
        /// The message.
        target: OpId,
    },
}

/// Whether an edit or a deletion for everyone counts: same account, and within 24 hours by hlc
/// (protocol section 6.1). An op earlier than its target does not count either.
pub fn may_rewrite(author: AccountId, at: Hlc, target_author: AccountId, target_at: Hlc) -> bool {
    author == target_author
        && at > target_at
        && at.millis().saturating_sub(target_at.millis()) <= EDIT_WINDOW_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(n: u8) -> AccountId {
        AccountId::from_bytes([n; 32])
    }

    #[test]
    fn an_edit_counts_for_a_day_and_only_by_the_same_person() {
        let day = 86_400_000;
        let sent = Hlc::from_millis(1_000);
        let (alice, bob) = (account(1), account(2));
        assert!(may_rewrite(alice, Hlc::from_millis(1_000 + day), alice, sent));
        assert!(!may_rewrite(alice, Hlc::from_millis(1_001 + day), alice, sent));
        assert!(!may_rewrite(bob, Hlc::from_millis(1_001), alice, sent));
        assert!(!may_rewrite(alice, sent, alice, sent));
    }

    #[test]
    fn mentions_must_lie_on_characters_of_the_text() {
        let mention = |pos, len| vec![Mention { pos, len, account: account(3) }];
        let text = |mentions| Content::Text(Text { text: "hé @mina".into(), mentions, ..Text::default() });
        assert_eq!(text(mention(4, 5)).check(), Ok(()));
        assert_eq!(text(mention(2, 2)).check(), Err(ContentError::MentionRange));
        assert_eq!(text(mention(4, 6)).check(), Err(ContentError::MentionRange));
        assert_eq!(text(mention(u32::MAX, u32::MAX)).check(), Err(ContentError::MentionRange));
        let many = (0..101).flat_map(|_| mention(4, 5)).collect();
        assert_eq!(text(many).check(), Err(ContentError::TooManyMentions));
    }

    #[test]
    fn reactions_and_previews_are_bounded() {
        let react = |emoji: String| Content::React { target: OpId::from_bytes([1; 32]), emoji };
        assert_eq!(react("👍".repeat(16)).check(), Ok(()));
        assert_eq!(react("👍".repeat(17)).check(), Err(ContentError::EmojiTooLong));
        let preview =
            Preview { url: String::new(), title: String::new(), text: String::new(), thumb: vec![0; 8193] };
        let text = Text { text: "x".into(), preview: Some(preview), ..Text::default() };
        assert_eq!(Content::Text(text).check(), Err(ContentError::PreviewTooLarge));
    }
}
