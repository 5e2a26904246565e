//! Bodies of ops in self.
//!
//! Owns their translation. Invariant: what one machine writes another of the same account reads.

use super::{TypedError, id, read};
use crate as wire;
use madang_model::Kind;
use madang_model::content::{FriendState, SelfContent};
use prost::Message;

/// Reads the content of an op in self.
///
/// # Errors
/// [`TypedError`].
pub fn read_own(kind: Kind, content: &[u8]) -> Result<SelfContent, TypedError> {
    Ok(match kind {
        Kind::FriendSet => {
            let set: wire::FriendSet = read(content)?;
            SelfContent::Friend {
                account: id(&set.account)?,
                state: FriendState::from(set.state),
                alias: set.alias,
                favourite: set.favourite,
                hidden: set.hidden,
                blocked: set.blocked,
                profile: set.profile,
            }
        }
        Kind::RoomSet => {
            let set: wire::RoomSet = read(content)?;
            SelfContent::Room {
                conv: id(&set.conv)?,
                joined: set.joined,
                relays: set.relays,
                title: set.title,
                pinned: set.pinned,
                archived: set.archived,
            }
        }
        Kind::PersonaSet => {
            let set: wire::PersonaSet = read(content)?;
            SelfContent::Persona { root_secret: set.root_secret, name: set.name }
        }
        Kind::ProfileSet => {
            let set: wire::ProfileSet = read(content)?;
            SelfContent::Profile { profile: set.profile, card: set.card.map(|card| Box::new(card.into())) }
        }
        Kind::Hide => {
            let hide: wire::Hide = read(content)?;
            SelfContent::Hide { conv: id(&hide.conv)?, target: id(&hide.target)? }
        }
        other => return Err(TypedError::Kind(other.number())),
    })
}

/// Kind of an op in self.
pub fn own_kind(content: &SelfContent) -> Kind {
    match content {
        SelfContent::Friend { .. } => Kind::FriendSet,
        SelfContent::Room { .. } => Kind::RoomSet,
        SelfContent::Persona { .. } => Kind::PersonaSet,
        SelfContent::Profile { .. } => Kind::ProfileSet,
        SelfContent::Hide { .. } => Kind::Hide,
    }
}

/// Content of an op in self.
pub fn own_bytes(content: &SelfContent) -> Vec<u8> {
    match content {
        SelfContent::Friend { account, state, alias, favourite, hidden, blocked, profile } => {
            wire::FriendSet {
                account: account.as_ref().to_vec(),
                state: state.number(),
                alias: alias.clone(),
                favourite: *favourite,
                hidden: *hidden,
                blocked: *blocked,
                profile: profile.clone(),
            }
            .encode_to_vec()
        }
        SelfContent::Room { conv, joined, relays, title, pinned, archived } => wire::RoomSet {
            conv: conv.as_ref().to_vec(),
            joined: *joined,
            relays: relays.clone(),
            title: title.clone(),
            pinned: *pinned,
            archived: *archived,
        }
        .encode_to_vec(),
        SelfContent::Persona { root_secret, name } => {
            wire::PersonaSet { root_secret: root_secret.clone(), name: name.clone() }.encode_to_vec()
        }
        SelfContent::Profile { profile, card } => {
            wire::ProfileSet { profile: profile.clone(), card: card.as_deref().map(Into::into) }
                .encode_to_vec()
        }
        SelfContent::Hide { conv, target } => {
            wire::Hide { conv: conv.as_ref().to_vec(), target: target.as_ref().to_vec() }.encode_to_vec()
        }
    }
}
