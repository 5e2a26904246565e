//! Bodies of content ops, cards and file references.
//!
//! Owns their translation. Invariant: a typed content keeps the limits of protocol section 6.1.

use super::{TypedError, id, optional, read};
use crate as wire;
use crate::{Signed, SignedOp};
use madang_model::content::{Card, Content, FileRef, Mention, Preview, Text};
use madang_model::{AccountId, Kind};
use prost::Message;

/// Reads the content of a content op.
///
/// # Errors
/// [`TypedError`].
pub fn read_content(kind: Kind, content: &[u8]) -> Result<Content, TypedError> {
    let content = match kind {
        Kind::Text => Content::Text(Text::try_from(read::<wire::Text>(content)?)?),
        Kind::Edit => {
            let edit: wire::Edit = read(content)?;
            Content::Edit {
                target: id(&edit.target)?,
                text: edit.text,
                mentions: edit.mentions.iter().map(Mention::try_from).collect::<Result<_, _>>()?,
            }
        }
        Kind::Delete => Content::Delete { target: id(&read::<wire::Delete>(content)?.target)? },
        Kind::React => {
            let react: wire::React = read(content)?;
            Content::React { target: id(&react.target)?, emoji: react.emoji }
        }
        Kind::Purge => Content::Purge { target: id(&read::<wire::Purge>(content)?.target)? },
        Kind::Pin => {
            let pin: wire::Pin = read(content)?;
            Content::Pin { target: id(&pin.target)?, on: pin.on }
        }
        Kind::Introduce => {
            let introduce: wire::Introduce = read(content)?;
            Content::Introduce {
                account: id(&introduce.account)?,
                account_log: introduce.account_log.iter().map(Message::encode_to_vec).collect(),
                bundles: introduce.bundles.iter().map(Message::encode_to_vec).collect(),
                card: introduce.card.map(|card| Box::new(card.into())),
            }
        }
        other => return Err(TypedError::Kind(other.number())),
    };
    content.check()?;
    Ok(content)
}

/// Kind of a content.
pub fn content_kind(content: &Content) -> Kind {
    match content {
        Content::Text(_) => Kind::Text,
        Content::Edit { .. } => Kind::Edit,
        Content::Delete { .. } => Kind::Delete,
        Content::React { .. } => Kind::React,
        Content::Purge { .. } => Kind::Purge,
        Content::Pin { .. } => Kind::Pin,
        Content::Introduce { .. } => Kind::Introduce,
    }
}

/// Content of a content op.
///
/// # Errors
/// [`TypedError::Content`] above a limit, [`TypedError::Decode`] if an introduction holds bytes that
/// are no ops or bundles.
pub fn content_bytes(content: &Content) -> Result<Vec<u8>, TypedError> {
    content.check()?;
    Ok(match content {
        Content::Text(text) => wire::Text::from(text).encode_to_vec(),
        Content::Edit { target, text, mentions } => wire::Edit {
            target: target.as_ref().to_vec(),
            text: text.clone(),
            mentions: mentions.iter().map(wire::Mention::from).collect(),
        }
        .encode_to_vec(),
        Content::Delete { target } => wire::Delete { target: target.as_ref().to_vec() }.encode_to_vec(),
        Content::React { target, emoji } => {
            wire::React { target: target.as_ref().to_vec(), emoji: emoji.clone() }.encode_to_vec()
        }
        Content::Purge { target } => wire::Purge { target: target.as_ref().to_vec() }.encode_to_vec(),
        Content::Pin { target, on } => {
            wire::Pin { target: target.as_ref().to_vec(), on: *on }.encode_to_vec()
        }
        Content::Introduce { account, account_log, bundles, card } => {
            introduce(*account, account_log, bundles, card.as_deref())?.encode_to_vec()
        }
    })
}

fn introduce(
    account: AccountId,
    account_log: &[Vec<u8>],
    bundles: &[Vec<u8>],
    card: Option<&Card>,
) -> Result<wire::Introduce, TypedError> {
    Ok(wire::Introduce {
        account: account.as_ref().to_vec(),
        account_log: account_log.iter().map(|op| read::<SignedOp>(op)).collect::<Result<_, _>>()?,
        bundles: bundles.iter().map(|bundle| read::<Signed>(bundle)).collect::<Result<_, _>>()?,
        card: card.map(Into::into),
    })
}

/// Reads an encoded card, as it stands in the `card` register.
///
/// # Errors
/// [`TypedError::Decode`].
pub fn read_card(content: &[u8]) -> Result<Card, TypedError> {
    Ok(read::<wire::Card>(content)?.into())
}

impl TryFrom<wire::Text> for Text {
    type Error = TypedError;
    fn try_from(text: wire::Text) -> Result<Self, TypedError> {
        Ok(Self {
            mentions: text.mentions.iter().map(Mention::try_from).collect::<Result<_, _>>()?,
            reply: optional(&text.reply)?,
            forwarded: text.forwarded,
            preview: text.preview.map(Into::into),
            files: text.files.into_iter().map(Into::into).collect(),
            text: text.text,
        })
    }
}

impl From<&Text> for wire::Text {
    fn from(text: &Text) -> Self {
        Self {
            text: text.text.clone(),
            mentions: text.mentions.iter().map(Into::into).collect(),
            reply: text.reply.map(|reply| reply.as_ref().to_vec()).unwrap_or_default(),
            forwarded: text.forwarded.clone(),
            preview: text.preview.clone().map(Into::into),
            files: text.files.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<&wire::Mention> for Mention {
    type Error = TypedError;
    fn try_from(mention: &wire::Mention) -> Result<Self, TypedError> {
        Ok(Self { pos: mention.pos, len: mention.len, account: id(&mention.account)? })
    }
}

impl From<&Mention> for wire::Mention {
    fn from(mention: &Mention) -> Self {
        Self { pos: mention.pos, len: mention.len, account: mention.account.as_ref().to_vec() }
    }
}

impl From<wire::Preview> for Preview {
    fn from(preview: wire::Preview) -> Self {
        Self { url: preview.url, title: preview.title, text: preview.text, thumb: preview.thumb }
    }
}

impl From<Preview> for wire::Preview {
    fn from(preview: Preview) -> Self {
        Self { url: preview.url, title: preview.title, text: preview.text, thumb: preview.thumb }
    }
}

impl From<wire::FileRef> for FileRef {
    fn from(file: wire::FileRef) -> Self {
        Self {
            id: file.id,
            name: file.name,
            size: file.size,
            media_type: file.r#type,
            thumbhash: file.thumbhash,
            key: file.key,
        }
    }
}

impl From<&FileRef> for wire::FileRef {
    fn from(file: &FileRef) -> Self {
        Self {
            id: file.id.clone(),
            name: file.name.clone(),
            size: file.size,
            r#type: file.media_type.clone(),
            thumbhash: file.thumbhash.clone(),
            key: file.key.clone(),
        }
    }
}

impl From<wire::Card> for Card {
    fn from(card: wire::Card) -> Self {
        Self {
            name: card.name,
            status: card.status,
            birthday: card.birthday,
            photo: card.photo.map(Into::into),
            background: card.background.map(Into::into),
            stickers: card.stickers,
            thumb: card.thumb,
        }
    }
}

impl From<&Card> for wire::Card {
    fn from(card: &Card) -> Self {
        Self {
            name: card.name.clone(),
            status: card.status.clone(),
            birthday: card.birthday.clone(),
            photo: card.photo.as_ref().map(Into::into),
            background: card.background.as_ref().map(Into::into),
            stickers: card.stickers.clone(),
            thumb: card.thumb.clone(),
        }
    }
}
